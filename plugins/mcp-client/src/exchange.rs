//! One JSON-RPC request as one HTTP request: what is sent, and where in the answer the answer is.

use crate::sse::Events;
use safeclaw_sdk::http::{Request, Response};
use safeclaw_sdk::prelude::*;
use safeclaw_sdk::serde_json::{Value, from_slice, from_str};

/// The largest answer in JSON, bytes.
const ANSWER_BYTES: u64 = 2 << 20;
/// The most of a stream that is read for one answer, bytes.
const STREAM_BYTES: usize = 8 << 20;
/// Of an error's body.
const ERROR_BYTES: u64 = 64 << 10;

/// An error of JSON-RPC.
#[derive(Debug)]
pub(crate) struct RpcError {
    pub(crate) code: i64,
    pub(crate) message: String,
}

/// How a server answered.
#[derive(Debug)]
pub(crate) enum Answered {
    /// With a result.
    Result(Value),
    /// That it did not do it.
    Error(RpcError),
    /// With a status that is not success, and perhaps an error in JSON-RPC.
    Refused(u16, Option<RpcError>),
}

/// Sends a message and reads the answer to the request `id`. What else comes on a stream goes to `aside`.
pub(crate) fn send(request: Request, id: u64, mut aside: impl FnMut(&Value)) -> Result<(Answered, Option<String>)> {
    let mut response = request.send()?;
    let session = response.header("mcp-session-id").map(ToOwned::to_owned);
    if !response.is_success() {
        return Ok((refused(&mut response)?, session));
    }
    let media = response.header("content-type").unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let answered = match media.as_str() {
        "application/json" => {
            let message: Value = from_slice(&response.all(ANSWER_BYTES)?).context("the server's answer is not JSON")?;
            of(&message, id).context("the server's answer is to another request")?
        }
        "text/event-stream" => from_stream(&mut response, id, &mut aside)?,
        other => bail!("the server answered {} with {other:?}, which is no answer in MCP", response.status()),
    };
    Ok((answered, session))
}

/// Sends a message that has no answer.
pub(crate) fn tell(request: Request) -> Result<()> {
    let mut response = request.send()?;
    if response.is_success() {
        return Ok(());
    }
    match refused(&mut response)? {
        Answered::Refused(status, Some(error)) => bail!("the server answered {status}: {}", error.message),
        _ => bail!("the server answered {}", response.status()),
    }
}

fn refused(response: &mut Response) -> Result<Answered> {
    let (body, _) = response.up_to(ERROR_BYTES)?;
    let message: Option<Value> = from_slice(&body).ok();
    let error = message.as_ref().and_then(|message| message.get("error")).map(error);
    Ok(Answered::Refused(response.status(), error))
}

fn from_stream(response: &mut Response, id: u64, aside: &mut impl FnMut(&Value)) -> Result<Answered> {
    let mut events = Events::default();
    let mut read = 0_usize;
    while let Some(piece) = response.piece()? {
        read = read.saturating_add(piece.len());
        ensure!(read <= STREAM_BYTES, "the server sent more than {STREAM_BYTES} bytes and no answer");
        for event in events.push(&piece)? {
            let message: Value = from_str(&event).context("the server sent an event that is not JSON")?;
            if let Some(answered) = of(&message, id) {
                return Ok(answered);
            }
            aside(&message);
        }
    }
    bail!("the server ended the stream without an answer")
}

/// The answer to request `id`, if this is it.
fn of(message: &Value, id: u64) -> Option<Answered> {
    let is_ours = message.get("id").and_then(Value::as_u64) == Some(id) && message.get("method").is_none();
    match (message.get("result"), message.get("error")) {
        (Some(result), None) if is_ours => Some(Answered::Result(result.clone())),
        // A server that could not read the request does not know its id.
        (None, Some(found)) if is_ours || message.get("id").is_none_or(Value::is_null) => {
            Some(Answered::Error(error(found)))
        }
        _ => None,
    }
}

fn error(found: &Value) -> RpcError {
    let message = found.get("message").and_then(Value::as_str).unwrap_or("no reason given");
    RpcError {
        code: found.get("code").and_then(Value::as_i64).unwrap_or_default(),
        message: message.chars().take(2_000).collect(),
    }
}
