//! The tools that need the outside, through both walls, against an upstream that behaves like what they talk to. What
//! they are granted is in the manifest below; the token is in a file of the operator's, and nowhere else.

use serde_json::{Value, json};
use tests::own::{Own, Plan};
use tests::running::{failure, structured};
use tests::upstream::outside::Outside;
use tests::upstream::{Reply, Script, Upstream};

/// PORT is the upstream's. Deleting is a `write` here, so that no test waits for a person.
const MANIFEST: &str = include_str!("egress_tools/manifest.toml");

struct Ground {
    upstream: Upstream,
    own: Own,
    // The files are read again when a credential is rotated.
    _outside: Outside,
}

impl Ground {
    async fn start(script: Script) -> Self {
        let upstream = Upstream::start(script).await;
        let outside = Outside::of(&upstream);
        let manifest = MANIFEST.replace("PORT", &upstream.address().port().to_string());
        let plan = Plan::new(&manifest).guest("github").guest("fetch").guest("mcp-client").outside(&outside.file());
        Self { own: plan.start().await, upstream, _outside: outside }
    }

    /// Calls a tool that answers.
    async fn ask(&self, tool: &str, arguments: Value) -> Value {
        let end = self.own.call(&self.own.caller("all"), tool, &arguments.to_string()).await;
        structured(&end)
    }

    /// Calls a tool that fails, and says what it says.
    async fn fail(&self, tool: &str, arguments: Value) -> String {
        let end = self.own.call(&self.own.caller("all"), tool, &arguments.to_string()).await;
        failure(&end)
    }

