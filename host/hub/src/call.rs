//! A tool call, from the agent's words to the answer: everything that may stop it, in the order in which it
//! may, and both records of it.

mod decide;
mod gate;
mod leaks;
mod outcome;
pub(crate) mod petition;
mod run;
pub(crate) mod status;
pub(crate) mod task;
mod way;

use crate::api::{CallEnd, CallNote, CallOutcome, Caller};
use crate::audit::{self, AuditError, Denied, Entry, Executed, Measured, OutcomeUnknown, Reported, Requested, Usage};
use crate::button::{STOPPED, TAKEN_BACK};
use crate::catalogue::Offer;
use crate::escalation::ApprovalId;
use crate::force::InForce;
use crate::hub::{Flight, Inner};
use crate::identity::Scopes;
use crate::metrics::{Reason, Seen};
use crate::policy::{self, Decision};
use crate::runner::Reached;
use crate::session::{Denials, Need, Serving, Session};
use crate::traces::{CallTrace, TraceContext};
use crate::usage::{Asked, Spent, looks_for_repeats};
use decide::{Decided, Refused, Wanted};
use manifest::{ArgumentsRecord, RunnerScope, ToolName};
use outcome::{audited, broken, limit};
use petition::Stopped;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use way::Way;

/// Said to the agent and to the operator.
const NOT_IN_FORCE: &str = "this token is not in force";

/// What an agent asks for.
pub(crate) struct Request {
    pub(crate) caller: Caller,
    pub(crate) tool: String,
    pub(crate) arguments: String,
    pub(crate) notes: mpsc::Sender<CallNote>,
    pub(crate) cancel: CancellationToken,
    /// The trace that the agent says it belongs to. It goes no further than into our own spans.
    pub(crate) within: Option<TraceContext>,
    /// It runs on this approval or not at all: nobody is asked for it anew.
    pub(crate) under: Option<ApprovalId>,
}

/// A call under way.
struct Attempt<'a> {
    hub: &'a Arc<Inner>,
    /// What decides on it, whatever is applied meanwhile.
    force: &'a Arc<InForce>,
    id: Uuid,
    started: Instant,
    caller: &'a Caller,
    /// What it began under: a call that a person had to allow is of this one and of no other.
    epoch: u64,
    /// Whether a person has to allow it.
    elevated: bool,
    trace: &'a CallTrace,
}

/// What ends a call before its runner does.
struct Until<'a> {
    flight: &'a Arc<Flight>,
    /// What allowed an escalated call is taken back.
    lease: Option<&'a CancellationToken>,
    way: &'a Way<'a>,
}

/// What a call has cost so far, for the record.
#[derive(Default)]
struct Cost {
    serving: Option<Arc<Serving>>,
    runner_us: u64,
    usage: Option<protocol::Usage>,
    result_bytes: usize,
    /// Why nobody can say whether it took effect.
    unknown: Option<String>,
    /// One of its requests waits for a person.
    stopped: Option<Stopped>,
}

impl Cost {
    /// It has no end that can be believed. If its runner had heard of it, that is written down.
    fn unheard(&mut self, reached: Reached, why: impl Into<String>) {
        if reached == Reached::Runner {
            self.unknown = Some(why.into());
        }
    }

    /// It has an end, which is not let out.
    fn withheld(&mut self, outcome: &CallOutcome) {
        let ran = !matches!(outcome, CallOutcome::Cancelled | CallOutcome::Denied { .. } | CallOutcome::UnknownTool);
        if ran && self.serving.is_some() && self.unknown.is_none() {
            self.unknown = Some("the red button was pressed before its answer was let out".to_owned());
        }
    }
}

/// Runs a call to its end, and counts it.
pub(crate) async fn call(hub: &Arc<Inner>, mut request: Request) -> CallEnd {
    let trace = hub.traces.call(request.within.take());
    let mut seen = Seen::default();
    let end = decided(hub, request, &trace, &mut seen).await;
    hub.metrics.calls.ended(seen, &end);
    trace.end(&end.outcome);
    end
}

