//! What the audit log still has to be told. An entry comes in with its decision, in one transaction, and goes when it
//! is in the log: a hub that dies between the two finds it here when it starts, so a decision may be in the log twice
//! under one id, and is never missing.

use super::{Store, StoreError};
use crate::audit::{Decided, Decision};
use sqlx::{Row, Sqlite, Transaction};
use uuid::Uuid;

/// Adds what the log has to say to a decision's transaction.
pub(crate) async fn add(transaction: &mut Transaction<'static, Sqlite>, what: Decision) -> Result<(), StoreError> {
    let decided = Decided { decision: Uuid::new_v4(), what };
    let entry = serde_json::to_string(&decided).map_err(|error| StoreError::Damaged(error.to_string()))?;
    sqlx::query("INSERT INTO outbox (id, place, entry) SELECT $1, COALESCE(MAX(place), 0) + 1, $2 FROM outbox")
        .bind(decided.decision.to_string())
        .bind(entry)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

impl Store {
    /// What waits, oldest first.
    pub(crate) async fn untold(&self) -> Result<Vec<Decided>, StoreError> {
        let rows = sqlx::query("SELECT entry FROM outbox ORDER BY place").fetch_all(self.pool()).await?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            let entry: String = row.try_get("entry")?;
            serde_json::from_str(&entry)
                .map_err(|_| StoreError::Damaged("what the audit log should be told cannot be read".into()))
        };
        rows.iter().map(read).collect()
    }

    /// It is in the log.
    pub(crate) async fn told(&self, decision: Uuid) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM outbox WHERE id = $1").bind(decision.to_string()).execute(self.pool()).await?;
        Ok(())
    }
}
