//! The runner and compile programs, for whoever packs the image or works without one.

use anyhow::Context;
use clap::Args;
use std::path::PathBuf;

/// Names both programs.
#[derive(Debug, Clone, Args)]
pub(crate) struct Programs {
    /// The runner program [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    runner: Option<PathBuf>,
    /// The compile program [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    compile: Option<PathBuf>,
}

impl Programs {
    /// The runner.
    pub(crate) fn runner(&self) -> anyhow::Result<PathBuf> {
        find(self.runner.as_ref(), "runner")
    }

    /// The compiler.
    pub(crate) fn compile(&self) -> anyhow::Result<PathBuf> {
        find(self.compile.as_ref(), "compile")
    }
}

fn find(said: Option<&PathBuf>, name: &str) -> anyhow::Result<PathBuf> {
    let path = match said {
        Some(path) => std::path::absolute(path)?,
        None => std::env::current_exe().context("this program's own path is not known")?.with_file_name(name),
    };
    if path.is_file() {
        return Ok(path);
    }
    anyhow::bail!("there is no {}: build it with `cargo xtask image`, or say --{name} FILE", path.display())
}
