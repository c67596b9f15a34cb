//! A runner that has a ticket: it belongs to one session, or to one call, until it ends.

use super::Session;
use crate::api::{RunnerView, SessionId};
use crate::audit::{Audit, AuditError, Entry};
use crate::button::Leashes;
use crate::catalogue::Offer;
use crate::launch::StartFailure;
use crate::pool::Pool;
use crate::runner::{Born, Leash, Runner, RunnerEnd, Why};
use crate::tickets::{RENEW_S, Scope, TTL_S, Terms, Tickets};
use manifest::{ClassId, Digest, RunnerScope, Tier, ToolName};
use protocol::TicketError;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// A container takes calls for this long; then the session gets another. Bounds what an escape that nobody
/// noticed can wait for.
const LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// And after this it is killed whatever it does: the last call that it took has met its deadline by then.
pub(crate) const DEATH: Duration =
    Duration::from_millis(LIFETIME.as_secs() * 1000 + 2 * manifest::bounds::MAX_DEADLINE_MS);

/// Where a session keeps the runner of a class. Held while one is started, so that calls which come at once
/// share it.
pub(super) type Slot = tokio::sync::Mutex<Option<Arc<Serving>>>;

/// A runner in use.
pub(crate) struct Serving {
    pub(crate) runner: Runner,
    pub(crate) tier: Tier,
    class: ClassId,
    /// Under which manifest it was started; another one needs another runner.
    manifest: Digest,
    /// Which component each tool of its ticket is of; another one needs another runner.
    tools: BTreeMap<ToolName, Digest>,
    scope: Scope,
    concurrent_calls: u32,
    ticket: tokio::sync::Mutex<InForce>,
    given: Instant,
    used: Mutex<Instant>,
}

/// The ticket that the runner has.
struct InForce {
    serial: u64,
    epoch: u64,
    expires: u64,
}

/// What a runner for a tool is started from.
pub(crate) struct Need<'a> {
    pub(crate) pool: &'a Pool,
    pub(crate) tickets: &'a Tickets,
    pub(crate) audit: &'a Audit,
    /// The manifest that decided on the call.
    pub(crate) manifest: &'a Digest,
    /// What the launcher has admitted for it.
    pub(crate) admission: &'a Digest,
    pub(crate) class: ClassId,
    /// Whether a tool of the class may write to a mount.
    pub(crate) writes: bool,
    pub(crate) offer: &'a Offer,
    /// Every tool of the class that the session may call: what a new runner's ticket names.
    pub(crate) scope: Box<dyn Fn() -> Scope + Send + Sync + 'a>,
    pub(crate) concurrent_calls: u32,
    /// Whether a person had to allow the call, which then is of the epoch that it began under and of no other.
    pub(crate) elevated: Option<u64>,
    /// Where a runner is entered before it is trusted with anything.
    pub(crate) leashes: &'a Leashes,
}

/// Why there is no runner for a call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoRunner {
    #[error("no runner started")]
    Start(#[from] StartFailure),
    #[error("no runner took the ticket: {0}")]
    Ticket(RunnerEnd),
    #[error("no ticket could be signed")]
    Sign(#[from] TicketError),
    #[error("whom it serves could not be recorded")]
    Unrecorded(#[from] AuditError),
    #[error("the session has ended")]
    SessionEnded,
    #[error("the red button was pressed")]
    TakenBack,
}

/// How many tickets this process has signed: serials only have to rise.
static SERIAL: AtomicU64 = AtomicU64::new(1);

impl Session {
    /// A runner for a tool: the session's own of that class, or one for this call alone.
    pub(crate) async fn serving(&self, need: Need<'_>) -> Result<Arc<Serving>, NoRunner> {
        tokio::select! {
            biased;
            () = self.ended.cancelled() => Err(NoRunner::SessionEnded),
            serving = self.find(need) => serving,
        }
    }

    async fn find(&self, need: Need<'_>) -> Result<Arc<Serving>, NoRunner> {
        let id = &self.caller.session;
        if need.offer.tool.runner == RunnerScope::Call {
            let serving = Arc::new(Serving::start(id, need).await?);
            self.single.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&serving));
            return Ok(serving);
        }
        let slot = self.slots().entry(need.class.clone()).or_default().clone();
        let mut held = slot.lock().await;
        if let Some(serving) = held.as_ref().filter(|serving| serving.covers(need.manifest, need.offer))
            && (!need.writes || need.pool.stands(need.admission, &serving.runner).await)
        {
            if let Some(epoch) = need.elevated {
                elevate(&serving.runner.leash(), epoch, need.tickets)?;
            }
            serving.renew(id, need.tickets).await?;
            return Ok(serving.clone());
        }
        // One that does not cover the tool, or not all that is protected, goes when its last call has ended.
        *held = None;
        let serving = Arc::new(Serving::start(id, need).await?);
        *held = Some(serving.clone());
        Ok(serving)
    }
}

