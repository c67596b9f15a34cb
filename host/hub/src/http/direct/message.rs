//! Whether a request is the plain call, told without building anything.

use crate::bounds;
use crate::traces::TraceContext;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use rmcp::model::{ClientCapabilities, Implementation, ProtocolVersion};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// A plain call; all of it borrowed from the request's body.
pub(in crate::http) struct Direct<'a> {
    /// As the client wrote it: a number or a string.
    pub(super) id: &'a RawValue,
    pub(in crate::http) tool: &'a str,
    /// The text of a JSON object in which no key stands twice.
    pub(super) arguments: &'a str,
    /// Whether its client knows tasks, and so may get one for an answer.
    pub(in crate::http) tasks: bool,
    /// The trace that it says it belongs to.
    pub(super) within: Option<TraceContext>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message<'a> {
    jsonrpc: &'a str,
    #[serde(borrow)]
    id: &'a RawValue,
    method: &'a str,
    #[serde(borrow)]
    params: Params<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params<'a> {
    name: &'a str,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow, rename = "_meta")]
    meta: Meta<'a>,
}

/// With a progress token, a log level or an extension's field it is no plain call.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Meta<'a> {
    #[serde(rename = "io.modelcontextprotocol/protocolVersion")]
    version: &'a str,
    /// Read as the library reads them, so that both refuse the same ones.
    #[serde(rename = "io.modelcontextprotocol/clientCapabilities")]
    capabilities: ClientCapabilities,
    #[serde(rename = "io.modelcontextprotocol/clientInfo")]
    _client: Option<Implementation>,
    #[serde(borrow)]
    traceparent: Option<&'a str>,
    #[serde(borrow)]
    tracestate: Option<&'a str>,
    /// Not for us.
    #[serde(rename = "baggage")]
    _baggage: Option<IgnoredAny>,
}

impl<'a> Direct<'a> {
    /// `None` for everything else.
    pub(in crate::http) fn read(headers: &HeaderMap, body: &'a [u8]) -> Option<Self> {
        let message: Message<'a> = serde_json::from_slice(body).ok()?;
        let Params { name, arguments, meta } = message.params;
        let arguments = arguments.map_or("{}", RawValue::get);
        let plain = message.jsonrpc == "2.0"
            && message.method == "tools/call"
            && meta.version == ProtocolVersion::LATEST.as_str()
            && says(headers, meta.version, name)
            && is_id(message.id.get())
            && arguments.starts_with('{')
            && bounds::keys_are_unique(arguments);
        let within = || TraceContext::of(meta.traceparent, meta.tracestate);
        let tasks = meta.capabilities.supports_tasks();
        plain.then(|| Self { id: message.id, tool: name, arguments, tasks, within: within() })
    }
}

/// Each header says what the body says, and none asks for more.
fn says(headers: &HeaderMap, version: &str, tool: &str) -> bool {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|header| header.as_bytes() == value.as_bytes());
    let accepts = |kind: &str| {
        let accepted = headers.get_all(ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
        accepted.flat_map(|accept| accept.split(',')).any(|one| one.trim().eq_ignore_ascii_case(kind))
    };
    is("mcp-protocol-version", version)
        && is("mcp-method", "tools/call")
        && is("mcp-name", tool)
        && is(CONTENT_TYPE.as_str(), "application/json")
        && accepts("application/json")
        && accepts("text/event-stream")
        && !headers.contains_key("mcp-session-id")
        && !headers.keys().any(|name| name.as_str().starts_with("mcp-param-"))
}

