//! HTTP on its way between a guest and the hub. A request is a guest's wish: what may leave, where to and with which
//! credential the hub decides, and from nothing that is said here.
//!
//! Bodies flow in both directions under credit: each side may have at most [`HTTP_WINDOW_BYTES`] of one body on its
//! way, and sends more when the other says how much it has passed on.

use crate::CallId;
use crate::few::few;
use crate::octets;
use serde::{Deserialize, Serialize};

/// Names a request on one connection; chosen by the runner, each higher than the one before it.
pub type EgressId = u64;

/// Of one body, what may be on its way without having been asked for.
pub const HTTP_WINDOW_BYTES: u32 = 64 << 10;
/// The largest piece of a body.
pub const HTTP_PIECE_BYTES: usize = 16 << 10;
/// Headers of one message, or trailers.
pub const MAX_HTTP_FIELDS: usize = 128;
/// Their names and values together.
pub const MAX_HTTP_FIELD_BYTES: usize = 32 << 10;
/// The longest URL.
pub const MAX_URL_BYTES: usize = 8 << 10;
/// The longest method: none that anybody grants has half of it.
pub const MAX_METHOD_BYTES: usize = 32;
/// Requests of one runner at once.
pub const MAX_HTTP_REQUESTS: usize = 256;

/// Names in lower case, and values.
pub type Fields = Vec<(String, Vec<u8>)>;

/// Runner to hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FromHttp {
    /// A request begins. If it has a body, that follows.
    Request(HttpRequest),
    /// A piece of its body.
    Data(EgressId, #[serde(with = "octets")] Vec<u8>),
    /// The end of its body, and trailers.
    End(EgressId, #[serde(deserialize_with = "few::<_, _, MAX_HTTP_FIELDS>")] Fields),
    /// So many bytes more of the answer may be sent.
    Credit(EgressId, u32),
    /// The guest wants no more of it, neither to say nor to hear.
    Drop(EgressId),
}

/// What a guest asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// Its id.
    pub id: EgressId,
    /// The call that asks; the hub holds it against the calls that it has opened here.
    pub call: CallId,
    /// The method, as the guest wrote it.
    pub method: String,
    /// The whole URL, as the guest wrote it.
    pub url: String,
    /// Headers.
    #[serde(deserialize_with = "few::<_, _, MAX_HTTP_FIELDS>")]
    pub headers: Fields,
    /// Whether a body follows. Without one there is no `End` either.
    pub body: bool,
    /// The guest's own bound on the time to the first byte, ms; it can only shorten the hub's.
    pub first_byte_ms: Option<u32>,
}

/// Hub to runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToHttp {
    /// The answer begins.
    Response(HttpResponse),
    /// A piece of its body.
    Data(EgressId, #[serde(with = "octets")] Vec<u8>),
    /// The end of the answer, and trailers.
    End(EgressId, #[serde(deserialize_with = "few::<_, _, MAX_HTTP_FIELDS>")] Fields),
    /// So many bytes more of the request's body may be sent.
    Credit(EgressId, u32),
    /// There is no answer, or no more of it.
    Failed(EgressId, HttpFault),
}

/// The beginning of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HttpResponse {
    /// The request.
    pub id: EgressId,
    /// 200 to 599.
    pub status: u16,
    /// Headers.
    #[serde(deserialize_with = "few::<_, _, MAX_HTTP_FIELDS>")]
    pub headers: Fields,
}

/// Why there is no answer. A guest learns so much and no more: no rule, no address, no certificate's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HttpFault {
    /// Not granted, or no longer.
    Denied,
    /// Not a URL, not a method, not a header that may be sent.
    BadRequest,
    /// The name has no address.
    NoAddress,
    /// An address that nobody may be sent to.
    AddressProhibited,
    /// Nobody listens, or the connection broke.
    Connection,
    /// No connection in time.
    ConnectTimeout,
    /// The other side's certificate, or its TLS, is not to be trusted.
    Tls,
    /// No first byte in time, which is so many ms.
    FirstByte(u32),
    /// Not done in time, which is so many ms.
    Total(u32),
    /// The request is larger than so many bytes.
    RequestTooLarge(u64),
    /// The answer is larger than so many bytes.
    ResponseTooLarge(u64),
    /// An answer of a type that is not granted.
    ContentType,
    /// An answer that cannot be searched for secrets: compressed, or a part.
    Encoding,
    /// No HTTP, or more headers than anybody needs.
    Protocol,
    /// More redirects than are granted.
    Redirects,
    /// Too many requests: of the call, in a minute or at once.
    TooMany,
    /// The session's budget of bytes is used up.
    Budget,
    /// It held a secret, and is withheld.
    Secret,
    /// The hub cannot write down what is asked, and so does not do it.
    Unrecorded,
    /// The call is over.
    CallEnded,
}
