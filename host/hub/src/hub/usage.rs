//! What sessions have used, kept; and a session that repeats itself, told and resumed.

use super::{Hub, Inner};
use crate::api::{Caller, ResumeError, SessionId};
use crate::audit::Entry;
use crate::store::StoreError;
use crate::usage::Paused;
use crate::usage::keeping::Standing;
use manifest::{Tier, ToolName};
use std::sync::{PoisonError, Weak};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// A hub that is killed loses this much of its counting at most.
const EVERY: Duration = Duration::from_secs(1);
/// Sessions that health names; the rest is counted.
const MOST_NAMED: usize = 10;

/// Writes to the store what was used, until the hub is gone or stops. Apart from the other upkeep: a disk that takes
/// its time must not keep revoked sessions alive.
pub(super) async fn keep(hub: Weak<Inner>) {
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Some(hub) = hub.upgrade() else { return };
        if hub.stop.is_cancelled() {
            return;
        }
        if let Err(error) = hub.keep_usage().await {
            tracing::error!(error = &error as &dyn std::error::Error, "what sessions have used is not stored");
        }
    }
}

impl Hub {
    /// Lets a session go on that was paused since it repeated itself; in which tiers. `by` is for the audit log.
    ///
    /// # Errors
    /// See [`ResumeError`].
    pub async fn resume_session(&self, id: &SessionId, by: &str) -> Result<Vec<Tier>, ResumeError> {
        let tiers = self.0.usage.resume(&self.0.store, id, by).await?;
        if tiers.is_empty() {
            return Err(ResumeError::NotPaused(id.clone()));
        }
        self.0.tell().await;
        Ok(tiers)
    }
}

impl Inner {
    /// Writes to the store what was used since the last time.
    pub(crate) async fn keep_usage(&self) -> Result<(), StoreError> {
        let authorized = self.identity.sessions(jiff::Timestamp::now());
        let local = self.local.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let standing = |session: &SessionId| match () {
            () if local.contains(session) => Standing::Local,
            () if authorized.contains(session) => Standing::InForce,
            () => Standing::Unknown,
        };
        self.usage.keep(&self.store, standing).await
    }

    /// A session waits for an operator from here on. It is paused already; what fails here is only told later.
    pub(crate) async fn tell_paused(&self, caller: &Caller, tier: Tier, tool: &ToolName, calls: u32) {
        let (session, principal) = (caller.session.clone(), caller.principal.clone());
        tracing::warn!(%session, tool = %tool, calls, "paused: identical calls with identical results");
        let paused = Entry::SessionPaused { session, principal, tier, tool: tool.clone(), calls };
        if let Err(error) = self.audit.write(paused).await {
            tracing::error!(%error, session = %caller.session, "paused, but not recorded");
        }
        // At once: a restart must not be the way out.
        if let Err(error) = self.keep_usage().await {
            tracing::error!(error = &error as &dyn std::error::Error, "what sessions have used is not stored");
        }
    }

    /// Sessions that wait for an operator, each with the command.
    pub(super) fn waiting(&self) -> Vec<String> {
        let paused = self.usage.paused();
        let line = |Paused { session, tier, calls }: &Paused| {
            format!(
                "session {session} is paused in tier {tier} after {calls} identical calls with identical results: see what it does, then `safeclaw sessions resume {session}`"
            )
        };
        let mut lines: Vec<String> = paused.iter().take(MOST_NAMED).map(line).collect();
        if let Some(more) = paused.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
            lines.push(format!("{more} more sessions are paused: `safeclaw sessions` names those that live"));
        }
        lines
    }
}
