//! Why a certificate is not used, for the operator who named the file.

use jiff::Timestamp;
use std::io;
use std::path::PathBuf;
use tokio_rustls::rustls;

/// Why there is no TLS with these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file system.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A FIFO, a directory, a device.
    #[error("{path} is not a regular file")]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// More than any certificate or key has.
    #[error("{path} has more than {most} bytes, which no certificate and no key has")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The bound, in bytes.
        most: u64,
    },
    /// Somebody else can read the key.
    #[error("the key in {path} can be read by others (mode {mode:o}); run `chmod 600 {path}`")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Somebody else owns the key.
    #[error("the key in {path} belongs to user {owner}; it must belong to the user that runs this, or to root")]
    Owner {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// No certificate in it, or one that is none.
    #[error("{path} holds no certificate that can be used; it should be PEM, `-----BEGIN CERTIFICATE-----`")]
    Certificate {
        /// The file.
        path: PathBuf,
    },
    /// No key in it.
    #[error("{path} holds no private key; it should be PEM, `-----BEGIN PRIVATE KEY-----`, without a passphrase")]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// Two files that do not belong together.
    #[error("the key in {key} is not that of the first certificate in {certificate}")]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// Every client would refuse it.
    #[error("the certificate in {path} has ended on {since}; put a new one there")]
    Expired {
        /// The file.
        path: PathBuf,
        /// When it ended.
        since: Timestamp,
    },
    /// Not an address of a hub.
    #[error("`{0}` is not https://HOST:PORT")]
    Address(String),
    /// The library refused it for another reason.
    #[error("TLS cannot be set up with these files")]
    Library {
        /// The reason.
        #[source]
        source: rustls::Error,
    },
}
