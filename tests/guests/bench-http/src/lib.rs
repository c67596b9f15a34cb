//! What is measured of requests: so many at once, each read to its end, and nothing done with what comes. With the
//! raw calls, since the SDK makes one request at a time.
#![forbid(unsafe_code)]

use safeclaw_sdk::prelude::*;
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{Fields, FutureIncomingResponse, IncomingBody, OutgoingRequest, Scheme};
use wasip2::io::streams::StreamError;

/// As much as a frame carries.
const PIECE_BYTES: u64 = 64 << 10;

/// What to ask for.
#[arguments]
struct Get {
    /// Host and port.
    authority: String,
    /// Path and query.
    path: String,
    /// So many requests, all made before any answer is looked at; with none, the call alone is measured.
    times: u32,
}

/// Asks, over TLS, and counts what comes.
#[tool(read_only, idempotent)]
fn get(args: Get) -> Result<Answer> {
    let asked: Vec<FutureIncomingResponse> = (0..args.times).map(|_| ask(&args)).collect::<Result<_>>()?;
    let bytes = asked.into_iter().map(read).sum::<Result<u64>>()?;
    Ok(Answer::text(format!("{} answers, {bytes} bytes", args.times)))
}

fn ask(args: &Get) -> Result<FutureIncomingResponse> {
    let request = OutgoingRequest::new(Fields::new());
    request.set_scheme(Some(&Scheme::Https)).map_err(|()| anyhow!("the scheme was refused"))?;
    request.set_authority(Some(&args.authority)).map_err(|()| anyhow!("the host was refused"))?;
    request.set_path_with_query(Some(&args.path)).map_err(|()| anyhow!("the path was refused"))?;
    handle(request, None).map_err(|code| anyhow!("not asked: {code:?}"))
}

/// Bytes of the body.
fn read(coming: FutureIncomingResponse) -> Result<u64> {
    coming.subscribe().block();
    let answer = coming.get().ok_or_else(|| anyhow!("no answer, and yet it was ready"))?;
    let answer = answer.map_err(|()| anyhow!("taken twice"))?.map_err(|code| anyhow!("no answer: {code:?}"))?;
    ensure!(answer.status() == 200, "the status was {}", answer.status());
    let body: IncomingBody = answer.consume().map_err(|()| anyhow!("no body"))?;
    let stream = body.stream().map_err(|()| anyhow!("no stream"))?;
    let mut bytes = 0;
    loop {
        match stream.blocking_read(PIECE_BYTES) {
            Ok(piece) => bytes += piece.len() as u64,
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(why)) => bail!("broken off: {}", why.to_debug_string()),
        }
    }
}

plugin!(get);
