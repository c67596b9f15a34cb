//! What sessions and principals have used of their tiers, as the last second left it.

use super::{Store, StoreError, outbox};
use crate::api::SessionId;
use crate::audit::Decision;
use crate::failpoint::failpoint;
use crate::usage::{Key, MOST, Saved, Whose};
use manifest::Tier;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};

/// Rows of one statement: ten thousand sessions that call within one second are fifty statements.
const ROWS_AT_ONCE: usize = 200;

const SESSION: &str = "session";
const PRINCIPAL: &str = "principal";

impl Store {
    /// Every account.
    pub(crate) async fn usage(&self) -> Result<Vec<Saved>, StoreError> {
        let rows = sqlx::query("SELECT * FROM usage LIMIT $1")
            .bind(i64::try_from(MOST).unwrap_or(i64::MAX).saturating_add(1))
            .fetch_all(self.pool())
            .await?;
        if rows.len() > MOST {
            return Err(StoreError::Damaged(format!("more than {MOST} sessions and principals have used something")));
        }
        rows.iter().map(read).collect()
    }

    /// Writes these, and takes those out.
    pub(crate) async fn keep_usage(&self, changed: &[Saved], forgotten: &[Key]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for some in changed.chunks(ROWS_AT_ONCE) {
            let windows: Result<Vec<String>, _> =
                some.iter().map(|saved| serde_json::to_string(&saved.window)).collect();
            let windows = windows.map_err(|error| StoreError::Damaged(error.to_string()))?;
            let mut insert = QueryBuilder::<Sqlite>::new(
                "INSERT INTO usage (kind, name, tier, calls_in_hour, calls, wall_us, egress, last, repeats, paused, touched) ",
            );
            insert.push_values(some.iter().zip(windows), |mut row, (saved, window)| {
                let (kind, name) = named(&saved.key.whose);
                row.push_bind(kind).push_bind(name).push_bind(saved.key.tier.as_str()).push_bind(window);
                row.push_bind(number(saved.calls)).push_bind(number(saved.wall_us)).push_bind(number(saved.egress));
                row.push_bind(saved.last.map(hex::encode)).push_bind(i64::from(saved.repeats));
                row.push_bind(saved.paused.map(i64::from)).push_bind(saved.touched_ms);
            });
            insert.push(
                " ON CONFLICT (kind, name, tier) DO UPDATE SET calls_in_hour = excluded.calls_in_hour, \
                 calls = excluded.calls, wall_us = excluded.wall_us, egress = excluded.egress, last = excluded.last, \
                 repeats = excluded.repeats, paused = excluded.paused, touched = excluded.touched",
            );
            insert.build().execute(&mut *transaction).await?;
        }
        for key in forgotten {
            let (kind, name) = named(&key.whose);
            sqlx::query("DELETE FROM usage WHERE kind = $1 AND name = $2 AND tier = $3")
                .bind(kind)
                .bind(name)
                .bind(key.tier.as_str())
                .execute(&mut *transaction)
                .await?;
        }
        failpoint!("usage.written");
        transaction.commit().await?;
        Ok(())
    }

    /// A session goes on, with what the log has to say of it.
    pub(crate) async fn resume_usage(&self, session: &SessionId, decision: Decision) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE usage SET paused = NULL, last = NULL, repeats = 0 WHERE kind = $1 AND name = $2")
            .bind(SESSION)
            .bind(&session.0)
            .execute(&mut *transaction)
            .await?;
        outbox::add(&mut transaction, decision).await?;
        failpoint!("usage.resuming");
        transaction.commit().await?;
        Ok(())
    }
}

fn named(whose: &Whose) -> (&'static str, &str) {
    match whose {
        Whose::Session(session) => (SESSION, &session.0),
        Whose::Principal(name) => (PRINCIPAL, name),
    }
}

/// Beyond what the database can count nothing is left of any budget.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What cannot be read is not taken for nothing used.
fn read(row: &SqliteRow) -> Result<Saved, StoreError> {
    let damaged = |column: &str| StoreError::Damaged(format!("the {column} of what was used cannot be read"));
    let name: String = row.try_get("name")?;
    let kind: String = row.try_get("kind")?;
    let whose = match kind.as_str() {
        SESSION => Whose::Session(SessionId(name)),
        PRINCIPAL => Whose::Principal(name),
        _ => return Err(damaged("kind")),
    };
    let tier: String = row.try_get("tier")?;
    let tiers = [Tier::User, Tier::Write, Tier::Admin, Tier::Critical];
    let tier = tiers.into_iter().find(|known| known.as_str() == tier).ok_or_else(|| damaged("tier"))?;
    let window: String = row.try_get("calls_in_hour")?;
    let last: Option<String> = row.try_get("last")?;
    let mut digest = [0; 32];
    if let Some(text) = &last {
        hex::decode_to_slice(text, &mut digest).map_err(|_| damaged("last call"))?;
    }
    let count = |column: &str| {
        let count: i64 = row.try_get(column)?;
        u64::try_from(count).map_err(|_| damaged(column))
    };
    let paused: Option<i64> = row.try_get("paused")?;
    Ok(Saved {
        key: Key { whose, tier },
        window: serde_json::from_str(&window).map_err(|_| damaged("hour"))?,
        calls: count("calls")?,
        wall_us: count("wall_us")?,
        egress: count("egress")?,
        last: last.map(|_| digest),
        repeats: u32::try_from(count("repeats")?).map_err(|_| damaged("repeats"))?,
        paused: paused.map(|calls| u32::try_from(calls).map_err(|_| damaged("pause"))).transpose()?,
        touched_ms: row.try_get("touched")?,
    })
}
