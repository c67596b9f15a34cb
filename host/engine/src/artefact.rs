//! Loading an artefact. It is native code: whatever is mapped here runs outside wall 1, so the bytes
//! are hashed on the very descriptor that is then mapped, and must have the digest that the hub signed.

use crate::beneath::{self, Links};
use crate::engine::Engine;
use manifest::Digest;
use rustix::fs::{FileType, Mode, OFlags};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;

/// The largest artefact: an interpreter compiles to 36 MB. Bounds what a planted file can make the
/// runner read.
pub const MAX_ARTEFACT_BYTES: u64 = 256 << 20;

/// A component, mapped and ready to be prepared.
#[derive(Clone)]
pub struct LoadedComponent {
    pub(crate) component: wasmtime::component::Component,
}

/// Why an artefact was not mapped.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No such file, or not reachable without leaving the directory or following a link.
    #[error("artefact {digest}.cwasm cannot be opened")]
    Open {
        /// Which.
        digest: Digest,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A directory, a device, a FIFO.
    #[error("artefact {0}.cwasm is not a regular file")]
    NotAFile(Digest),
    /// Over [`MAX_ARTEFACT_BYTES`].
    #[error("artefact {digest}.cwasm has {bytes} bytes, the limit is {MAX_ARTEFACT_BYTES}")]
    TooLarge {
        /// Which.
        digest: Digest,
        /// Its size.
        bytes: u64,
    },
    /// The bytes are not the ones that the hub named.
    #[error("artefact {digest}.cwasm has the digest {found}: it was changed, nothing of it was mapped")]
    Tampered {
        /// The digest it should have.
        digest: Digest,
        /// The digest it has.
        found: String,
    },
    /// Compiled by another version, with other settings, or for another processor.
    #[error(
        "artefact {digest}.cwasm does not fit this engine ({}); add the component again: {reason}",
        Engine::compatibility()
    )]
    Incompatible {
        /// Which.
        digest: Digest,
        /// In wasmtime's words.
        reason: String,
    },
}

/// Loads `DIGEST.cwasm` from a directory.
///
/// # Errors
/// [`LoadError`]; nothing is mapped unless the digest is right.
pub fn load_artefact(engine: &Engine, dir: &OwnedFd, artefact: &Digest) -> Result<LoadedComponent, LoadError> {
    let file = open(dir, artefact)?;
    let found = digest_of(&file).map_err(|source| LoadError::Open { digest: artefact.clone(), source })?;
    if found != artefact.as_str() {
        return Err(LoadError::Tampered { digest: artefact.clone(), found });
    }
    map(engine, &file, artefact)
}

fn open(dir: &OwnedFd, artefact: &Digest) -> Result<File, LoadError> {
    let failed = |errno: rustix::io::Errno| LoadError::Open { digest: artefact.clone(), source: errno.into() };
    // NONBLOCK: opening a planted FIFO would wait for its writer.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let fd = beneath::open(dir, &format!("{artefact}.cwasm"), flags, Mode::empty(), Links::Refuse).map_err(failed)?;
    let stat = rustix::fs::fstat(fd.as_fd()).map_err(failed)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(LoadError::NotAFile(artefact.clone()));
    }
    let bytes = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
    if bytes > MAX_ARTEFACT_BYTES {
        return Err(LoadError::TooLarge { digest: artefact.clone(), bytes });
    }
    Ok(File::from(fd))
}

/// Reads by position: the descriptor's offset stays 0. Stops at the bound even if the file grows.
fn digest_of(file: &File) -> std::io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    let mut at = 0;
    while at <= MAX_ARTEFACT_BYTES {
        let count = file.read_at(&mut buffer, at)?;
        let Some(read) = buffer.get(..count).filter(|read| !read.is_empty()) else { break };
        hasher.update(read);
        at = at.saturating_add(count as u64);
    }
    Ok(hex::encode(hasher.finalize()))
}

#[expect(
    unsafe_code,
    reason = "mapping native code. Proof: (1) the bytes were produced by our compile program from \
    `precompile_component` – the hub stored them by the digest it computed itself, and that digest, from a \
    signed ticket, was just found over this very descriptor; (2) they stay what they were: the file lies in a \
    mount that is read-only in this container and that the hub alone writes, by temporary file and rename, \
    never in place, mode 0444; (3) wasmtime compares version, settings and processor before it uses any of it."
)]
fn map(engine: &Engine, file: &File, artefact: &Digest) -> Result<LoadedComponent, LoadError> {
    // A new descriptor of the same inode, through the kernel's own link: no name is resolved again.
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let loaded = unsafe { wasmtime::component::Component::deserialize_file(&engine.inner, path) };
    match loaded {
        Ok(component) => Ok(LoadedComponent { component }),
        Err(error) => Err(LoadError::Incompatible {
            digest: artefact.clone(),
            reason: format!("{error:#}").chars().take(512).collect(),
        }),
    }
}

impl std::fmt::Debug for LoadedComponent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadedComponent").finish_non_exhaustive()
    }
}
