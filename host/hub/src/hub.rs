//! The hub: one value that owns everything else.

mod apply;
mod approving;
mod credentials;
mod doors;
mod enrolling;
mod flights;
mod governing;
mod janitor;
mod start;
pub(crate) mod upkeep;
mod usage;
mod visit;

pub(crate) use apply::apart;
pub use credentials::CredentialError;
pub(crate) use flights::{Flight, Which};
pub use start::classes;
pub(crate) use visit::Visit;

use crate::api::*;
use crate::approvers::{Approvers, Nonce};
use crate::audit::{Audit, Entry};
use crate::button::Leashes;
use crate::call::{self, Request, status, task};
use crate::catalogue::Offer;
use crate::data::DataDir;
use crate::egress::Outside;
use crate::epoch::Epoch;
use crate::escalation::Desk;
use crate::force::InForce;
use crate::identity::{Identity, Protected, Refused, Scopes};
use crate::launch::Starter;
use crate::manifests::Ledger;
use crate::metrics::Metrics;
use crate::policy;
use crate::pool::{self, Pool};
use crate::registry::Registrar;
use crate::session::{Denials, Need, Session, Sessions};
use crate::store::Store;
use crate::tickets::{self, Scope, Tickets};
use crate::traces::{Collector, TraceContext, TraceError, Traces};
use crate::usage::Usage;
use ::egress::Broker;
use arc_swap::ArcSwap;
use container::{LauncherError, Listed};
use doors::Certificates;
use flights::Flights;
use janitor::Trouble;
use manifest::{Access, ComponentName, Manifest, ProfileName, Tier, ToolName, class_of};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// After the grace of a drain: killing every runner, however the engine is.
const REAP_TIMEOUT: Duration = Duration::from_secs(30);

/// The governor. Clones are handles to one hub; with the last one it ends.
#[derive(Clone)]
pub struct Hub(pub(crate) Arc<Inner>);

/// What the handles share.
pub(crate) struct Inner {
    /// Exchanged as a whole when a manifest is applied; whoever decides something loads it once.
    pub(crate) force: ArcSwap<InForce>,
    pub(crate) denied_tiers: BTreeSet<Tier>,
    pub(crate) sessions: Sessions,
    /// What sessions and principals have used.
    pub(crate) usage: Usage,
    pub(crate) tickets: Arc<Tickets>,
    pub(crate) audit: Audit,
    /// Denials that belong to no session.
    pub(crate) denials: Denials,
    /// Tokens that were not taken.
    refusals: Denials,
    /// What is counted, and where spans go.
    pub(crate) metrics: Metrics,
    pub(crate) traces: Traces,
    /// Calls under way, so that a manifest which takes something from them can end them, and the red button.
    pub(crate) flights: Flights,
    /// Raised by the red button: what was issued under an older one is void.
    pub(crate) epoch: Epoch,
    /// Runners in use, whoever uses them.
    pub(crate) leashes: Leashes,
    /// Whether somebody does what has to be done between calls.
    pub(crate) upkeep: upkeep::Alive,
    /// What waits for a person, and what a person has allowed.
    pub(crate) desk: Desk,
    /// Makes the requests that tools ask for.
    pub(crate) broker: Broker,
    /// Sessions in which something was read from outside.
    pub(crate) outside: Outside,
    /// Who may answer, in tests that have no keys.
    #[cfg(test)]
    double: Option<Arc<dyn crate::approvers::SecondFactor>>,
    /// The versions of the manifest; none where one is in force for the life of this process.
    ledger: Option<Ledger>,
    pub(crate) store: Store,
    /// Who may answer for escalated calls. Exchanged as a whole.
    pub(crate) approvers: ArcSwap<Approvers>,
    /// They are changed one at a time; what is signed for a change has this in it.
    enrolling: tokio::sync::Mutex<Nonce>,
    /// One manifest is applied, or one component added to it, at a time; and one at a time tells the audit log.
    applying: tokio::sync::Mutex<()>,
    telling: tokio::sync::Mutex<()>,
    wall2: &'static str,
    hub_id: String,
    identity: Identity,
    /// What the operator says of the outside, with the credentials in force.
    pub(crate) egress: ::egress::Declared,
    /// Sessions of this process itself, which no token names.
    local: Mutex<BTreeSet<SessionId>>,
    registrar: Registrar,
    pool: Arc<Pool>,
    pool_config: PoolConfig,
    starter: Starter,
    changes: watch::Sender<u64>,
    draining: AtomicBool,
    /// Calls under way.
    pub(crate) calls: TaskTracker,
    /// Those that were run for a task.
    pub(crate) tasks: task::Tasks,
    /// Runners and their reaping.
    runners: TaskTracker,
    stop: CancellationToken,
    /// What is wrong with the engine, or left over in it.
    trouble: Arc<Trouble>,
    /// Those of the doors.
    certificates: Certificates,
    /// Calls that a person has to allow go on as if somebody had.
    #[cfg(test)]
    pub(crate) gate_is_open: AtomicBool,
    /// Dropped last: the lock goes when nothing of the hub is left.
    data: Arc<DataDir>,
}

