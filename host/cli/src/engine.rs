//! Which container engine, and which runner image.

use anyhow::Context;
use clap::Args;
use container::ImageId;
use std::path::{Path, PathBuf};

/// Names the container engine.
#[derive(Debug, Clone, Args)]
pub(crate) struct EngineAt {
    /// The container engine's socket [default: unix:///var/run/docker.sock]
    #[arg(long, value_name = "unix:///SOCKET", env = "DOCKER_HOST", value_parser = socket)]
    engine: Option<PathBuf>,
}

impl EngineAt {
    /// The socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.engine.clone().unwrap_or_else(|| PathBuf::from("/var/run/docker.sock"))
    }
}

/// Takes `unix:///path`, or a plain absolute path.
fn socket(text: &str) -> Result<PathBuf, String> {
    let path = Path::new(text.strip_prefix("unix://").unwrap_or(text));
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    Err("only an engine on this machine is supported: give unix:///path/to/docker.sock".to_owned())
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
    use super::*;

    #[test]
    fn engines_elsewhere_are_refused() {
        assert_eq!(socket("unix:///run/d.sock"), Ok(PathBuf::from("/run/d.sock")));
        assert_eq!(socket("/run/d.sock"), Ok(PathBuf::from("/run/d.sock")));
        for text in ["tcp://127.0.0.1:2375", "ssh://host", "d.sock", ""] {
            assert!(socket(text).is_err(), "{text}");
        }
    }
}
