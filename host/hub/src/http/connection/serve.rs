//! HTTP on one connection, with clocks: a short one until somebody has said something whole, a longer one for
//! whoever is known.

use super::{After, Peer};
use axum::Router;
use axum::response::Response;
use http::Request;
use http::header::{CONNECTION, HeaderValue};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// From the start of a connection to the end of its first header: bounds both a header that trickles in and a
/// connection that does nothing, while nobody knows who it is.
pub(super) const HEADER_TIME: Duration = Duration::from_secs(5);
/// The same for the requests after it, the pause between two included. Only who is known gets here.
pub(super) const IDLE_TIME: Duration = Duration::from_secs(60);
/// One request line and all headers.
pub(super) const HEADER_BYTES: usize = 32 << 10;
/// Headers of one request.
pub(super) const HEADERS: usize = 64;

pub(super) async fn serve_one<I>(stream: I, peer: Peer, router: Router, after: After, stop: CancellationToken)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let begun = CancellationToken::new();
    let late = begun.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        begun.cancel();
        request.extensions_mut().insert(peer.clone());
        let known = matches!(after, After::KeepOn(path) if path == request.uri().path());
        let answered = router.clone().oneshot(request);
        async move { Ok::<_, Infallible>(leave(answered.await, known)) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(IDLE_TIME).max_buf_size(HEADER_BYTES).max_headers(HEADERS);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = too_late(&late) => {
            tracing::debug!("a connection said nothing whole within {} s", HEADER_TIME.as_secs());
            return;
        }
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // A peer that goes away, or that was too slow: its own affair.
        tracing::debug!(%error, "a connection ended");
    }
}

/// Completes when the time is over in which the first header should have come, unless it has.
async fn too_late(begun: &CancellationToken) {
    tokio::select! {
        () = sleep(HEADER_TIME) => {}
        () = begun.cancelled() => std::future::pending().await,
    }
}

/// A connection outlives its answer only where somebody known may ask again: a stranger would else hold a place
/// for nothing.
fn leave(answer: Result<Response, Infallible>, known: bool) -> Response {
    let Ok(mut response) = answer;
    if !known || !response.status().is_success() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
