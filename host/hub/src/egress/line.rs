//! One call's line to the outside: what holds for it now, whom a request waits for, what it has cost.

use super::told;
use crate::api::Caller;
use crate::audit::Entry;
use crate::button::TAKEN_BACK;
use crate::call::petition::{Petition, Stopped};
use crate::catalogue::Offer;
use crate::escalation::{Arguments, Pass, RequestBinding};
use crate::force::InForce;
use crate::hub::{Flight, Inner};
use crate::policy::{self, Decision};
use crate::session::Session;
use crate::usage::{Share, Usage};
use egress::{Approval, Behalf, Described, Egress, Governor, Refused, Standing};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use manifest::Digest;
use protocol::HttpFault;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

/// What its governor knows of a call.
pub(crate) struct Line {
    hub: Arc<Inner>,
    ground: Ground,
    /// Why the call ends: a request of it waits for a person, or what a person had allowed is taken back.
    stopped: Arc<Mutex<Option<Stopped>>>,
    passes: Mutex<Vec<Pass>>,
    stop: CancellationToken,
    /// Cancelled with the line: nobody watches its passes any more.
    over: CancellationToken,
    _over: DropGuard,
}

/// What a line is made from.
pub(crate) struct Ground {
    pub(crate) call: Uuid,
    pub(crate) caller: Caller,
    pub(crate) offer: Arc<Offer>,
    pub(crate) session: Arc<Session>,
    pub(crate) flight: Arc<Flight>,
    pub(crate) share: Share,
    /// The manifest that decided on the call.
    pub(crate) force: Arc<InForce>,
    /// What it began under.
    pub(crate) epoch: u64,
    pub(crate) elevated: bool,
    /// As the runner gets them; brought into their one form when somebody has to be asked.
    pub(crate) arguments: String,
    /// What a person allowed the whole call with, if one had to.
    pub(crate) lease: Option<CancellationToken>,
}

impl Line {
    pub(crate) fn new(hub: Arc<Inner>, ground: Ground) -> Self {
        let stop = CancellationToken::new();
        let over = CancellationToken::new();
        let _over = over.clone().drop_guard();
        Self { hub, ground, stopped: Arc::default(), passes: Mutex::default(), stop, over, _over }
    }

    /// Completes when the call has to end, since one of its requests waits for a person or what allowed one was taken
    /// back.
    pub(crate) async fn stopped(&self) -> Stopped {
        self.stop.cancelled().await;
        // Said before it is cancelled.
        let why = lock(&self.stopped).clone();
        why.unwrap_or_else(|| Stopped::denied("its request was stopped".into(), TAKEN_BACK))
    }

    /// Whether everything that a person allowed one of its requests still stands: otherwise its answer is not let out.
    pub(crate) fn stands(&self) -> bool {
        lock(&self.passes).iter().all(|pass| self.hub.desk.stands(pass, self.hub.epoch_now()))
    }

    /// For whom its requests are made.
    pub(crate) fn behalf(&self) -> Behalf {
        let Ground { call, caller, offer, .. } = &self.ground;
        Behalf {
            call: *call,
            session: caller.session.0.clone(),
            principal: caller.principal.clone(),
            tool: offer.tool.name.to_string(),
            tier: offer.tool.tier,
            used: self.hub.outside.used(&caller.session),
        }
    }

    /// The call is over, and whether anybody knows how: what was allowed it is used up.
    pub(crate) async fn finish(&self, known: bool) {
        let passes = std::mem::take(&mut *lock(&self.passes));
        for pass in &passes {
            self.hub.desk.finish(pass, known).await;
        }
        if !passes.is_empty() {
            self.hub.tell().await;
        }
    }

    /// Whether the call may do anything at all now.
    fn alive(&self) -> Result<(), Refused> {
        let Ground { caller, flight, session, epoch, elevated, lease, .. } = &self.ground;
        let over = |fault, why: &str| Err(Refused { fault, operator: why.to_owned() });
        if self.hub.in_force(caller).is_none() {
            return over(HttpFault::Denied, "its token is not in force any more");
        }
        let pressed = self.hub.epoch.is_panic() || (*elevated && self.hub.epoch.now() != *epoch);
        if pressed || flight.is_taken_back() {
            return over(HttpFault::Denied, "the red button was pressed");
        }
        if lease.as_ref().is_some_and(CancellationToken::is_cancelled) || !self.stands() {
            return over(HttpFault::Denied, "what a person had allowed was taken back");
        }
        if flight.cancel().is_cancelled() || session.ended.is_cancelled() {
            return over(HttpFault::CallEnded, "its call is over");
        }
        if self.stop.is_cancelled() {
            return over(HttpFault::Denied, "its call ends: another request of it waits for a person");
        }
        Ok(())
    }

