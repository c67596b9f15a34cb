//! The upstream answers as what it stands for does.

use serde_json::{Value, json};
use tests::upstream::client::{Answered, ask};
use tests::upstream::{Reply, Script, Upstream};

async fn api(upstream: &Upstream, method: &str, path: &str, body: &str) -> Answered {
    let bearer = format!("Bearer {}", upstream.token());
    ask(upstream, method, path, &[("authorization", &bearer), ("user-agent", "test")], body).await
}

#[tokio::test]
async fn who_has_no_token_or_a_wrong_one_is_not_let_in() {
    let upstream = Upstream::start(Script::default()).await;
    for (headers, status, message) in [
        (vec![("user-agent", "t")], 401, "Requires authentication"),
        (vec![("user-agent", "t"), ("authorization", "Bearer wrong")], 401, "Bad credentials"),
    ] {
        let answered = ask(&upstream, "GET", "/repos/octo/claw/issues", &headers, "").await;
        assert_eq!((answered.status, answered.json()["message"].as_str()), (status, Some(message)));
    }
    assert_eq!(ask(&upstream, "GET", "/repos/octo/claw/issues", &[], "").await.status, 403, "no User-Agent");
    assert_eq!(upstream.log().len(), 3);
    assert_eq!(upstream.log()[1].header("authorization"), "Bearer wrong");
}

