//! Sessions in which something was read from outside.

use super::{Store, StoreError};
use crate::api::SessionId;
use crate::egress::Outside;
use jiff::Timestamp;
use manifest::CredentialName;
use sqlx::Row;
use std::collections::{BTreeMap, BTreeSet};

impl Store {
    /// All of them, since when, and what they have used of secrets.
    pub(crate) async fn outside(&self) -> Result<Vec<(SessionId, Timestamp, BTreeSet<CredentialName>)>, StoreError> {
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
        let mut used = self.used().await?;
        let whole = |(session, since)| {
            let used = used.remove(&session).unwrap_or_default();
            (session, since, used)
        };
        rows.into_iter().map(read).collect::<Result<Vec<_>, _>>().map(|rows| rows.into_iter().map(whole).collect())
    }

    async fn used(&self) -> Result<BTreeMap<SessionId, BTreeSet<CredentialName>>, StoreError> {
        let mut used: BTreeMap<SessionId, BTreeSet<CredentialName>> = BTreeMap::new();
        for row in sqlx::query("SELECT session, credential FROM outside_credentials").fetch_all(self.pool()).await? {
            let credential: String = row.try_get("credential")?;
            let credential = CredentialName::try_from(credential.as_str()).map_err(|_| {
                StoreError::Damaged(format!("a session has used `{credential}`, which is no credential"))
            })?;
            used.entry(SessionId(row.try_get("session")?)).or_default().insert(credential);
        }
        Ok(used)
    }

    /// From now on it has, and with this credential, if with any.
    pub(crate) async fn add_outside(
        &self,
        session: &SessionId,
        since: Timestamp,
        used: Option<&CredentialName>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("INSERT INTO outside (session, since_ms) VALUES ($1, $2) ON CONFLICT (session) DO NOTHING")
            .bind(&session.0)
            .bind(since.as_millisecond())
            .execute(&mut *transaction)
            .await?;
        if let Some(credential) = used {
            let insert = "INSERT INTO outside_credentials (session, credential) VALUES ($1, $2) ON CONFLICT DO NOTHING";
            sqlx::query(insert).bind(&session.0).bind(credential.as_str()).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Nobody can come back to these.
    pub(crate) async fn forget_outside(&self, sessions: &[SessionId]) -> Result<(), StoreError> {
        if sessions.is_empty() {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        for session in sessions {
            for delete in
                ["DELETE FROM outside WHERE session = $1", "DELETE FROM outside_credentials WHERE session = $1"]
            {
                sqlx::query(delete).bind(&session.0).execute(&mut *transaction).await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }
}
