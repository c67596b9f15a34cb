//! Certificates and keys from PEM files. Links are followed, since that is how tools that renew certificates put
//! the new one in place; what they lead to must be a file, and a key nobody else's to read.

use super::{ServerFiles, TlsError};
use rustix::fs::OFlags;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A chain of certificates has some thousand bytes, a file of authorities a few hundred thousand.
const MAX_BYTES: u64 = 1 << 20;
/// Permissions of anybody but the owner.
const OTHERS: u32 = 0o077;

/// All certificates of a file, in their order; at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let (file, _) = open(path)?;
    let pem = whole(path, file)?;
    let none = || TlsError::Certificate { path: path.to_owned() };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    found.ok().filter(|certificates| !certificates.is_empty()).ok_or_else(none)
}

/// The first key of a file.
pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let (file, found) = open(path)?;
    if found.mode() & OTHERS != 0 {
        return Err(TlsError::Open { path: path.to_owned(), mode: found.mode() & 0o7777 });
    }
    if ![0, rustix::process::geteuid().as_raw()].contains(&found.uid()) {
        return Err(TlsError::Owner { path: path.to_owned(), owner: found.uid() });
    }
    let pem = whole(path, file)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| TlsError::Key { path: path.to_owned() })
}

/// What tells one state of the files from another.
pub(super) type Stamps = Vec<Option<(u64, i64, i64, u64)>>;

pub(super) fn stamps(files: &ServerFiles) -> Stamps {
    let stamp = |path: &Path| {
        let found = path.metadata().ok()?;
        Some((found.ino(), found.ctime(), found.ctime_nsec(), found.len()))
    };
    [Some(&files.certificate), Some(&files.key), files.client_ca.as_ref()]
        .into_iter()
        .flatten()
        .map(|path| stamp(path))
        .collect()
}

fn open(path: &Path) -> Result<(File, Metadata), TlsError> {
    let failed = |source: io::Error| TlsError::Read { path: path.to_owned(), source };
    // A FIFO would wait for its writer for ever.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    if !found.is_file() {
        return Err(TlsError::NotAFile { path: path.to_owned() });
    }
    Ok((file, found))
}

fn whole(path: &Path, file: File) -> Result<Vec<u8>, TlsError> {
    let mut bytes = Vec::new();
    let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|source| TlsError::Read { path: path.to_owned(), source })?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(TlsError::TooLarge { path: path.to_owned(), most: MAX_BYTES });
    }
    Ok(bytes)
}
