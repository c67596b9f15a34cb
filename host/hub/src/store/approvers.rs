//! Rows of `approvers`: public keys, and whose they are. Who may change them is decided in [`crate::approvers`].

use super::{Store, StoreError, outbox};
use crate::approvers::{ApproverKey, ApproverName, Enrolled};
use crate::audit::Decision;
use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

/// Approvers at once. Bounds what a hub reads, and tries a signature against.
pub(crate) const MOST_IN_FORCE: usize = 100;
/// Rows, those that were revoked included.
const MOST_ROWS: usize = 10_000;

/// What became of a new approver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// It is on the disk.
    Done,
    /// There are as many as there may be.
    Full,
    /// The name or the key is there, or somebody else was the first.
    Outpaced,
}

impl Store {
    /// Adds one, with what the log has to say of it. Without a signer it must be the first.
    pub(crate) async fn add_approver(&self, new: &Enrolled, decision: Decision) -> Result<Added, StoreError> {
        let mut transaction = self.begin().await?;
        let counted = sqlx::query(
            "SELECT COUNT(*) AS every, COUNT(*) - COUNT(revoked) AS in_force, \
             COALESCE(SUM(CASE WHEN public_key = $1 OR (name = $2 AND revoked IS NULL) THEN 1 ELSE 0 END), 0) AS same \
             FROM approvers",
        );
        let counted = counted.bind(new.key.as_str()).bind(new.name.as_str()).fetch_one(&mut *transaction).await?;
        let count = |column: &str| {
            let many: i64 = counted.try_get(column)?;
            Ok::<_, StoreError>(usize::try_from(many).unwrap_or(usize::MAX))
        };
        if count("same")? > 0 || (new.by.is_none() && count("every")? > 0) {
            return Ok(Added::Outpaced);
        }
        if count("in_force")? >= MOST_IN_FORCE || count("every")? >= MOST_ROWS {
            return Ok(Added::Full);
        }
        let principals =
            serde_json::to_string(&new.principals).map_err(|error| StoreError::Damaged(error.to_string()))?;
        sqlx::query(
            "INSERT INTO approvers (public_key, name, principals, passphrase, added, added_by) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(new.key.as_str())
        .bind(new.name.as_str())
        .bind(principals)
        .bind(i64::from(new.passphrase))
        .bind(new.added.to_string())
        .bind(new.by.as_ref().map(ApproverName::as_str))
        .execute(&mut *transaction)
        .await?;
        outbox::add(&mut transaction, decision).await?;
        transaction.commit().await?;
        Ok(Added::Done)
    }

    /// Revokes the one of this key, once. False when it is not in force.
    pub(crate) async fn revoke_approver(
        &self,
        key: &ApproverKey,
        now: Timestamp,
        decision: Decision,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let revoked = sqlx::query("UPDATE approvers SET revoked = $2 WHERE public_key = $1 AND revoked IS NULL")
            .bind(key.as_str())
            .bind(now.to_string())
            .execute(&mut *transaction)
            .await?;
        if revoked.rows_affected() != 1 {
            return Ok(false);
        }
        outbox::add(&mut transaction, decision).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Everybody who is or was one, oldest first.
    pub(crate) async fn approvers(&self) -> Result<Vec<Enrolled>, StoreError> {
        let rows = sqlx::query("SELECT * FROM approvers ORDER BY added, public_key").fetch_all(self.pool()).await?;
        rows.iter().map(read).collect()
    }

    /// Removes all rows; how many there were.
    pub(crate) async fn forget_approvers(&self, by: &str) -> Result<usize, StoreError> {
        let mut transaction = self.begin().await?;
        let gone = sqlx::query("DELETE FROM approvers").execute(&mut *transaction).await?.rows_affected();
        outbox::add(&mut transaction, Decision::ApproversReset { forgotten: gone, by: by.to_owned() }).await?;
        transaction.commit().await?;
        Ok(usize::try_from(gone).unwrap_or(usize::MAX))
    }
}

/// A row that cannot be read stops the hub's start: whoever it was may be the only one, or one who was revoked.
fn read(row: &SqliteRow) -> Result<Enrolled, StoreError> {
    let damaged = |column: &str| StoreError::Damaged(format!("an approver's {column} cannot be read"));
    let text = |column: &str| row.try_get::<String, _>(column);
    let name = |text: &str| ApproverName::try_from(text).map_err(|_| damaged("name"));
    let time = |text: String, column: &str| text.parse::<Timestamp>().map_err(|_| damaged(column));
    let passphrase = match row.try_get::<i64, _>("passphrase")? {
        0 => false,
        1 => true,
        _ => return Err(damaged("passphrase")),
    };
    let by: Option<String> = row.try_get("added_by")?;
    let revoked: Option<String> = row.try_get("revoked")?;
    Ok(Enrolled {
        name: name(&text("name")?)?,
        key: ApproverKey::parse(&text("public_key")?).map_err(|_| damaged("public_key"))?,
        principals: serde_json::from_str(&text("principals")?).map_err(|_| damaged("principals"))?,
        passphrase,
        added: time(text("added")?, "added")?,
        by: by.map(|by| name(&by)).transpose()?,
        revoked: revoked.map(|at| time(at, "revoked")).transpose()?,
    })
}
