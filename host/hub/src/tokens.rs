//! Static tokens: who may call. The file holds their digests, so that a copy of it lets nobody in.

mod file;
mod watch;

pub use file::{TokenView, create, list, revoke};
pub(crate) use watch::Tokens;

use crate::api::SessionId;
use manifest::Digest;
use std::path::PathBuf;

/// The start of every token, so that scanners for leaked secrets can find one.
const PREFIX: &str = "sc_";

/// Why the token file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file system.
    #[error("{path} cannot be used")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The file is not what this program writes.
    #[error("{path} is not a token file: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Others may change who is let in.
    #[error("{path} can be read or written by others; make it 0600")]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// A principal's name is not one.
    #[error("a principal is 1 to 64 characters that can be seen, without spaces at its ends")]
    Principal,
}

/// The session that a token's digest names.
fn session_of(token: &Digest) -> SessionId {
    SessionId(token.as_str().chars().take(16).collect())
}

#[cfg(test)]
mod tests;
