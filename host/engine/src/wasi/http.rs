//! `wasi:http`, its outgoing half: wasmtime keeps the guest's resources, and each request leaves through the call's
//! [`Outbound`].

mod answer;
pub(crate) mod errors;
mod sending;

pub(crate) use sending::Sending;

use crate::http::{FIELD_BYTES, Fields, Outbound, PIECE_BYTES, Request, RequestBody};
use answer::Answer;
use http::{HeaderMap, HeaderName, header};
use http_body_util::BodyExt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpHooks,
};

/// Fields that say how two neighbours talk, or how a message is cut: whoever writes the bytes writes them. A guest
/// that wrote one could make two readers see two requests.
const HOP_BY_HOP: [HeaderName; 2] = [header::TE, header::TRAILER];

/// The way out of one call.
pub(crate) struct Outside {
    to: Option<Arc<dyn Outbound>>,
    over: Arc<AtomicBool>,
}

/// The call's resources are about to go. A request's body whose writer is gone looks finished, and must not be sent
/// as if it were.
impl Drop for Outside {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
    }
}

impl Outside {
    pub(crate) fn new(to: Option<Arc<dyn Outbound>>) -> Self {
        Self { to, over: Arc::new(AtomicBool::new(false)) }
    }
}

/// What wasmtime keeps for `wasi:http`.
pub(crate) fn context() -> WasiHttpCtx {
    let mut context = WasiHttpCtx::new();
    context.set_field_size_limit(FIELD_BYTES);
    context
}

type Sent = Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for Outside {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        is_forbidden(name)
    }

    // Trailers are held against this one (GHSA-jxcf-8qw5-5c33).
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(is_forbidden)
    }

    fn set_host_header(&mut self) -> bool {
        // The URL says it, and the hub writes it: two of them could differ.
        false
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let Some(to) = self.to.clone() else {
            return Box::new(std::future::ready(Err(Error::HttpRequestDenied)));
        };
        let over = Arc::clone(&self.over);
        Box::new(async move { send(&*to, request, options.unwrap_or_default(), over).await })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        PIECE_BYTES
    }
}

async fn send(
    to: &dyn Outbound,
    request: http::Request<WasiBody>,
    options: RequestOptions,
    over: Arc<AtomicBool>,
) -> Sent {
    let (parts, body) = request.into_parts();
    let body = Sending::begin(body, over).await.map_err(|_| errors::before(crate::http::Fault::Aborted))?;
    let mut headers = parts.headers;
    // Its body flows when there is room for it in any case: nobody has to say "continue".
    headers.remove(header::EXPECT);
    let asked = Request {
        method: parts.method.as_str().to_owned(),
        url: parts.uri.to_string(),
        headers: fields(&headers),
        body: body.map(RequestBody),
        first_byte: options.first_byte_timeout,
    };
    let answer = to.request(asked).await.map_err(errors::before)?;
    let mut response = http::Response::new(Answer::new(answer.body, options.between_bytes_timeout).boxed_unsync());
    *response.status_mut() = http::StatusCode::from_u16(answer.status).map_err(|_| Error::HttpProtocolError)?;
    *response.headers_mut() = map(answer.headers)?;
    let rest = answer.rest;
    let rest = async move {
        if let Some(rest) = rest {
            rest.await;
        }
        Ok(())
    };
    Ok((response, Box::new(rest)))
}

fn is_forbidden(name: &HeaderName) -> bool {
    DEFAULT_FORBIDDEN_HEADERS.contains(name) || HOP_BY_HOP.contains(name)
}

fn fields(map: &HeaderMap) -> Fields {
    map.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

fn map(fields: Fields) -> Result<HeaderMap, Error> {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::try_from(name).map_err(|_| Error::HttpProtocolError)?;
        let value = http::HeaderValue::try_from(value).map_err(|_| Error::HttpProtocolError)?;
        map.try_append(name, value).map_err(|_| Error::HttpProtocolError)?;
    }
    Ok(map)
}
