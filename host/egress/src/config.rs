//! `--egress FILE`: what the hub's operator says of the outside. Parsed once, every fault at once.
//!
//! Nothing in it can weaken a check: roots are added to the system's, forbidden ranges to the table's.

mod environment;
mod raw;
mod source;
mod sources;

pub use environment::Environment;
pub use source::{Source, SourceError};

use crate::credentials::Rule;
use ipnet::IpNet;
use manifest::CredentialName;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::rustls::pki_types::CertificateDer;

/// Some credentials are some kilobytes.
const MAX_BYTES: u64 = 256 << 10;

/// What an operator says of the outside; the default is the system's roots and resolver, and no credential.
#[derive(Debug, Clone, Default)]
pub struct Config {
    roots: Vec<CertificateDer<'static>>,
    resolver: Vec<SocketAddr>,
    forbidden: Vec<IpNet>,
    credentials: BTreeMap<CredentialName, Arc<Rule>>,
}

/// Why an egress file is not used.
#[derive(Debug, thiserror::Error)]
pub enum BadConfig {
    /// It cannot be read.
    #[error("the egress file {path} cannot be read")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Whoever writes it decides where secrets go.
    #[error("the egress file {path} can be written by others than this user and root; chmod go-w it")]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// What it says cannot be done; a line for each fault.
    #[error("the egress file {path} is not accepted\n{}", .faults.join("\n"))]
    Faults {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to write instead.
        faults: Vec<String>,
    },
}

impl Config {
    /// Reads a file. Paths in it are relative to its directory. No secret is read yet.
    ///
    /// # Errors
    /// See [`BadConfig`].
    pub fn read(path: &Path) -> Result<Self, BadConfig> {
        let io = |source| BadConfig::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io)?;
        let found = file.metadata().map_err(io)?;
        let trusted = [0, rustix::process::geteuid().as_raw()].contains(&found.uid());
        if found.mode() & 0o022 != 0 || !trusted {
            return Err(BadConfig::Open { path: path.to_owned() });
        }
        let mut text = String::new();
        file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(io)?;
        let parsed = if text.len() as u64 > MAX_BYTES {
            Err(vec![format!("it has more than {MAX_BYTES} bytes")])
        } else {
            Self::parse(&text, path.parent().unwrap_or(Path::new(".")))
        };
        parsed.map_err(|faults| BadConfig::Faults { path: path.to_owned(), faults })
    }

    /// The same from a text; paths in it are relative to `beside`.
    ///
    /// # Errors
    /// Every fault of it, a sentence each.
    pub fn parse(text: &str, beside: &Path) -> Result<Self, Vec<String>> {
        raw::read(text, beside)
    }

    /// Authorities that are believed besides the system's.
    #[must_use]
    pub fn roots(&self) -> &[CertificateDer<'static>] {
        &self.roots
    }

    /// The servers that resolve names; the system's where there is none.
    #[must_use]
    pub fn resolver(&self) -> &[SocketAddr] {
        &self.resolver
    }

    /// Ranges that nothing is connected to, whatever a manifest grants.
    #[must_use]
    pub fn forbidden(&self) -> &[IpNet] {
        &self.forbidden
    }

    /// The credentials as they are declared.
    #[must_use]
    pub fn credentials(&self) -> &BTreeMap<CredentialName, Arc<Rule>> {
        &self.credentials
    }

    /// What is read again while the hub runs: a process that gives up its rights keeps this one. Directories, since a
    /// new file in a file's place is another file.
    #[must_use]
    pub fn reads(&self) -> Vec<PathBuf> {
        let files = self.credentials.values().filter_map(|rule| rule.source.path());
        files.filter_map(Path::parent).map(Path::to_owned).collect()
    }

    /// The files that secrets are kept in: no tool may see one.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.credentials.values().filter_map(|rule| rule.source.path()).map(Path::to_owned).collect()
    }

    /// The variables that secrets come from: whoever starts a hub takes them out of its environment.
    #[must_use]
    pub fn variables(&self) -> Vec<&str> {
        let named = self.credentials.values().filter_map(|rule| match &rule.source {
            Source::Env(name) => Some(name.as_str()),
            _ => None,
        });
        named.collect()
    }
}

#[cfg(test)]
mod tests;
