//! Each field of a grant, changed, changes what comes of the same request, through both walls.

use super::{Ground, MANIFEST};
use serde_json::{Value, json};

/// A field and what is seen of it.
struct Row {
    field: &'static str,
    /// In the tool's table and in its ceiling's alike.
    change: &'static [(&'static str, &'static str)],
    ask: fn() -> Value,
    before: &'static str,
    after: &'static str,
}

fn page() -> Value {
    json!({ "path": "/pages/plain.html" })
}

fn post() -> Value {
    json!({ "method": "POST", "path": "/echo/none", "body_bytes": 5000 })
}

fn twice() -> Value {
    json!({ "path": "/pages/slow.txt?ms=50", "read_bytes": 4, "times": 2 })
}

const PAGES: &str = "paths = [\"/pages/**\"]";
const ROWS: &[Row] = &[
    Row {
        field: "scheme",
        change: &[(PAGES, "paths = [\"/pages/**\"]\nscheme = \"http\"")],
        ask: page,
        before: "answered 200",
        after: "HTTPRequestDenied",
    },
    Row {
        field: "host",
        change: &[("host = \"127.0.0.1\"", "host = \"127.0.0.2\"")],
        ask: page,
        before: "answered 200",
        after: "HTTPRequestDenied",
    },
    Row {
        field: "port",
        change: &[("port = PORT", "port = 1")],
        ask: page,
        before: "answered 200",
        after: "HTTPRequestDenied",
    },
    Row {
        field: "methods",
        change: &[("methods = [\"GET\", \"DELETE\"]", "methods = [\"DELETE\"]")],
        ask: page,
        before: "answered 200",
        after: "HTTPRequestDenied",
    },
    Row {
        field: "paths",
        change: &[(PAGES, "paths = [\"/other/**\"]")],
        ask: page,
        before: "answered 200",
        after: "HTTPRequestDenied",
    },
    Row {
        field: "request",
        change: &[("paths = [\"/echo/**\"]", "paths = [\"/echo/**\"]\nrequest = \"1KiB\"")],
        ask: post,
        before: "answered 404",
        after: "HTTPRequestBodySize",
    },
    Row {
        field: "response",
        change: &[(PAGES, "paths = [\"/pages/**\"]\nresponse = \"1KiB\"")],
        ask: || json!({ "path": "/pages/large.txt?bytes=100000" }),
        before: "answered 200",
        after: "HTTPResponseBodySize",
    },
    Row {
        field: "first_byte",
        change: &[(PAGES, "paths = [\"/pages/**\"]\nfirst_byte = \"200ms\"")],
        ask: || json!({ "path": "/pages/late.txt?ms=1500" }),
        before: "answered 200",
        after: "imeout",
    },
    Row {
        field: "total",
        change: &[(PAGES, "paths = [\"/pages/**\"]\nfirst_byte = \"400ms\"\ntotal = \"400ms\"")],
        ask: || json!({ "path": "/pages/slow.txt?ms=100", "read_bytes": 20 }),
        before: "answered 200",
        after: "imeout",
    },
    Row {
        field: "per_call",
        change: &[(PAGES, "paths = [\"/pages/**\"]\nper_call = 1")],
        ask: twice,
        before: "answered 200 answered 200",
        after: "ConnectionLimitReached",
    },
    Row {
        field: "per_minute",
        change: &[("approve = [\"DELETE\"]\nper_minute = 1000", "approve = [\"DELETE\"]\nper_minute = 1")],
        ask: twice,
        before: "answered 200 answered 200",
        after: "ConnectionLimitReached",
    },
    Row {
        field: "concurrent",
        change: &[(PAGES, "paths = [\"/pages/**\"]\nconcurrent = 1")],
        ask: twice,
        before: "answered 200 answered 200",
        after: "ConnectionLimitReached",
    },
    Row {
        field: "content_types",
        change: &[(PAGES, "paths = [\"/pages/**\"]\ncontent_types = [\"application/json\"]")],
        ask: page,
        before: "answered 200",
        after: "type",
    },
    Row {
        field: "credential",
        change: &[("credential = \"github\"\n", "")],
        ask: || json!({ "path": "/echo/none" }),
        before: "answered 404, with a token",
        after: "answered 404, without",
    },
    Row {
        field: "redirects",
        change: &[(PAGES, "paths = [\"/pages/**\"]\nredirects = 1")],
        ask: || json!({ "path": "/pages/redirect" }),
        before: "answered 302",
        after: "answered 200",
    },
    Row {
        field: "private",
        change: &[("private = [\"127.0.0.1/32\"]\n", "")],
        ask: page,
        before: "answered 200",
        after: "DestinationIPProhibited",
    },
    Row {
        field: "approve",
        change: &[("approve = [\"DELETE\"]\n", "")],
        ask: || json!({ "method": "DELETE", "path": "/pages/plain.html" }),
        before: "no approver",
        after: "answered",
    },
    Row {
        field: "record",
        change: &[("paths = [\"/pages/**\"]\nprivate", "paths = [\"/pages/**\"]\nrecord = \"path\"\nprivate")],
        ask: || json!({ "path": "/pages/plain.html?quite=recognisable" }),
        before: "answered 200",
        after: "recognisable in the log",
    },
];

/// Everything that somebody sees of a call: what came of each request, or why there was none; whether the server got a
/// credential; whether the log has the path.
async fn seen(manifest: &str, ask: &Value) -> String {
    let ground = Ground::start(manifest).await;
    let end = ground.end(&ground.caller(), ask).await;
    let came = match &end.outcome {
        hub::CallOutcome::Answer(_) => {
            let report = tests::running::structured(&end);
            let one = |came: &Value| {
                let status = came["status"].as_u64().map(|status| format!(" {status}")).unwrap_or_default();
                format!("{}{status}", came["outcome"].as_str().unwrap())
            };
            report["requests"].as_array().unwrap().iter().map(one).collect::<Vec<_>>().join(" ")
        }
        other => format!("{other:?}"),
    };
    let credential = ground.upstream.log().iter().any(|asked| !asked.header("authorization").is_empty());
    let credential = if credential { "with a token" } else { "without" };
    let logged = if ground.audit().contains("quite=recognisable") { ", recognisable in the log" } else { "" };
    ground.own.end().await;
    format!("{came}, {credential}{logged}")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_field_of_a_grant_is_kept() {
    let mut wrong = Vec::new();
    for Row { field, change, ask, before, after } in ROWS {
        let changed = change.iter().fold(MANIFEST.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{field}: {from}");
            text.replace(from, to)
        });
        let (was, is) = (seen(MANIFEST, &ask()).await, seen(&changed, &ask()).await);
        let says = |seen: &str, part: &str| seen.to_lowercase().contains(&part.to_lowercase());
        if !says(&was, before) || says(&was, after) || !says(&is, after) {
            wrong.push(format!("{field}:\n  before {was}\n  after  {is}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
