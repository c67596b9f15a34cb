//! Over `wasi:http/outgoing-handler` 0.2, blocking: a tool does one thing at a time.

use super::response::Source;
use super::{Error, Request, Response};
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme, http_error_code,
};
use wasip2::io::poll::poll;
use wasip2::io::streams::{InputStream, StreamError};

/// The most that is asked of the host at once: a piece of a frame.
const PIECE_BYTES: u64 = 16 << 10;

pub(super) fn send(request: Request) -> Result<Response, Error> {
    let (scheme, authority, path) = request.parts()?;
    let refused = |what: &str| Error::Request(format!("{what} of {} {}", request.method(), request.url()));
    let headers = Fields::new();
    for (name, value) in request.headers() {
        let set = headers.append(name, &value.clone().into_bytes());
        set.map_err(|error| refused(&format!("the header {name} ({error:?})")))?;
    }
    let outgoing = OutgoingRequest::new(headers);
    outgoing.set_method(&method(request.method())).map_err(|()| refused("the method"))?;
    let scheme = match scheme {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        other => Scheme::Other(other.to_owned()),
    };
    outgoing.set_scheme(Some(&scheme)).map_err(|()| refused("the scheme"))?;
    outgoing.set_authority(Some(authority)).map_err(|()| refused("the host"))?;
    outgoing.set_path_with_query(Some(path)).map_err(|()| refused("the path"))?;
    let options = request.first_byte().map(|time| {
        let options = RequestOptions::new();
        // A host that cannot bound it has bounds of its own.
        let _ = options.set_first_byte_timeout(Some(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)));
        options
    });
    // The body is taken before the request goes, and only if there is one: without it nothing has to be finished.
    let body = match request.body_bytes() {
        Some(bytes) => Some((outgoing.body().map_err(|()| refused("the body"))?, bytes)),
        None => None,
    };
    let coming = handle(outgoing, options).map_err(failed)?;
    let rest = match body {
        Some((body, bytes)) => write(body, bytes, &coming)?,
        None => None,
    };
    let response = wait(&coming)?;
    let headers = response.headers().entries().into_iter().map(|(n, v)| (n.to_ascii_lowercase(), v)).collect();
    let status = response.status();
    let body = response.consume().map_err(|()| Error::failed("HTTP-response-incomplete"))?;
    let stream = body.stream().map_err(|()| Error::failed("HTTP-response-incomplete"))?;
    Ok(Response::of(status, headers, Box::new(Incoming { stream, _body: body, _response: response, _rest: rest })))
}

/// Writes what the host takes. One that answers before it has all wants no more of it: what is left of the body is
/// returned, and kept until the answer was read, since to drop it unfinished is to break off the request.
fn write(body: OutgoingBody, mut bytes: &[u8], coming: &FutureIncomingResponse) -> Result<Option<OutgoingBody>, Error> {
    let stream = body.write().map_err(|()| Error::failed("internal-error"))?;
    while !bytes.is_empty() {
        let room = match stream.check_write() {
            Ok(0) => {
                let (room, answer) = (stream.subscribe(), coming.subscribe());
                let ready = poll(&[&room, &answer]);
                if !ready.contains(&0) {
                    return Ok(Some(body));
                }
                continue;
            }
            Ok(room) => room.min(PIECE_BYTES),
            // Whatever ended it, the answer says why.
            Err(_) => return Ok(Some(body)),
        };
        let most = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        let Some((now, later)) = bytes.split_at_checked(most) else { return Ok(Some(body)) };
        if stream.write(now).is_err() {
            return Ok(Some(body));
        }
        bytes = later;
    }
    if stream.flush().is_err() {
        return Ok(Some(body));
    }
    // A stream is its body's child, and goes first.
    drop(stream);
    OutgoingBody::finish(body, None).map_err(failed).map(|()| None)
}

fn wait(coming: &FutureIncomingResponse) -> Result<IncomingResponse, Error> {
    loop {
        match coming.get() {
            Some(Ok(answer)) => return answer.map_err(failed),
            Some(Err(())) => return Err(Error::failed("internal-error")),
            None => coming.subscribe().block(),
        }
    }
}

/// Fields are dropped in this order: a child before its parent.
struct Incoming {
    stream: InputStream,
    _body: IncomingBody,
    _response: IncomingResponse,
    /// What was not written of the request.
    _rest: Option<OutgoingBody>,
}

