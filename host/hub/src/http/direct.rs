//! The call that most calls are: one modern `tools/call` that wants its answer and nothing on the way. It is
//! answered here, from the text of its arguments to the text of its result, without the trees that the library
//! makes of both. Whatever is not exactly that, a wrong header included, is left to the library, so that there
//! is one place where requests are refused.

mod message;
mod reply;

pub(super) use message::Direct;

use crate::api::{CallOutcome, Caller};
use crate::mcp::Governor;
use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Calls, and answers in one JSON object. Dropping the future cancels the call.
pub(super) async fn answer<G: Governor>(
    governor: &G,
    caller: &Caller,
    direct: Direct<'_>,
    cancel: CancellationToken,
) -> Response {
    // Nobody listens to progress or log: this request asked for neither.
    let (notes, _) = mpsc::channel(1);
    let end = governor.call(caller, direct.tool, direct.arguments.to_owned(), notes, cancel, direct.within).await;
    let body = match end.outcome {
        CallOutcome::UnknownTool => reply::unknown_tool(direct.id, direct.tool),
        _ => reply::result(direct.id, end),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