#[tokio::test]
async fn lists_have_pages_and_tags() {
    let upstream = Upstream::start(Script::default()).await;
    let first = api(&upstream, "GET", "/repos/octo/claw/issues?per_page=2&page=1", "").await;
    assert_eq!(first.json().as_array().map(Vec::len), Some(2));
    let next = upstream.url("/repos/octo/claw/issues?per_page=2&page=2");
    assert!(first.header("link").contains(&format!("<{next}>; rel=\"next\"")), "{}", first.header("link"));
    let last = api(&upstream, "GET", "/repos/octo/claw/issues?per_page=2&page=3", "").await;
    assert!(!last.header("link").contains("next") && last.json().as_array().map(Vec::len) == Some(1));
    let (bearer, etag) = (format!("Bearer {}", upstream.token()), first.header("etag").to_owned());
    let headers = [("authorization", bearer.as_str()), ("user-agent", "t"), ("if-none-match", &etag)];
    let again = ask(&upstream, "GET", "/repos/octo/claw/issues?per_page=2&page=1", &headers, "").await;
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[tokio::test]
async fn what_is_changed_stays_changed() {
    let upstream = Upstream::start(Script::default()).await;
    let made = api(&upstream, "POST", "/repos/octo/claw/issues", r#"{"title":"T"}"#).await;
    assert_eq!((made.status, &made.json()["number"]), (201, &json!(6)));
    assert_eq!(api(&upstream, "POST", "/repos/octo/claw/issues", "{}").await.status, 422);
    let comment = api(&upstream, "POST", "/repos/octo/claw/issues/6/comments", r#"{"body":"B"}"#).await;
    assert_eq!((comment.status, &comment.json()["id"]), (201, &json!(2)));
    for (method, path, status) in [
        ("POST", "/repos/octo/claw/issues/99/comments", 404),
        ("DELETE", "/repos/octo/claw/issues/comments/2", 204),
        ("DELETE", "/repos/octo/claw/issues/comments/2", 404),
        ("GET", "/repos/octo/quiet/issues", 410),
        ("DELETE", "/repos/octo/guarded", 403),
        ("DELETE", "/repos/octo/claw", 204),
        ("GET", "/repos/octo/claw/issues", 404),
        ("GET", "/repos/octo/none/issues", 404),
    ] {
        assert_eq!(api(&upstream, method, path, "{}").await.status, status, "{method} {path}");
    }
}

#[tokio::test]
async fn a_script_answers_first_and_once() {
    let limited = Reply::json(429, &json!({ "message": "Slow down" })).header("retry-after", "7");
    let upstream = Upstream::start(Script::default().answer("GET", "/repos/octo/claw/pulls", limited)).await;
    let first = api(&upstream, "GET", "/repos/octo/claw/pulls?page=1", "").await;
    assert_eq!((first.status, first.header("retry-after")), (429, "7"));
    assert_eq!(api(&upstream, "GET", "/repos/octo/claw/pulls", "").await.status, 200);
}

#[tokio::test]
async fn an_echo_says_what_it_was_sent() {
    let upstream = Upstream::start(Script::default()).await;
    let token = upstream.token().to_owned();
    let echo = async |how: &str| api(&upstream, "GET", &format!("/echo/{how}"), "").await;
    for how in ["body", "json", "chunks", "halves", "error"] {
        assert!(echo(how).await.text().contains(&token), "{how}");
    }
    assert!(echo("header").await.header("x-echo").contains(&token));
    assert!(echo("redirect").await.header("location").contains(&token));
    // Trailers are sent only to who says that it reads them.
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("te", "trailers")];
    let trailers = ask(&upstream, "GET", "/echo/trailer", &headers, "").await.trailers.unwrap_or_default();
    assert!(trailers.get("x-echo").is_some_and(|value| value.to_str().is_ok_and(|value| value.contains(&token))));
    for how in ["base64", "base64-shifted", "base64-url", "hex", "percent", "unicode"] {
        let text = echo(how).await.text();
        assert!(!text.contains(&token) && text.len() > token.len(), "{how}: {text}");
    }
    assert_eq!(echo("unicode").await.json()["a"], token.as_str());
    assert_eq!(hex::decode(echo("hex").await.body).ok(), Some(token.into_bytes()));
}

#[tokio::test]
async fn an_mcp_server_of_either_kind_keeps_to_its_protocol() {
    let upstream = Upstream::start(Script::default()).await;
    let both = ("accept", "application/json, text/event-stream");
    let message = |method: &str, params: Value| {
        json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string()
    };
    let add = json!({ "name": "add", "arguments": { "a": 2, "b": 3 } });
    for path in ["/mcp/json", "/mcp/sse"] {
        let refused = ask(&upstream, "POST", path, &[both], &message("server/discover", json!({}))).await;
        assert_eq!(refused.status, 400);
        let open = ask(&upstream, "POST", path, &[both], &message("initialize", json!({}))).await;
        let session = open.header("mcp-session-id").to_owned();
        let headers = [both, ("mcp-session-id", session.as_str()), ("mcp-protocol-version", "2025-11-25")];
        let called = ask(&upstream, "POST", path, &headers, &message("tools/call", add.clone())).await;
        assert!(called.text().contains(r#""sum":5"#), "{}", called.text());
        assert_eq!(called.header("content-type").starts_with("text/event-stream"), path == "/mcp/sse");
        assert_eq!(upstream.open_sessions(), 1);
        assert_eq!(ask(&upstream, "DELETE", path, &headers, "").await.status, 200);
        assert_eq!(upstream.open_sessions(), 0);
    }
    let mut params = add;
    params["_meta"] = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} });
    let body = message("tools/call", params);
    let headers = [both, ("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "add")];
    let called = ask(&upstream, "POST", "/mcp/modern", &headers, &body).await;
    assert_eq!(called.json()["result"]["structuredContent"]["sum"], 5);
    let lying = [both, ("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "fail")];
    assert_eq!(ask(&upstream, "POST", "/mcp/modern", &lying, &body).await.json()["error"]["code"], -32020);
}

#[tokio::test]
async fn pages_are_large_and_point_elsewhere() {
    let upstream = Upstream::start(Script::default()).await;
    let large = ask(&upstream, "GET", "/pages/large.txt?bytes=100000", &[], "").await;
    assert_eq!(large.body.len(), 7 * (16 << 10));
    let to = ask(&upstream, "GET", "/pages/redirect?to=http%3A%2F%2F169.254.169.254%2F", &[], "").await;
    assert_eq!((to.status, to.header("location")), (302, "http://169.254.169.254/"));
    assert_eq!(ask(&upstream, "GET", "/pages/status?code=503", &[], "").await.status, 503);
}
