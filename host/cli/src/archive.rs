//! An image archive of somebody else's: its id is computed from what is in it, never taken from its name.

use anyhow::Context;
use container::{HUB_TITLE, Image, ImageId};
use manifest::Digest;
use sha2::{Digest as _, Sha256};
use std::io::Read;

/// The two small files of an archive; one that is larger is no image of ours.
const MAX_JSON_BYTES: u64 = 1 << 20;

/// An archive that was read.
#[derive(Debug)]
pub(crate) struct Archive {
    pub(crate) image: Image,
    /// It calls itself the hub's. That is for not taking one for the other by mistake; the id says which it is.
    pub(crate) hub: bool,
}

/// Reads an archive as `docker save` and `safeclaw image pack` write them, with one image in it.
pub(crate) fn open(tar: Vec<u8>) -> anyhow::Result<Archive> {
    let contents: serde_json::Value =
        serde_json::from_slice(&file(&tar, "manifest.json")?).context("its manifest.json is not JSON")?;
    let images = contents.as_array().map(Vec::as_slice).unwrap_or_default();
    let [image] = images else { anyhow::bail!("it holds {} images where one is expected", images.len()) };
    let name = image.get("Config").and_then(serde_json::Value::as_str).context("its image has no configuration")?;
    let config = file(&tar, name)?;
    let digest = Digest::try_from(hex::encode(Sha256::digest(&config)))?;
    let said: serde_json::Value = serde_json::from_slice(&config).context("its configuration is not JSON")?;
    let title = said.pointer("/config/Labels/org.opencontainers.image.title");
    let hub = title.and_then(serde_json::Value::as_str) == Some(HUB_TITLE);
    Ok(Archive { image: Image { id: ImageId::of(digest), tar }, hub })
}

fn file(tar: &[u8], name: &str) -> anyhow::Result<Vec<u8>> {
    for entry in tar::Archive::new(tar).entries()? {
        let entry = entry.context("it is not a tar archive")?;
        if entry.path().is_ok_and(|path| path.as_os_str() == name) {
            let mut bytes = Vec::new();
            entry.take(MAX_JSON_BYTES).read_to_end(&mut bytes)?;
            return Ok(bytes);
        }
    }
    anyhow::bail!("it has no {name}")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn what_was_packed_has_the_id_that_was_said() {
        let packed = container::archive(b"runner", b"compile").unwrap();
        let opened = open(packed.tar).unwrap();
        assert_eq!((opened.image.id, opened.hub), (packed.id, false));
    }

    #[test]
    fn a_hubs_image_is_told_from_a_runners() {
        let packed = container::hub_archive(b"safeclaw").unwrap();
        let opened = open(packed.tar).unwrap();
        assert_eq!((opened.image.id, opened.hub), (packed.id, true));
    }

    #[test]
    fn a_changed_configuration_has_another_id() {
        let packed = container::archive(b"runner", b"compile").unwrap();
        let user = b"1000:1000";
        let at = packed.tar.windows(user.len()).position(|window| window == user).unwrap();
        let mut tar = packed.tar;
        tar.get_mut(at..).unwrap().get_mut(..4).unwrap().copy_from_slice(b"0000");
        assert_ne!(open(tar).unwrap().image.id, packed.id);
    }

    #[test]
    fn what_is_no_image_is_refused() {
        assert!(open(b"nothing".to_vec()).is_err());
        assert!(open(Vec::new()).is_err());
    }
}
