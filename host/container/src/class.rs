//! What a class of containers is: which program, how large, and what is mounted. The launcher is told
//! of all of them, manifest by manifest, before any is made; a message can only name one.

use manifest::{Access, ContainerSize, MountName, Runtime};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Which of the image's two programs a container runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Program {
    /// `/runner`: serves calls until its standard input ends.
    Runner,
    /// `/compile`: parses one component, emits an artefact, ends.
    Compile,
}

impl Program {
    /// Its path in the image.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Runner => "/runner",
            Self::Compile => "/compile",
        }
    }
}

/// One of the three sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    /// 0.5 CPU, 512 MiB: what a tool gets unless its manifest says otherwise.
    Small,
    /// 2 CPU, 2 GiB.
    Large,
    /// 2 CPU, 2 GiB, hardly any scratch space: for compiling.
    Build,
}

impl From<ContainerSize> for Size {
    fn from(size: ContainerSize) -> Self {
        match size {
            ContainerSize::Small => Self::Small,
            ContainerSize::Large => Self::Large,
        }
    }
}

/// A directory of the host that every container of a class sees at `/mnt/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MountSpec {
    /// Its name.
    pub name: MountName,
    /// The directory; checked, and made canonical, each time a container is created.
    pub source: PathBuf,
    /// Read-only, or not.
    pub access: Access,
}

/// A class of containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassSpec {
    /// Which program.
    pub program: Program,
    /// How large.
    pub size: Size,
    /// What runs it.
    pub runtime: Runtime,
    /// The operator's mounts.
    pub mounts: Vec<MountSpec>,
    /// The hub's directory of artefacts, read-only at `/artefacts`.
    pub artefacts: Option<PathBuf>,
    /// Where the launcher keeps the FIFOs of containers that it starts: each sees its own, at `/frames`. Without,
    /// frames go over the attached standard input and output, and so through the engine.
    pub frames: Option<PathBuf>,
}

impl ClassSpec {
    /// Where a container of this class has its mounts.
    pub(crate) fn mount_points(&self) -> BTreeMap<MountName, PathBuf> {
        self.mounts.iter().map(|mount| (mount.name.clone(), PathBuf::from(format!("/mnt/{}", mount.name)))).collect()
    }
}
