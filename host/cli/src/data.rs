//! The data directory: whose hub a command means.

use anyhow::Context;
use clap::Args;
use std::path::PathBuf;

/// Names the data directory.
#[derive(Debug, Clone, Args)]
pub(crate) struct Data {
    /// The hub's data directory [default: ~/.local/share/safeclaw]
    #[arg(long, value_name = "DIR", env = "SAFECLAW_DATA")]
    data: Option<PathBuf>,
}

impl Data {
    /// Whether one was named.
    pub(crate) fn is_said(&self) -> bool {
        self.data.is_some()
    }

    /// The directory, absolute; it need not exist yet.
    pub(crate) fn directory(&self) -> anyhow::Result<PathBuf> {
        let home = |name| std::env::var_os(name).map(PathBuf::from).filter(|dir| dir.is_absolute());
        let dir = match &self.data {
            Some(dir) => dir.clone(),
            None => home("XDG_DATA_HOME")
                .or_else(|| home("HOME").map(|home| home.join(".local/share")))
                .context("HOME is not set, so say --data DIR")?
                .join("safeclaw"),
        };
        std::path::absolute(&dir).with_context(|| format!("{} is not a path", dir.display()))
    }
}