    fn repo(more: Value) -> Value {
        let mut arguments = json!({ "owner": "octo", "repo": "claw" });
        arguments.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        arguments
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_eight_tools_of_github_do_what_they_say() {
    let ground = Ground::start(Script::default()).await;
    let issues = ground.ask("list_issues", Ground::repo(json!({ "per_page": 2 }))).await;
    assert_eq!((&issues["issues"][1]["number"], &issues["next_page"]), (&json!(2), &json!(2)));
    let known = json!({ "per_page": 2, "if_none_match": issues["etag"] });
    assert_eq!(ground.ask("list_issues", Ground::repo(known)).await["not_modified"], true);
    let pulls = ground.ask("list_pull_requests", Ground::repo(json!({}))).await;
    assert_eq!(pulls["pull_requests"].as_array().map(Vec::len), Some(3));
    let file = ground.ask("get_file", Ground::repo(json!({ "path": "README.md" }))).await;
    assert_eq!(file["text"], "# Claw\n\nIt has claws.\n");
    let binary = ground.ask("get_file", Ground::repo(json!({ "path": "src/a b.bin" }))).await;
    assert_eq!(binary["base64"], "//4A");
    let found = ground.ask("search_code", json!({ "query": "claw repo:octo/claw", "per_page": 2 })).await;
    assert_eq!((&found["total_count"], &found["next_page"]), (&json!(3), &json!(2)));
    let made = ground.ask("create_issue", Ground::repo(json!({ "title": "T", "labels": ["bug"] }))).await;
    assert_eq!(made["number"], 6);
    let said = ground.ask("comment", Ground::repo(json!({ "number": 6, "body": "B" }))).await;
    let gone = ground.ask("delete_issue_comment", Ground::repo(json!({ "comment_id": said["comment_id"] }))).await;
    assert_eq!(gone["deleted"], "comment 2 of octo/claw");
    assert_eq!(ground.ask("delete_repo", Ground::repo(json!({}))).await["deleted"], "octo/claw");
    let log = ground.upstream.log();
    let bearer = format!("Bearer {}", ground.upstream.token());
    assert!(log.len() == 10 && log.iter().all(|asked| asked.header("authorization") == bearer));
    let audit = std::fs::read_to_string(ground.own.data.join("audit.jsonl")).unwrap();
    assert!(audit.contains("127.0.0.1") && !audit.contains(ground.upstream.token()), "written down, without the token");
    ground.own.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_github_refuses_is_told_in_its_words() {
    let limited = Reply::json(403, &json!({ "message": "You have exceeded a secondary rate limit" }));
    let script = Script::default().answer("GET", "/repos/octo/claw/pulls", limited.header("retry-after", "30"));
    let ground = Ground::start(script).await;
    let said = ground.fail("list_pull_requests", Ground::repo(json!({}))).await;
    assert!(said.contains("wait 30 seconds"), "{said}");
    let said = ground.fail("list_issues", json!({ "owner": "octo", "repo": "quiet" })).await;
    assert!(said.contains("410") && said.contains("disabled"), "{said}");
    let said = ground.fail("list_issues", json!({ "owner": "octo", "repo": "none" })).await;
    assert!(said.contains("404"), "{said}");
    let said = ground.fail("get_file", Ground::repo(json!({ "path": "large.bin" }))).await;
    assert!(said.contains("2000000 bytes"), "{said}");
    ground.own.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_read_in_its_charset_and_no_further_than_granted() {
    let ground = Ground::start(Script::default()).await;
    let page = |path: &str, more: Value| {
        let mut arguments = json!({ "url": ground.upstream.url(path) });
        arguments.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        arguments
    };
    let plain = ground.ask("fetch", page("/pages/plain.html", json!({}))).await;
    assert_eq!(plain["title"], "A page");
    assert!(plain["text"].as_str().unwrap().contains("# Claws\n\nTwo **walls**"), "{plain}");
    let latin = ground.ask("fetch", page("/pages/latin1.html", json!({ "format": "text" }))).await;
    assert_eq!((&latin["text"], &latin["charset"]), (&json!("déjà vu\n"), &json!("windows-1252")));
    assert_eq!(ground.ask("fetch", page("/pages/meta.html", json!({}))).await["text"], "テスト");
    let deep = ground.ask("fetch", page("/pages/deep.html", json!({}))).await;
    assert!(deep["cut"].as_str().unwrap().contains("nested"), "{deep}");
    let elsewhere = ground.ask("fetch", page("/pages/redirect", json!({}))).await;
    assert_eq!(elsewhere["redirect_to"], ground.upstream.url("/pages/plain.html"));
    let followed = ground.ask("fetch", page("/pages/redirect", json!({ "redirects": 1 }))).await;
    assert_eq!(followed["title"], "A page");
    let to = "/pages/redirect?to=http%3A%2F%2F169.254.169.254%2Flatest";
    let said = ground.fail("fetch", page(to, json!({ "redirects": 1 }))).await;
    assert!(said.contains("HTTP-request-denied"), "each step is a request of its own: {said}");
    let said = ground.fail("fetch", page("/pages/large.txt?bytes=20000000", json!({ "max_bytes": 2_097_152 }))).await;
    assert!(said.contains("HTTP-response-body-size"), "{said}");
    assert!(ground.upstream.log().iter().all(|asked| asked.header("authorization").is_empty()));
    ground.own.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_of_another_server_is_called_in_either_protocol() {
    let ground = Ground::start(Script::default()).await;
    for server in ["/mcp/json", "/mcp/sse", "/mcp/modern"] {
        let url = ground.upstream.url(server);
        let sum = ground.ask("mcp_call", json!({ "url": url, "tool": "add", "arguments": { "a": 2, "b": 3 } })).await;
        assert_eq!(sum["sum"], 5, "{server}");
        let said = ground.fail("mcp_call", json!({ "url": url, "tool": "fail" })).await;
        assert_eq!(said, "it cannot be done");
        let said = ground.fail("mcp_call", json!({ "url": url, "tool": "none" })).await;
        assert!(said.contains("unknown tool"), "{said}");
        let listed = ground.ask("mcp_list_tools", json!({ "url": url })).await;
        assert_eq!((&listed["tools"][0]["name"], &listed["next_cursor"]), (&json!("add"), &json!("more")));
        assert_eq!(ground.upstream.open_sessions(), 0, "each session was closed");
    }
    let elsewhere = ground.upstream.url("/mcp/unknown");
    let said = ground.fail("mcp_call", json!({ "url": elsewhere, "tool": "add" })).await;
    assert!(said.contains("HTTP-request-denied"), "{said}");
    ground.own.end().await;
}

#[test]
fn only_components_that_ask_import_http() {
    let imports = |guest: &str| {
        let bytes = tests::handed::guest(guest);
        bytes.windows(10).any(|window| window == b"wasi:http/")
    };
    for guest in ["github", "fetch", "mcp-client"] {
        assert!(imports(guest), "{guest}");
    }
    for guest in ["files", "hello", "json", "time"] {
        assert!(!imports(guest), "{guest} is built with the same SDK");
    }
}
