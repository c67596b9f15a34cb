//! What is asked for. Paths and queries are escaped here, in the one spelling that the hub lets through.

use super::{Error, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use std::fmt::Display;
use std::time::Duration;

/// Unreserved characters have no second spelling; everything else of a query is escaped.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// A segment of a path may hold these as they are (RFC 3986, `pchar`), but for `;`: some servers take what is behind it
/// away before they look at the segment.
const SEGMENT: &AsciiSet = &QUERY
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// A request, before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    first_byte: Option<Duration>,
}

impl Request {
    /// A request for a URL of the form `https://host/path?query`.
    #[must_use]
    pub fn new(method: &str, url: &str) -> Self {
        Self { method: method.to_owned(), url: url.to_owned(), headers: Vec::new(), body: None, first_byte: None }
    }

    /// A `GET`.
    #[must_use]
    pub fn get(url: &str) -> Self {
        Self::new("GET", url)
    }

    /// A `POST`.
    #[must_use]
    pub fn post(url: &str) -> Self {
        Self::new("POST", url)
    }

    /// A `DELETE`.
    #[must_use]
    pub fn delete(url: &str) -> Self {
        Self::new("DELETE", url)
    }

    /// One more header. `Authorization` is the hub's to set; a request that brings its own is refused.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// One more `name=value` behind the `?`, escaped.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl Display) -> Self {
        self.url.push(if self.url.contains('?') { '&' } else { '?' });
        self.url.extend(utf8_percent_encode(name, QUERY));
        self.url.push('=');
        self.url.extend(utf8_percent_encode(&value.to_string(), QUERY));
        self
    }

    /// The body, and its media type.
    #[must_use]
    pub fn body(mut self, bytes: impl Into<Vec<u8>>, content_type: &str) -> Self {
        self.body = Some(bytes.into());
        self.header("content-type", content_type)
    }

    /// The body, as JSON.
    ///
    /// # Errors
    /// A value that cannot be written as JSON.
    pub fn json(self, value: &impl Serialize) -> Result<Self, Error> {
        let bytes = serde_json::to_vec(value).map_err(|error| Error::Request(error.to_string()))?;
        Ok(self.body(bytes, "application/json"))
    }

    /// How long the first byte of the answer may take; this can only shorten what is granted.
    #[must_use]
    pub fn first_byte_within(mut self, time: Duration) -> Self {
        self.first_byte = Some(time);
        self
    }

    /// Sends it and waits until the answer begins.
    ///
    /// # Errors
    /// Nothing was answered.
    pub fn send(self) -> Result<Response, Error> {
        super::send(self)
    }

    /// Its method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Names, in lower case, and values.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// What was said of this header last; its name is in lower case.
    #[must_use]
    pub fn header_value(&self, name: &str) -> Option<&str> {
        self.headers.iter().rev().find(|(is, _)| is == name).map(|(_, value)| value.as_str())
    }

    /// Its body, if it has one.
    #[must_use]
    pub fn body_bytes(&self) -> Option<&[u8]> {
        self.body.as_deref()
    }

    /// The guest's own bound on the first byte.
    #[must_use]
    pub fn first_byte(&self) -> Option<Duration> {
        self.first_byte
    }

    /// Scheme, authority, and path with query, as WASI wants them.
    ///
    /// # Errors
    /// It is not a URL of this form.
    pub fn parts(&self) -> Result<(&str, &str, &str), Error> {
        let bad = |why: &str| Error::Request(format!("{} is not a URL: {why}", self.url));
        let (scheme, rest) = self.url.split_once("://").ok_or_else(|| bad("it begins with `https://` or `http://`"))?;
        if rest.contains('#') {
            return Err(bad("what is behind `#` is not sent to anybody; leave it out"));
        }
        let place = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(place);
        if authority.is_empty() {
            return Err(bad("it names no host"));
        }
        match path {
            "" => Ok((scheme, authority, "/")),
            path if path.starts_with('?') => Err(bad("there is a `/` before the `?`")),
            path => Ok((scheme, authority, path)),
        }
    }
}

/// One segment of a path, escaped. What could be read as more than a segment is refused, here as by the hub.
///
/// # Errors
/// Nothing at all, `.`, `..`, and whatever holds `/`, `\`, `%` or a control character.
pub fn segment(text: &str) -> Result<String, Error> {
    let no = |why: &str| Err(Error::Request(format!("{text:?} cannot be a part of a path: {why}")));
    match text {
        "" => no("it is empty"),
        "." | ".." => no("it would lead elsewhere"),
        text if text.contains(['/', '\\', '%']) => no("it holds `/`, `\\` or `%`"),
        text if text.chars().any(char::is_control) => no("it holds a control character"),
        text => Ok(utf8_percent_encode(text, SEGMENT).to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::{Request, segment};

    #[test]
    fn what_could_lead_elsewhere_is_no_segment() {
        for attack in ["", ".", "..", "a/b", "a\\b", "a%2fb", "%2e%2e", "a\0", "a\nb", "a\u{7f}", "a\u{85}b"] {
            assert!(segment(attack).is_err(), "{attack:?}");
        }
        for (text, expected) in [
            ("main.rs", "main.rs"),
            ("...", "..."),
            ("a b", "a%20b"),
            ("ä", "%C3%A4"),
            ("a?b#c", "a%3Fb%23c"),
            ("x@y:z~(1)", "x@y:z~(1)"),
            ("a;b", "a%3Bb"),
            ("[id]", "%5Bid%5D"),
        ] {
            assert_eq!(segment(text).unwrap(), expected);
        }
    }

    #[test]
    fn a_query_cannot_be_broken_out_of() {
        let request = Request::get("https://h/x").query("q", "a&b=c#d e/+é%").query("page", 2);
        assert_eq!(request.url(), "https://h/x?q=a%26b%3Dc%23d%20e%2F%2B%C3%A9%25&page=2");
        assert_eq!(request.parts().unwrap(), ("https", "h", "/x?q=a%26b%3Dc%23d%20e%2F%2B%C3%A9%25&page=2"));
    }

    #[test]
    fn a_url_comes_apart_in_one_way() {
        let parts = |url| Request::get(url).parts().map(|(a, b, c)| format!("{a} {b} {c}"));
        assert_eq!(parts("https://h").unwrap(), "https h /");
        assert_eq!(parts("http://h:8080/a//b").unwrap(), "http h:8080 /a//b");
        for bad in ["", "h/x", "https:/h", "https:///x", "https://h?x", "https://h/a#b", "https://#@h/"] {
            assert!(parts(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_body_says_what_it_is() {
        let request = Request::post("https://h/").header("Accept", "*/*").json(&["x"]).unwrap();
        assert_eq!(request.body_bytes().unwrap(), br#"["x"]"#);
        assert_eq!(request.header_value("content-type"), Some("application/json"));
        assert_eq!(request.header_value("accept"), Some("*/*"));
    }
}
