//! Streams over regular files, read and written where they stand. wasmtime's own hand some reads to a
//! pool of threads; the runner has one thread, and its filter ends a process whose threads come and go.
//! A regular file never blocks for long, and nothing else can be opened (`wasi/filesystem.rs`).

use bytes::Bytes;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

/// The most that one read or write carries; bounds the buffer a guest can make the host allocate.
const CHUNK_BYTES: usize = 64 << 10;

/// Reads on from a position.
pub(crate) struct Reader {
    pub(crate) file: Arc<File>,
    pub(crate) position: u64,
    pub(crate) ended: bool,
}

#[async_trait]
impl Pollable for Reader {
    async fn ready(&mut self) {}
}

#[async_trait]
impl InputStream for Reader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if size == 0 {
            return Ok(Bytes::new());
        }
        if self.ended {
            return Err(StreamError::Closed);
        }
        let mut buffer = vec![0; size.min(CHUNK_BYTES)];
        let count = match retry(|| self.file.read_at(&mut buffer, self.position)) {
            Ok(count) => count,
            Err(error) => {
                self.ended = true;
                return Err(StreamError::LastOperationFailed(error.into()));
            }
        };
        if count == 0 {
            self.ended = true;
            return Err(StreamError::Closed);
        }
        buffer.truncate(count);
        self.position = self.position.saturating_add(count as u64);
        Ok(buffer.into())
    }
}

/// Where a writer writes next.
pub(crate) enum Place {
    /// At this position, then behind what was written.
    At(u64),
    /// At the end, wherever that is by then.
    End,
}

/// Writes to a file.
pub(crate) struct Writer {
    pub(crate) file: Arc<File>,
    pub(crate) place: Place,
}

impl Writer {
    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.place {
            Place::At(position) => {
                let count = self.file.write_at(bytes, *position)?;
                *position = position.saturating_add(count as u64);
                Ok(count)
            }
            Place::End => {
                let parts = [io::IoSlice::new(bytes)];
                Ok(rustix::io::pwritev2(&self.file, &parts, 0, rustix::io::ReadWriteFlags::APPEND)?)
            }
        }
    }
}

#[async_trait]
impl Pollable for Writer {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Writer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut rest: &[u8] = &bytes;
        while !rest.is_empty() {
            match retry(|| self.write_some(rest)) {
                Ok(0) => {
                    return Err(StreamError::LastOperationFailed(io::Error::from(io::ErrorKind::WriteZero).into()));
                }
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) => return Err(StreamError::LastOperationFailed(error.into())),
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(CHUNK_BYTES)
    }
}

fn retry(mut operation: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
