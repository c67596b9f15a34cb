//! Why there is no answer, in WASI's names and in words that an agent can act on.

use std::fmt;

/// Why a request was not made, or its answer not read to the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// It cannot be asked for at all: why not.
    Request(String),
    /// There is no answer, or no more of it.
    Failed {
        /// WASI's name of it, such as `HTTP-request-denied`.
        code: &'static str,
        /// What the host says besides: a bound, a name.
        detail: Option<String>,
    },
    /// The body is larger than was asked for.
    TooLarge {
        /// The bound, bytes.
        limit: u64,
    },
}

impl Error {
    /// An error by WASI's name for it.
    #[must_use]
    pub fn failed(code: &'static str) -> Self {
        Self::Failed { code, detail: None }
    }

    /// Whether the hub said that this may not be asked for.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Failed { code: "HTTP-request-denied", .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(why) => write!(f, "this cannot be asked for: {why}"),
            Self::Failed { code, detail } => {
                write!(f, "{}", words(code))?;
                match detail {
                    Some(detail) => write!(f, " ({code}: {detail})"),
                    None => write!(f, " ({code})"),
                }
            }
            Self::TooLarge { limit } => write!(f, "the answer has more than the {limit} bytes that were asked for"),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}

/// What a code means. A code without words of its own is shown as it is.
fn words(code: &str) -> &'static str {
    match code {
        "DNS-timeout" | "DNS-error" => "the host's name could not be resolved",
        "destination-not-found" => "the host's name has no address",
        "destination-unavailable" | "destination-IP-unroutable" => "the host cannot be reached",
        "destination-IP-prohibited" => "the host's address is one that nobody may be sent to",
        "connection-refused" => "the host refused the connection",
        "connection-terminated" => "the connection broke",
        "connection-timeout" => "the host could not be connected to in time",
        "connection-read-timeout" => "the host stayed silent for too long",
        "connection-write-timeout" => "the host did not take the request in time",
        "connection-limit-reached" => "too many requests: of this call, in this minute or at once. Ask for less, later",
        "TLS-protocol-error" | "TLS-alert-received" => "no secure connection could be made to the host",
        "TLS-certificate-error" => "the host's certificate is not to be trusted",
        "HTTP-request-denied" => {
            "this request is not granted to this tool. Only its operator can grant it, in the manifest"
        }
        "HTTP-request-length-required" => "the host wants to know the length of the request's body",
        "HTTP-request-body-size" => "the request's body is larger than is granted",
        "HTTP-request-method-invalid" => "the request's method is none that may be sent",
        "HTTP-request-URI-invalid" => "the URL is one that cannot be asked for; write it in its plainest form",
        "HTTP-request-URI-too-long" => "the URL is too long",
        "HTTP-request-header-section-size" | "HTTP-request-header-size" => "the request's headers are too large",
        "HTTP-request-trailer-section-size" | "HTTP-request-trailer-size" => "the request's trailers are too large",
        "HTTP-response-incomplete" => "the answer broke off",
        "HTTP-response-header-section-size" | "HTTP-response-header-size" => "the answer's headers are too large",
        "HTTP-response-body-size" => "the answer's body is larger than is granted",
        "HTTP-response-trailer-section-size" | "HTTP-response-trailer-size" => "the answer's trailers are too large",
        "HTTP-response-transfer-coding" | "HTTP-response-content-coding" => {
            "the answer is encoded in a way that cannot be read"
        }
        "HTTP-response-timeout" => "the answer did not come in time",
        "HTTP-upgrade-failed" => "the host wanted another protocol",
        "HTTP-protocol-error" => "what the host answered is not HTTP",
        "loop-detected" => "the answer points elsewhere more often than is granted",
        "configuration-error" => "the host of this plugin is not set up to make requests",
        _ => "the request failed",
    }
}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn an_error_says_what_it_is_in_words_and_by_its_name() {
        let denied = Error::failed("HTTP-request-denied");
        assert!(denied.is_denied() && !Error::failed("loop-detected").is_denied());
        assert!(denied.to_string().contains("Only its operator can grant it"), "{denied}");
        assert!(denied.to_string().ends_with("(HTTP-request-denied)"), "{denied}");
        let size = Error::Failed { code: "HTTP-response-body-size", detail: Some("1024 bytes".into()) };
        assert!(size.to_string().ends_with("than is granted (HTTP-response-body-size: 1024 bytes)"), "{size}");
        assert!(Error::failed("internal-error").to_string().starts_with("the request failed"));
    }
}
