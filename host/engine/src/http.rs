//! What a guest asks of the outside, in words of the engine's own: who answers is not its affair. Everything goes
//! through one [`Outbound`]; there is no socket, no resolver and no client here.

use crate::wasi::http::Sending;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

pub use bytes::Bytes;

/// The largest piece of a request's body: bounds what an output stream holds that nobody reads.
pub const PIECE_BYTES: usize = 16 << 10;

/// What the headers or trailers of one message may take in the host's memory, the host's own structures included.
/// Bounds a guest that fills as many header lists as it may have handles.
pub const FIELD_BYTES: usize = 48 << 10;

/// Names in lower case, and values.
pub type Fields = Vec<(String, Vec<u8>)>;

/// A future whose owner can be dropped at any moment.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Takes the requests of one call.
///
/// Dropping what [`Outbound::request`] returned, or the [`Response`] that it gave, says that the guest wants no more
/// of that request: neither to be heard nor to hear.
pub trait Outbound: Send + Sync + 'static {
    /// Makes a request. Nothing of it may be left over when the future or the response is dropped.
    fn request(&self, request: Request) -> Pending<Result<Response, Fault>>;
}

/// What a guest asks for. All of it is the guest's own text, well formed as HTTP and no more.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// Headers, without those that only a client writes (`Host`, `Connection`, …).
    pub headers: Fields,
    /// The body; `None` if it has none, or has ended already without a byte.
    pub body: Option<RequestBody>,
    /// How long the guest wants to wait for the first byte of an answer.
    pub first_byte: Option<Duration>,
}

/// The body of a request while the guest writes it. Whoever does not read it makes the guest wait.
pub struct RequestBody(pub(crate) Sending);

impl RequestBody {
    /// The next piece. [`Piece::End`] is the last one.
    ///
    /// # Errors
    /// [`Aborted`]: what was read is not all of it, and must not be passed on as if it were.
    pub async fn next(&mut self) -> Result<Piece, Aborted> {
        self.0.next().await
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestBody")
    }
}

/// The guest broke its body off: it dropped it unfinished, wrote less than its `Content-Length`, or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the guest broke its body off")]
pub struct Aborted;

/// A part of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Bytes, at least one, and of a request at most [`PIECE_BYTES`].
    Data(Bytes),
    /// Its end, with trailers.
    End(Fields),
}

/// An answer, from its head on.
pub struct Response {
    /// The status, 200 to 599.
    pub status: u16,
    /// Headers.
    pub headers: Fields,
    /// The body.
    pub body: Box<dyn ResponseBody>,
    /// What is left to do for the request while its answer is read already: the rest of its body. Polled until it is
    /// done or the guest drops the answer.
    pub rest: Option<Pending<()>>,
}

/// The body of an answer, read as fast as the guest reads.
pub trait ResponseBody: Send + 'static {
    /// The next piece. Not polled again after [`Piece::End`] or an error.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Fault>>;
}

/// Why there is no answer, or no more of it; what the guest learns of it is in `wasi/http/errors.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each says what it is")]
pub enum Fault {
    #[error("not granted")]
    Denied,
    #[error("a URL, a method or a header that may not be sent")]
    BadRequest,
    #[error("the URL is too long")]
    UrlTooLong,
    #[error("headers of more than {0} bytes, or too many of them")]
    HeadersTooLarge(u32),
    #[error("trailers of more than {0} bytes, or too many of them")]
    TrailersTooLarge(u32),
    #[error("the name has no address")]
    NoAddress,
    #[error("an address that nobody may be sent to")]
    AddressProhibited,
    #[error("nobody listens, or the connection broke")]
    Connection,
    #[error("no connection in time")]
    ConnectTimeout,
    #[error("the other side's TLS is not to be trusted")]
    Tls,
    #[error("no answer in time")]
    Timeout,
    #[error("the request is larger than {0} bytes")]
    RequestTooLarge(u64),
    #[error("the answer is larger than {0} bytes")]
    ResponseTooLarge(u64),
    #[error("an answer of a media type that is not granted")]
    ContentType,
    #[error("an answer whose encoding cannot be searched")]
    Encoding,
    #[error("no HTTP")]
    Protocol,
    #[error("too many redirects")]
    Redirects,
    #[error("too many requests")]
    TooMany,
    #[error("the session's budget of bytes is used up")]
    Budget,
    #[error("it held a secret and is withheld")]
    Secret,
    #[error("it could not be written down, and so was not done")]
    Unrecorded,
    #[error("the call is over")]
    CallEnded,
    #[error("the guest broke its request off")]
    Aborted,
}
