//! What a hub is started with, as far as the outside is concerned.

use crate::config::{BadConfig, Config, Environment};
use crate::credentials::Store;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What an operator says of the outside, and the credentials that were read for it. The default has none.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// As it was declared.
    pub config: Arc<Config>,
    /// What is in force of it. A clone is the same store.
    pub credentials: Store,
}

/// Why a hub does not start.
#[derive(Debug, thiserror::Error)]
pub enum BadDeclaration {
    /// The file is not used.
    #[error(transparent)]
    Config(#[from] BadConfig),
    /// Secrets that cannot be had.
    #[error("credentials of {path} cannot be used\n{}", .faults.join("\n"))]
    Credentials {
        /// The file.
        path: PathBuf,
        /// A line for each of them, without its value.
        faults: Vec<String>,
    },
}

impl Declared {
    /// Reads the file, and every source that it names: programs are run, so this is done before a hub gives that up.
    ///
    /// # Errors
    /// See [`BadDeclaration`].
    pub fn read(path: &Path, environment: &Environment) -> Result<Self, BadDeclaration> {
        let config = Config::read(path)?;
        let bad = |faults| BadDeclaration::Credentials { path: path.to_owned(), faults };
        let credentials = Store::load(&config, environment).map_err(bad)?;
        Ok(Self { config: Arc::new(config), credentials })
    }
}