    async fn allowed(&self, request: &Described) -> Approval {
        match self.ask(request).await {
            Ok(pass) => {
                self.watch(pass.broken.clone());
                lock(&self.passes).push(pass);
                Approval::Given
            }
            Err(stopped) => {
                // The first one counts: the call ends with it.
                lock(&self.stopped).get_or_insert(stopped);
                self.stop.cancel();
                Approval::Wanted
            }
        }
    }

    /// A request under way goes no further once what allowed it is taken back.
    fn watch(&self, broken: CancellationToken) {
        let (stopped, stop, over) = (self.stopped.clone(), self.stop.clone(), self.over.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = over.cancelled() => {}
                () = broken.cancelled() => {
                    let why = Stopped::denied("what allowed its request was taken back".into(), TAKEN_BACK);
                    lock(&stopped).get_or_insert(why);
                    stop.cancel();
                }
            }
        });
    }

    /// What a person said to this very request, used up by this; or whom it waits for.
    async fn ask(&self, request: &Described) -> Result<Pass, Stopped> {
        let Ground { caller, offer, force, epoch, arguments, .. } = &self.ground;
        let arguments = Arguments::canonical(arguments).map_err(|unfit| Stopped::unfit(&unfit))?;
        let body = request.body_sha256.map_or_else(|| Ok(Digest::of(b"")), |sha256| hex::encode(sha256).try_into());
        let body_sha256 = body.map_err(|_| Stopped::denied("its body has no digest".into(), UNBOUND))?;
        let petition = Petition {
            hub: &self.hub,
            force,
            caller,
            offer,
            arguments: &arguments,
            epoch: *epoch,
            request: Some(RequestBinding {
                method: request.method.to_string(),
                url: request.target.to_string(),
                credential: request.credential.clone(),
                body_sha256,
            }),
        };
        let binding = petition.binding();
        // What was allowed under an older epoch is void, and nothing is asked for a call that is.
        if *epoch != self.hub.epoch_now() {
            return Err(Stopped::denied("the red button was pressed".into(), TAKEN_BACK));
        }
        let id = petition.answer(&binding, None).await?;
        let claimed = self.hub.desk.claim(&id, &binding, self.ground.call).await;
        self.hub.tell().await;
        claimed.map_err(|error| {
            let agent = format!("its approval cannot be used: {error}");
            Stopped::denied(format!("approval {id}: {error}"), &agent)
        })
    }

    async fn told(&self, egress: Egress) -> Result<(), Refused> {
        let Ground { call, caller, offer, elevated, .. } = &self.ground;
        self.hub.metrics.egress.count(&egress);
        let begins = matches!(egress.ended, egress::Ended::Requested);
        if begins {
            let local = self.hub.is_local(&caller.session);
            let used = egress.credential.as_ref();
            let marked = self.hub.outside.mark(&self.hub.store, &caller.session, used, local).await;
            marked.map_err(|error| Refused { fault: HttpFault::Unrecorded, operator: error.to_string() })?;
        }
        let entry = told::entry(*call, caller, &offer.tool, &self.hub.audit, egress);
        // What a person allowed survives a power loss as well.
        let written = if begins && (*elevated || !lock(&self.passes).is_empty()) {
            self.hub.audit.write_durable(Entry::Egress(entry)).await
        } else {
            self.hub.audit.write(Entry::Egress(entry)).await
        };
        written.map_err(|error| Refused { fault: HttpFault::Unrecorded, operator: error.to_string() })
    }
}

const UNBOUND: &str = "a request of this call cannot be shown to a person";

impl Governor for Line {
    fn standing(&self) -> Result<Standing, Refused> {
        self.alive()?;
        let (caller, force) = (&self.ground.caller, self.hub.force.load());
        let name = self.ground.offer.tool.name.as_str();
        match policy::decide(&force.manifest, &caller.profile, caller.scopes, &self.hub.denied_tiers, name) {
            Decision::Allow(tool) => Ok(Standing { grants: tool.grants.http.as_slice().into() }),
            Decision::Deny(denial) => Err(Refused { fault: HttpFault::Denied, operator: denial.operator }),
        }
    }

    fn approval(&self, request: &Described) -> BoxFuture<'_, Approval> {
        let request = request.clone();
        async move { self.allowed(&request).await }.boxed()
    }

    fn spend(&self, bytes: u64) -> Result<(), Refused> {
        let (force, tier) = (self.hub.force.load(), self.ground.offer.tool.tier);
        let Some(rules) = force.manifest.tiers.get(&tier) else {
            return Err(Refused { fault: HttpFault::Denied, operator: "its tier has no rules".to_owned() });
        };
        let counted = Usage::egress(&self.ground.share, rules, bytes);
        counted.map_err(|refusal| Refused { fault: HttpFault::Budget, operator: refusal.operator(tier) })
    }

    fn record(&self, egress: Egress) -> BoxFuture<'_, Result<(), Refused>> {
        self.told(egress).boxed()
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
