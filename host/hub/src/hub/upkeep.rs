//! What a hub does between calls: ends what is idle, revoked or over, and says how it is.

use super::Inner;
use crate::api::Health;
use crate::clean;
use protocol::InsidePosture;
use std::sync::{PoisonError, Weak};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often. A token that is revoked or expires ends its session within this.
const EVERY: Duration = Duration::from_secs(1);

/// Runs until the hub is gone or stops.
pub(super) async fn run(hub: Weak<Inner>) {
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Some(hub) = hub.upgrade() else { return };
        if hub.stop.is_cancelled() {
            return;
        }
        hub.sessions.sweep(Instant::now());
        hub.end_unauthorized().await;
    }
}

impl Inner {
    /// Ends the sessions whose token is gone.
    async fn end_unauthorized(&self) {
        let authorized = self.tokens.sessions(jiff::Timestamp::now());
        for session in self.sessions.all() {
            let id = &session.caller.session;
            let local = self.local.lock().unwrap_or_else(PoisonError::into_inner).contains(id);
            if !local && !authorized.contains(id) {
                self.end_session(id, "its token was revoked or has expired").await;
            }
        }
    }

    pub(super) fn health(&self) -> Health {
        let catalogue = self.catalogue.load();
        let now = Instant::now();
        let sessions = self.sessions.all();
        Health {
            ok: catalogue.problems.is_empty() && !self.is_draining(),
            draining: self.is_draining(),
            manifest: self.manifest.name.clone(),
            manifest_digest: self.tickets.manifest.clone(),
            wall2: self.wall2.to_owned(),
            tools: catalogue.offers.len(),
            sessions: sessions.len(),
            runners: sessions.iter().map(|session| session.view(now).runners.len()).sum(),
            parked: self.pool.parked(),
            problems: catalogue.problems.clone(),
        }
    }
}

/// What a runner says of its container, safe to show: a runner in hostile hands says what it likes.
pub(super) fn cleaned(posture: InsidePosture) -> InsidePosture {
    let pairs = |pairs: Vec<(String, String)>| {
        let line = |text: &str| clean::line(text, clean::LINE_BYTES);
        pairs.iter().map(|(name, value)| (line(name), line(value))).collect()
    };
    InsidePosture {
        facts: pairs(posture.facts),
        self_test: pairs(posture.self_test),
        lockdown: pairs(posture.lockdown),
    }
}
