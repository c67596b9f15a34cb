//! Sessions in which something was read from outside.

use super::{Store, StoreError};
use crate::api::SessionId;
use crate::egress::Outside;
use jiff::Timestamp;
use sqlx::Row;

impl Store {
    /// All of them, and since when.
    pub(crate) async fn outside(&self) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        let rows = sqlx::query("SELECT session, since_ms FROM outside LIMIT $1")
            .bind(i64::try_from(Outside::MOST).unwrap_or(i64::MAX).saturating_add(1))
            .fetch_all(self.pool())
            .await?;
        if rows.len() > Outside::MOST {
            return Err(StoreError::Damaged(format!("more than {} sessions have read from outside", Outside::MOST)));
        }
        let read = |row: sqlx::sqlite::SqliteRow| {
            let session: String = row.try_get("session")?;
            let since = Timestamp::from_millisecond(row.try_get("since_ms")?)
                .map_err(|_| StoreError::Damaged("since when a session has read from outside cannot be read".into()))?;
            Ok((SessionId(session), since))
        };
        rows.into_iter().map(read).collect()
    }

    /// From now on it has.
    pub(crate) async fn add_outside(&self, session: &SessionId, since: Timestamp) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO outside (session, since_ms) VALUES ($1, $2) ON CONFLICT (session) DO NOTHING")
            .bind(&session.0)
            .bind(since.as_millisecond())
            .execute(self.pool())
            .await?;
        Ok(())
    }

    /// Nobody can come back to these.
    pub(crate) async fn forget_outside(&self, sessions: &[SessionId]) -> Result<(), StoreError> {
        if sessions.is_empty() {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        for session in sessions {
            sqlx::query("DELETE FROM outside WHERE session = $1").bind(&session.0).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}
