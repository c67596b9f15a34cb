//! Asks for what it is told, through `wasi:http` as every component would, and as rudely as it is told: bodies that
//! never end, answers that are never read, requests dropped halfway, many at once. It tells what came of each.
#![forbid(unsafe_code)]

mod send;

use safeclaw_sdk::prelude::*;
use send::Asked;

/// A header.
#[arguments]
struct Header {
    /// Its name.
    name: String,
    /// Its value.
    value: String,
}

/// When a request is dropped.
#[arguments]
#[serde(rename_all = "kebab-case")]
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// As soon as it was made.
    Asked,
    /// With half of its body written.
    Body,
    /// When its answer has begun.
    Answered,
    /// When some of the answer's body was read.
    Reading,
}

/// What to ask for.
#[arguments]
struct Ask {
    /// GET if left out.
    method: Option<String>,
    /// `http`, `https` or anything; none is said if it is left out.
    scheme: Option<String>,
    /// Host and port.
    authority: String,
    /// Path and query.
    path: Option<String>,
    /// Headers.
    headers: Option<Vec<Header>>,
    /// So many bytes of body; none at all if left out.
    body_bytes: Option<u64>,
    /// The body as text, in the place of bytes.
    body_text: Option<String>,
    /// Trailers behind the body.
    trailers: Option<Vec<Header>>,
    /// Writes on until it is stopped.
    endless: Option<bool>,
    /// Reads at most so much of the answer; all of it if left out.
    read_bytes: Option<u64>,
    /// How much of the answer's body is told; 4096 if left out.
    tell_bytes: Option<usize>,
    /// When it is dropped, if ever.
    drop: Option<Moment>,
    /// Waits so long for the first byte of an answer.
    first_byte_ms: Option<u64>,
    /// So many of it, all asked before any answer is looked at.
    times: Option<u32>,
}

/// What came of one request.
#[result]
struct Came {
    /// `answered`, `dropped`, or where it failed and the name of the error.
    outcome: String,
    /// The status, if there was an answer.
    status: Option<u16>,
    /// Its headers, `name: value`.
    headers: Vec<String>,
    /// The beginning of its body.
    body: String,
    /// Bytes of its body that were read.
    read: u64,
    /// Bytes of the request's body that were written.
    written: u64,
    /// Its trailers, `name: value`.
    trailers: Vec<String>,
}

/// What came of all of them.
#[result]
struct Report {
    /// Whether any was answered.
    reached: bool,
    /// In the order in which they were made.
    requests: Vec<Came>,
}

/// Makes requests.
#[tool]
fn attack_request(args: Ask) -> Result<Report> {
    let asked: Vec<Asked> = (0..args.times.unwrap_or(1).max(1)).map(|_| Asked::make(&args)).collect();
    let requests: Vec<Came> = asked.into_iter().map(|asked| asked.finish(&args)).collect();
    Ok(Report { reached: requests.iter().any(|came| came.status.is_some()), requests })
}

plugin!(attack_request);