impl Hub {
    /// Takes the data directory's lock, removes what a dead hub left, loads keys, tokens and components, and
    /// parks the first runners.
    ///
    /// # Errors
    /// See [`StartError`]; each says what the operator can do.
    pub async fn start(config: HubConfig) -> Result<Hub, StartError> {
        start::start(config).await.map(Hub)
    }

    /// The caller behind one of this hub's own tokens, if it is in force.
    #[must_use]
    pub fn authenticate(&self, bearer: &str) -> Option<Caller> {
        self.0.known(self.0.identity.own(bearer, jiff::Timestamp::now()).ok()?)
    }

    /// The caller behind a token that was let in before and still is in force. Costs a digest and a look, so it can be
    /// asked for anybody.
    #[must_use]
    pub(crate) fn known(&self, bearer: &str) -> Option<Caller> {
        self.0.known(self.0.identity.known(bearer, jiff::Timestamp::now())?)
    }

    /// The caller behind a token of this hub or of an issuer that it trusts. May wait for the issuer's keys. Who is
    /// turned away is recorded, with the door's name; so many a minute.
    ///
    /// # Errors
    /// Why not: for the log, and not for the caller.
    pub async fn admit(&self, bearer: &str, door: &'static str) -> Result<Caller, Refused> {
        let admitted = self.0.identity.admit(bearer, jiff::Timestamp::now()).await.and_then(|caller| {
            let unknown = Refused::Profile(caller.profile.clone());
            self.0.known(caller).ok_or(unknown)
        });
        if let Err(refused) = &admitted
            && let Some(unwritten) = self.0.refusals.add()
        {
            tracing::info!(door, unwritten, "refused: {refused}");
            // It is refused either way.
            drop(self.0.audit.write(Entry::Refused { door, reason: refused.to_string(), unwritten }).await);
        }
        admitted
    }

    /// What a client without a token is told.
    #[must_use]
    pub(crate) fn protected(&self) -> Protected {
        self.0.identity.protected()
    }

    /// The scope that a caller's token lacks for a tool that its profile has. The denial is recorded.
    pub(crate) async fn lacks_scope(&self, caller: &Caller, tool: &str) -> Option<Scopes> {
        call::lacks_scope(&self.0, caller, tool).await
    }

    /// A caller of this process itself: each one made is a session of its own, for stdio and `tool run`.
    ///
    /// # Errors
    /// When the manifest has no such profile.
    pub fn local_caller(&self, principal: &str, profile: &ProfileName) -> Result<Caller, UnknownProfile> {
        let force = self.0.force.load();
        let profiles = &force.manifest.profiles;
        if !profiles.contains_key(profile) {
            let known: Vec<_> = profiles.keys().map(ProfileName::as_str).collect();
            return Err(UnknownProfile(profile.clone(), known.join(", ")));
        }
        let session = SessionId(uuid::Uuid::new_v4().simple().to_string().chars().take(16).collect());
        self.0.local.lock().unwrap_or_else(PoisonError::into_inner).insert(session.clone());
        Ok(Caller {
            session,
            principal: crate::clean::line(principal, 64),
            profile: profile.clone(),
            scopes: Scopes::all(),
        })
    }

    /// This caller as it is now, if it may still call: to have been let in once is not to be let in for ever.
    /// What it may do is what the store now says.
    #[must_use]
    pub fn in_force(&self, caller: &Caller) -> Option<Caller> {
        self.0.in_force(caller)
    }

