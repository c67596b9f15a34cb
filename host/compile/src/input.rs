//! The request: `Begin`, then chunks that add up to what it said.

use protocol::{Decoder, FrameError, ToCompile};
use std::collections::BTreeSet;
use std::io::{self, Read};

/// The largest component. Compiling takes about 20 times its size in memory.
pub(crate) const MAX_COMPONENT_BYTES: u64 = 64 << 20;

/// What the hub asks.
pub(crate) enum Request {
    Compile(Asked),
    /// It is too large, or not what was announced: a sentence for the operator.
    Refuse(String),
}

/// A component, whole.
pub(crate) struct Asked {
    pub(crate) wasm: Vec<u8>,
    pub(crate) trap_imports: BTreeSet<String>,
    pub(crate) http: bool,
}

/// Why there is no request: the peer is not the hub.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    #[error("standard input")]
    Read(#[from] io::Error),
    #[error("a frame")]
    Frame(#[from] FrameError),
    #[error("standard input ended in the middle of the component")]
    Short,
    #[error("chunks came before `Begin`, or a second `Begin` came")]
    Order,
}

/// Reads one request and no byte of a second one's messages.
pub(crate) fn read(stream: &mut impl Read) -> Result<Request, InputError> {
    let mut frames = Frames { stream, decoder: Decoder::new(), buffer: vec![0; 64 << 10] };
    let ToCompile::Begin { bytes, trap_imports, http } = frames.next()? else {
        return Err(InputError::Order);
    };
    if bytes > MAX_COMPONENT_BYTES {
        return Ok(Request::Refuse(format!("the component has {bytes} bytes, the limit is {MAX_COMPONENT_BYTES}")));
    }
    // Grows with what arrives: an announced size reserves nothing.
    let mut wasm = Vec::new();
    while (wasm.len() as u64) < bytes {
        let ToCompile::Chunk(chunk) = frames.next()? else {
            return Err(InputError::Order);
        };
        wasm.extend_from_slice(&chunk);
        if wasm.len() as u64 > bytes {
            return Ok(Request::Refuse(format!("the component has more than the {bytes} bytes that were announced")));
        }
    }
    Ok(Request::Compile(Asked { wasm, trap_imports: BTreeSet::from_iter(trap_imports), http }))
}

struct Frames<'a, R> {
    stream: &'a mut R,
    decoder: Decoder,
    buffer: Vec<u8>,
}

impl<R: Read> Frames<'_, R> {
    fn next(&mut self) -> Result<ToCompile, InputError> {
        loop {
            if let Some(message) = self.decoder.next()? {
                return Ok(message);
            }
            let count = self.stream.read(&mut self.buffer)?;
            let read = self.buffer.get(..count).unwrap_or_default();
            if read.is_empty() {
                return Err(InputError::Short);
            }
            self.decoder.push(read);
        }
    }
}