impl Source for Incoming {
    fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        loop {
            match self.stream.blocking_read(PIECE_BYTES) {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Ok(Some(bytes)),
                Err(StreamError::Closed) => return Ok(None),
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(http_error_code(&error).map_or(Error::failed("HTTP-response-incomplete"), failed));
                }
            }
        }
    }
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

/// WASI's error by the name that its WIT has for it.
fn failed(code: ErrorCode) -> Error {
    let bytes = |size: Option<u64>| size.map(|size| format!("{size} bytes"));
    let few = |size: Option<u32>| size.map(|size| format!("{size} bytes"));
    let (code, detail) = match code {
        ErrorCode::DnsTimeout => ("DNS-timeout", None),
        ErrorCode::DnsError(error) => ("DNS-error", error.rcode),
        ErrorCode::DestinationNotFound => ("destination-not-found", None),
        ErrorCode::DestinationUnavailable => ("destination-unavailable", None),
        ErrorCode::DestinationIpProhibited => ("destination-IP-prohibited", None),
        ErrorCode::DestinationIpUnroutable => ("destination-IP-unroutable", None),
        ErrorCode::ConnectionRefused => ("connection-refused", None),
        ErrorCode::ConnectionTerminated => ("connection-terminated", None),
        ErrorCode::ConnectionTimeout => ("connection-timeout", None),
        ErrorCode::ConnectionReadTimeout => ("connection-read-timeout", None),
        ErrorCode::ConnectionWriteTimeout => ("connection-write-timeout", None),
        ErrorCode::ConnectionLimitReached => ("connection-limit-reached", None),
        ErrorCode::TlsProtocolError => ("TLS-protocol-error", None),
        ErrorCode::TlsCertificateError => ("TLS-certificate-error", None),
        ErrorCode::TlsAlertReceived(alert) => ("TLS-alert-received", alert.alert_message),
        ErrorCode::HttpRequestDenied => ("HTTP-request-denied", None),
        ErrorCode::HttpRequestLengthRequired => ("HTTP-request-length-required", None),
        ErrorCode::HttpRequestBodySize(size) => ("HTTP-request-body-size", bytes(size)),
        ErrorCode::HttpRequestMethodInvalid => ("HTTP-request-method-invalid", None),
        ErrorCode::HttpRequestUriInvalid => ("HTTP-request-URI-invalid", None),
        ErrorCode::HttpRequestUriTooLong => ("HTTP-request-URI-too-long", None),
        ErrorCode::HttpRequestHeaderSectionSize(size) => ("HTTP-request-header-section-size", few(size)),
        ErrorCode::HttpRequestHeaderSize(field) => ("HTTP-request-header-size", field.and_then(|f| f.field_name)),
        ErrorCode::HttpRequestTrailerSectionSize(size) => ("HTTP-request-trailer-section-size", few(size)),
        ErrorCode::HttpRequestTrailerSize(field) => ("HTTP-request-trailer-size", field.field_name),
        ErrorCode::HttpResponseIncomplete => ("HTTP-response-incomplete", None),
        ErrorCode::HttpResponseHeaderSectionSize(size) => ("HTTP-response-header-section-size", few(size)),
        ErrorCode::HttpResponseHeaderSize(field) => ("HTTP-response-header-size", field.field_name),
        ErrorCode::HttpResponseBodySize(size) => ("HTTP-response-body-size", bytes(size)),
        ErrorCode::HttpResponseTrailerSectionSize(size) => ("HTTP-response-trailer-section-size", few(size)),
        ErrorCode::HttpResponseTrailerSize(field) => ("HTTP-response-trailer-size", field.field_name),
        ErrorCode::HttpResponseTransferCoding(coding) => ("HTTP-response-transfer-coding", coding),
        ErrorCode::HttpResponseContentCoding(coding) => ("HTTP-response-content-coding", coding),
        ErrorCode::HttpResponseTimeout => ("HTTP-response-timeout", None),
        ErrorCode::HttpUpgradeFailed => ("HTTP-upgrade-failed", None),
        ErrorCode::HttpProtocolError => ("HTTP-protocol-error", None),
        ErrorCode::LoopDetected => ("loop-detected", None),
        ErrorCode::ConfigurationError => ("configuration-error", None),
        ErrorCode::InternalError(detail) => ("internal-error", detail),
    };
    Error::Failed { code, detail }
}
