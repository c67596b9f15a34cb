//! Sessions: everything done under one authorization, and its runners.

mod gate;
mod serving;

pub(crate) use gate::{CONCURRENT_CALLS, Gate, Gates};
pub(crate) use serving::{DEATH, Need, NoRunner, Serving};

use crate::api::{Caller, SessionId, SessionView};
use crate::force::InForce;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use manifest::{ClassId, Tier};
use serving::Slot;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Sessions of one principal at once. Bounds what someone who can make tokens can hold.
const PER_PRINCIPAL: usize = 32;
/// A session without runners or calls for this long is forgotten; what it has used is not (`crate::usage`).
const FORGET_AFTER: Duration = Duration::from_secs(3600);
/// Denials of one session that are written down in a minute; the rest are counted.
const DENIALS_PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(59);

/// All sessions that live.
#[derive(Default)]
pub(crate) struct Sessions {
    all: Mutex<Alive>,
}

/// Sessions, and how many each principal has: with thousands of them nobody counts anew.
#[derive(Default)]
struct Alive {
    sessions: BTreeMap<SessionId, Arc<Session>>,
    of: BTreeMap<String, usize>,
}

impl Alive {
    fn add(&mut self, session: Arc<Session>) {
        *self.of.entry(session.caller.principal.clone()).or_default() += 1;
        self.sessions.insert(session.caller.session.clone(), session);
    }

    fn remove(&mut self, id: &SessionId) -> Option<Arc<Session>> {
        let session = self.sessions.remove(id)?;
        if let Entry::Occupied(mut many) = self.of.entry(session.caller.principal.clone()) {
            *many.get_mut() = many.get().saturating_sub(1);
            if *many.get() == 0 {
                many.remove();
            }
        }
        Some(session)
    }
}

/// One session.
pub(crate) struct Session {
    pub(crate) caller: Caller,
    /// Cancelled when it is ended.
    pub(crate) ended: CancellationToken,
    pub(crate) denials: Denials,
    gates: Mutex<Gates>,
    slots: Mutex<BTreeMap<ClassId, Arc<Slot>>>,
    /// Runners of one call each, while it runs.
    single: Mutex<Vec<std::sync::Weak<Serving>>>,
    started: Instant,
    busy: Mutex<Instant>,
    open: AtomicUsize,
    calls: AtomicU64,
    announced: AtomicBool,
}

/// A principal has too many sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany {
    pub(crate) most: usize,
}

impl Sessions {
    /// The caller's session, new if need be.
    pub(crate) fn enter(&self, caller: &Caller) -> Result<Arc<Session>, TooMany> {
        let mut all = self.lock();
        if let Some(session) = all.sessions.get(&caller.session) {
            return Ok(session.clone());
        }
        if all.of.get(&caller.principal).is_some_and(|many| *many >= PER_PRINCIPAL) {
            return Err(TooMany { most: PER_PRINCIPAL });
        }
        let session = Arc::new(Session::new(caller.clone()));
        all.add(session.clone());
        Ok(session)
    }

