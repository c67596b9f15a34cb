//! A container's own pair of FIFOs. Frames go through them and not through the engine, whose daemon copies every
//! byte of an attached stream twice, by two more processes.
//!
//! They lie in a directory of their own, mounted read-only, and both names are removed as soon as the runner has
//! been heard: what is left are two pipes with one process at each end, which nobody else can open. Either end
//! sees the other's death as the end of its stream.

use crate::message::ContainerName;
use crate::posture::{FRAMES_IN, FRAMES_OUT};
use rustix::fs::{CWD, FileType, Mode};
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::unix::pipe;

/// What a pipe holds before its writer waits: a call with 64 KiB of arguments in one piece. The kernel's own 64
/// KiB would cut it in two, and each cut costs two switches between processes.
const PIPE_BYTES: usize = 128 << 10;

/// The hub's ends, before there is anybody at the other.
#[derive(Debug)]
pub(super) struct Frames {
    to_runner: pipe::Sender,
    from_runner: pipe::Receiver,
    names: Names,
}

/// The directory with both names; removed when dropped.
#[derive(Debug)]
pub(super) struct Names(PathBuf);

impl Drop for Names {
    fn drop(&mut self) {
        // Whatever is left is removed when the next hub opens the data directory.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Frames {
    /// Makes and opens them. Needs a runtime.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub(super) fn make(under: &Path, container: &ContainerName) -> io::Result<Self> {
        let directory = under.join(&container.0);
        fs::DirBuilder::new().mode(0o700).create(&directory)?;
        let names = Names(directory);
        // User 1000 of the container may read the one and write the other. Nobody else of this machine gets here:
        // the data directory above is the hub's alone.
        let fifo = |name, mode| {
            let path = names.0.join(name);
            rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
            fs::set_permissions(&path, Permissions::from_mode(mode))?;
            io::Result::Ok(path)
        };
        let (to, from) = (fifo(FRAMES_IN, 0o644)?, fifo(FRAMES_OUT, 0o622)?);
        fs::set_permissions(&names.0, Permissions::from_mode(0o755))?;
        // Opened for reading too, as a FIFO without a reader cannot be opened for writing; that the runner is
        // gone is seen at the other one, which has no reader and no writer but us and it.
        let to_runner = pipe::OpenOptions::new().read_write(true).open_sender(to)?;
        let from_runner = pipe::OpenOptions::new().open_receiver(from)?;
        // A user with many pipes may have no more memory for larger ones: smaller ones are only slower.
        let _ = rustix::pipe::fcntl_setpipe_size(&to_runner, PIPE_BYTES);
        let _ = rustix::pipe::fcntl_setpipe_size(&from_runner, PIPE_BYTES);
        Ok(Self { to_runner, from_runner, names })
    }

    /// What is left when both ends are another process's.
    pub(super) fn into_names(self) -> Names {
        self.names
    }

    /// Ends that another process made and handed over; the names are `container`'s below `under`.
    ///
    /// # Errors
    /// They are no pipes, or not open in these directions.
    pub(super) fn handed(to: OwnedFd, from: OwnedFd, under: &Path, container: &ContainerName) -> io::Result<Self> {
        let (to_runner, from_runner) = (pipe::Sender::from_owned_fd(to)?, pipe::Receiver::from_owned_fd(from)?);
        Ok(Self { to_runner, from_runner, names: Names(under.join(&container.0)) })
    }

    /// Copies of both ends, for another process: to the runner, from the runner.
    ///
    /// # Errors
    /// No descriptor is left.
    pub(super) fn descriptors(&self) -> io::Result<[OwnedFd; 2]> {
        Ok([self.to_runner.as_fd().try_clone_to_owned()?, self.from_runner.as_fd().try_clone_to_owned()?])
    }

    /// The streams of a container that is attached to for its diagnostics, and to be told of its end.
    pub(super) fn streams<A, S>(self, attached: A, keep: S) -> (pipe::Sender, FromRunner<A, S>) {
        let from = FromRunner { from_runner: self.from_runner, attached, names: Some(self.names), _keep: keep };
        (self.to_runner, from)
    }
}

/// What comes from a runner: frames from its FIFO; from its attached streams diagnostics, and their end.
pub(super) struct FromRunner<A, S> {
    from_runner: pipe::Receiver,
    attached: A,
    /// Until the runner has been heard: it has opened both by then.
    names: Option<Names>,
    /// The attached standard input: closed, it would be another end.
    _keep: S,
}

impl<A: AsyncRead + Unpin, S: Unpin> AsyncRead for FromRunner<A, S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = into.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut this.from_runner).poll_read(cx, into) {
            if into.filled().len() > before {
                this.names = None;
            }
            return Poll::Ready(read);
        }
        std::task::ready!(this.attached_end(cx))?;
        // The container has ended, or its engine: what is in the pipe is the last that comes.
        match Pin::new(&mut this.from_runner).poll_read(cx, into) {
            Poll::Pending => Poll::Ready(Ok(())),
            last => last,
        }
    }
}

impl<A: AsyncRead + Unpin, S> FromRunner<A, S> {
    /// The end of the attached streams, on which nothing but diagnostics may come before.
    fn attached_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut said = [0; 1];
        let mut said = ReadBuf::new(&mut said);
        std::task::ready!(Pin::new(&mut self.attached).poll_read(cx, &mut said))?;
        Poll::Ready(match said.filled() {
            [] => Ok(()),
            _ => Err(io::Error::new(
                io::ErrorKind::QuotaExceeded,
                "bytes on its standard output, which carries no frames",
            )),
        })
    }
}
