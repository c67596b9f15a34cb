//! What the governor has decided, where a power loss does not take it: versions of the manifest, tokens, approvals, and
//! what the audit log still has to be told of them.
//!
//! A decision is answered when its transaction is on the disk (`synchronous = FULL`), and what the log has to say of
//! it is in the same transaction ([`outbox`]): a hub that is killed between the two says it when it starts again.
//! Calls are not in here: they are recorded in the audit log alone, durable against the hub's death.
//!
//! Callers see typed methods and never SQL; statements keep to what PostgreSQL has too.

pub(crate) mod approvals;
pub(crate) mod approvers;
mod location;
pub(crate) mod manifests;
pub(crate) mod outbox;
mod outside;
pub(crate) mod tokens;
mod usage;

pub use location::{BadLocation, Location};

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{SqlSafeStr, Sqlite, Transaction};
use std::borrow::Cow;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a command waits while another one writes.
/// A disk that is busy with other things takes its time, and a command that gives up has done nothing.
const BUSY: Duration = Duration::from_secs(30);

/// Each statement file, in the order in which they are applied; never changed once it shipped.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "governor", include_str!("../migrations/0001_governor.sql")),
    (2, "escalation", include_str!("../migrations/0002_escalation.sql")),
    (3, "approvers", include_str!("../migrations/0003_approvers.sql")),
    (4, "rates", include_str!("../migrations/0004_rates.sql")),
    (5, "egress", include_str!("../migrations/0005_egress.sql")),
];

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Its file cannot be used.
    #[error("{path} is not used as the hub's store: it {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// Ends the sentence.
        why: String,
    },
    /// It was written by a newer hub, or is no store.
    #[error("the store was made by another version of this program, or is damaged")]
    Schema(#[source] sqlx::migrate::MigrateError),
    /// The database refused.
    #[error("the store cannot be read or written")]
    Database(#[from] sqlx::Error),
    /// What it holds is not what was written.
    #[error("the store is damaged: {0}")]
    Damaged(String),
}

/// An open store. Clones are handles to one connection: there is one writer in a process.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
    location: Location,
}

impl Store {
    /// Opens it, makes it when it is missing, and brings its tables up to date.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn open(location: &Location) -> Result<Self, StoreError> {
        let path = location.path();
        ours(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            // What somebody put into the file runs nothing: no function of a view or trigger that is not harmless.
            .pragma("trusted_schema", "OFF");
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        migrator().run(&pool).await.map_err(StoreError::Schema)?;
        Ok(Self { pool, location: location.clone() })
    }

    /// A transaction that has the right to write from its first statement on: nobody else writes between what it
    /// reads and what it writes.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Where it is.
    pub(crate) fn location(&self) -> &Location {
        &self.location
    }

    /// For reading.
    pub(crate) fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Waits until everything is written and the file is closed.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

fn migrator() -> Migrator {
    let each = |(version, name, text): &(i64, &'static str, &'static str)| {
        Migration::new(*version, Cow::Borrowed(name), MigrationType::Simple, (*text).into_sql_str(), false)
    };
    Migrator::with_migrations(MIGRATIONS.iter().map(each).collect())
}

/// Makes the file for this user alone, or looks whether it is: SQLite itself follows links and asks nobody. Its two
/// companions lie beside it and get the file's own mode.
fn ours(path: &Path) -> Result<(), StoreError> {
    let refuse = |why: String| StoreError::File { path: path.to_owned(), why };
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(refuse(format!("cannot be made ({error})"))),
    }
    let (_, found) = crate::data::ours::open(path).map_err(|error| refuse(error.to_string()))?;
    let mode = std::os::unix::fs::MetadataExt::mode(&found);
    if mode & 0o077 != 0 {
        return Err(refuse(format!("can be read by others (mode {:o}): make it 0600", mode & 0o777)));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