/// The two kinds of id that are not for discussion: a short text without escapes, a whole number.
fn is_id(id: &str) -> bool {
    let text = || id.starts_with('"') && id.len() <= 256 && !id.contains('\\');
    text() || id.parse::<i64>().is_ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use http::header::{HeaderName, HeaderValue};

    const HEADERS: [(&str, &str); 5] = [
        ("accept", "application/json, text/event-stream"),
        ("content-type", "application/json"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "echo"),
    ];
    const META: &str =
        r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

    fn headers(changed: &[(&str, Option<&str>)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in HEADERS {
            map.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        for (name, value) in changed {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            match value {
                Some(value) => drop(map.insert(name, HeaderValue::from_str(value).unwrap())),
                None => drop(map.remove(name)),
            }
        }
        map
    }

    fn call(id: &str, arguments: &str, meta: &str) -> String {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"echo"{arguments},"_meta":{meta}}}}}"#
        )
    }

    #[test]
    fn the_plain_call_is_read_as_it_stands() {
        for (id, arguments, text) in [
            ("1", r#","arguments":{"a": 1.50, "b":[]}"#, r#"{"a": 1.50, "b":[]}"#),
            (r#""x""#, "", "{}"),
            ("-9", r#","arguments":{}"#, "{}"),
        ] {
            let body = call(id, arguments, META);
            let direct = Direct::read(&headers(&[]), body.as_bytes()).unwrap();
            assert_eq!((direct.id.get(), direct.tool, direct.arguments), (id, "echo", text));
        }
    }

    #[test]
    fn a_trace_is_read_on_the_way_and_one_that_is_none_is_not_there() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
        let meta = |more: &str| META.replacen('{', &format!("{{{more},"), 1);
        for (more, traced) in [
            (format!(r#""traceparent":"{parent}","tracestate":"a=1","baggage":"user=ada""#), true),
            (format!(r#""traceparent":"{parent}""#), true),
            (r#""traceparent":"00-1-2-3""#.to_owned(), false),
            (r#""tracestate":"a=1","baggage":{"any":["thing"]}"#.to_owned(), false),
        ] {
            let body = call("1", "", &meta(&more));
            let direct = Direct::read(&headers(&[]), body.as_bytes()).unwrap();
            assert_eq!(direct.within.is_some(), traced, "{more}");
        }
    }

    #[test]
    fn a_header_that_says_anything_else_is_the_librarys() {
        let body = call("1", "", META);
        for changed in [
            ("accept", Some("application/json")),
            ("content-type", Some("text/plain")),
            ("content-type", None),
            ("mcp-protocol-version", Some("2025-11-25")),
            ("mcp-protocol-version", None),
            ("mcp-method", Some("tools/list")),
            ("mcp-name", Some("other")),
            ("mcp-name", Some("=?base64?ZWNobw==?=")),
            ("mcp-session-id", Some("1")),
            ("mcp-param-region", Some("eu")),
        ] {
            assert!(Direct::read(&headers(&[changed]), body.as_bytes()).is_none(), "{changed:?}");
        }
    }

    #[test]
    fn a_body_that_says_more_or_less_is_the_librarys() {
        let meta = |more: &str| META.replacen('{', &format!("{{{more},"), 1);
        let bodies = [
            call("null", "", META),
            call("1.5", "", META),
            call("[1]", "", META),
            call(r#""\u0031""#, "", META),
            call("1", r#","arguments":[]"#, META),
            call("1", r#","arguments":null"#, META).replace("null", "3"),
            call("1", r#","arguments":{"a":1,"a":2}"#, META),
            call("1", r#","arguments":{"b":[{"a":1,"\u0061":2}]}"#, META),
            call("1", r#","requestState":"x""#, META),
            call("1", r#","name":"other""#, META),
            call("1", "", &meta(r#""progressToken":1"#)),
            call("1", "", &meta(r#""io.modelcontextprotocol/logLevel":"debug""#)),
            call("1", "", &meta(r#""traceparent":7"#)),
            call("1", "", &meta(r#""traceparent":"a","traceparent":"b""#)),
            call("1", "", "{}"),
            call("1", "", &META.replace("2026-07-28", "2027-01-01")),
            call("1", "", &META.replace(":{}", ":[]")),
            call("1", "", META).replace("2.0", "1.0"),
            call("1", "", META).replace("tools/call", "tools/list"),
            call("1", "", META).replacen('{', r#"{"more":1,"#, 1),
            call("1", "", META) + "{}",
            format!("[{}]", call("1", "", META)),
            String::new(),
        ];
        for body in bodies {
            assert!(Direct::read(&headers(&[]), body.as_bytes()).is_none(), "{body}");
        }
    }
}
