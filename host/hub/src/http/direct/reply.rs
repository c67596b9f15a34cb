//! The answer to a plain call, in the words that the library uses.

use crate::api::CallEnd;
use crate::mcp::{Parts, implementation, parts};
use rmcp::model::{ContentBlock, Implementation};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

#[derive(Serialize)]
struct Reply<'a, T> {
    jsonrpc: &'static str,
    id: &'a RawValue,
    #[serde(flatten)]
    said: T,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    result: ToolResult,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolResult {
    result_type: &'static str,
    content: Vec<ContentBlock>,
    #[serde(skip_serializing_if = "Option::is_none")]
    structured_content: Option<Box<RawValue>>,
    is_error: bool,
    #[serde(rename = "_meta")]
    meta: Meta,
}

#[derive(Serialize)]
struct Meta {
    #[serde(rename = "io.modelcontextprotocol/serverInfo")]
    server: Implementation,
    #[serde(flatten)]
    more: Map<String, Value>,
}

#[derive(Serialize)]
struct Failed {
    error: Error,
}

#[derive(Serialize)]
struct Error {
    code: i32,
    message: String,
}

/// How a call ended.
pub(super) fn result(id: &RawValue, end: CallEnd) -> Vec<u8> {
    let Parts { content, structured, is_error, meta } = parts(end);
    let meta = Meta { server: implementation(), more: meta };
    let result = ToolResult { result_type: "complete", content, structured_content: structured, is_error, meta };
    bytes(&Reply { jsonrpc: "2.0", id, said: Said { result } })
}

/// The tool went away between looking and calling.
pub(super) fn unknown_tool(id: &RawValue, tool: &str) -> Vec<u8> {
    let error = Error { code: -32602, message: format!("Unknown tool: {tool}") };
    bytes(&Reply { jsonrpc: "2.0", id, said: Failed { error } })
}

fn bytes(reply: &impl Serialize) -> Vec<u8> {
    // Strings, numbers and JSON texts into memory: it cannot fail. An empty body would be no answer at all.
    serde_json::to_vec(reply).unwrap_or_default()
}
