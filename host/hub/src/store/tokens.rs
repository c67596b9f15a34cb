//! Tokens: which were made, and which of them are revoked. The token itself is nowhere: `jti` names it.

use super::{Store, StoreError, outbox};
use crate::audit::Decision;
use crate::identity::Scopes;
use jiff::{Timestamp, ToSpan};
use manifest::ProfileName;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

/// Tokens in force at once. Bounds what a hub reads and keeps.
pub(crate) const MOST_IN_FORCE: usize = 10_000;
/// A row stays this long after its token has ended, for `token list --all`; the audit log keeps it for ever.
const KEEP_HOURS: i64 = 30 * 24;

/// A token as the store knows it. Times are whole seconds, so that their texts are ordered as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenRow {
    /// Names the token, and its session.
    pub(crate) jti: String,
    pub(crate) principal: String,
    pub(crate) profile: ProfileName,
    pub(crate) scopes: Scopes,
    pub(crate) created: Timestamp,
    /// `None`: never.
    pub(crate) expires: Option<Timestamp>,
    pub(crate) revoked: Option<Timestamp>,
}

impl Store {
    /// Adds a token that was not there, with what the log has to say of it. False when there are too many.
    pub(crate) async fn add_token(&self, token: &TokenRow) -> Result<bool, StoreError> {
        let mut decision = self.begin().await?;
        let old = (token.created - KEEP_HOURS.hours()).to_string();
        sqlx::query("DELETE FROM tokens WHERE expires < $1 OR revoked < $1").bind(old).execute(&mut *decision).await?;
        let row = sqlx::query(
            "SELECT COUNT(*) AS many FROM tokens WHERE revoked IS NULL AND (expires IS NULL OR expires > $1)",
        )
        .bind(token.created.to_string())
        .fetch_one(&mut *decision)
        .await?;
        let many: i64 = row.try_get("many")?;
        if usize::try_from(many).unwrap_or(usize::MAX) >= MOST_IN_FORCE {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO tokens (jti, principal, profile, scopes, created, expires) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&token.jti)
        .bind(&token.principal)
        .bind(token.profile.as_str())
        .bind(token.scopes.to_string())
        .bind(token.created.to_string())
        .bind(token.expires.map(|at| at.to_string()))
        .execute(&mut *decision)
        .await?;
        let made = Decision::TokenMade {
            jti: token.jti.clone(),
            principal: token.principal.clone(),
            profile: token.profile.to_string(),
            expires: token.expires,
        };
        outbox::add(&mut decision, made).await?;
        decision.commit().await?;
        Ok(true)
    }

    /// Revokes a token, once. False when there is none of this name, or it is revoked already.
    pub(crate) async fn revoke_token(&self, jti: &str, now: Timestamp) -> Result<bool, StoreError> {
        let mut decision = self.begin().await?;
        let revoked =
            sqlx::query("UPDATE tokens SET revoked = $2 WHERE jti = $1 AND revoked IS NULL RETURNING principal")
                .bind(jti)
                .bind(now.to_string())
                .fetch_optional(&mut *decision)
                .await?;
        let Some(row) = revoked else { return Ok(false) };
        let principal = row.try_get("principal")?;
        outbox::add(&mut decision, Decision::TokenRevoked { jti: jti.to_owned(), principal }).await?;
        decision.commit().await?;
        Ok(true)
    }

    /// Every token that there is a row of, oldest first.
    pub(crate) async fn tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        let rows = sqlx::query("SELECT * FROM tokens ORDER BY created, jti").fetch_all(self.pool()).await?;
        rows.iter().map(read).collect()
    }

    /// Those that are neither revoked nor expired.
    pub(crate) async fn tokens_in_force(&self, now: Timestamp) -> Result<Vec<TokenRow>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM tokens WHERE revoked IS NULL AND (expires IS NULL OR expires > $1) LIMIT $2")
                .bind(now.to_string())
                .bind(i64::try_from(MOST_IN_FORCE).unwrap_or(i64::MAX) + 1)
                .fetch_all(self.pool())
                .await?;
        if rows.len() > MOST_IN_FORCE {
            return Err(StoreError::Damaged(format!("more than {MOST_IN_FORCE} tokens are in force")));
        }
        rows.iter().map(read).collect()
    }
}

fn read(row: &SqliteRow) -> Result<TokenRow, StoreError> {
    let damaged = |column: &str| StoreError::Damaged(format!("a token's {column} cannot be read"));
    let text = |column: &str| row.try_get::<String, _>(column);
    let time = |column: &str| {
        let text: Option<String> = row.try_get(column)?;
        text.map(|text| text.parse::<Timestamp>().map_err(|_| damaged(column))).transpose()
    };
    Ok(TokenRow {
        jti: text("jti")?,
        principal: text("principal")?,
        profile: ProfileName::try_from(text("profile")?.as_str()).map_err(|_| damaged("profile"))?,
        scopes: scopes(&text("scopes")?).ok_or_else(|| damaged("scopes"))?,
        created: time("created")?.ok_or_else(|| damaged("created"))?,
        expires: time("expires")?,
        revoked: time("revoked")?,
    })
}

/// None at all would let nobody call anything, and is not written.
fn scopes(text: &str) -> Option<Scopes> {
    text.parse().ok().filter(|scopes: &Scopes| !scopes.is_empty())
}
