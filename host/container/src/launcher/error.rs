//! What can go wrong, in one line each, with what an operator can do about it.

use crate::image::ImageId;
use crate::message::ContainerName;
use crate::mounts::MountError;
use manifest::{ClassId, Digest};
use std::error::Error;
use std::path::{Path, PathBuf};

/// Why the launcher did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum LauncherError {
    /// An engine on another machine: mounts, process ids and the socket's protection mean nothing there.
    #[error(
        "the container engine at {0} is remote, which is not supported: unset DOCKER_HOST or name a unix:// socket"
    )]
    Remote(String),
    /// No engine answers.
    #[error("no container engine answers at {}: start one, or set DOCKER_HOST to its socket", .0.display())]
    NotThere(PathBuf, #[source] Box<dyn Error + Send + Sync>),
    /// Podman.
    #[error("the engine is Podman, which is not supported yet: its hardening differs and is untested; use Docker")]
    Podman,
    /// A rootless engine.
    #[error("the engine is rootless, which is not supported yet: its limits and user ids differ and are untested")]
    Rootless,
    /// Older than API 1.41.
    #[error("the engine speaks API {0}, and 1.41 (Docker 20.10) or newer is needed")]
    TooOld(String),
    /// Another platform.
    #[error("the engine runs on {0}, and linux/amd64 is needed")]
    Platform(String),
    /// The engine cannot enforce a part of the posture.
    #[error("the engine cannot enforce {0}, so wall 2 would not stand")]
    CannotEnforce(String),
    /// A class cannot run under the runtime that it asks for.
    #[error(
        "class `{class}` cannot run under runsc: {why}; install gVisor and register `runsc` in the engine's \
         daemon.json with the runtimeArgs --network=none and --oci-seccomp, or remove `runtime` from the tier"
    )]
    Runtime {
        /// Which class.
        class: ClassId,
        /// What is wrong.
        why: String,
    },
    /// The image is not in the engine.
    #[error("the engine has no image {0}: run `safeclaw image load FILE`")]
    NoImage(ImageId),
    /// The engine stored the image under another id.
    #[error("the engine stored the image under another id than {0}: its image store is not supported yet")]
    OtherImage(ImageId),
    /// The launcher is in a container, and a path means another directory there than to the engine.
    #[error(
        "{} is {} on the engine's machine, and a runner would get what the engine finds: mount each directory into \
         the launcher's container at the path that it has outside",
        .path.display(), outside(.shown.as_deref())
    )]
    Elsewhere {
        /// As the launcher sees it.
        path: PathBuf,
        /// As the engine does, if it is mounted at all.
        shown: Option<PathBuf>,
    },
    /// A container's FIFOs cannot be made.
    #[error(
        "the FIFOs of a container cannot be made in the hub's data directory, which has to be on a local file system with room"
    )]
    Frames(#[source] std::io::Error),
    /// The hub id is not one.
    #[error("`{0}` is not a hub id: 1 to 32 of a-z 0-9")]
    HubId(String),
    /// No such manifest was admitted, or two others since.
    #[error("no classes were admitted for the manifest {0}: run `safeclaw manifest apply`")]
    UnknownManifest(Digest),
    /// The class does not exist.
    #[error("there is no class of containers `{0}`")]
    UnknownClass(ClassId),
    /// The container is none of ours.
    #[error("`{0}` is not a container of this hub")]
    UnknownContainer(ContainerName),
    /// Attached before.
    #[error("`{0}` has been attached to before; the end of a stream is the end of its runner")]
    Attached(ContainerName),
    /// A mount is refused.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// What a mount stands on cannot be looked at.
    #[error("a mount's protected paths cannot be looked at")]
    Footing(#[source] std::io::Error),
    /// The engine is still at it.
    #[error("`{0}` is being removed, and the engine is not done yet")]
    Lingers(ContainerName),
    /// The engine refused or broke.
    #[error("the container engine failed to {doing}")]
    Engine {
        /// What it was asked.
        doing: &'static str,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The engine did not answer in time.
    #[error("the container engine did not {doing} within {seconds} s")]
    Timeout {
        /// What it was asked.
        doing: &'static str,
        /// How long it had.
        seconds: u64,
    },
    /// Something outlived its container.
    #[error("`{container}` was killed, and process {pid} of it is still alive: end it as root")]
    Survivor {
        /// Which container.
        container: ContainerName,
        /// A process of it.
        pid: u32,
    },
    /// The engine still lists it.
    #[error("`{0}` was killed, and the engine still lists it")]
    StillListed(ContainerName),
    /// A program could not be started.
    #[error("{} could not be started", .path.display())]
    Program {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No randomness for a name.
    #[error("the kernel gave no random bytes")]
    Random(#[source] std::io::Error),
    /// A process of the launcher's refused it, in its own words.
    #[error("{0}")]
    Said(String),
    /// A manifest that the launcher has not been told of by the operator, or other classes than it was told.
    #[error(
        "the launcher does not know the manifest {0} with these classes and mounts, and takes new ones from the \
         operator alone: run `safeclaw manifest apply`"
    )]
    NotAdmitted(Digest),
    /// It takes a connection and does not answer.
    #[error("the launcher has not answered for {seconds} s: it serves one hub at a time, so end the other one first")]
    Deaf {
        /// How long it had.
        seconds: u64,
    },
    /// The connection to the launcher cannot be used.
    #[error("the connection to the launcher cannot be used")]
    Connection(#[source] std::io::Error),
    /// The launcher's process is gone.
    #[error("the launcher has ended: no runner can be started until the hub is started again")]
    Gone,
    /// No launcher is to be reached.
    #[error("no launcher answers at {}: start one with `safeclaw launcher --listen PATH`", .0.display())]
    NoLauncher(PathBuf, #[source] std::io::Error),
    /// Another hub's.
    #[error(
        "the launcher serves the hub `{known}` and not `{asked}`: if this data directory was made anew, remove {}",
        .record.display()
    )]
    OtherHub {
        /// Whose containers it starts.
        known: String,
        /// Who asked.
        asked: String,
        /// Where it is written down.
        record: PathBuf,
    },
    /// What the launcher remembers cannot be read or written.
    #[error("the launcher's record {} cannot be used: it has to be this user's own, and of mode 0600", .path.display())]
    Record {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Two launchers with one record.
    #[error("another launcher is running with {}: end it, or wait until it has ended", .0.display())]
    Busy(PathBuf),
    /// The launcher is being shut down.
    #[error("the launcher has been shut down")]
    ShutDown,
}

fn outside(path: Option<&Path>) -> String {
    path.map_or_else(|| "not mounted from anywhere".to_owned(), |path| path.display().to_string())
}
