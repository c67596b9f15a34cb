//! Rows of `approvals`. A state is changed only from the states that it can follow, in the statement itself: whoever
//! comes second changes no row.

use super::{Store, StoreError, outbox};
use crate::audit::Decision;
use crate::escalation::{ApprovalId, Asked, Given, State};
use crate::failpoint::failpoint;
use jiff::{Timestamp, ToSpan};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

/// A row stays this long, for who asks what was allowed before; the audit log keeps it for ever.
const KEEP_HOURS: i64 = 30 * 24;

/// One as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApprovalRow {
    pub(crate) state: State,
    pub(crate) asked: Asked,
    pub(crate) given: Option<Given>,
}

impl Store {
    /// Adds a request, with what the log has to say of it.
    pub(crate) async fn add_approval(&self, asked: &Asked, told: Decision) -> Result<(), StoreError> {
        let mut decision = self.begin().await?;
        let old = (asked.requested - KEEP_HOURS.hours()).to_string();
        sqlx::query("DELETE FROM approvals WHERE requested < $1").bind(old).execute(&mut *decision).await?;
        sqlx::query(
            "INSERT INTO approvals (id, state, principal, tool, requested, asked) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(asked.id.as_str())
        .bind(State::Pending.word())
        .bind(&asked.binding.principal)
        .bind(asked.binding.tool.as_str())
        .bind(asked.requested.to_string())
        .bind(json(asked)?)
        .execute(&mut *decision)
        .await?;
        failpoint!("approval.inserted");
        outbox::add(&mut decision, told).await?;
        decision.commit().await?;
        failpoint!("approval.opened");
        Ok(())
    }

    /// Writes an answer down. False when there is nothing to answer any more.
    pub(crate) async fn answer_approval(
        &self,
        id: &ApprovalId,
        to: State,
        given: &Given,
        told: Decision,
    ) -> Result<bool, StoreError> {
        let mut decision = self.begin().await?;
        let changed = sqlx::query("UPDATE approvals SET state = $2, given = $3 WHERE id = $1 AND state = 'pending'")
            .bind(id.as_str())
            .bind(to.word())
            .bind(json(given)?)
            .execute(&mut *decision)
            .await?;
        if changed.rows_affected() != 1 {
            return Ok(false);
        }
        failpoint!("approval.answering");
        outbox::add(&mut decision, told).await?;
        decision.commit().await?;
        failpoint!("approval.answered");
        Ok(true)
    }

    /// Writes another change down. False when it was in no state that this one can follow.
    pub(crate) async fn change_approval(&self, id: &ApprovalId, to: State, told: Decision) -> Result<bool, StoreError> {
        let statement = match to {
            State::Claimed => "UPDATE approvals SET state = 'claimed' WHERE id = $1 AND state = 'approved'",
            State::Executed => "UPDATE approvals SET state = 'executed' WHERE id = $1 AND state = 'claimed'",
            State::OutcomeUnknown => {
                "UPDATE approvals SET state = 'outcome_unknown' WHERE id = $1 AND state = 'claimed'"
            }
            State::Expired => {
                "UPDATE approvals SET state = 'expired' WHERE id = $1 AND state IN ('pending', 'approved')"
            }
            // One that was claimed and stopped in time has not run.
            State::Void => {
                "UPDATE approvals SET state = 'void' WHERE id = $1 AND state IN ('pending', 'approved', 'claimed')"
            }
            // A request and an answer have ways of their own.
            State::Pending | State::Approved | State::Denied => return Ok(false),
        };
        let mut decision = self.begin().await?;
        let changed = sqlx::query(statement).bind(id.as_str()).execute(&mut *decision).await?;
        if changed.rows_affected() != 1 {
            return Ok(false);
        }
        failpoint!("approval.changing");
        outbox::add(&mut decision, told).await?;
        decision.commit().await?;
        failpoint!("approval.changed");
        Ok(true)
    }

    /// One.
    pub(crate) async fn approval(&self, id: &ApprovalId) -> Result<Option<ApprovalRow>, StoreError> {
        let found = sqlx::query("SELECT state, asked, given FROM approvals WHERE id = $1").bind(id.as_str());
        found.fetch_optional(self.pool()).await?.as_ref().map(read).transpose()
    }

    /// The last `most`, newest first.
    pub(crate) async fn approvals(&self, most: u32) -> Result<Vec<ApprovalRow>, StoreError> {
        let rows = sqlx::query("SELECT state, asked, given FROM approvals ORDER BY requested DESC, id LIMIT $1");
        Ok(sound(&rows.bind(i64::from(most)).fetch_all(self.pool()).await?))
    }

    /// Those that a start has to look at: whatever has no end, and denials, which stick.
    pub(crate) async fn standing_approvals(&self) -> Result<Vec<ApprovalRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT state, asked, given FROM approvals WHERE state IN ('pending', 'approved', 'claimed', 'denied') ORDER BY requested, id",
        );
        Ok(sound(&rows.fetch_all(self.pool()).await?))
    }

    /// The last call of a tool that a person allowed this principal, before a moment.
    pub(crate) async fn last_allowed(
        &self,
        principal: &str,
        tool: &str,
        before: Timestamp,
    ) -> Result<Option<ApprovalRow>, StoreError> {
        let row = sqlx::query(
            "SELECT state, asked, given FROM approvals WHERE principal = $1 AND tool = $2 AND requested < $3 AND state IN ('claimed', 'executed', 'outcome_unknown') ORDER BY requested DESC, id LIMIT 1",
        );
        let row = row.bind(principal).bind(tool).bind(before.to_string()).fetch_optional(self.pool()).await?;
        row.as_ref().map(read).transpose()
    }
}

/// Those that can be read. One that cannot allows nothing, and keeps no hub from starting.
fn sound(rows: &[SqliteRow]) -> Vec<ApprovalRow> {
    let sound = |row| match read(row) {
        Ok(row) => Some(row),
        Err(error) => {
            tracing::error!(%error, "a row of the store's approvals is left out");
            None
        }
    };
    rows.iter().filter_map(sound).collect()
}

fn read(row: &SqliteRow) -> Result<ApprovalRow, StoreError> {
    let damaged = |what: &str| StoreError::Damaged(format!("an approval's {what} cannot be read"));
    let state: String = row.try_get("state")?;
    let asked: String = row.try_get("asked")?;
    let given: Option<String> = row.try_get("given")?;
    let state = serde_json::from_value(state.into()).map_err(|_| damaged("state"))?;
    let asked: Asked = serde_json::from_str(&asked).map_err(|_| damaged("request"))?;
    if !asked.is_whole() {
        return Err(damaged("arguments"));
    }
    let given = given.map(|given| serde_json::from_str(&given)).transpose().map_err(|_| damaged("answer"))?;
    Ok(ApprovalRow { state, asked, given })
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Damaged(error.to_string()))
}