    /// Takes a session out, so that it can be ended; the next call starts another.
    pub(crate) fn remove(&self, id: &SessionId) -> Option<Arc<Session>> {
        self.lock().remove(id)
    }

    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.lock().sessions.values().cloned().collect()
    }

    /// Ends runners that were idle for too long, and forgets sessions that have been for longer: those are returned.
    pub(crate) fn sweep(&self, now: Instant, force: &InForce) -> Vec<Arc<Session>> {
        for session in self.all() {
            session.sweep(now, force);
        }
        let mut all = self.lock();
        let forgotten = all.sessions.iter().filter(|(_, session)| session.is_forgotten(now));
        let forgotten: Vec<_> = forgotten.map(|(id, _)| id.clone()).collect();
        forgotten.iter().filter_map(|id| all.remove(id)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Alive> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn new(caller: Caller) -> Self {
        let now = Instant::now();
        Self {
            caller,
            ended: CancellationToken::new(),
            denials: Denials::default(),
            gates: Mutex::default(),
            slots: Mutex::default(),
            single: Mutex::default(),
            started: now,
            busy: Mutex::new(now),
            open: AtomicUsize::new(0),
            calls: AtomicU64::new(0),
            announced: AtomicBool::new(false),
        }
    }

    /// Whether nobody has written down yet that it has begun: who is told so does it.
    pub(crate) fn announce(&self) -> bool {
        !self.announced.swap(true, Ordering::Relaxed)
    }

    /// The gate before a tier's tools. A tier that the manifest does not have has none.
    pub(crate) fn gate(&self, force: &InForce, tier: Tier) -> Option<Arc<Gate>> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner).of(force, tier)
    }

    /// A call begins; it ends when the returned value is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> OpenCall {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Relaxed);
        OpenCall(self.clone())
    }

    /// Breaks off its calls and waits until its runners are gone.
    pub(crate) async fn end(&self) {
        self.ended.cancel();
        let mut last = Vec::new();
        let slots: Vec<_> = self.slots().values().cloned().collect();
        for slot in slots {
            // Not held for long: whoever starts a runner under it gives up, since the session has ended.
            last.extend(slot.lock().await.take());
        }
        last.extend(self.singles());
        for serving in last {
            serving.end().await;
        }
    }

    /// Keeps a class's runner from being ended, as an engine that hangs does.
    #[cfg(test)]
    pub(crate) async fn hold(&self, class: &ClassId) -> tokio::sync::OwnedMutexGuard<Option<Arc<Serving>>> {
        let slot = self.slots().entry(class.clone()).or_default().clone();
        slot.lock_owned().await
    }

    pub(crate) fn view(&self, now: Instant) -> SessionView {
        let open_calls = self.open.load(Ordering::Relaxed);
        let idle = if open_calls > 0 { Duration::ZERO } else { now.saturating_duration_since(self.last_busy()) };
        SessionView {
            id: self.caller.session.clone(),
            principal: self.caller.principal.clone(),
            profile: self.caller.profile.clone(),
            age_s: now.saturating_duration_since(self.started).as_secs(),
            idle_s: idle.as_secs(),
            open_calls,
            calls: self.calls.load(Ordering::Relaxed),
            denied: self.denials.count.load(Ordering::Relaxed),
            paused: Vec::new(),
            runners: self.runners().iter().map(|serving| serving.view(now)).collect(),
        }
    }

    fn runners(&self) -> Vec<Arc<Serving>> {
        let slots: Vec<_> = self.slots().values().cloned().collect();
        let mut runners: Vec<_> = slots.iter().filter_map(|slot| slot.try_lock().ok()?.clone()).collect();
        runners.extend(self.singles());
        runners
    }

    fn singles(&self) -> Vec<Arc<Serving>> {
        let mut single = self.single.lock().unwrap_or_else(PoisonError::into_inner);
        single.retain(|serving| serving.strong_count() > 0);
        single.iter().filter_map(std::sync::Weak::upgrade).collect()
    }

    fn sweep(&self, now: Instant, force: &InForce) {
        let slots: Vec<_> = self.slots().values().cloned().collect();
        for slot in slots {
            // One that is locked is being used.
            let Ok(mut held) = slot.try_lock() else { continue };
            let idle = |serving: &Arc<Serving>| {
                let rules = force.manifest.tiers.get(&serving.tier);
                let most = rules.map_or(Duration::ZERO, |rules| Duration::from_secs(rules.idle_s.into()));
                !serving.runner.lives()
                    || (Arc::strong_count(serving) == 1
                        && (serving.idle(now) > most || serving.is_old(now) || !serving.is_under(&force.digest)))
            };
            if held.as_ref().is_some_and(idle) {
                *held = None;
            }
        }
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        self.open.load(Ordering::Relaxed) == 0
            && now.saturating_duration_since(self.last_busy()) > FORGET_AFTER
            && self.slots().values().all(|slot| slot.try_lock().is_ok_and(|held| held.is_none()))
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<ClassId, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last_busy(&self) -> Instant {
        *self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that runs.
pub(crate) struct OpenCall(Arc<Session>);

impl Drop for OpenCall {
    fn drop(&mut self) {
        *self.0.busy.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Denials: all are counted, and so many are written down. An agent that is denied in a loop must not fill
/// the disk, since a full disk denies everyone.
pub(crate) struct Denials {
    pub(crate) count: AtomicU64,
    unwritten: AtomicU64,
    budget: DefaultDirectRateLimiter,
}

impl Default for Denials {
    fn default() -> Self {
        let budget = RateLimiter::direct(Quota::per_minute(DENIALS_PER_MINUTE));
        Self { count: AtomicU64::new(0), unwritten: AtomicU64::new(0), budget }
    }
}

impl Denials {
    /// Counts one. If it is to be written down: how many before it were not.
    pub(crate) fn add(&self) -> Option<u64> {
        self.count.fetch_add(1, Ordering::Relaxed);
        if self.budget.check().is_ok() {
            return Some(self.unwritten.swap(0, Ordering::Relaxed));
        }
        self.unwritten.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests;
