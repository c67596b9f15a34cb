//! A response that streams goes on for as long as the token that asked for it is in force: revoking one must
//! also end what it listens to.

use crate::api::Caller;
use crate::mcp::{Governor, until_revoked};
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use std::convert::Infallible;
use tokio::sync::OwnedSemaphorePermit;

/// What a stream holds until it has ended: its place among all requests, and among its principal's.
pub(super) type Places = (Option<OwnedSemaphorePermit>, OwnedSemaphorePermit);

/// `body`, until its end or the token's.
pub(super) fn while_in_force<G, B>(governor: G, caller: Caller, body: B, places: Places) -> Body
where
    G: Governor,
    B: HttpBody<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let revoked = async move { until_revoked(&governor, &caller).await };
    let frames = body.into_data_stream().map(|data| data.map(Frame::data)).take_until(Box::pin(revoked));
    Body::new(StreamBody::new(frames.map(move |frame| {
        let _held = &places;
        frame
    })))
}