/// A runner is about to be asked for what a person had to allow. It says so first and looks at the epoch then: whoever
/// presses the button either finds it among those to end, or is seen here.
fn elevate(leash: &Leash, epoch: u64, tickets: &Tickets) -> Result<(), NoRunner> {
    leash.elevate();
    if tickets.epoch.now() == epoch { Ok(()) } else { Err(NoRunner::TakenBack) }
}

impl Serving {
    async fn start(session: &SessionId, need: Need<'_>) -> Result<Self, NoRunner> {
        let runner = need.pool.runner(need.admission, &need.class).await?;
        let leash = runner.leash();
        need.leashes.enter(leash.clone());
        if let Some(epoch) = need.elevated {
            elevate(&leash, epoch, need.tickets)?;
        }
        if need.tickets.epoch.is_panic() {
            return Err(NoRunner::TakenBack);
        }
        let Born { container, posture } = runner.born.clone();
        let (class, session_id) = (need.class.clone(), session.clone());
        let assigned = Entry::RunnerAssigned { runner: container, class, posture, session: session_id };
        need.audit.write(assigned).await?;
        let scope = (need.scope)();
        let now = Instant::now();
        let serving = Self {
            runner,
            tier: need.offer.tool.tier,
            class: need.class,
            manifest: need.manifest.clone(),
            tools: scope.tools.iter().map(|tool| (tool.name.clone(), tool.component.clone())).collect(),
            scope,
            concurrent_calls: need.concurrent_calls,
            ticket: tokio::sync::Mutex::new(InForce { serial: 0, epoch: 0, expires: 0 }),
            given: now,
            used: Mutex::new(now),
        };
        serving.renew(session, need.tickets).await?;
        Ok(serving)
    }

    fn covers(&self, manifest: &Digest, offer: &Offer) -> bool {
        self.runner.lives()
            && self.is_under(manifest)
            && !self.is_old(Instant::now())
            && self.tools.get(&offer.tool.name) == Some(&offer.registration.component)
    }

    /// Hands it a ticket if it has none, or one that ends soon or is of another epoch.
    async fn renew(&self, session: &SessionId, tickets: &Tickets) -> Result<(), NoRunner> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut ticket = self.ticket.lock().await;
        let epoch = tickets.epoch.now();
        if ticket.expires > now + RENEW_S && ticket.epoch == epoch {
            return Ok(());
        }
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let terms = Terms {
            session,
            manifest: &self.manifest,
            serial,
            epoch,
            expires: now + TTL_S,
            concurrent_calls: self.concurrent_calls,
        };
        let jws = tickets.sign(&self.runner, &terms, self.scope.clone())?;
        self.runner.assign(serial, jws).await.map_err(NoRunner::Ticket)?;
        *ticket = InForce { serial, epoch, expires: terms.expires };
        tracing::debug!(container = %self.runner.born.container, %session, serial = ticket.serial, "a ticket is in force");
        Ok(())
    }

    /// Whether the manifest that it was started under is this one.
    pub(super) fn is_under(&self, manifest: &Digest) -> bool {
        self.manifest == *manifest
    }

    /// Whether it takes no more calls.
    pub(super) fn is_old(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.given) >= LIFETIME
    }

    /// Somebody used it until now.
    pub(crate) fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(super) fn idle(&self, now: Instant) -> Duration {
        now.saturating_duration_since(*self.used.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) async fn end(&self) {
        self.runner.kill(Why::Released);
        self.runner.ended().cancelled().await;
    }

    pub(super) fn view(&self, now: Instant) -> RunnerView {
        RunnerView {
            container: self.runner.born.container.clone(),
            class: self.class.clone(),
            open_calls: self.runner.open_calls(),
            age_s: now.saturating_duration_since(self.given).as_secs(),
        }
    }
}
