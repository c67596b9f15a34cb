//! Where a secret comes from.

use super::Environment;
use super::sources::{command, file, keyring};
use crate::credentials::{BadValue, ReadBy, Value};
use std::path::{Path, PathBuf};

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A variable of the environment that the hub is started with.
    Env(String),
    /// A file of this user's alone.
    File(PathBuf),
    /// A credential that systemd hands to a service, by its path in `$CREDENTIALS_DIRECTORY`.
    Systemd(PathBuf),
    /// A key of the type `user` in the kernel's keyring, by its description.
    Keyring(String),
    /// A program that prints it, and its arguments.
    Command(Vec<String>),
}

/// Why a secret could not be read. Nothing of what was read is in it.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There is no such variable.
    #[error("the variable {0} is not set")]
    Unset(String),
    /// The file cannot be read.
    #[error("{} cannot be read", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The file is not one that a secret is kept in.
    #[error("{} is not used: {what}", .path.display())]
    NotPrivate {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        what: String,
    },
    /// The keyring does not give it.
    #[error("the key `user:{description}` cannot be read from the keyring: {why}")]
    Keyring {
        /// The key.
        description: String,
        /// What the kernel says.
        why: String,
    },
    /// The program could not be started, or not be read from.
    #[error("the program `{program}` cannot be run")]
    Program {
        /// Its name.
        program: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The program did not do its work.
    #[error("the program `{program}` {what}; run it by hand to see why")]
    Failed {
        /// Its name.
        program: String,
        /// What it did instead.
        what: String,
    },
    /// What was read is no secret.
    #[error(transparent)]
    Value(#[from] BadValue),
}

impl Source {
    /// As it is called in the configuration.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Env(_) => "env",
            Self::File(_) => "file",
            Self::Systemd(_) => "systemd",
            Self::Keyring(_) => "keyring",
            Self::Command(_) => "command",
        }
    }

    /// Who reads it again.
    #[must_use]
    pub fn read_by(&self) -> ReadBy {
        match self {
            Self::Env(_) => ReadBy::Nobody,
            Self::File(_) | Self::Systemd(_) => ReadBy::Hub,
            Self::Keyring(_) | Self::Command(_) => ReadBy::Operator,
        }
    }

    /// The file that it is.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) | Self::Systemd(path) => Some(path),
            Self::Env(_) | Self::Keyring(_) | Self::Command(_) => None,
        }
    }

    /// Reads it, now. A command is waited for, 10 s.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub fn read(&self, environment: &Environment) -> Result<Value, SourceError> {
        let bytes = match self {
            Self::Env(name) => environment.value(name).ok_or_else(|| SourceError::Unset(name.clone()))?,
            Self::File(path) => file::read(path, file::Of::ThisUser)?,
            Self::Systemd(path) => file::read(path, file::Of::Systemd)?,
            Self::Keyring(description) => keyring::read(description)?,
            Self::Command(words) => command::read(words, command::TIMEOUT)?,
        };
        Ok(Value::new(bytes)?)
    }
}
