//! Who the hub of a data directory is, read without opening the directory: its hub may be running.

use anyhow::Context;
use container::HubId;
use protocol::HubKey;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// What its containers are rendered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Its id.
    pub(crate) hub_id: HubId,
    /// The public half of the key that it signs tickets with.
    pub(crate) hub_key: String,
}

impl Identity {
    /// Reads it; `None` if no hub has ever run there.
    pub(crate) fn read(data: &Path) -> anyhow::Result<Option<Self>> {
        let (Some(id), Some(seed)) = (file(&data.join("hub.id"))?, file(&data.join("hub.key"))?) else {
            return Ok(None);
        };
        let damaged = || format!("hub.id or hub.key in {} is damaged", data.display());
        let id = String::from_utf8(id).ok().filter(|id| !id.is_empty() && id.len() <= 32).with_context(damaged)?;
        let seed: [u8; 32] = seed.try_into().ok().with_context(damaged)?;
        Ok(Some(Self { hub_id: HubId(id), hub_key: HubKey::from_seed(&seed).public().to_string() }))
    }
}

/// A small file, or `None` if there is none.
fn file(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(64).read_to_end(&mut bytes)) {
        Ok(_) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn it_is_the_identity_that_the_hub_has() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Identity::read(dir.path()).unwrap(), None);
        let data = hub::data::DataDir::open(dir.path()).unwrap();
        let (id, seed) = (data.hub_id().unwrap(), data.key_seed().unwrap());
        let read = Identity::read(dir.path()).unwrap().unwrap();
        assert_eq!((read.hub_id.0, read.hub_key), (id, HubKey::from_seed(&seed).public().to_string()));
        std::fs::write(dir.path().join("hub.key"), "short").unwrap();
        assert!(Identity::read(dir.path()).is_err());
    }
}
