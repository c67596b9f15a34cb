//! A request as it leaves: the bytes that were granted, under our own `Host` and framing.

use super::step::Step;
use super::told;
use crate::credentials::Secret;
use crate::stop::Stop;
use crate::wire::Upload;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, header};
use http_body::Body as _;
use manifest::http::Method;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_util::sync::CancellationToken;

/// Interim answers (1xx) before the one that counts. Without a bound a server could send nothing else, and each is
/// within every other.
const MOST_INTERIM: u32 = 16;
/// Counts interim answers.
#[derive(Default)]
pub(super) struct Interim {
    flood: CancellationToken,
}

impl Interim {
    pub(super) fn watch(&self, mut request: Request<Upload>) -> Request<Upload> {
        let (flood, count) = (self.flood.clone(), Arc::new(AtomicU32::new(0)));
        hyper::ext::on_informational(&mut request, move |_| {
            if count.fetch_add(1, Ordering::Relaxed) >= MOST_INTERIM {
                flood.cancel();
            }
        });
        request
    }

    /// Completes when there were too many.
    pub(super) async fn flood(&self) {
        self.flood.cancelled().await;
    }
}

/// As it is sent: `Host` and the framing are ours.
pub(super) fn request(step: &Step, secret: Option<&Secret>, upload: Upload) -> Result<Request<Upload>, Stop> {
    let path = told::path_of(&step.target);
    let uri: http::Uri = path.parse().map_err(|_| Stop::bad("a path that cannot be sent"))?;
    // What is sent is what was granted, byte for byte.
    if uri.path_and_query().map(http::uri::PathAndQuery::as_str) != Some(path.as_str()) || uri.authority().is_some() {
        return Err(Stop::bad("a path that cannot be sent as it is"));
    }
    let method = http::Method::from_bytes(step.method.as_str().as_bytes()).map_err(|_| Stop::bad("a method"))?;
    let host = HeaderValue::try_from(step.target.authority()).map_err(|_| Stop::bad("a host"))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, host);
    headers.extend(step.headers.clone());
    if let Some(secret) = secret {
        headers.insert(secret.header().clone(), secret.value());
    }
    // Servers wait for the body of these, unless they are told that there is none.
    if upload.is_end_stream() && matches!(step.method, Method::Post | Method::Put | Method::Patch) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    // Of these hyper drops a body without a length, unless it is told how to send one.
    let unlikely = matches!(step.method, Method::Get | Method::Head);
    if unlikely && !upload.is_end_stream() && upload.size_hint().exact().is_none() {
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    let mut request = Request::new(upload);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}

/// Of one without a body.
pub(super) fn copy(request: &Request<Upload>) -> Request<Upload> {
    let mut copy = Request::new(Upload::Whole(Bytes::new()));
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    copy
}

/// On the wire, about: a guest can say much in a URL and in headers.
pub(super) fn head_bytes(path: usize, headers: &HeaderMap) -> u64 {
    let headers: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    path.saturating_add(headers) as u64
}