    /// The tools that this caller may see: those of its profile that a registered component has, in name order, and
    /// the hub's own where one of them needs an approval.
    /// None when its token is not in force any more.
    #[must_use]
    pub fn tools(&self, caller: &Caller) -> Vec<ListedTool> {
        let Some(caller) = self.in_force(caller) else { return Vec::new() };
        let force = self.0.force.load();
        let Some(profile) = force.manifest.profiles.get(&caller.profile) else { return Vec::new() };
        let shown =
            force.catalogue.offers.values().filter(|offer| policy::lists(profile, &self.0.denied_tiers, &offer.tool));
        let mut tools: Vec<_> = shown.map(|offer| offer.listed.clone()).collect();
        if tools.iter().any(|tool| tool.needs_approval) {
            tools.push(status::listed());
        }
        tools
    }

    /// Whether a tool that this caller may see has arguments that are sent as headers, which have to be compared.
    #[must_use]
    pub(crate) fn takes_headers(&self, caller: &Caller, name: &str) -> Option<bool> {
        if name == status::NAME && self.0.shows_escalated(caller) {
            return Some(false);
        }
        self.0.shown(caller, name).map(|offer| offer.takes_headers)
    }

    /// One of them, by its name.
    #[must_use]
    pub fn tool(&self, caller: &Caller, name: &str) -> Option<ListedTool> {
        let caller = self.in_force(caller)?;
        if name == status::NAME && self.0.shows_escalated(&caller) {
            return Some(status::listed());
        }
        self.0.shown(&caller, name).map(|offer| offer.listed.clone())
    }

    /// Calls a tool. `arguments` is the text of a JSON object. Dropping the future cancels the call; it is
    /// recorded all the same.
    pub async fn call(
        &self,
        caller: &Caller,
        tool: &str,
        arguments: String,
        notes: mpsc::Sender<CallNote>,
        cancel: CancellationToken,
    ) -> CallEnd {
        self.call_within(caller, tool, arguments, notes, cancel, None).await
    }

    /// The same, as part of a trace that the caller says it belongs to.
    pub async fn call_within(
        &self,
        caller: &Caller,
        tool: &str,
        arguments: String,
        notes: mpsc::Sender<CallNote>,
        cancel: CancellationToken,
        within: Option<TraceContext>,
    ) -> CallEnd {
        let cancel = cancel.child_token();
        let _guard = cancel.clone().drop_guard();
        let request =
            Request { caller: caller.clone(), tool: tool.to_owned(), arguments, notes, cancel, within, under: None };
        let inner = self.0.clone();
        let started = Instant::now();
        let running = self.0.calls.spawn(async move { call::call(&inner, request).await });
        running.await.unwrap_or_else(|error| {
            let id = uuid::Uuid::new_v4();
            tracing::error!(call = %id, %error, "broken: a call's task was lost");
            let wall_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
            let end = CallEnd {
                outcome: CallOutcome::Broken { id },
                usage: None,
                wall_us,
                call_id: id,
                begun: false,
                approval: None,
            };
            self.0.metrics.calls.ended(Default::default(), &end);
            end
        })
    }

    /// How an approval of this caller's own session stands, as a task. One that a person has allowed begins to run.
    pub(crate) async fn task(&self, caller: &Caller, id: &str) -> Option<TaskView> {
        task::task(&self.0, caller, id).await
    }

    /// The caller of a task wants it no more. False when it has none of this name.
    pub(crate) async fn cancel_task(&self, caller: &Caller, id: &str) -> bool {
        task::cancel(&self.0, caller, id).await
    }

