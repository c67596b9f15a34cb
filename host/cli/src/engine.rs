//! Which container engine, and which runner image.

use anyhow::Context;
use clap::Args;
use container::ImageId;
use std::path::{Path, PathBuf};

/// Names the container engine.
#[derive(Debug, Clone, Args)]
pub(crate) struct EngineAt {
    /// The container engine's socket [default: unix:///var/run/docker.sock]
    #[arg(long, value_name = "unix:///SOCKET", env = "DOCKER_HOST")]
    engine: Option<String>,
}

impl EngineAt {
    /// The socket; an engine on another machine is refused, but only by a command that needs one.
    pub(crate) fn socket(&self) -> anyhow::Result<PathBuf> {
        Ok(container::default_socket(self.engine.as_deref())?)
    }
}

/// Names the runner image.
#[derive(Debug, Clone, Args)]
pub(crate) struct ImageIs {
    /// The runner image's id [default: the one that `safeclaw image load` recorded]
    #[arg(long, value_name = "sha256:ID")]
    image: Option<ImageId>,
}

impl ImageIs {
    /// The id: as said, or as recorded in the data directory.
    pub(crate) fn id(&self, data: &Path) -> anyhow::Result<ImageId> {
        if let Some(id) = &self.image {
            return Ok(id.clone());
        }
        let path = record(data);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => anyhow::bail!(
                "no runner image is recorded in {}: run `safeclaw image load FILE.tar`, or say --image sha256:ID",
                data.display()
            ),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        };
        let damaged = || format!("{} does not hold an image id: run `safeclaw image load` again", path.display());
        text.trim().parse().with_context(damaged)
    }
}

/// Where the id of the loaded image is kept.
pub(crate) fn record(data: &Path) -> PathBuf {
    data.join("image")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn engines_elsewhere_are_refused() {
        let at = |engine: &str| EngineAt { engine: Some(engine.to_owned()) }.socket();
        assert_eq!(at("unix:///run/d.sock").unwrap(), PathBuf::from("/run/d.sock"));
        assert_eq!(at("").unwrap(), PathBuf::from("/var/run/docker.sock"));
        for text in ["tcp://127.0.0.1:2375", "ssh://host", "d.sock"] {
            assert!(at(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_recorded_image_is_used_unless_another_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let said = ImageIs { image: None };
        assert!(said.id(dir.path()).unwrap_err().to_string().contains("image load"));
        let id = format!("sha256:{}", "a".repeat(64));
        std::fs::write(record(dir.path()), format!("{id}\n")).unwrap();
        assert_eq!(said.id(dir.path()).unwrap().to_string(), id);
        std::fs::write(record(dir.path()), "latest").unwrap();
        assert!(said.id(dir.path()).is_err());
    }
}
