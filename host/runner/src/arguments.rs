//! The command line, read once into what the runner was born with.

use manifest::Digest;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What the launcher tells the runner before anything else; none of it is secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Arguments {
    /// The only hub whose tickets count.
    pub hub_key: protocol::HubPublicKey,
    /// The name of this container.
    pub container: String,
    /// The digest of the posture this container was created with.
    pub posture: Digest,
    /// Where artefacts are, read-only.
    pub artefacts: PathBuf,
    /// Directories below which mounts are.
    pub mounts: Vec<PathBuf>,
    /// Where its two FIFOs are; without, standard input and output carry the frames.
    pub frames: Option<PathBuf>,
    /// Whether there is a container around this process.
    pub wall2: Wall2,
}

/// Whether wall 2 stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wall2 {
    /// In a container: the self-test must find it closed.
    On,
    /// `--no-container`, for authors: there is nothing to test, and `Hello` says so.
    Off,
}

/// Why the command line was not understood.
#[derive(Debug, thiserror::Error)]
pub enum ArgumentError {
    /// Not an option of ours, or one without its value.
    #[error("the command line is wrong")]
    Syntax(#[from] lexopt::Error),
    /// A value that is not what its option wants.
    #[error("the value of {option} is wrong: {why}")]
    Value {
        /// Which option.
        option: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// An option that has to be there.
    #[error("{0} is missing: a runner is started by a hub, not by hand")]
    Missing(&'static str),
}

impl Arguments {
    /// Reads `--hub-key K --container NAME --posture HEX [--artefacts DIR] [--mounts DIR]... [--frames DIR]
    /// [--no-container]`.
    ///
    /// # Errors
    /// Anything unknown, missing, given twice or malformed.
    pub fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, ArgumentError> {
        use lexopt::prelude::{Long, ValueExt};
        let (mut key, mut container, mut posture, mut artefacts, mut frames) = (None, None, None, None, None);
        let mut mounts = Vec::new();
        let mut wall2 = Wall2::On;
        let mut parser = lexopt::Parser::from_args(words);
        while let Some(word) = parser.next()? {
            match word {
                Long("hub-key") => once(&mut key, "--hub-key", &parser.value()?.string()?)?,
                Long("container") => once(&mut container, "--container", &parser.value()?.string()?)?,
                Long("posture") => once(&mut posture, "--posture", &parser.value()?.string()?)?,
                Long("artefacts") => once(&mut artefacts, "--artefacts", &parser.value()?.string()?)?,
                Long("frames") => once(&mut frames, "--frames", &parser.value()?.string()?)?,
                Long("mounts") => mounts.push(absolute("--mounts", &parser.value()?.string()?)?),
                Long("no-container") => wall2 = Wall2::Off,
                other => return Err(other.unexpected().into()),
            }
        }
        let hub_key: String = key.ok_or(ArgumentError::Missing("--hub-key"))?;
        let container: String = container.ok_or(ArgumentError::Missing("--container"))?;
        if container.is_empty() || container.len() > 128 {
            return Err(wrong("--container", "1 to 128 characters"));
        }
        let posture: String = posture.ok_or(ArgumentError::Missing("--posture"))?;
        let artefacts: String = artefacts.unwrap_or_else(|| "/artefacts".to_owned());
        if mounts.is_empty() {
            mounts.push(PathBuf::from("/mnt"));
        }
        Ok(Self {
            hub_key: protocol::HubPublicKey::from_str(&hub_key).map_err(|error| wrong("--hub-key", error))?,
            container,
            posture: Digest::try_from(posture).map_err(|error| wrong("--posture", error))?,
            artefacts: absolute("--artefacts", &artefacts)?,
            mounts,
            frames: frames.map(|frames| absolute("--frames", &frames)).transpose()?,
            wall2,
        })
    }
}

fn once(slot: &mut Option<String>, option: &'static str, value: &str) -> Result<(), ArgumentError> {
    if slot.replace(value.to_owned()).is_some() {
        return Err(wrong(option, "given twice"));
    }
    Ok(())
}

fn absolute(option: &'static str, text: &str) -> Result<PathBuf, ArgumentError> {
    let path = Path::new(text);
    let plain =
        path.components().all(|part| matches!(part, std::path::Component::RootDir | std::path::Component::Normal(_)));
    if path.is_absolute() && plain { Ok(path.to_owned()) } else { Err(wrong(option, "an absolute path without `..`")) }
}

fn wrong(option: &'static str, why: impl ToString) -> ArgumentError {
    ArgumentError::Value { option, why: why.to_string() }
}
