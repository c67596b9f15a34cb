//! The sealed row of versions. Each seal covers the one before it, so no version can be changed, left out or put in
//! between without the hub's key; and the data directory remembers the last one, so a database that is put back to an
//! older state does not bring back what an operator had taken away.

use super::Content;
use crate::audit::Decision;
use crate::data;
use crate::failpoint::failpoint;
use crate::store::manifests::{Appended, Row};
use crate::store::{Store, StoreError};
use ed25519_dalek::{Signature, Signer as _, SigningKey};
use manifest::Digest;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Keeps this key apart from those that sign tickets and seal registrations, though all come from one secret.
const DOMAIN: &[u8] = b"safeclaw manifest seal 1\0";
/// The last version that this data directory has seen.
const ANCHOR: &str = "manifest.version";

/// A version that can be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub(crate) number: u64,
    pub(crate) digest: Digest,
    pub(crate) content: Content,
}

/// Why no version can be believed. Nothing is in force then.
#[derive(Debug, thiserror::Error)]
pub enum Unverified {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody else wrote or changed it.
    #[error("version {0} of the manifest does not bear this hub's seal: it was changed, or another hub wrote it")]
    Seal(u64),
    /// There is no such version.
    #[error("there is no version {0} of the manifest")]
    Missing(u64),
    /// Older than what had been in force here.
    #[error(
        "the store's last manifest is version {found}, but version {known} had been in force: the store was put back to an older state"
    )]
    Rewound {
        /// The last version of the store.
        found: u64,
        /// What the data directory remembers.
        known: u64,
    },
    /// The version that is remembered is another one.
    #[error("version {0} of the manifest is not the one that had been in force: the store was exchanged")]
    Exchanged(u64),
    /// The file with the last version.
    #[error("{path} cannot be used: {why}")]
    Anchor {
        /// The file.
        path: PathBuf,
        /// Ends the sentence.
        why: String,
    },
}

/// What the data directory remembers of the last version.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Anchor {
    version: u64,
    seal: String,
}

/// What became of a new version.
#[derive(Debug)]
pub(crate) enum Entered {
    /// It is in force.
    Version(Box<Version>),
    /// Somebody was faster.
    Outpaced(u64),
}

/// All versions, and the key that seals them.
pub(crate) struct Ledger {
    store: Store,
    key: SigningKey,
    anchor: PathBuf,
}

impl Ledger {
    /// Of a data directory whose lock the caller holds.
    pub(crate) fn new(store: Store, seed: &[u8; 32], data: &Path) -> Self {
        Self { store, key: SigningKey::from_bytes(&data::derived(DOMAIN, seed)), anchor: data.join(ANCHOR) }
    }

    /// The version in force; none if nothing was ever applied.
    pub(crate) async fn last(&self) -> Result<Option<Version>, Unverified> {
        let rows = self.store.last_versions().await?;
        let known = self.known()?;
        let Some((last, before)) = rows.split_first() else {
            return match known {
                None => Ok(None),
                Some(known) => Err(Unverified::Rewound { found: 0, known: known.version }),
            };
        };
        let version = self.verified(last, before.first())?;
        match known {
            Some(known) if known.version > last.version => {
                return Err(Unverified::Rewound { found: last.version, known: known.version });
            }
            Some(known) if known.version == last.version && known.seal != last.seal => {
                return Err(Unverified::Exchanged(last.version));
            }
            Some(known) if known.version == last.version => {}
            // A hub was killed after its commit, or the directory is older than this file.
            _ => self.remember(last)?,
        }
        Ok(Some(version))
    }

    /// The number of the last version, believed or not: the next one has a higher one whatever happened before.
    pub(crate) async fn last_number(&self) -> Result<u64, Unverified> {
        Ok(self.store.last_versions().await?.first().map_or(0, |row| row.version))
    }

    /// An older version.
    pub(crate) async fn version(&self, number: u64) -> Result<Version, Unverified> {
        let rows = self.store.version(number).await?;
        match rows.split_first() {
            Some((row, before)) if row.version == number => self.verified(row, before.first()),
            _ => Err(Unverified::Missing(number)),
        }
    }

