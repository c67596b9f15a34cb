//! Where a collector is.

use http::Uri;
use http::uri::Scheme;
use std::str::FromStr;

/// The path of traces below a collector's address, as OTLP/HTTP has it.
const TRACES: &str = "/v1/traces";

/// A collector's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collector(Uri);

/// Why no spans can be sent.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The address is none.
    #[error("`{0}` is no address of a collector: say http://HOST:4318 or https://HOST:4318")]
    Address(String),
    /// The address holds a secret, which others can read on a command line.
    #[error("a collector's address holds no user and no password: put them in OTEL_EXPORTER_OTLP_HEADERS")]
    UserInfo,
    /// The library refuses the settings, of which it reads some from the environment.
    #[error("spans cannot be exported: look at the OTEL_EXPORTER_OTLP_… variables")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// No TLS client can be made.
    #[error("no TLS client can be made")]
    Tls(#[from] tokio_rustls::rustls::Error),
    /// It was done before.
    #[error("this hub sends its spans to a collector already")]
    Twice,
}

impl Collector {
    /// Where traces go.
    pub(super) fn traces(&self) -> String {
        format!("{}{TRACES}", self.0.to_string().trim_end_matches('/'))
    }

    /// Whether what is sent can be read on the way by whoever sits there.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let local = matches!(self.0.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
        self.0.scheme() == Some(&Scheme::HTTP) && !local
    }
}

impl FromStr for Collector {
    type Err = TraceError;

    fn from_str(text: &str) -> Result<Self, TraceError> {
        // Not repeated in the error: it may hold a password.
        if text.contains('@') {
            return Err(TraceError::UserInfo);
        }
        let wrong = || TraceError::Address(crate::clean::line(text, 256));
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let known = [Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&uri.scheme());
        if !known || uri.host().is_none_or(str::is_empty) || uri.query().is_some() {
            return Err(wrong());
        }
        Ok(Self(uri))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_base_below_which_the_path_of_traces_lies() {
        for (text, traces) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
            ("https://otel.example/base/", "https://otel.example/base/v1/traces"),
        ] {
            assert_eq!(text.parse::<Collector>().unwrap().traces(), traces);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["", "127.0.0.1:4318", "ftp://host", "/v1/traces", "http://host/?key=secret", "http:///x", "grpc://h"]
        {
            assert!(matches!(text.parse::<Collector>(), Err(TraceError::Address(_))), "{text}");
        }
        let error = "https://user:hush@otel.example".parse::<Collector>().unwrap_err();
        assert!(matches!(error, TraceError::UserInfo) && !error.to_string().contains("hush"));
    }

    #[test]
    fn who_can_read_on_the_way_is_said() {
        let open = |text: &str| text.parse::<Collector>().unwrap().is_open();
        assert!(open("http://otel.example:4318"));
        assert!(!open("https://otel.example:4318") && !open("http://127.0.0.1:4318") && !open("http://[::1]:4318"));
    }
}