async fn decided(hub: &Arc<Inner>, request: Request, trace: &CallTrace, seen: &mut Seen) -> CallEnd {
    let Request { caller, tool, arguments, notes, cancel, under, .. } = request;
    trace.session(&caller.session);
    let deciding = trace.step("policy");
    // A face lets a caller in once and may keep it for days: a revoked token must not outlive its revocation.
    let Some(caller) = hub.in_force(&caller) else {
        let force = hub.force.load_full();
        seen.denied = Some(Reason::NotInForce);
        let attempt = Attempt::of(hub, &force, &caller, trace);
        return attempt.deny(&hub.denials, None, NOT_IN_FORCE, denied(NOT_IN_FORCE)).await;
    };
    // Before the manifest is loaded: one that is applied from here on finds this call.
    let flight = Arc::new(hub.flights.begin(&caller.profile, &tool, &cancel));
    let force = hub.force.load_full();
    let mut attempt = Attempt::of(hub, &force, &caller, trace);

    let refused = match attempt.taken() {
        Err(stopped) => stopped.into(),
        Ok(()) if tool == status::NAME && hub.shows_escalated(&caller) => {
            return attempt.end(status::answer(hub, &caller, &arguments, &cancel).await, None);
        }
        Ok(()) => match attempt.decide(Wanted { tool, arguments, under }, &flight, seen).await {
            Ok(decided) => {
                drop(deciding);
                return attempt.perform(decided, &flight, notes, seen).await;
            }
            Err(refused) => refused,
        },
    };
    attempt.refuse(refused, seen).await
}

/// What a call ends in that lost something to a new manifest while it ran. One that had its end already keeps it.
fn withdrawn(outcome: CallOutcome) -> CallOutcome {
    match outcome {
        CallOutcome::Cancelled => denied("what it was granted was taken back while it ran"),
        ended => ended,
    }
}

fn denied(reason: &str) -> CallOutcome {
    CallOutcome::Denied { reason: reason.into(), approvable: false }
}

impl<'a> Attempt<'a> {
    fn of(hub: &'a Arc<Inner>, force: &'a Arc<InForce>, caller: &'a Caller, trace: &'a CallTrace) -> Self {
        let epoch = hub.epoch.now();
        Self { hub, force, id: Uuid::new_v4(), started: Instant::now(), caller, epoch, elevated: false, trace }
    }

    /// Whether the red button has taken it back.
    fn is_void(&self, flight: &Flight) -> bool {
        flight.is_taken_back() || self.hub.epoch.is_panic() || (self.elevated && self.hub.epoch.now() != self.epoch)
    }

    fn need<'n>(&'n self, offer: &'n Offer) -> Need<'n> {
        let elevated = self.elevated.then_some(self.epoch);
        self.hub.need(self.force, self.caller, offer, elevated)
    }

    /// Writes down that it is about to happen; a session's first call begins it. What only a person can allow
    /// survives a power loss as well.
    async fn record(&self, session: &Session, offer: &Offer, arguments: &str) -> Result<(), AuditError> {
        let audit = &self.hub.audit;
        if session.announce() {
            let Caller { session, principal, profile, .. } = self.caller.clone();
            audit.write(Entry::SessionBegun { session, principal, profile }).await?;
        }
        let requested = Entry::Requested(self.requested(offer, arguments));
        if self.elevated {
            return audit.write_durable(requested).await;
        }
        audit.write(requested).await
    }

    fn requested(&self, offer: &Offer, arguments: &str) -> Requested {
        Requested {
            call: self.id,
            session: self.caller.session.clone(),
            principal: self.caller.principal.clone(),
            tool: offer.tool.name.clone(),
            tier: offer.tool.tier,
            component: offer.registration.component.clone(),
            artefact: offer.registration.artefact.clone(),
            grants: offer.grants.clone(),
            manifest: self.force.digest.clone(),
            arguments: self.hub.audit.digest(arguments),
            arguments_bytes: arguments.len(),
            arguments_text: (offer.tool.record == ArgumentsRecord::Arguments).then(|| audit::in_clear(arguments)),
        }
    }

