//! The operator tells the launcher which classes of containers a manifest needs, before the hub is told of it: a hub
//! that was taken over cannot say so itself.

use crate::commands::launcher::record_beside;
use ::hub::{admission, classes};
use anyhow::Context;
use clap::Args;
use container::LauncherError;
use container::launcher::{Record, operator};
use manifest::{MountName, SourceFile};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Names the launcher's record.
#[derive(Debug, Clone, Args)]
pub(crate) struct LauncherAt {
    /// Where the launcher remembers which manifests were admitted [default: DATA-launcher]
    #[arg(long = "launcher-record", value_name = "DIR")]
    record: Option<PathBuf>,
}

impl LauncherAt {
    /// Admits what these files need, with mounts where the operator was told that they are.
    pub(crate) async fn admit(
        &self,
        data: &Path,
        files: &[SourceFile],
        mounts: &BTreeMap<MountName, PathBuf>,
    ) -> anyhow::Result<()> {
        let manifest = manifest::read(files).map_err(|errors| anyhow::anyhow!("{errors}"))?.manifest;
        // As the hub names its own directories.
        let root = data.canonicalize().with_context(|| format!("{} cannot be opened", data.display()))?;
        let classes = classes(&manifest, mounts, &root)?;
        let admission = admission(&classes);
        let record = self.record.clone().unwrap_or_else(|| record_beside(data));
        match operator::admit(&operator::socket(&record), admission.clone(), classes.clone()).await {
            // None runs: the next one reads what is written here.
            Err(LauncherError::NoLauncher(..)) => {
                Record::open(&record)?.admit(admission, classes).context("the launcher's record cannot be written")
            }
            told => told.context("the launcher does not take the manifest"),
        }
    }
}
