//! What a guest learns of an error on the wire.

use crate::chain;
use crate::stop::Stop;
use protocol::HttpFault;
use std::error::Error;
use std::io;
use tokio_rustls::rustls;

/// Of one of hyper's.
pub(crate) fn of_http(error: &hyper::Error, doing: &str) -> Stop {
    let fault = match cause(error) {
        Some(fault) => fault,
        None if error.is_parse() => HttpFault::Protocol,
        None => HttpFault::Connection,
    };
    Stop::Fault(fault, format!("{doing}: {}", chain(error)))
}

/// Of one of the connection's.
pub(super) fn of_io(error: &io::Error, doing: &str) -> Stop {
    Stop::Fault(of_io_kind(error), format!("{doing}: {}", chain(error)))
}

/// What an input or output error within says.
fn cause(error: &hyper::Error) -> Option<HttpFault> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(of_io_kind(error));
        }
        source = error.source();
    }
    None
}

fn of_io_kind(error: &io::Error) -> HttpFault {
    if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) {
        return HttpFault::Tls;
    }
    match error.kind() {
        // Chunks that are none, and trailers without end.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => HttpFault::Protocol,
        io::ErrorKind::TimedOut => HttpFault::ConnectTimeout,
        _ => HttpFault::Connection,
    }
}