    /// A number that grows whenever the list of tools may have changed.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// The sessions that live.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionView> {
        let now = Instant::now();
        let paused = self.0.usage.paused();
        let view = |session: &Arc<Session>| {
            let mut view = session.view(now);
            let paused = paused.iter().filter(|paused| paused.session == view.id);
            view.paused = paused.map(|paused| paused.tier).collect();
            view
        };
        self.0.sessions.all().iter().map(view).collect()
    }

    /// Ends a session: its calls are broken off, its runners killed. The next call of the same token starts
    /// another; to keep it out, revoke the token.
    pub async fn end_session(&self, id: &SessionId) {
        self.0.end_session(id, "by the operator").await;
    }

    /// Registers a component under a name.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub async fn add_component(&self, name: &ComponentName, wasm: Vec<u8>) -> Result<Registration, RegisterError> {
        if self.0.is_draining() {
            return Err(RegisterError::Draining);
        }
        if self.0.epoch.is_panic() {
            return Err(RegisterError::Stopped);
        }
        self.0.add_component(name, Arc::new(wasm)).await
    }

    /// The manifest in force.
    pub(crate) fn manifest(&self) -> Arc<Manifest> {
        self.0.force.load().manifest.clone()
    }

    /// The registered components, in name order.
    #[must_use]
    pub fn components(&self) -> Vec<Registration> {
        let force = self.0.force.load();
        force.catalogue.components.values().map(|registration| Registration::clone(registration)).collect()
    }

    /// The container that serves this tool for this caller: as read from inside, and as it was asked for.
    ///
    /// # Errors
    /// What a call of the tool would have ended in.
    pub async fn posture(
        &self,
        caller: &Caller,
        tool: &str,
    ) -> Result<(protocol::InsidePosture, serde_json::Value), CallEnd> {
        let serving = call::serving(&self.0, caller, tool).await?;
        let rendered = self.0.starter.launcher().posture(&serving.runner.born.container);
        // Without wall 2 there is none, and that is what is shown.
        let rendered = serde_json::to_value(rendered).unwrap_or_default();
        Ok((upkeep::cleaned(serving.runner.hello.posture.clone()), rendered))
    }

    /// The containers that this hub made and that still are, each with what the engine was asked for. None
    /// without wall 2.
    ///
    /// # Errors
    /// When the engine cannot be asked.
    pub async fn containers(&self) -> Result<Vec<ContainerView>, LauncherError> {
        let launcher = self.0.starter.launcher();
        let view = |listed: Listed| {
            let body = launcher.posture(&listed.container)?.body(&listed.container, listed.created);
            Some(ContainerView { container: listed.container, class: listed.class, body })
        };
        Ok(launcher.list().await?.into_iter().filter_map(view).collect())
    }

    /// Takes no new calls, waits this long for those that run, kills every runner and closes the audit log.
    pub async fn drain(&self, grace: Duration) {
        self.0.drain(grace).await;
    }

    /// Sends spans of calls to a collector from here on, until the hub ends.
    ///
    /// # Errors
    /// See [`TraceError`].
    pub fn trace_to(&self, collector: &Collector) -> Result<(), TraceError> {
        self.0.traces.begin(collector, &self.0.hub_id)
    }

    /// What is counted, in the text format of OpenMetrics.
    pub(crate) fn metrics(&self) -> Result<String, std::fmt::Error> {
        self.0.audit.count_unsigned();
        self.0.metrics.text(self.0.standing())
    }

    /// How it is.
    #[must_use]
    pub fn health(&self) -> Health {
        self.0.health()
    }
}

impl Inner {
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Whether a session is of this process itself.
    pub(crate) fn is_local(&self, session: &SessionId) -> bool {
        self.local.lock().unwrap_or_else(PoisonError::into_inner).contains(session)
    }

    pub(crate) fn in_force(&self, caller: &Caller) -> Option<Caller> {
        if self.is_local(&caller.session) {
            return self.known(caller.clone());
        }
        self.known(self.identity.caller(&caller.session, jiff::Timestamp::now())?)
    }

    /// A caller whose profile the manifest in force has; a profile that it does not have shows nothing.
    fn known(&self, caller: Caller) -> Option<Caller> {
        let known = self.force.load().manifest.profiles.contains_key(&caller.profile);
        if !known {
            let Caller { session, profile, .. } = &caller;
            tracing::warn!(%session, %profile, "a token is denied: the manifest in force has no such profile");
        }
        known.then_some(caller)
    }

    /// A tool that this caller may see.
    pub(crate) fn shown(&self, caller: &Caller, name: &str) -> Option<Arc<Offer>> {
        let force = self.force.load();
        let profile = force.manifest.profiles.get(&caller.profile)?;
        let offer = force.catalogue.offers.get(&ToolName::try_from(name).ok()?)?;
        policy::lists(profile, &self.denied_tiers, &offer.tool).then(|| Arc::clone(offer))
    }

