//! What was answered. A body is read as far as its reader says and no further: nobody knows how long it is.

use super::Error;
use serde::de::DeserializeOwned;
use std::io::Read;

/// Where the bytes of a body come from, piece by piece.
pub(super) trait Source {
    /// The next bytes, never none of them; nothing at the end.
    fn next(&mut self) -> Result<Option<Vec<u8>>, Error>;
}

/// An answer whose body is still to be read.
pub struct Response {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Box<dyn Source>,
    /// Read, and not yet passed on.
    left: Vec<u8>,
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}

/// A body that is there already.
struct Ready(std::vec::IntoIter<Vec<u8>>);

impl Source for Ready {
    fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.0.find(|piece| !piece.is_empty()))
    }
}

impl Response {
    /// An answer without headers and body: for tests.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self::of(status, Vec::new(), Box::new(Ready(Vec::new().into_iter())))
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.as_bytes().to_vec()));
        self
    }

    /// The same with this body.
    #[must_use]
    pub fn with_body(self, body: impl Into<Vec<u8>>) -> Self {
        self.with_pieces(vec![body.into()])
    }

    /// The same with a body that comes in these pieces.
    #[must_use]
    pub fn with_pieces(mut self, pieces: Vec<Vec<u8>>) -> Self {
        self.body = Box::new(Ready(pieces.into_iter()));
        self
    }

    pub(super) fn of(status: u16, headers: Vec<(String, Vec<u8>)>, body: Box<dyn Source>) -> Self {
        Self { status, headers, body, left: Vec::new() }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether it is 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first value of this header that is text; its name is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().filter(|(is, _)| is == name).find_map(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The whole body.
    ///
    /// # Errors
    /// It has more than `limit` bytes, or breaks off.
    pub fn all(&mut self, limit: u64) -> Result<Vec<u8>, Error> {
        match self.up_to(limit)? {
            (bytes, false) => Ok(bytes),
            (_, true) => Err(Error::TooLarge { limit }),
        }
    }

    /// The first `limit` bytes of the body, and whether there are more.
    ///
    /// # Errors
    /// It breaks off.
    pub fn up_to(&mut self, limit: u64) -> Result<(Vec<u8>, bool), Error> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut bytes = std::mem::take(&mut self.left);
        while bytes.len() <= limit {
            let Some(piece) = self.body.next()? else { return Ok((bytes, false)) };
            bytes.extend_from_slice(&piece);
        }
        self.left = bytes.split_off(limit);
        Ok((bytes, true))
    }

    /// The next piece of the body as it came, nothing at its end.
    ///
    /// # Errors
    /// It breaks off.
    pub fn piece(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if self.left.is_empty() { self.body.next() } else { Ok(Some(std::mem::take(&mut self.left))) }
    }

    /// The whole body, read as JSON.
    ///
    /// # Errors
    /// It has more than `limit` bytes, breaks off, or is not such JSON.
    pub fn json<T: DeserializeOwned>(&mut self, limit: u64) -> crate::Result<T> {
        let bytes = self.all(limit)?;
        serde_json::from_slice(&bytes)
            .map_err(|error| crate::anyhow!("the answer is not the JSON it should be: {error}"))
    }
}

impl Read for Response {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.left.is_empty() {
            match self.body.next()? {
                Some(piece) => self.left = piece,
                None => return Ok(0),
            }
        }
        let taken = self.left.as_slice().read(into)?;
        self.left.drain(..taken);
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::{Error, Response};
    use std::io::Read;

    fn pieces() -> Response {
        Response::new(200).with_pieces(vec![b"ab".to_vec(), Vec::new(), b"cdef".to_vec()])
    }

    #[test]
    fn a_body_is_read_as_far_as_asked_and_no_further() {
        assert_eq!(pieces().all(6).unwrap(), b"abcdef");
        assert_eq!(pieces().all(5), Err(Error::TooLarge { limit: 5 }));
        assert_eq!(pieces().up_to(6).unwrap(), (b"abcdef".to_vec(), false));
        assert_eq!(pieces().up_to(0).unwrap(), (Vec::new(), true));
        let mut cut = pieces();
        assert_eq!(cut.up_to(3).unwrap(), (b"abc".to_vec(), true));
        assert_eq!(cut.up_to(100).unwrap(), (b"def".to_vec(), false));
        assert_eq!(Response::new(204).all(0).unwrap(), b"");
    }

    #[test]
    fn a_body_streams() {
        let mut text = String::new();
        pieces().read_to_string(&mut text).unwrap();
        assert_eq!(text, "abcdef");
        let mut body = pieces();
        let mut two = [0; 1];
        assert_eq!((body.read(&mut two).unwrap(), two), (1, *b"a"));
        assert_eq!(body.piece().unwrap().unwrap(), b"b");
        assert_eq!(body.piece().unwrap().unwrap(), b"cdef");
        assert_eq!(body.piece().unwrap(), None);
    }

    #[test]
    fn a_header_is_found_by_its_name() {
        let response = Response::new(200).with_header("ETag", "\"x\"").with_header("ETag", "\"y\"");
        assert_eq!(response.header("etag"), Some("\"x\""));
        assert_eq!(response.header("link"), None);
    }
}
