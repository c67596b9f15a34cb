//! The images, of the runner and of the hub: one or two files, no shell, no libc, no package. They are made here, byte
//! for byte the same from the same programs, so that an id is known before the engine has seen it and containers are
//! pinned to it.

use crate::posture::digest_of;
use manifest::{BadName, Digest};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An image's id: the sha-256 of its configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageId(Digest);

impl ImageId {
    /// The id with this digest.
    #[must_use]
    pub fn of(digest: Digest) -> Self {
        Self(digest)
    }

    /// The digest.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.0
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

impl FromStr for ImageId {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        Digest::try_from(text.strip_prefix("sha256:").unwrap_or(text)).map(Self)
    }
}

impl TryFrom<String> for ImageId {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<ImageId> for String {
    fn from(id: ImageId) -> Self {
        id.to_string()
    }
}

/// An image, ready to be loaded.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its id.
    pub id: ImageId,
    /// The archive, as `docker load` takes it.
    pub tar: Vec<u8>,
}

/// One file of an image, executable, owned by root: uid 1000 cannot change it even on a writable root.
#[derive(Debug, Clone, Copy)]
pub struct ImageFile<'a> {
    /// Its path, without the leading slash.
    pub path: &'a str,
    /// Its content.
    pub bytes: &'a [u8],
}

/// The runner's image: `/runner` and `/compile`.
///
/// # Errors
/// Only if an archive in memory could not be written.
pub fn archive(runner: &[u8], compile: &[u8]) -> std::io::Result<Image> {
    archive_with(runner, compile, &[])
}

/// The same with more files: for tests that attack from inside.
///
/// # Errors
/// If a path is longer than an archive's header holds, or absolute.
pub fn archive_with(runner: &[u8], compile: &[u8], extra: &[ImageFile<'_>]) -> std::io::Result<Image> {
    let shipped = [ImageFile { path: "compile", bytes: compile }, ImageFile { path: "runner", bytes: runner }];
    let files: Vec<_> = shipped.iter().chain(extra).copied().collect();
    let user = "1000:1000";
    packed(&Recipe { title: "safeclaw-runner", user, entrypoint: "/runner", stop_signal: "SIGKILL", files })
}

/// The hub's image: `/safeclaw`, which is the launcher too.
///
/// # Errors
/// Only if an archive in memory could not be written.
pub fn hub_archive(safeclaw: &[u8]) -> std::io::Result<Image> {
    let files = vec![ImageFile { path: "safeclaw", bytes: safeclaw }];
    packed(&Recipe { title: HUB_TITLE, user: HUB_USER, entrypoint: "/safeclaw", stop_signal: "SIGTERM", files })
}

/// The user and group of the hub's image. Not the runners' 1000: what escapes from one is then another user than the
/// hub, and opens none of its files.
pub const HUB_USER: &str = "10001:10001";

/// The title by which the hub's image is told from the runner's.
pub const HUB_TITLE: &str = "safeclaw-hub";

/// What differs between the images.
struct Recipe<'a> {
    title: &'a str,
    user: &'a str,
    entrypoint: &'a str,
    stop_signal: &'a str,
    files: Vec<ImageFile<'a>>,
}

