//! Which store: the playbook's variable, or the data directory.

use ::hub::store::Location;
use clap::Args;

/// Names the store.
#[derive(Debug, Clone, Args)]
pub(crate) struct StoreAt {
    /// The hub's store, sqlite:///ABSOLUTE/PATH [default: hub.db in the data directory]
    #[arg(long = "database", value_name = "URL", env = "MANIFEST_DATABASE_URL", hide_env_values = true)]
    database: Option<String>,
}

impl StoreAt {
    /// Where it is, if somebody said.
    pub(crate) fn location(&self) -> anyhow::Result<Option<Location>> {
        // Set and empty is what a compose file makes of a variable that nobody gave.
        let said = self.database.as_deref().filter(|url| !url.is_empty());
        Ok(said.map(Location::parse).transpose()?)
    }
}
