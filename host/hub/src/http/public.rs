//! The names by which a door is reached.

use super::HttpError;
use http::Uri;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// Where agents reach this hub: `https://HOST[:PORT]`, without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    authority: String,
}

impl PublicUrl {
    /// `HOST` or `HOST:PORT`.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.authority)
    }
}

impl FromStr for PublicUrl {
    type Err = HttpError;

    fn from_str(text: &str) -> Result<Self, HttpError> {
        let wrong = || HttpError::PublicUrl(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?.as_str().to_ascii_lowercase();
        let bare = uri.path() == "/" && uri.query().is_none() && !authority.contains('@');
        if uri.scheme_str() != Some("https") || !bare || uri.host().is_none_or(str::is_empty) {
            return Err(wrong());
        }
        // The port that `https` has by itself is said by nobody.
        let authority = authority.strip_suffix(":443").unwrap_or(&authority).to_owned();
        Ok(Self { authority })
    }
}

/// What a `Host` and an `Origin` may say, all in lower case and without the port 443.
#[derive(Debug)]
pub(super) struct Names(Vec<String>);

impl Names {
    /// The public name alone; without one this machine's names for itself.
    pub(super) fn of(public: Option<&PublicUrl>, address: SocketAddr) -> Self {
        Self(match public {
            Some(public) => vec![public.authority.clone()],
            None => ["127.0.0.1", "localhost", "[::1]"].map(|name| format!("{name}:{}", address.port())).into(),
        })
    }

    pub(super) fn is_host(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let host = host.strip_suffix(":443").unwrap_or(&host);
        self.0.iter().any(|name| name.strip_suffix(":443").unwrap_or(name) == host)
    }

    pub(super) fn is_origin(&self, origin: &str) -> bool {
        origin.strip_prefix("https://").is_some_and(|host| self.is_host(host))
    }
}