    /// Whether this caller may see a tool that needs an approval.
    pub(crate) fn shows_escalated(&self, caller: &Caller) -> bool {
        let force = self.force.load();
        force.manifest.profiles.get(&caller.profile).is_some_and(|profile| {
            let mut offers = force.catalogue.offers.values();
            offers.any(|offer| offer.tool.is_escalated() && policy::lists(profile, &self.denied_tiers, &offer.tool))
        })
    }

    /// What a runner for this tool is started from.
    pub(crate) fn need<'a>(
        &'a self,
        force: &'a InForce,
        caller: &'a Caller,
        offer: &'a Offer,
        elevated: Option<u64>,
    ) -> Need<'a> {
        let class = class_of(&offer.tool);
        let concurrent_calls = call::concurrent_calls(force, offer);
        let writes = force
            .placements
            .get(&class)
            .is_some_and(|placement| placement.mounts.values().any(|access| *access == Access::Write));
        let scope = Box::new(|| self.scope(force, caller, offer));
        Need {
            pool: &self.pool,
            tickets: &self.tickets,
            audit: &self.audit,
            manifest: &force.digest,
            admission: &force.admission,
            class,
            writes,
            offer,
            scope,
            concurrent_calls,
            elevated,
            leashes: &self.leashes,
        }
    }

    /// All that a session may call in the class of a tool, with every schema: for a ticket, not for a call.
    fn scope(&self, force: &InForce, caller: &Caller, offer: &Offer) -> Scope {
        let class = class_of(&offer.tool);
        let profile = force.manifest.profiles.get(&caller.profile);
        let together = force.placements.get(&class).map(|placement| &placement.tools);
        // A runner that is ready can map no more.
        let shared =
            together.into_iter().flatten().filter_map(|name| force.catalogue.offers.get(name)).filter(|other| {
                profile.is_some_and(|profile| policy::lists(profile, &self.denied_tiers, &other.tool))
                    && other.tool.name != offer.tool.name
            });
        let offers = shared.map(Arc::as_ref).chain(std::iter::once(offer));
        tickets::scope(&force.manifest, offers, &self.starter.launcher().mount_points(&force.admission, &class))
    }

    /// Makes a registration part of what is offered.
    fn offer(&self, registration: &Registration) {
        self.force.rcu(|force| force.including(registration));
        self.want();
        self.changes.send_modify(|count| *count += 1);
    }

    /// Parks runners for the classes whose tools can be called.
    fn want(&self) {
        let callable =
            |offer: &&Arc<Offer>| !offer.tool.is_escalated() && !self.denied_tiers.contains(&offer.tool.tier);
        let force = self.force.load();
        let classes: BTreeSet<_> =
            force.catalogue.offers.values().filter(callable).map(|offer| class_of(&offer.tool)).collect();
        let classes: Vec<_> = classes.into_iter().collect();
        self.pool.want(&pool::shares(&classes, self.pool_config.per_class, self.pool_config.total));
    }

    async fn end_session(&self, id: &SessionId, reason: &'static str) {
        // At once, and whether or not it has been called: what a person allowed it ends with it.
        self.desk.void_session(id);
        self.desk.follow().await;
        self.tell().await;
        let Some(session) = self.sessions.remove(id) else { return };
        upkeep::finish(self.audit.clone(), self.broker.clone(), session, reason).await;
    }

    async fn drain(&self, grace: Duration) {
        if self.draining.swap(true, Ordering::AcqRel) {
            return;
        }
        self.calls.close();
        if timeout(grace, self.calls.wait()).await.is_err() {
            tracing::warn!(calls = self.calls.len(), "calls are broken off");
        }
        self.break_off(|_| true, "the hub stops");
        self.stop.cancel();
        self.calls.wait().await;
        if let Err(error) = self.keep_usage().await {
            tracing::error!(error = &error as &dyn std::error::Error, "what sessions have used is not stored");
        }
        self.runners.close();
        if timeout(REAP_TIMEOUT, self.runners.wait()).await.is_err() {
            tracing::error!(runners = self.runners.len(), "runners may be left over; the next start removes them");
        }
        if let Err(error) = self.audit.write_durable(Entry::HubStopped { hub: self.hub_id.clone() }).await {
            tracing::error!(%error, "the end is not recorded");
        }
        self.audit.close().await;
        self.traces.finish().await;
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[cfg(test)]
mod tests;
