//! What a guest learns of a fault: the error codes of `wasi:http` where they have a word for it, and a sentence of
//! ours where they have none.

use crate::http::Fault;
use crate::store::State;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::p2::bindings::http::types::{DnsErrorPayload, ErrorCode, FieldSizePayload};
use wasmtime_wasi_io::streams::Error as IoError;

/// Before the head of an answer came.
pub(super) fn before(fault: Fault) -> Error {
    match fault {
        Fault::Connection => Error::DestinationUnavailable,
        other => within(other),
    }
}

/// While its body was read.
pub(super) fn within(fault: Fault) -> Error {
    let says = |words: &str| Error::InternalError(Some(words.to_owned()));
    match fault {
        Fault::Denied => Error::HttpRequestDenied,
        Fault::UrlTooLong => Error::HttpRequestUriTooLong,
        Fault::HeadersTooLarge(bytes) => Error::HttpRequestHeaderSectionSize(Some(bytes)),
        Fault::TrailersTooLarge(bytes) => Error::HttpRequestTrailerSectionSize(Some(bytes)),
        Fault::NoAddress => Error::DnsError { rcode: None, info_code: None },
        Fault::AddressProhibited => Error::DestinationIpProhibited,
        Fault::Connection => Error::HttpResponseIncomplete,
        Fault::ConnectTimeout => Error::ConnectionTimeout,
        Fault::Tls => Error::TlsProtocolError,
        Fault::Timeout => Error::HttpResponseTimeout,
        Fault::RequestTooLarge(bytes) => Error::HttpRequestBodySize(Some(bytes)),
        Fault::ResponseTooLarge(bytes) => Error::HttpResponseBodySize(Some(bytes)),
        Fault::Encoding => Error::HttpResponseContentCoding(None),
        Fault::Protocol | Fault::Aborted => Error::HttpProtocolError,
        Fault::Redirects => Error::LoopDetected,
        Fault::TooMany => Error::ConnectionLimitReached,
        Fault::CallEnded => Error::ConnectionTerminated,
        Fault::BadRequest => says("a URL, a method or a header that may not be sent"),
        Fault::ContentType => says("an answer of a media type that is not granted"),
        Fault::Budget => says("the session's budget of bytes is used up"),
        Fault::Secret => says("it held a secret and is withheld"),
        Fault::Unrecorded => says("it could not be written down, and so was not done"),
    }
}

/// Lets a guest ask which code the error of a stream stands for: wasmtime's own answer knows only errors that were
/// codes from the beginning, and those of a body never are.
pub(crate) fn tell(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker.instance("wasi:http/types@0.2.12")?.func_wrap(
        "http-error-code",
        |mut store: wasmtime::StoreContextMut<'_, State>, (error,): (Resource<IoError>,)| {
            let error = store.data_mut().table().get(&error)?;
            let code = error.downcast_ref::<Error>().and_then(code);
            Ok((code.or_else(|| error.downcast_ref::<ErrorCode>().cloned()),))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// The codes of what [`before`] and [`within`] make, and of what our bodies say themselves.
fn code(error: &Error) -> Option<ErrorCode> {
    Some(match error {
        Error::HttpRequestDenied => ErrorCode::HttpRequestDenied,
        Error::HttpRequestUriTooLong => ErrorCode::HttpRequestUriTooLong,
        Error::HttpRequestHeaderSectionSize(bytes) => ErrorCode::HttpRequestHeaderSectionSize(*bytes),
        Error::HttpRequestTrailerSectionSize(bytes) => ErrorCode::HttpRequestTrailerSectionSize(*bytes),
        Error::HttpRequestTrailerSize { field_name, field_size } => {
            ErrorCode::HttpRequestTrailerSize(FieldSizePayload {
                field_name: field_name.clone(),
                field_size: *field_size,
            })
        }
        Error::DnsError { rcode, info_code } => {
            ErrorCode::DnsError(DnsErrorPayload { rcode: rcode.clone(), info_code: *info_code })
        }
        Error::DestinationIpProhibited => ErrorCode::DestinationIpProhibited,
        Error::DestinationUnavailable => ErrorCode::DestinationUnavailable,
        Error::HttpResponseIncomplete => ErrorCode::HttpResponseIncomplete,
        Error::ConnectionTimeout => ErrorCode::ConnectionTimeout,
        Error::ConnectionReadTimeout => ErrorCode::ConnectionReadTimeout,
        Error::ConnectionTerminated => ErrorCode::ConnectionTerminated,
        Error::ConnectionLimitReached => ErrorCode::ConnectionLimitReached,
        Error::TlsProtocolError => ErrorCode::TlsProtocolError,
        Error::HttpResponseTimeout => ErrorCode::HttpResponseTimeout,
        Error::HttpRequestBodySize(bytes) => ErrorCode::HttpRequestBodySize(*bytes),
        Error::HttpResponseBodySize(bytes) => ErrorCode::HttpResponseBodySize(*bytes),
        Error::HttpResponseContentCoding(coding) => ErrorCode::HttpResponseContentCoding(coding.clone()),
        Error::HttpProtocolError => ErrorCode::HttpProtocolError,
        Error::LoopDetected => ErrorCode::LoopDetected,
        Error::InternalError(words) => ErrorCode::InternalError(words.clone()),
        _ => return None,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// One of each.
    const ALL: [Fault; 23] = [
        Fault::Denied,
        Fault::BadRequest,
        Fault::UrlTooLong,
        Fault::HeadersTooLarge(1),
        Fault::TrailersTooLarge(1),
        Fault::NoAddress,
        Fault::AddressProhibited,
        Fault::Connection,
        Fault::ConnectTimeout,
        Fault::Tls,
        Fault::Timeout,
        Fault::RequestTooLarge(7),
        Fault::ResponseTooLarge(8),
        Fault::ContentType,
        Fault::Encoding,
        Fault::Protocol,
        Fault::Redirects,
        Fault::TooMany,
        Fault::Budget,
        Fault::Secret,
        Fault::Unrecorded,
        Fault::CallEnded,
        Fault::Aborted,
    ];

    #[test]
    fn every_fault_has_a_code_in_the_middle_of_a_body_too() {
        for fault in ALL {
            assert!(code(&within(fault)).is_some() && code(&before(fault)).is_some(), "{fault:?}");
        }
        let too_large = code(&within(Fault::ResponseTooLarge(8))).unwrap();
        assert!(matches!(too_large, ErrorCode::HttpResponseBodySize(Some(8))), "{too_large:?}");
        assert!(matches!(code(&before(Fault::Connection)), Some(ErrorCode::DestinationUnavailable)));
        assert!(matches!(code(&within(Fault::Connection)), Some(ErrorCode::HttpResponseIncomplete)));
    }
}