fn packed(recipe: &Recipe<'_>) -> std::io::Result<Image> {
    let mut layer = tar::Builder::new(Vec::new());
    for file in &recipe.files {
        append(&mut layer, file.path, file.bytes, 0o555)?;
    }
    let layer = layer.into_inner()?;
    let layer_digest = digest_of(&layer);

    let config = serde_json::to_vec(&serde_json::json!({
        "architecture": "amd64",
        "os": "linux",
        "created": EPOCH,
        "config": {
            "User": recipe.user,
            "Entrypoint": [recipe.entrypoint],
            "WorkingDir": "/",
            "StopSignal": recipe.stop_signal,
            "Labels": {
                "org.opencontainers.image.title": recipe.title,
                "org.opencontainers.image.version": env!("CARGO_PKG_VERSION"),
                "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
            },
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer_digest}")] },
        "history": [{ "created": EPOCH, "created_by": "safeclaw image" }],
    }))?;
    let id = ImageId::of(digest_of(&config));

    // A tag keeps `docker image prune` from taking the image as left over; nothing starts by tag.
    let short: String = id.digest().as_str().chars().take(12).collect();
    let contents = serde_json::to_vec(&serde_json::json!([{
        "Config": format!("{}.json", id.digest()),
        "RepoTags": [format!("{}:{short}", recipe.title)],
        "Layers": [format!("{layer_digest}/layer.tar")],
    }]))?;

    let mut image = tar::Builder::new(Vec::new());
    append(&mut image, &format!("{}.json", id.digest()), &config, 0o444)?;
    append(&mut image, &format!("{layer_digest}/layer.tar"), &layer, 0o444)?;
    append(&mut image, "manifest.json", &contents, 0o444)?;
    Ok(Image { id, tar: image.into_inner()? })
}

/// No clock is read: the same programs are the same image, whenever it is made.
const EPOCH: &str = "1970-01-01T00:00:00Z";

fn append(archive: &mut tar::Builder<Vec<u8>>, path: &str, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    archive.append_data(&mut header, path, bytes)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn the_same_programs_are_the_same_image() {
        let (one, two) = (archive(b"runner", b"compile").unwrap(), archive(b"runner", b"compile").unwrap());
        assert_eq!((&one.id, &one.tar), (&two.id, &two.tar));
        assert_ne!(one.id, archive(b"runner", b"other").unwrap().id);
    }

    /// Path, mode, owner and time of each file.
    fn files(image: &Image) -> Vec<(String, u32, u64, u64)> {
        let mut outer = tar::Archive::new(image.tar.as_slice());
        let layer =
            outer.entries().unwrap().map(Result::unwrap).find(|e| e.path().unwrap().ends_with("layer.tar")).unwrap();
        let mut layer = tar::Archive::new(layer);
        let entries = layer.entries().unwrap().map(Result::unwrap);
        let of = |entry: tar::Entry<'_, _>| {
            let (path, header) = (entry.path().unwrap().display().to_string(), entry.header());
            (path, header.mode().unwrap(), header.uid().unwrap(), header.mtime().unwrap())
        };
        entries.map(of).collect()
    }

    #[test]
    fn the_image_holds_two_root_owned_files_that_nobody_may_write() {
        let files = files(&archive(b"runner", b"compile").unwrap());
        assert_eq!(files, [("compile".to_owned(), 0o555, 0, 0), ("runner".to_owned(), 0o555, 0, 0)]);
    }

    #[test]
    fn the_hubs_image_holds_one_program_and_is_another_users() {
        let image = hub_archive(b"safeclaw").unwrap();
        assert_eq!(files(&image), [("safeclaw".to_owned(), 0o555, 0, 0)]);
        let config = config(&image);
        let said: serde_json::Value = serde_json::from_slice(&config).unwrap();
        assert_eq!(said["config"]["User"], "10001:10001");
        assert_eq!(said["config"]["Entrypoint"], serde_json::json!(["/safeclaw"]));
        assert_eq!(image.id, ImageId::of(digest_of(&config)));
        assert_eq!(image.tar, hub_archive(b"safeclaw").unwrap().tar);
        assert_ne!(image.id, hub_archive(b"another").unwrap().id);
    }

    fn config(image: &Image) -> Vec<u8> {
        let mut outer = tar::Archive::new(image.tar.as_slice());
        let mut config = outer.entries().unwrap().map(Result::unwrap).next().unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut config, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn the_id_is_the_digest_of_the_configuration_in_the_archive() {
        let image = archive(b"runner", b"compile").unwrap();
        assert_eq!(image.id, ImageId::of(digest_of(&config(&image))));
        assert_eq!(image.id.to_string().parse::<ImageId>().unwrap(), image.id);
    }
}
