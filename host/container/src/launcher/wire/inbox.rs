//! Frames, and the descriptors that came with them, from a stream.

use super::MOST_BYTES;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use tokio::io::Interest;
use tokio::net::unix::OwnedReadHalf;

/// Read at once.
const CHUNK_BYTES: usize = 16 << 10;
/// Descriptors of one answer: two FIFOs and a relay.
const MOST_DESCRIPTORS: usize = 3;
/// Descriptors that wait for the answer that they belong to. The kernel delivers those of one send before its last
/// byte, so an honest launcher has at most one answer's open here.
const MOST_WAITING: usize = 4 * MOST_DESCRIPTORS;

/// The reading end of a connection. Dropping the future of [`Inbox::next`] loses nothing.
pub(in crate::launcher) struct Inbox {
    stream: OwnedReadHalf,
    bytes: Vec<u8>,
    descriptors: VecDeque<OwnedFd>,
    /// Whether descriptors may come: a hub sends none, and one that does would fill the launcher's table.
    takes_descriptors: bool,
}

impl Inbox {
    /// For a launcher: whoever sends a descriptor is cut off.
    pub(in crate::launcher) fn without_descriptors(stream: OwnedReadHalf) -> Self {
        Self { stream, bytes: Vec::new(), descriptors: VecDeque::new(), takes_descriptors: false }
    }

    /// For a hub.
    pub(in crate::launcher) fn with_descriptors(stream: OwnedReadHalf) -> Self {
        Self { takes_descriptors: true, ..Self::without_descriptors(stream) }
    }

    /// The text of the next frame; `None` at the end of the stream.
    ///
    /// # Errors
    /// A length above the bound, an end in the middle of a frame, descriptors where none may be, or the stream's.
    pub(in crate::launcher) async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(text) = self.whole()? {
                return Ok(Some(text));
            }
            if self.receive().await? == 0 {
                return if self.bytes.is_empty() { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    /// The descriptors of the answer that was read last.
    ///
    /// # Errors
    /// There are fewer.
    pub(in crate::launcher) fn take(&mut self, count: usize) -> io::Result<Vec<OwnedFd>> {
        if self.descriptors.len() < count {
            return Err(io::Error::new(ErrorKind::InvalidData, "an answer without its descriptors"));
        }
        Ok(self.descriptors.drain(..count).collect())
    }

    fn whole(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some((prefix, rest)) = self.bytes.split_first_chunk::<4>() else { return Ok(None) };
        let length = usize::try_from(u32::from_le_bytes(*prefix)).map_err(io::Error::other)?;
        if length > MOST_BYTES {
            return Err(io::Error::new(ErrorKind::InvalidData, format!("a frame of {length} bytes")));
        }
        let Some(text) = rest.get(..length).map(<[u8]>::to_vec) else { return Ok(None) };
        self.bytes.drain(..4 + length);
        Ok(Some(text))
    }

    /// As many bytes as there are; what they need was checked to be within the bound.
    async fn receive(&mut self) -> io::Result<usize> {
        let mut chunk = [0; CHUNK_BYTES];
        let mut came = Vec::new();
        let (count, cut) = self
            .stream
            .as_ref()
            .async_io(Interest::READABLE, || {
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
                let room = if self.takes_descriptors { space.as_mut_slice() } else { &mut [] };
                let mut ancillary = RecvAncillaryBuffer::new(room);
                let into = &mut [IoSliceMut::new(&mut chunk)];
                let received = recvmsg(self.stream.as_ref(), into, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
                for message in ancillary.drain() {
                    if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                        came.extend(descriptors);
                    }
                }
                Ok((received.bytes, received.flags.contains(ReturnFlags::CTRUNC)))
            })
            .await?;
        if cut || self.descriptors.len() + came.len() > MOST_WAITING {
            return Err(io::Error::new(ErrorKind::InvalidData, "descriptors that nobody asked for"));
        }
        self.descriptors.extend(came);
        self.bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
        Ok(count)
    }
}
