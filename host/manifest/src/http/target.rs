//! A URL that a guest asks for, read by one parser. What could be read in two ways is refused.

use super::host::{self, Name};
use super::{Scheme, escape, path};

/// The longest URL.
const MAX_BYTES: usize = 8 << 10;

/// Where a request goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    scheme: Scheme,
    name: Name,
    port: u16,
    path: String,
    query: Option<String>,
}

/// Why a URL is not asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not a URL that can be asked for: {0}")]
pub struct BadTarget(pub &'static str);

impl Target {
    /// Reads a URL: `scheme://host[:port]/path[?query]`, in normal form.
    ///
    /// # Errors
    /// What makes it ambiguous or none.
    pub fn parse(text: &str) -> Result<Self, BadTarget> {
        if text.len() > MAX_BYTES {
            return Err(BadTarget("it has more than 8 KiB"));
        }
        if !text.bytes().all(|b| (0x21..=0x7e).contains(&b) && b != b'\\' && b != b'#') {
            return Err(BadTarget("it has visible ASCII only, no backslash and no fragment"));
        }
        let (scheme, rest) = match text.split_once("://") {
            Some(("https", rest)) => (Scheme::Https, rest),
            Some(("http", rest)) => (Scheme::Http, rest),
            _ => return Err(BadTarget("it begins with `https://` or `http://`")),
        };
        let split = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(split);
        if authority.contains(['@', '%']) {
            return Err(BadTarget("no user, and no escapes in a host"));
        }
        let (name, port) = authority_of(authority, scheme)?;
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (rest, None),
        };
        let path = if path.is_empty() { "/" } else { path };
        path::well_formed(path).map_err(BadTarget)?;
        query.as_deref().map_or(Ok(()), well_formed_query).map_err(BadTarget)?;
        Ok(Self { scheme, name, port, path: path.to_owned(), query })
    }

    /// Reads what an answer's `Location` says, seen from here.
    ///
    /// # Errors
    /// As [`Target::parse`].
    pub fn join(&self, location: &str) -> Result<Self, BadTarget> {
        // The library drops tabs and turns backslashes, and a longer text it would read first.
        if location.len() > MAX_BYTES || !location.bytes().all(|b| (0x21..=0x7e).contains(&b) && b != b'\\') {
            return Err(BadTarget("its `Location` has at most 8 KiB of visible ASCII, and no backslash"));
        }
        let base = url::Url::parse(&self.to_string()).map_err(|_| BadTarget("it is no URL"))?;
        let joined = base.join(location).map_err(|_| BadTarget("its `Location` is no URL"))?;
        Self::parse(joined.as_str().split('#').next().unwrap_or_default())
    }

    /// How.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Where to.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// At which port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From its first `/` on, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Behind the `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// What goes into `Host`.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.port == self.scheme.port() { self.name.to_string() } else { format!("{}:{}", self.name, self.port) }
    }

    /// Whether two have scheme, host and port in common.
    #[must_use]
    pub fn same_origin(&self, other: &Self) -> bool {
        (self.scheme, &self.name, self.port) == (other.scheme, &other.name, other.port)
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", self.scheme.as_str(), self.authority(), self.path)?;
        match &self.query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

fn authority_of(authority: &str, scheme: Scheme) -> Result<(Name, u16), BadTarget> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port = match port {
        None => scheme.port(),
        Some(port) => match port.parse::<u16>() {
            Ok(number) if number != 0 && number.to_string() == port => number,
            _ => return Err(BadTarget("a port is 1 to 65535, without zeros in front")),
        },
    };
    Ok((host::read(host).map_err(BadTarget)?, port))
}

/// Parameters that some frameworks take for the method, whatever the request's own is; as [`plain`] has them.
const OVERRIDES: [&str; 5] = ["_method", "$httpmethod", "x_http_method", "x_http_method_override", "x_method_override"];

/// A parameter's name as the most generous framework reads it: without spaces in front, without what is in brackets,
/// and with one letter for all that are no letters of a variable's name.
fn plain(name: &[u8]) -> Vec<u8> {
    let name = name.iter().map(|&byte| if byte == b'+' { b' ' } else { byte.to_ascii_lowercase() });
    let name = name.skip_while(|&byte| byte == b' ').enumerate().take_while(|&(at, byte)| at == 0 || byte != b'[');
    name.map(|(_, byte)| if matches!(byte, b' ' | b'.' | b'-' | b'[') { b'_' } else { byte }).collect()
}

/// Why a query is refused. Beyond this it is data: no pattern looks at it.
fn well_formed_query(query: &str) -> Result<(), &'static str> {
    if query.bytes().any(|b| matches!(b, b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'|' | b'^')) {
        return Err("a query has letters, digits and -._~!$&'()*+,;=:@/?[] only; everything else is escaped");
    }
    let Some(decoded) = escape::bytes(query) else { return Err("an escape in the query is none") };
    // Whoever logs it, or puts it into a header, would make two lines of one.
    if decoded.iter().any(u8::is_ascii_control) {
        return Err("an escape of a control character in the query");
    }
    for parameter in query.split(['&', ';']) {
        let name = parameter.split('=').next().unwrap_or_default();
        let name = escape::bytes(name).unwrap_or_default();
        let name = plain(&name);
        if OVERRIDES.iter().any(|word| name == word.as_bytes()) {
            return Err("a parameter that names another method");
        }
    }
    Ok(())
}
