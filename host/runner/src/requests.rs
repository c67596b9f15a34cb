//! What guests ask of the outside, on its way between the engine and the frames. A guest's request becomes messages
//! to the hub here, and the hub's messages its answer; where a request may go is none of a runner's business.

mod answer;
mod ledger;
mod sending;

pub use ledger::Breach;

use crate::outbox::Outbox;
use crate::translate;
use answer::Answer;
use engine::http::{Fault, Fields, Outbound, Pending, Request, Response};
use ledger::Ledger;
use protocol::{
    CallId, EgressId, FromHttp, FromRunner, HttpRequest, MAX_HTTP_FIELD_BYTES, MAX_HTTP_FIELDS, MAX_METHOD_BYTES,
    MAX_URL_BYTES, ToHttp,
};
use sending::Body;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

/// What a request's head takes in a frame besides its texts, at most: lengths and numbers.
const HEAD_BYTES: usize = 8 * MAX_HTTP_FIELDS + 64;

/// All requests of this runner; clones are the same.
#[derive(Debug, Clone)]
pub struct Requests {
    ledger: Arc<Mutex<Ledger>>,
    outbox: Outbox,
}

impl Requests {
    /// None yet.
    #[must_use]
    pub fn new(outbox: Outbox) -> Self {
        Self { ledger: Arc::default(), outbox }
    }

    /// A call begins that may ask; its requests are taken here until [`Requests::end_call`].
    #[must_use]
    pub fn begin_call(&self, call: CallId) -> Arc<dyn Outbound> {
        self.ledger().begin_call(call);
        Arc::new(Door { requests: self.clone(), call })
    }

    /// A call has ended: what it still asked for is dropped, and said to be so before anything that is queued later.
    ///
    /// # Errors
    /// A message of ours that cannot be written.
    pub fn end_call(&self, call: CallId) -> Result<(), protocol::FrameError> {
        let dropped = self.ledger().end_call(call);
        dropped.into_iter().try_for_each(|id| self.outbox.push(&FromRunner::Http(FromHttp::Drop(id))))
    }

    /// Takes what the hub says of a request.
    ///
    /// # Errors
    /// What no hub of ours says.
    pub fn on(&self, message: ToHttp) -> Result<(), Breach> {
        self.ledger().on(message)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The guest wants no more of it.
    fn drop_it(&self, id: EgressId) {
        if self.ledger().drop_it(id) {
            // A request that is open was written, and this is shorter.
            drop(self.outbox.push(&FromRunner::Http(FromHttp::Drop(id))));
        }
    }
}

/// The way out of one call.
struct Door {
    requests: Requests,
    call: CallId,
}

impl Outbound for Door {
    fn request(&self, request: Request) -> Pending<Result<Response, Fault>> {
        Box::pin(ask(self.requests.clone(), self.call, request))
    }
}

async fn ask(requests: Requests, call: CallId, request: Request) -> Result<Response, Fault> {
    let Request { method, url, headers, body, first_byte } = request;
    if method.len() > MAX_METHOD_BYTES {
        return Err(Fault::BadRequest);
    }
    if url.len() > MAX_URL_BYTES {
        return Err(Fault::UrlTooLong);
    }
    if !fits(&headers) {
        return Err(Fault::HeadersTooLarge(MAX_HTTP_FIELD_BYTES as u32));
    }
    let bytes = HEAD_BYTES + method.len() + url.len() + field_bytes(&headers);
    let room = requests.outbox.room(bytes).await.map_err(|_| Fault::CallEnded)?;
    let asked = {
        let mut ledger = requests.ledger();
        let id = ledger.begin(call)?;
        let first_byte_ms = first_byte.map(milliseconds);
        let head = HttpRequest { id, call, method, url, headers, body: body.is_some(), first_byte_ms };
        if requests.outbox.push_in(room, &FromRunner::Http(FromHttp::Request(head))).is_err() {
            // Its sizes were looked at; a hub that never heard of it needs no `Drop`.
            ledger.forget(id);
            return Err(Fault::BadRequest);
        }
        Asked { requests: requests.clone(), id }
    };
    let id = asked.id;
    let mut body = body.map(|body| Box::pin(Body::new(requests.clone(), id, body).send()));
    let head = poll_fn(|cx| {
        // An answer may come before the request is sent whole; whoever wrote it did not want the rest.
        if body.as_mut().is_some_and(|body| body.as_mut().poll(cx).is_ready()) {
            body = None;
        }
        match requests.ledger().poll_head(id, cx) {
            Poll::Ready(head) => Poll::Ready(head.map_err(translate::fault)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await?;
    let rest: Option<Pending<()>> = body.map(|body| -> Pending<()> { body });
    Ok(Response { status: head.status, headers: head.headers, body: Box::new(Answer(asked)), rest })
}

/// A request that the hub was told of; whoever drops it wants no more of it.
struct Asked {
    requests: Requests,
    id: EgressId,
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.requests.drop_it(self.id);
    }
}

fn fits(fields: &Fields) -> bool {
    fields.len() <= MAX_HTTP_FIELDS && field_bytes(fields) <= MAX_HTTP_FIELD_BYTES
}

fn field_bytes(fields: &Fields) -> usize {
    fields.iter().map(|(name, value)| name.len() + value.len()).sum()
}

/// Rounded up: no wait is no wait that a guest asked for.
fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
