//! MCP as a stranger on this machine would abuse it: whom the listener lets in, and what it says to whom
//! it does not. Each refusal is told from a request that is served.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use tests::http::{Reply, post, send};
use tests::running::running;

const MODERN: &str = "2026-07-28";

/// A request of the revision that has no handshake.
fn modern(method: &str, mut params: Value) -> String {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()
}

fn initialize() -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"},
    }})
    .to_string()
}

/// The JSON-RPC answer, whether it came as JSON or as the one event of a stream.
fn rpc(reply: &Reply) -> Value {
    let text = reply.body.find('{').map_or("", |start| &reply.body[start..]);
    let text = text.rfind('}').map_or("", |end| &text[..=end]);
    let line = text.lines().find(|l| l.contains("\"jsonrpc\"")).unwrap_or(text);
    let line = line.strip_prefix("data: ").unwrap_or(line);
    serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON-RPC in {reply:?}"))
}

fn list_with(headers: &[(&str, &str)]) -> Reply {
    let mut all = vec![("MCP-Protocol-Version", MODERN), ("Mcp-Method", "tools/list")];
    all.extend_from_slice(headers);
    post(running().http, &all, &modern("tools/list", json!({})))
}

fn names(reply: &Reply) -> BTreeSet<String> {
    rpc(reply)["result"]["tools"]
        .as_array()
        .unwrap_or_else(|| panic!("a list: {reply:?}"))
        .iter()
        .map(|t| t["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_token_is_needed_and_is_not_taken_from_the_address() {
    let hub = running();
    let bearer = format!("Bearer {}", hub.token("developer"));
    assert_eq!(list_with(&[("Authorization", &bearer)]).status, 200);

    for wrong in
        ["", "Bearer ", "Bearer sc_wrong", "Basic c2M6c2M=", &bearer[..bearer.len() - 1], &format!("{bearer}x")]
    {
        let reply = list_with(&[("Authorization", wrong)]);
        assert_eq!(reply.status, 401, "{wrong:?}");
        assert!(reply.head.to_lowercase().contains("www-authenticate: bearer"), "{}", reply.head);
    }
    let query = bearer.replace("Bearer ", "/mcp?access_token=");
    let body = modern("tools/list", json!({}));
    let reply = send(
        hub.http,
        format!(
            "POST {query} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nMCP-Protocol-Version: {MODERN}\r\nMcp-Method: tools/list\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            hub.http,
            body.len()
        )
        .as_bytes(),
    );
    assert!((400..500).contains(&reply.status), "{reply:?}");
}

#[test]
fn a_web_page_cannot_speak_to_the_hub() {
    let hub = running();
    let bearer = format!("Bearer {}", hub.token("developer"));
    let token = ("Authorization", bearer.as_str());
    for origin in ["https://evil.example", "null", "http://localhost.evil.example", "file://"] {
        assert_eq!(list_with(&[token, ("Origin", origin)]).status, 403, "{origin}");
    }
    for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""] {
        let status = list_with(&[token, ("Host", host)]).status;
        assert!((400..500).contains(&status), "{host}: {status}");
    }
    let port = hub.http.port();
    assert_eq!(list_with(&[token, ("Host", &format!("localhost:{port}"))]).status, 200);
}

#[test]
fn a_body_is_bounded_before_it_is_read() {
    let hub = running();
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: 1073741824\r\n\r\n",
        hub.http,
        hub.token("developer")
    );
    assert_eq!(send(hub.http, request.as_bytes()).status, 413);
}

#[test]
fn header_and_body_must_agree() {
    let hub = running();
    let bearer = format!("Bearer {}", hub.token("developer"));
    let reply = post(
        hub.http,
        &[
            ("Authorization", &bearer),
            ("MCP-Protocol-Version", MODERN),
            ("Mcp-Method", "tools/call"),
            ("Mcp-Name", "files_read"),
        ],
        &modern("tools/list", json!({})),
    );
    assert_eq!(reply.status, 400, "{reply:?}");
    assert_eq!(rpc(&reply)["error"]["code"], -32020);
}

#[test]
fn a_profile_shows_its_tools_and_hides_the_rest() {
    let hub = running();
    let reader = format!("Bearer {}", hub.token("read_only"));
    let developer = format!("Bearer {}", hub.token("developer"));
    let seen = names(&list_with(&[("Authorization", &reader)]));
    let more = names(&list_with(&[("Authorization", &developer)]));
    assert!(seen.contains("files_read") && !seen.contains("files_write"), "{seen:?}");
    assert!(more.contains("files_write") && more.is_superset(&seen));

    // Hidden and absent are told alike: a caller cannot map what it may not see.
    let call = |tool: &str| {
        let reply = post(
            hub.http,
            &[
                ("Authorization", &reader),
                ("MCP-Protocol-Version", MODERN),
                ("Mcp-Method", "tools/call"),
                ("Mcp-Name", tool),
            ],
            &modern("tools/call", json!({"name": tool, "arguments": {"path": "x", "text": "y"}})),
        );
        rpc(&reply)["error"].to_string().replace(tool, "TOOL")
    };
    assert_eq!(call("files_write"), call("no_such_tool"));
}

#[test]
fn admin_and_critical_are_listed_marked_and_denied() {
    let hub = running();
    let bearer = format!("Bearer {}", hub.token("admin"));
    let list = rpc(&list_with(&[("Authorization", &bearer)]));
    for tool in ["greet", "time_difference"] {
        let tools = list["result"]["tools"].as_array().unwrap();
        let listed = tools.iter().find(|t| t["name"] == tool).unwrap_or_else(|| panic!("{tool} is listed"));
        assert!(listed["_meta"].to_string().contains("approval"), "{tool} is marked: {listed}");
        let reply = post(
            hub.http,
            &[
                ("Authorization", &bearer),
                ("MCP-Protocol-Version", MODERN),
                ("Mcp-Method", "tools/call"),
                ("Mcp-Name", tool),
            ],
            &modern("tools/call", json!({"name": tool, "arguments": {}})),
        );
        let result = rpc(&reply)["result"].clone();
        assert_eq!(result["isError"], true, "{result}");
        assert!(
            result["content"][0]["text"].as_str().unwrap().contains("no approver is enrolled who could"),
            "{result}"
        );
    }
}

#[test]
fn a_legacy_session_serves_only_the_token_that_opened_it() {
    let hub = running();
    let mine = format!("Bearer {}", hub.token("developer"));
    let other = format!("Bearer {}", hub.token("developer"));
    let opened = post(hub.http, &[("Authorization", &mine)], &initialize());
    assert_eq!(opened.status, 200, "{opened:?}");
    let id = opened
        .head
        .lines()
        .find_map(|l| l.to_lowercase().strip_prefix("mcp-session-id: ").map(str::to_owned))
        .expect("a session id");
    let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}).to_string();
    let ask = |bearer: &str| {
        post(
            hub.http,
            &[("Authorization", bearer), ("Mcp-Session-Id", &id), ("MCP-Protocol-Version", "2025-11-25")],
            &list,
        )
        .status
    };
    assert_eq!(ask(&other), 404);
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string();
    post(hub.http, &[("Authorization", &mine), ("Mcp-Session-Id", &id)], &initialized);
    assert_eq!(ask(&mine), 200);
}

#[test]
fn health_is_for_everyone_and_says_little() {
    let hub = running();
    let reply =
        send(hub.http, format!("GET /healthz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", hub.http).as_bytes());
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(!reply.body.contains("files_read"), "{}", reply.body);
}
