//! The answer, in frames.

use engine::compile::Artefact;
use protocol::{Compiled, FrameError, FromCompile, MAX_NAMES};
use std::io::{self, Write};

/// As long as a chunk may be.
const CHUNK_BYTES: usize = 1 << 20;

/// Why the answer was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    #[error("standard output")]
    Write(#[from] io::Error),
    #[error("a frame")]
    Frame(#[from] FrameError),
}

/// `Compiled` and the artefact behind it.
pub(crate) fn artefact(out: &mut impl Write, artefact: Artefact) -> Result<(), OutputError> {
    if artefact.imports.len() > MAX_NAMES || artefact.exports.len() > MAX_NAMES {
        let reason = format!("it has more than {MAX_NAMES} imports or exports");
        return one(out, &FromCompile::Refused(reason));
    }
    let Artefact { bytes, compatibility, imports, exports } = artefact;
    one(out, &FromCompile::Compiled(Compiled { bytes: bytes.len() as u64, compatibility, imports, exports }))?;
    for chunk in bytes.chunks(CHUNK_BYTES) {
        one(out, &FromCompile::Chunk(chunk.to_vec()))?;
    }
    Ok(())
}

/// One message.
pub(crate) fn one(out: &mut impl Write, message: &FromCompile) -> Result<(), OutputError> {
    let mut frame = Vec::new();
    protocol::encode(message, &mut frame)?;
    out.write_all(&frame)?;
    out.flush()?;
    Ok(())
}
