//! An MCP server over Streamable HTTP. `/mcp/json` and `/mcp/sse` are of the older protocol, with sessions; they differ
//! in how they answer. `/mcp/modern` is of 2026-07-28. All have the tools `add`, `fail` and `tell`.

use super::{Received, Reply};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The older protocol's sessions.
#[derive(Default)]
pub(super) struct Sessions {
    open: BTreeSet<String>,
    opened: usize,
}

impl Sessions {
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }
}

pub(super) fn answer(sessions: &mut Sessions, asked: &Received) -> Reply {
    let kind = asked.place().rsplit('/').next().unwrap_or_default().to_owned();
    if asked.method == "DELETE" && kind != "modern" {
        let closed = sessions.open.remove(asked.header("mcp-session-id"));
        return Reply::empty(if closed { 200 } else { 404 });
    }
    if asked.method != "POST" {
        return Reply::empty(405);
    }
    let accept = asked.header("accept");
    if !accept.contains("application/json") || !accept.contains("text/event-stream") {
        return Reply::text(406, "both kinds of answers have to be accepted");
    }
    let Ok(message) = serde_json::from_slice::<Value>(&asked.body) else {
        return error(400, &Value::Null, -32700, "not JSON");
    };
    let method = message["method"].as_str().unwrap_or_default();
    match kind.as_str() {
        "modern" => modern(asked, &message, method),
        "json" | "sse" => legacy(sessions, asked, &message, method, kind == "sse"),
        _ => Reply::text(404, "no such server"),
    }
}

fn modern(asked: &Received, message: &Value, method: &str) -> Reply {
    let (id, params) = (&message["id"], &message["params"]);
    let meta = &params["_meta"];
    if meta["io.modelcontextprotocol/protocolVersion"] != "2026-07-28"
        || !meta["io.modelcontextprotocol/clientCapabilities"].is_object()
    {
        return error(400, id, -32602, "version and capabilities are in each request");
    }
    let name = params["name"].as_str().unwrap_or_default();
    if asked.header("mcp-protocol-version") != "2026-07-28"
        || asked.header("mcp-method") != method
        || asked.header("mcp-name") != name
    {
        return error(400, id, -32020, "a header says otherwise than the body");
    }
    let mut result = match method {
        "server/discover" => {
            json!({ "supportedVersions": ["2026-07-28"], "capabilities": { "tools": {} }, "ttlMs": 0, "cacheScope": "private" })
        }
        "tools/list" => list(params),
        "tools/call" => match call(params) {
            Ok(result) => result,
            Err(words) => return error(200, id, -32602, words),
        },
        _ => return error(404, id, -32601, "no such method"),
    };
    result["resultType"] = "complete".into();
    result["_meta"] = json!({ "io.modelcontextprotocol/serverInfo": { "name": "upstream", "version": "2" } });
    Reply::json(200, &json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

fn legacy(sessions: &mut Sessions, asked: &Received, message: &Value, method: &str, sse: bool) -> Reply {
    let (id, params) = (&message["id"], &message["params"]);
    if method == "initialize" {
        sessions.opened += 1;
        let session = format!("session-{}", sessions.opened);
        sessions.open.insert(session.clone());
        let result = json!({ "protocolVersion": "2025-11-25", "capabilities": { "tools": {} },
            "serverInfo": { "name": "upstream", "version": "1" } });
        return said(id, &result, sse).header("mcp-session-id", session);
    }
    let session = asked.header("mcp-session-id");
    if session.is_empty() {
        return error(400, &Value::Null, -32600, "no session");
    }
    if !sessions.open.contains(session) {
        return error(404, &Value::Null, -32001, "no such session");
    }
    if asked.header("mcp-protocol-version") != "2025-11-25" {
        return error(400, id, -32600, "another version than was agreed");
    }
    match method {
        "notifications/initialized" | "" => Reply::empty(202),
        "tools/list" => said(id, &list(params), sse),
        "tools/call" => match call(params) {
            Ok(result) => said(id, &result, sse),
            Err(words) => error(200, id, -32602, words),
        },
        _ => error(200, id, -32601, "no such method"),
    }
}

/// As JSON; or on a stream after what else a server may say, cut inside the answer.
fn said(id: &Value, result: &Value, sse: bool) -> Reply {
    let message = json!({ "jsonrpc": "2.0", "id": id, "result": result });
    if !sse {
        return Reply::json(200, &message);
    }
    let progress = json!({ "jsonrpc": "2.0", "method": "notifications/progress",
        "params": { "progressToken": id, "progress": 1, "total": 2 } });
    let text =
        format!(": hello\n\nid: 1\ndata: \n\nevent: message\ndata: {progress}\n\nevent: message\ndata: {message}\n\n");
    let chunks = text.as_bytes().chunks(23).map(<[u8]>::to_vec).collect();
    Reply::empty(200).header("content-type", "text/event-stream").chunks(chunks)
}

/// Two pages.
fn list(params: &Value) -> Value {
    let tool = |name: &str, description: &str| json!({ "name": name, "description": description, "inputSchema": { "type": "object" } });
    if params["cursor"] == "more" {
        return json!({ "tools": [tool("tell", "Answers with text and an image.")], "ttlMs": 0, "cacheScope": "private" });
    }
    json!({ "tools": [tool("add", "Adds a and b."), tool("fail", "Fails.")], "nextCursor": "more", "ttlMs": 0, "cacheScope": "private" })
}

fn call(params: &Value) -> Result<Value, &'static str> {
    let arguments = &params["arguments"];
    Ok(match params["name"].as_str().unwrap_or_default() {
        "add" => {
            let sum = arguments["a"].as_i64().unwrap_or(0) + arguments["b"].as_i64().unwrap_or(0);
            json!({ "content": [{ "type": "text", "text": sum.to_string() }], "structuredContent": { "sum": sum } })
        }
        "fail" => json!({ "content": [{ "type": "text", "text": "it cannot be done" }], "isError": true }),
        "tell" => {
            json!({ "content": [{ "type": "text", "text": "look" }, { "type": "image", "data": "AQID", "mimeType": "image/png" }] })
        }
        _ => return Err("unknown tool"),
    })
}

fn error(status: u16, id: &Value, code: i64, message: &str) -> Reply {
    Reply::json(status, &json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } }))
}
