//! What a hub does between calls: ends what is idle, revoked or over, and says how it is.

mod alive;

use super::Inner;
use crate::api::{Caller, Health, SessionId};
use crate::audit::{Audit, Entry};
use crate::clean;
use crate::metrics::Standing;
use crate::session::{DEATH, Session};
pub(crate) use alive::{Alive, begin};
use egress::Broker;
use protocol::InsidePosture;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// How often. A token that is revoked or expires ends its session within this.
const EVERY: Duration = Duration::from_secs(1);

/// How long the log may keep it from the rest of its work.
const TELL_WITHIN: Duration = Duration::from_secs(10);

/// Runs until the hub is gone or stops.
async fn run(hub: Weak<Inner>, _alive: alive::Guard) {
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Some(hub) = hub.upgrade() else { return };
        if hub.stop.is_cancelled() {
            return;
        }
        for forgotten in hub.sessions.sweep(Instant::now(), &hub.force.load_full()) {
            hub.runners.spawn(finish(hub.audit.clone(), hub.broker.clone(), forgotten, "nobody used it"));
        }
        hub.leashes.expire(Instant::now(), DEATH);
        hub.end_unauthorized();
        hub.desk.sweep();
        let told = async {
            hub.desk.follow().await;
            hub.tell().await;
            hub.tell_button().await;
        };
        if timeout(TELL_WITHIN, told).await.is_err() {
            tracing::error!("what was decided is not in the audit log yet: the log or the store does not answer");
        }
        hub.upkeep.turned();
    }
}

impl Inner {
    /// Ends the sessions whose token is gone. In memory first, all of them: an engine that hangs delays only
    /// the death of containers that nobody listens to any more.
    pub(super) fn end_unauthorized(&self) {
        let authorized = self.identity.sessions(jiff::Timestamp::now());
        let local = self.local.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let gone = |id: &SessionId| !local.contains(id) && !authorized.contains(id);
        self.break_off(gone, "its token was revoked or has expired");
    }

    /// Takes sessions out and breaks off their calls at once; records them and kills their runners in tasks.
    pub(crate) fn break_off(&self, which: impl Fn(&SessionId) -> bool, reason: &'static str) {
        for session in self.sessions.all() {
            let id = &session.caller.session;
            if which(id)
                && let Some(session) = self.sessions.remove(id)
            {
                session.ended.cancel();
                // A hub that stops is no end of a session: what waits for an answer waits for the next one.
                if !self.is_draining() {
                    self.desk.void_session(id);
                }
                // Without a runtime the process is ending, and its runners with it.
                let Ok(runtime) = Handle::try_current() else { continue };
                self.runners.spawn_on(finish(self.audit.clone(), self.broker.clone(), session, reason), &runtime);
            }
        }
    }

    pub(super) fn health(&self) -> Health {
        let force = self.force.load();
        let catalogue = &force.catalogue;
        let now = Instant::now();
        let sessions = self.sessions.all();
        let doors = self.certificates.problems(jiff::Timestamp::now());
        let told = catalogue.problems.iter().chain(&force.problem).cloned().chain(self.trouble.told());
        let stopped = self.epoch.stopped().into_iter().chain(self.upkeep.problem());
        let problems: Vec<String> = stopped
            .chain(told)
            .chain(self.audit.problems())
            .chain(doors)
            .chain(self.identity.problems())
            .chain(self.usage.problem())
            .collect();
        Health {
            ok: problems.is_empty() && !self.is_draining(),
            draining: self.is_draining(),
            manifest: force.manifest.name.clone(),
            manifest_version: force.version,
            manifest_digest: force.digest.clone(),
            wall2: self.wall2.to_owned(),
            tools: catalogue.offers.len(),
            sessions: sessions.len(),
            runners: sessions.iter().map(|session| session.view(now).runners.len()).sum(),
            parked: self.pool.parked(),
            epoch: self.epoch.now(),
            panic: self.epoch.is_panic(),
            upkeep_s: self.upkeep.ago_s(),
            silent_runners: self.leashes.silent(),
            problems,
            warnings: self.audit.warnings().into_iter().chain(self.waiting()).collect(),
        }
    }
}

impl Inner {
    /// The same for who collects metrics.
    pub(super) fn standing(&self) -> Standing {
        let health = self.health();
        Standing {
            sessions: health.sessions,
            calls: self.calls.len(),
            runners: health.runners,
            parked: self.pool.parked_by_class(),
            manifest_version: health.manifest_version,
            tools: health.tools,
            healthy: health.ok,
            problems: health.problems.len(),
        }
    }
}

/// Records the end of a session, then waits until its runners are gone. What is known of its requests goes last: until
/// then a call of it may still say something that is to be searched.
pub(super) async fn finish(audit: Audit, broker: Broker, session: Arc<Session>, reason: &'static str) {
    session.ended.cancel();
    let Caller { session: id, principal, .. } = session.caller.clone();
    // Before the runners: the engine may take its time.
    if let Err(error) = audit.write(Entry::SessionEnded { session: id.clone(), principal, reason }).await {
        tracing::error!(%error, session = %id, "ended, but not recorded");
    }
    session.end().await;
    broker.forget(&session.caller.session.0);
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
