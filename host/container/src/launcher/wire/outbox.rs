//! Frames, and the descriptors that go with them, onto a stream: one task writes them, one after the other.

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tokio::io::{AsyncWriteExt as _, Interest};
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::mpsc;

/// A frame and what goes with it.
#[derive(Debug)]
pub(in crate::launcher) struct Outgoing {
    pub(in crate::launcher) frame: Vec<u8>,
    pub(in crate::launcher) descriptors: Vec<OwnedFd>,
}

/// Where frames are handed in. Bounded by the number of requests that may be open.
pub(in crate::launcher) type Outbox = mpsc::Sender<Outgoing>;

impl Outgoing {
    pub(in crate::launcher) fn plain(frame: Vec<u8>) -> Self {
        Self { frame, descriptors: Vec::new() }
    }
}

/// Writes until nobody can hand in any more, or the other side is gone.
pub(in crate::launcher) async fn write(
    mut stream: OwnedWriteHalf,
    mut frames: mpsc::Receiver<Outgoing>,
) -> io::Result<()> {
    while let Some(Outgoing { frame, descriptors }) = frames.recv().await {
        let sent = if descriptors.is_empty() { 0 } else { with(&stream, &frame, &descriptors).await? };
        // The other side has its own copies.
        drop(descriptors);
        stream.write_all(frame.get(sent..).unwrap_or_default()).await?;
    }
    stream.shutdown().await
}

/// Sends the first bytes of a frame, and with them its descriptors.
async fn with(stream: &OwnedWriteHalf, frame: &[u8], descriptors: &[OwnedFd]) -> io::Result<usize> {
    let stream = stream.as_ref();
    let sending = || {
        let descriptors: Vec<BorrowedFd<'_>> = descriptors.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
            return Err(io::Error::other("more descriptors than an answer has"));
        }
        Ok(sendmsg(stream, &[IoSlice::new(frame)], &mut ancillary, SendFlags::NOSIGNAL)?)
    };
    stream.async_io(Interest::WRITABLE, sending).await
}
