//! The hub's own tokens: who may call where no identity provider says so.
//!
//! A token is a JWT that this hub signed for itself, and in force only while the store has its row: the signature
//! says that the hub made it, the row that nobody took it back. Either alone lets nobody in.

mod key;
mod ledger;
mod reader;
mod watch;

pub(crate) use key::refused;
pub use ledger::{Ledger, New, TokenView, create, list, revoke};
pub(crate) use watch::Tokens;

use crate::api::StartError;
use crate::manifests::Unverified;
use crate::store::StoreError;
use manifest::ProfileName;
use std::path::PathBuf;

/// Why tokens cannot be made, listed, revoked or read.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The store.
    #[error("the tokens are in the hub's store, which does not answer")]
    Store(#[from] StoreError),
    /// The hub's id or key.
    #[error("the hub of this data directory cannot be told")]
    Identity(#[source] Box<StartError>),
    /// Nobody could see or call anything with it.
    #[error("the manifest in force has no profile `{0}`; it has: {1}")]
    Profile(ProfileName, String),
    /// Whether there is such a profile cannot be told.
    #[error("the manifest in force cannot be believed, so no token is made for it")]
    Manifest(#[from] Unverified),
    /// The file system.
    #[error("{path} cannot be used")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A principal's name is not one. The `/` stands between an issuer's name and those whom it vouches for.
    #[error("a principal is 1 to 64 characters that can be seen, without `/` and without spaces at its ends")]
    Principal,
    /// A token that may call nothing.
    #[error("a token without any scope lets nobody call anything; leave the scopes out for all of the profile's")]
    NoScope,
    /// More would have to be read at every change.
    #[error("{0} tokens are in force, which is the most: revoke some, or give them a shorter time")]
    Many(usize),
    /// The JOSE library, or a thread that could not be started.
    #[error("the token cannot be made: {0}")]
    Unmade(String),
}

#[cfg(test)]
mod tests;