    /// The last versions, newest first; one that cannot be believed says so in its place.
    pub(crate) async fn versions(&self, most: u32) -> Result<Vec<(u64, Result<Version, Unverified>)>, Unverified> {
        let rows = self.store.versions(most).await?;
        let pairs = rows.iter().enumerate().map(|(place, row)| (row, rows.get(place + 1)));
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Ok(pairs.take(most).map(|(row, before)| (row.version, self.verified(row, before))).collect())
    }

    /// Puts content in force as the version after `base`. When this returns it survives a power loss.
    /// `decision` is told the version's number.
    pub(crate) async fn enter(
        &self,
        base: u64,
        content: Content,
        decision: impl FnOnce(u64) -> Decision,
    ) -> Result<Entered, Unverified> {
        let before = self.store.version(base).await?;
        let before = before.first().map_or("", |row| row.seal.as_str());
        let text = serde_json::to_string(&content).map_err(|error| StoreError::Damaged(error.to_string()))?;
        // Where the store was put back, the numbers go on from what had been in force.
        let known = self.known()?.map_or(base, |known| known.version.max(base));
        let number = known.checked_add(1).ok_or(Unverified::Missing(known))?;
        let seal = hex::encode(self.key.sign(&sealed(number, before, &text)).to_bytes());
        let digest = content.digest();
        let row = Row { version: number, digest: digest.to_string(), content: text, seal };
        match self.store.append_version(base, &row, decision(number)).await? {
            Appended::Outpaced(last) => return Ok(Entered::Outpaced(last)),
            Appended::Done => {}
        }
        // If this fails the version is in force all the same, and the next start remembers it.
        if let Err(error) = self.remember(&row) {
            tracing::error!(error = &error as &dyn std::error::Error, "the last version is not remembered");
        }
        failpoint!("apply.remembered");
        Ok(Entered::Version(Box::new(Version { number, digest, content })))
    }

    fn verified(&self, row: &Row, before: Option<&Row>) -> Result<Version, Unverified> {
        // One that was left out or put in between is another one than the seal was made with.
        let before = before.map_or("", |before| before.seal.as_str());
        let broken = || Unverified::Seal(row.version);
        let mut seal = [0; 64];
        hex::decode_to_slice(&row.seal, &mut seal).map_err(|_| broken())?;
        let text = sealed(row.version, before, &row.content);
        let verified = self.key.verifying_key().verify_strict(&text, &Signature::from_bytes(&seal));
        verified.map_err(|_| broken())?;
        let content: Content = serde_json::from_str(&row.content).map_err(|_| broken())?;
        let digest = content.digest();
        if digest.as_str() != row.digest {
            return Err(broken());
        }
        Ok(Version { number: row.version, digest, content })
    }

    fn known(&self) -> Result<Option<Anchor>, Unverified> {
        let fail = |why: String| Unverified::Anchor { path: self.anchor.clone(), why };
        let bytes = match data::ours::read(&self.anchor, 4096) {
            Ok(bytes) => bytes,
            Err(data::ours::NotOurs::Missing) => return Ok(None),
            Err(error) => return Err(fail(format!("it {error}"))),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| fail(format!("it is damaged ({error})")))
    }

    fn remember(&self, row: &Row) -> Result<(), Unverified> {
        let fail = |why: String| Unverified::Anchor { path: self.anchor.clone(), why };
        let anchor = Anchor { version: row.version, seal: row.seal.clone() };
        let text = serde_json::to_vec(&anchor).map_err(|error| fail(error.to_string()))?;
        data::write_atomic(&self.anchor, &text, 0o600).map_err(|error| fail(error.to_string()))
    }
}

/// What a seal is over. The parts before the content have a fixed length or end where hexadecimal digits end.
fn sealed(number: u64, before: &str, content: &str) -> Vec<u8> {
    [&number.to_be_bytes()[..], before.as_bytes(), b"\0", content.as_bytes()].concat()
}