    /// Runs it, and writes down what came of it.
    async fn perform(
        self,
        decided: Decided<'_>,
        flight: &Arc<Flight>,
        notes: mpsc::Sender<CallNote>,
        seen: &mut Seen,
    ) -> CallEnd {
        let Decided { session, tool, rules, offer, arguments, gated, place, share } = decided;
        // It is written down, or it does not happen.
        let _open = session.begin();
        let recording = self.trace.step("audit requested");
        let recorded = self.record(&session, &offer, &arguments).await;
        drop(recording);
        if let Err(error) = recorded {
            seen.denied = Some(Reason::Audit);
            tracing::error!(%error, call = %self.id, "denied: it could not be recorded");
            return self.end(denied("calls cannot be recorded at the moment"), None);
        }
        let mut cost = Cost::default();
        // Who claims what a person has allowed repeats himself because he was told to.
        let asked = (gated.is_none() && looks_for_repeats(rules)).then(|| Asked::of(&tool.name, &arguments));
        let began = Instant::now();
        let claimed = self.claim(gated).await;
        let pass = claimed.as_ref().ok().and_then(Option::as_ref);
        let outcome = match &claimed {
            Err(outcome) => outcome.clone(),
            Ok(pass) => {
                let lease = pass.as_ref().map(|pass| &pass.broken);
                let way = self.way(&session, &offer, &arguments, (flight, lease, &share));
                let until = Until { flight: flight, lease, way: &way };
                let outcome = self.run(&session, &offer, arguments, notes, until, &mut cost).await;
                way.end(outcome, &cost).await
            }
        };
        let void = self.is_void(flight);
        let outcome = if void {
            cost.withheld(&outcome);
            denied(TAKEN_BACK)
        } else if flight.is_withdrawn() {
            withdrawn(outcome)
        } else {
            outcome
        };
        if let Some(pass) = pass {
            self.release(pass, &cost).await;
        }
        let outcome = self.let_out(pass, outcome);
        if claimed.is_err() {
            seen.denied = Some(Reason::Approval);
        } else if matches!(outcome, CallOutcome::Denied { .. }) {
            let withdrawn = void || flight.is_withdrawn();
            let stopped = cost.stopped.as_ref().map_or(Reason::Runner, |stopped| stopped.seen);
            seen.denied = Some(if withdrawn { Reason::Withdrawn } else { stopped });
        }
        let spent = Spent {
            wall_us: micros(began).saturating_sub(cost.runner_us),
            repeat: asked.and_then(|asked| asked.ended(&outcome)),
        };
        if let Some(calls) = self.hub.usage.spend(&share, rules, spent) {
            self.hub.tell_paused(self.caller, tool.tier, &tool.name, calls).await;
        }
        drop((share, place));
        let recording = self.trace.step("audit executed");

        let recorded = self.record_end(&tool.name, &outcome, &mut cost).await;
        drop(recording);
        if let Err(error) = recorded {
            // What it did cannot be undone; what it answered is not passed on unrecorded.
            tracing::error!(%error, call = %self.id, "its end could not be recorded");
            return self.end(CallOutcome::Broken { id: self.id }, None);
        }
        // The last look: the button may have been pressed while the log was written.
        if !void && self.is_void(flight) {
            seen.denied = Some(Reason::Withdrawn);
            let reason = "the red button was pressed before its answer was let out";
            let end = self.deny(&session.denials, Some(tool.name.clone()), reason, denied(TAKEN_BACK)).await;
            return CallEnd { begun: cost.serving.is_some(), ..end };
        }
        let cut_short = void || flight.is_withdrawn() || cost.stopped.is_some();
        let begun = cut_short && cost.serving.is_some();
        let approval = cost.stopped.and_then(|stopped| stopped.approval);
        CallEnd { begun, approval, ..self.end(self.let_out(pass, outcome), cost.usage) }
    }

    /// What it did cannot be undone, and so it is written down, whatever is told of it.
    async fn record_end(&self, tool: &ToolName, outcome: &CallOutcome, cost: &mut Cost) -> Result<(), AuditError> {
        let born = cost.serving.as_ref().map(|serving| &serving.runner.born);
        let (runner, posture) = (born.map(|born| born.container.clone()), born.map(|born| born.posture.clone()));
        let (session, tool) = (self.caller.session.clone(), tool.clone());
        if let (Some(reason), Some(runner)) = (cost.unknown.take(), runner.clone()) {
            let (session, tool) = (session.clone(), tool.clone());
            let unknown = OutcomeUnknown { call: self.id, session, tool, runner, reason };
            // The record of its end follows; if neither can be written, that one says so.
            drop(self.hub.audit.write(Entry::OutcomeUnknown(unknown)).await);
        }
        let Cost { runner_us, result_bytes, usage, .. } = cost;
        let measured = Measured { wall_us: self.wall_us(), runner_us: *runner_us, result_bytes: *result_bytes };
        let reported =
            usage.as_ref().map(|usage| Reported { cpu_us: usage.cpu_us, peak_memory_bytes: usage.peak_memory_bytes });
        let usage = Usage { hub: measured, runner: reported };
        let outcome = audited(outcome);
        let executed = Executed { call: self.id, session, tool, outcome, runner, posture, usage };
        self.hub.audit.write(Entry::Executed(executed)).await
    }

    /// Says no, and why to the operator.
    async fn refuse(self, refused: Refused, seen: &mut Seen) -> CallEnd {
        let Refused { session, tool, stopped: Stopped { seen: why, operator, outcome, approval } } = refused;
        seen.denied = Some(why);
        let denials = session.as_ref().map_or(&self.hub.denials, |session| &session.denials);
        let end = self.deny(denials, tool, &operator, outcome).await;
        CallEnd { approval, ..end }
    }

