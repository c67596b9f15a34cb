//! Frames: a little-endian `u32` length, then one message in postcard.
//!
//! The peer may be a runner that hostile code has taken over: a length is checked before anything is
//! allocated for it, what a body leaves over is an error, and after an error nothing is decoded any more.

use crate::MAX_FRAME_BYTES;
use serde::{Serialize, de::DeserializeOwned};

/// Bytes of the length in front of each body.
const HEADER_BYTES: usize = 4;

/// The most a decoder wants to hold at once: one frame.
const MAX_BUFFER_BYTES: usize = HEADER_BYTES + MAX_FRAME_BYTES;

/// Why bytes are not a frame, or a message does not fit one. Whoever reads one ends the connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length says more than a peer may send, or may send now.
    #[error("a frame of {bytes} bytes, where the most is {most}")]
    TooLong {
        /// What the length said.
        bytes: u64,
        /// The bound.
        most: usize,
    },
    /// The body is not a message of the wanted type.
    #[error("a frame that holds no known message")]
    Malformed(#[source] postcard::Error),
    /// The body is a message and then something else.
    #[error("a frame with {bytes} bytes after its message")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// A message of ours cannot be written.
    #[error("a message that cannot be written")]
    Unwritable(#[source] postcard::Error),
}

/// Appends one frame to `out`. On an error `out` is as it was.
///
/// # Errors
/// [`FrameError::TooLong`] for a message that no peer would take.
pub fn encode<M: Serialize>(message: &M, out: &mut Vec<u8>) -> Result<(), FrameError> {
    let start = out.len();
    let written = append(message, start, out);
    if written.is_err() {
        out.truncate(start);
    }
    written
}

fn append<M: Serialize>(message: &M, start: usize, out: &mut Vec<u8>) -> Result<(), FrameError> {
    out.extend_from_slice(&[0; HEADER_BYTES]);
    // Not `to_extend`, which appends byte by byte: a text of 64 KiB took 7 µs so, and takes 2.
    postcard::to_io(message, &mut *out).map_err(FrameError::Unwritable)?;
    let body = out.len().saturating_sub(start + HEADER_BYTES);
    let too_long = || FrameError::TooLong { bytes: body as u64, most: MAX_FRAME_BYTES };
    if body > MAX_FRAME_BYTES {
        return Err(too_long());
    }
    let length = u32::try_from(body).map_err(|_| too_long())?.to_le_bytes();
    if let Some(header) = out.get_mut(start..start + HEADER_BYTES) {
        header.copy_from_slice(&length);
    }
    Ok(())
}

/// Puts frames together from whatever chunks a stream delivers.
///
/// Feed a chunk, then take messages until there is none: so it never holds more than one frame and
/// the chunk.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// Bytes at the front that were already decoded; moved away only when more come and find no room.
    taken: usize,
    failed: Option<FrameError>,
}

impl Decoder {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what the stream delivered. After an error nothing is kept any more.
    pub fn push(&mut self, chunk: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        self.room(chunk.len()).extend_from_slice(chunk);
        if let Err(error) = self.body_bytes(MAX_FRAME_BYTES) {
            self.fail(error);
        }
    }

    /// The buffer, with room for so many bytes more: whoever reads from a stream appends them here and saves a copy.
    /// What is in it already stays as it is.
    pub fn room(&mut self, bytes: usize) -> &mut Vec<u8> {
        if self.failed.is_some() || self.taken == self.buffer.len() {
            self.buffer.clear();
            self.taken = 0;
        }
        if self.buffer.capacity().saturating_sub(self.buffer.len()) < bytes {
            self.buffer.drain(..self.taken);
            self.taken = 0;
            // Doubling alone could reserve twice the largest frame.
            let wanted = self.buffer.len().saturating_add(bytes);
            if wanted > self.buffer.capacity() {
                let doubled = self.buffer.capacity().saturating_mul(2).min(MAX_BUFFER_BYTES);
                self.buffer.reserve_exact(wanted.max(doubled).saturating_sub(self.buffer.len()));
            }
        }
        &mut self.buffer
    }

    /// The next message, if all of it is here.
    ///
    /// # Errors
    /// The same error for ever, once the stream broke the rules.
    pub fn next<M: DeserializeOwned>(&mut self) -> Result<Option<M>, FrameError> {
        self.next_within(MAX_FRAME_BYTES)
    }

    /// The next message, if all of it is here, of at most `most_bytes`: what a peer may say at a moment is often
    /// far less than the longest frame. A longer one is an error as soon as its length is read.
    ///
    /// # Errors
    /// As [`Decoder::next`].
    pub fn next_within<M: DeserializeOwned>(&mut self, most_bytes: usize) -> Result<Option<M>, FrameError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let decoded = self.decode(most_bytes);
        if let Err(error) = &decoded {
            self.fail(error.clone());
        }
        decoded
    }

    /// Whether the stream may end here: no part of a frame is waiting.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taken == self.buffer.len()
    }

    fn decode<M: DeserializeOwned>(&mut self, most_bytes: usize) -> Result<Option<M>, FrameError> {
        let Some(bytes) = self.body_bytes(most_bytes)? else { return Ok(None) };
        let start = self.taken + HEADER_BYTES;
        let Some(body) = self.buffer.get(start..start + bytes) else { return Ok(None) };
        let (message, rest) = postcard::take_from_bytes(body).map_err(FrameError::Malformed)?;
        if !rest.is_empty() {
            return Err(FrameError::Trailing { bytes: rest.len() });
        }
        self.taken = start + bytes;
        Ok(Some(message))
    }

    /// The length of the frame at the front, once its header is here.
    fn body_bytes(&self, most_bytes: usize) -> Result<Option<usize>, FrameError> {
        let waiting = self.buffer.get(self.taken..).unwrap_or_default();
        let Some(header) = waiting.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let bytes = u32::from_le_bytes(*header);
        match usize::try_from(bytes) {
            Ok(bytes) if bytes <= most_bytes => Ok(Some(bytes)),
            _ => Err(FrameError::TooLong { bytes: bytes.into(), most: most_bytes }),
        }
    }

    fn fail(&mut self, error: FrameError) {
        self.buffer = Vec::new();
        self.taken = 0;
        self.failed = Some(error);
    }
}

#[cfg(test)]
mod tests;
