//! Rows of `manifests`: each a version, never changed, the last one in force. What is in a row and whether it can be
//! believed is not decided here but in [`crate::manifests`].

use super::{Store, StoreError, outbox};
use crate::audit::Decision;
use crate::failpoint::failpoint;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, Transaction};

/// A version as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) version: u64,
    pub(crate) digest: String,
    pub(crate) content: String,
    pub(crate) seal: String,
}

/// What became of a new version.
#[derive(Debug)]
pub(crate) enum Appended {
    /// It is on the disk.
    Done,
    /// Somebody was faster: this one is the last by now.
    Outpaced(u64),
}

impl Store {
    /// The last version and, for its seal, the one before it.
    pub(crate) async fn last_versions(&self) -> Result<Vec<Row>, StoreError> {
        let rows = sqlx::query("SELECT version, digest, content, seal FROM manifests ORDER BY version DESC LIMIT 2");
        rows.fetch_all(self.pool()).await?.iter().map(row).collect()
    }

    /// One version and the one before it, newest first.
    pub(crate) async fn version(&self, version: u64) -> Result<Vec<Row>, StoreError> {
        let rows = sqlx::query(
            "SELECT version, digest, content, seal FROM manifests WHERE version <= $1 ORDER BY version DESC LIMIT 2",
        );
        let found = rows.bind(number(version)?).fetch_all(self.pool()).await?;
        found.iter().map(row).collect()
    }

    /// The last `most` versions, newest first, and one more for the seal of the oldest of them.
    pub(crate) async fn versions(&self, most: u32) -> Result<Vec<Row>, StoreError> {
        let rows = sqlx::query("SELECT version, digest, content, seal FROM manifests ORDER BY version DESC LIMIT $1");
        rows.bind(i64::from(most) + 1).fetch_all(self.pool()).await?.iter().map(row).collect()
    }

    /// Adds a version after `base`, together with what the audit log has to say of it.
    pub(crate) async fn append_version(
        &self,
        base: u64,
        new: &Row,
        decision: Decision,
    ) -> Result<Appended, StoreError> {
        let mut transaction = self.begin().await?;
        failpoint!("apply.begun");
        let last = last(&mut transaction).await?;
        if last != base || new.version <= base {
            return Ok(Appended::Outpaced(last));
        }
        sqlx::query("INSERT INTO manifests (version, digest, content, seal) VALUES ($1, $2, $3, $4)")
            .bind(number(new.version)?)
            .bind(&new.digest)
            .bind(&new.content)
            .bind(&new.seal)
            .execute(&mut *transaction)
            .await?;
        failpoint!("apply.inserted");
        outbox::add(&mut transaction, decision).await?;
        failpoint!("apply.told");
        transaction.commit().await?;
        failpoint!("apply.committed");
        Ok(Appended::Done)
    }
}

async fn last(transaction: &mut Transaction<'static, Sqlite>) -> Result<u64, StoreError> {
    let found = sqlx::query("SELECT COALESCE(MAX(version), 0) AS last FROM manifests");
    version(found.fetch_one(&mut **transaction).await?.try_get("last")?)
}

fn row(row: &SqliteRow) -> Result<Row, StoreError> {
    Ok(Row {
        version: version(row.try_get("version")?)?,
        digest: row.try_get("digest")?,
        content: row.try_get("content")?,
        seal: row.try_get("seal")?,
    })
}

fn version(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Damaged(format!("version {number} of the manifest")))
}

fn number(version: u64) -> Result<i64, StoreError> {
    i64::try_from(version).map_err(|_| StoreError::Damaged(format!("version {version} of the manifest")))
}