    /// Writes a denial down, as far as its session's share of the log goes, and says no.
    async fn deny(self, denials: &Denials, tool: Option<ToolName>, reason: &str, outcome: CallOutcome) -> CallEnd {
        if let Some(unwritten) = denials.add() {
            tracing::info!(call = %self.id, session = %self.caller.session, tool = tool.as_ref().map(tracing::field::display), "denied: {reason}");
            let entry = Denied {
                call: self.id,
                session: self.caller.session.clone(),
                principal: self.caller.principal.clone(),
                tool,
                reason: reason.to_owned(),
                unwritten,
            };
            // It is denied either way.
            drop(self.hub.audit.write(Entry::Denied(entry)).await);
        }
        self.end(outcome, None)
    }

    fn end(&self, outcome: CallOutcome, usage: Option<protocol::Usage>) -> CallEnd {
        CallEnd { outcome, usage, wall_us: self.wall_us(), call_id: self.id, begun: false, approval: None }
    }

    fn wall_us(&self) -> u64 {
        micros(self.started)
    }
}

/// The container that serves a tool for a caller, as a call would get it.
pub(crate) async fn serving(hub: &Arc<Inner>, caller: &Caller, tool: &str) -> Result<Arc<Serving>, CallEnd> {
    let force = hub.force.load_full();
    let Some(caller) = hub.in_force(caller) else {
        return Err(Attempt::of(hub, &force, caller, &CallTrace::none()).end(denied(NOT_IN_FORCE), None));
    };
    let trace = CallTrace::none();
    let attempt = Attempt::of(hub, &force, &caller, &trace);
    let end = |outcome| attempt.end(outcome, None);
    if hub.epoch.is_panic() {
        return Err(end(denied(STOPPED)));
    }
    let tool = match policy::decide(&force.manifest, &caller.profile, caller.scopes, &hub.denied_tiers, tool) {
        Decision::Allow(tool) => tool,
        Decision::Deny(denial) => {
            return Err(end(denial.agent.map_or(CallOutcome::UnknownTool, denied)));
        }
    };
    let Some(offer) = force.catalogue.offers.get(&tool.name).cloned() else {
        return Err(end(CallOutcome::UnknownTool));
    };
    // What runs under an approval is started for a call and for nothing else.
    if offer.tool.is_escalated() {
        return Err(end(denied("it runs under an approval, and is started for nothing else")));
    }
    let session = match hub.sessions.enter(&caller) {
        Ok(session) if !hub.is_draining() => session,
        Ok(_) => return Err(end(denied("the hub is stopping"))),
        Err(many) => return Err(end(limit("sessions_per_principal", many.most as u64))),
    };
    match session.serving(attempt.need(&offer)).await {
        Ok(serving) => Ok(serving),
        Err(error) => Err(end(broken(attempt.id, &error))),
    }
}

/// The scope that a caller's token lacks for a tool that it is shown: denied as a call would be, before anything is
/// read of what it wants.
pub(crate) async fn lacks_scope(hub: &Arc<Inner>, caller: &Caller, tool: &str) -> Option<Scopes> {
    let offer = hub.shown(caller, tool).filter(|offer| !caller.scopes.contains(offer.tool.tier))?;
    let session = hub.sessions.enter(caller).ok();
    let denials = session.as_ref().map_or(&hub.denials, |session| &session.denials);
    let denial = policy::lacking(&offer.tool);
    let outcome = denied(denial.agent.unwrap_or_default());
    let force = hub.force.load_full();
    let (tool, trace) = (Some(offer.tool.name.clone()), CallTrace::none());
    let attempt = Attempt::of(hub, &force, caller, &trace);
    let end = attempt.deny(denials, tool, &denial.operator, outcome).await;
    // It never becomes a call, and is counted as the denial that it is.
    let seen = Seen { denied: Some(Reason::Scope), tier: Some(offer.tool.tier) };
    hub.metrics.calls.ended(seen, &end);
    Some(Scopes::of(offer.tool.tier))
}

/// One runner's calls at once.
pub(crate) fn concurrent_calls(force: &InForce, offer: &Offer) -> u32 {
    match offer.tool.runner {
        RunnerScope::Call => 1,
        RunnerScope::Session => force.manifest.tiers.get(&offer.tool.tier).map_or(1, |rules| rules.concurrent_calls),
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}
