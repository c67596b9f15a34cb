//! What a server answered, as this component's own answer.

use crate::Offered;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use safeclaw_sdk::prelude::*;
use safeclaw_sdk::serde_json::{Value, json};

/// The most blocks of an answer that are passed on.
const BLOCKS: usize = 256;
/// The most tools of one page.
const TOOLS: usize = 500;
/// Of a description, characters.
const DESCRIPTION_CHARS: usize = 4_000;

/// The result of `tools/call`.
pub(crate) fn answer(result: Value) -> Result<Answer> {
    match result.get("resultType").and_then(Value::as_str) {
        None | Some("complete") => {}
        Some("input_required") => {
            bail!("the tool wants to ask its user something first, which cannot be done from here")
        }
        Some("task") => bail!("the tool wants to go on as a task, which cannot be waited for from here"),
        Some(other) => bail!("the server answered with a result of the kind {other:?}, which is not known here"),
    }
    let blocks = result.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    ensure!(blocks.len() <= BLOCKS, "the server answered with {} blocks; {BLOCKS} are passed on at most", blocks.len());
    let mut answer = Answer::new();
    for block in blocks {
        answer = answer.with(content(block)?);
    }
    match result.get("structuredContent") {
        Some(structured @ Value::Object(_)) => answer.structured = Some(structured.to_string()),
        // Elsewhere it may be any JSON; here it is an object.
        Some(other) if !other.is_null() => answer = answer.with(Content::Text(other.to_string())),
        _ => {}
    }
    if answer.content.is_empty() {
        let text = answer.structured.clone().unwrap_or_else(|| "the tool answered with nothing".to_owned());
        answer = answer.with(Content::Text(text));
    }
    let failed = result.get("isError").and_then(Value::as_bool).unwrap_or_default();
    Ok(if failed { answer.failed() } else { answer })
}

fn content(block: &Value) -> Result<Content> {
    let word = |name: &str| block.get(name).and_then(Value::as_str);
    let bytes = |text: Option<&str>| {
        STANDARD.decode(text.unwrap_or_default()).context("the server sent a block that is not base64")
    };
    let media = || word("mimeType").unwrap_or("application/octet-stream").to_owned();
    Ok(match word("type").unwrap_or_default() {
        "text" => Content::Text(word("text").unwrap_or_default().to_owned()),
        "image" => Content::Image(bytes(word("data"))?, media()),
        "audio" => Content::Audio(bytes(word("data"))?, media()),
        "resource" => {
            let resource = block.get("resource").unwrap_or(&Value::Null);
            let word = |name: &str| resource.get(name).and_then(Value::as_str);
            let body = match word("text") {
                Some(text) => ResourceBody::Text(text.to_owned()),
                None => ResourceBody::Blob(bytes(word("blob"))?),
            };
            Content::Resource(Resource {
                uri: word("uri").unwrap_or_default().to_owned(),
                mime_type: word("mimeType").map(ToOwned::to_owned),
                body,
            })
        }
        // A link leads to the server, not to this hub: it is shown as text.
        "resource_link" => {
            Content::Text(format!("resource {} {}", word("name").unwrap_or_default(), word("uri").unwrap_or_default()))
        }
        other => bail!("the server sent a block of the kind {other:?}, which is not known here"),
    })
}

/// The result of `tools/list`.
pub(crate) fn offered(result: &Value) -> Result<(Vec<Offered>, Option<String>)> {
    let tools = result.get("tools").and_then(Value::as_array).context("the server answered without a list of tools")?;
    ensure!(tools.len() <= TOOLS, "the server lists {} tools at once; {TOOLS} are read at most", tools.len());
    let tool = |tool: &Value| {
        let word = |name: &str| tool.get(name).and_then(Value::as_str);
        Some(Offered {
            name: word("name")?.to_owned(),
            title: word("title").map(ToOwned::to_owned),
            description: word("description").unwrap_or_default().chars().take(DESCRIPTION_CHARS).collect(),
            input_schema: tool.get("inputSchema").cloned().unwrap_or_else(|| json!({ "type": "object" })),
        })
    };
    let next = result.get("nextCursor").and_then(Value::as_str).map(ToOwned::to_owned);
    Ok((tools.iter().filter_map(tool).collect(), next))
}
