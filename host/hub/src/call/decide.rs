//! What is decided about a call before it runs, in this order: whether the hub takes calls, what the manifest says,
//! whether the tool is there and what was sent fits, what a person says, and whether it is this session's turn. Nothing
//! that the agent sent is looked at before the manifest has spoken.

use super::gate::Gated;
use super::outcome::limit;
use super::petition::Stopped;
use super::{Attempt, denied};
use crate::api::CallOutcome;
use crate::bounds::{self, OutOfBounds};
use crate::button::STOPPED;
use crate::catalogue::Offer;
use crate::escalation::ApprovalId;
use crate::hub::Flight;
use crate::metrics::{Reason, Seen};
use crate::policy::{self, Decision, Rule};
use crate::session::{CONCURRENT_CALLS, Session};
use crate::usage::Share;
use manifest::{Limits, TierRules, Tool, ToolName};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// What an agent wants.
pub(super) struct Wanted {
    pub(super) tool: String,
    pub(super) arguments: String,
    pub(super) under: Option<ApprovalId>,
}

/// A call that runs, with all that it holds while it does.
pub(super) struct Decided<'f> {
    pub(super) session: Arc<Session>,
    pub(super) tool: &'f Tool,
    pub(super) rules: &'f TierRules,
    pub(super) offer: Arc<Offer>,
    /// In the form that a person has seen, if one was asked.
    pub(super) arguments: String,
    pub(super) gated: Option<Gated>,
    pub(super) place: OwnedSemaphorePermit,
    pub(super) share: Share,
}

/// A call that does not.
pub(super) struct Refused {
    /// Of whose share of the log its record is; of everybody's, where it came to no session.
    pub(super) session: Option<Arc<Session>>,
    pub(super) tool: Option<ToolName>,
    pub(super) stopped: Stopped,
}

impl From<Stopped> for Refused {
    fn from(stopped: Stopped) -> Self {
        Self { session: None, tool: None, stopped }
    }
}

impl<'a> Attempt<'a> {
    /// Whether calls are taken at all.
    pub(super) fn taken(&self) -> Result<(), Stopped> {
        let because = |seen, why: &str| Err(Stopped::of(seen, why, denied(why)));
        if self.hub.is_draining() {
            return because(Reason::Draining, "the hub is stopping");
        }
        if self.hub.epoch.is_panic() {
            return because(Reason::Stopped, STOPPED);
        }
        if !self.hub.upkeep.runs() {
            return because(Reason::Upkeep, "the hub's upkeep does not run");
        }
        Ok(())
    }

    /// Decides.
    pub(super) async fn decide(
        &mut self,
        wanted: Wanted,
        flight: &Flight,
        seen: &mut Seen,
    ) -> Result<Decided<'a>, Refused> {
        let (hub, force, caller) = (self.hub, self.force, self.caller);
        let decision = policy::decide(&force.manifest, &caller.profile, caller.scopes, &hub.denied_tiers, &wanted.tool);
        let session = hub.sessions.enter(caller).map_err(|many| {
            let operator = format!("`{}` has {} sessions, which is the most", caller.principal, many.most);
            Stopped::of(Reason::Sessions, operator, limit("sessions_per_principal", many.most as u64))
        })?;
        let refused = |tool, stopped| Refused { session: Some(session.clone()), tool, stopped };
        let tool = match decision {
            Decision::Allow(tool) => tool,
            Decision::Deny(denial) => {
                let named = ToolName::try_from(wanted.tool).ok();
                // Of a tool that the caller is not shown, too: this is for the operator.
                seen.tier = named.as_ref().and_then(|name| Some(force.manifest.tools.get(name)?.tier));
                let outcome = denial.agent.map_or(CallOutcome::UnknownTool, denied);
                return Err(refused(named, Stopped::of(reason(denial.rule), denial.operator, outcome)));
            }
        };
        seen.tier = Some(tool.tier);
        self.trace.tool(tool);
        let decided = self.turn(&session, tool, wanted.arguments, wanted.under, flight).await;
        decided.map_err(|stopped| refused(Some(tool.name.clone()), stopped))
    }

    /// Is it there, is it small enough, does a person allow it if one has to, and is it this session's turn?
    async fn turn(
        &mut self,
        session: &Arc<Session>,
        tool: &'a Tool,
        arguments: String,
        under: Option<ApprovalId>,
        flight: &Flight,
    ) -> Result<Decided<'a>, Stopped> {
        let (hub, force, caller) = (self.hub, self.force, self.caller);
        let missing = |operator: &str| Stopped::of(Reason::UnknownTool, operator, CallOutcome::UnknownTool);
        let offer = force.catalogue.offers.get(&tool.name).cloned();
        let offer = offer
            .ok_or_else(|| missing("the manifest lists it, but no registered component has it; /healthz says why"))?;
        check(&arguments, &tool.grants.limits).map_err(|error| {
            Stopped::of(Reason::Arguments, format!("arguments: {error}"), unfit(&error, &tool.grants.limits))
        })?;
        let (Some(gate), Some(rules)) = (session.gate(force, tool.tier), force.manifest.tiers.get(&tool.tier)) else {
            return Err(missing("its tier has no rules"));
        };
        // What was read from outside may be what asks now.
        let outside = rules.after_outside == manifest::Gate::Approval && hub.outside.since(&caller.session).is_some();
        self.elevated = tool.is_escalated() || outside;
        if self.elevated {
            flight.elevate();
        }
        let used = |refusal: crate::usage::Refusal| {
            Stopped::of(refusal.reason(), refusal.operator(tool.tier), refusal.outcome())
        };
        // Nobody is asked to allow what would not run.
        hub.usage.allows(caller, rules).map_err(used)?;
        // A person's answer is asked for before the call counts: to wait for one uses up no rate.
        let gated = if self.elevated { Some(self.allowed(&offer, &arguments, under.as_ref()).await?) } else { None };
        let arguments = gated.as_ref().map_or(arguments, |gated| gated.arguments.text().to_owned());
        let place = gate.pass().map_err(|full| {
            let operator = format!("{CONCURRENT_CALLS} = {} in [tiers.{}]", full.most, policy::word(tool.tier));
            Stopped::of(Reason::Concurrency, operator, limit(CONCURRENT_CALLS, full.most.into()))
        })?;
        let share = hub.usage.pass(caller, rules).map_err(used)?;
        // A second of counting can be lost where calls are many, and none where a person allows each.
        if self.elevated && hub.keep_usage().await.is_err() {
            let operator = "what it uses cannot be stored, and so it is not done; /healthz says why";
            return Err(Stopped::of(Reason::Audit, operator, denied("calls cannot be counted at the moment")));
        }
        Ok(Decided { session: session.clone(), tool, rules, offer, arguments, gated, place, share })
    }

    async fn allowed(&self, offer: &Offer, arguments: &str, under: Option<&ApprovalId>) -> Result<Gated, Stopped> {
        let gated = self.gate(offer, arguments, under).await;
        #[cfg(test)]
        let gated = match gated {
            Err(stopped) if self.hub.nods(stopped.approval.as_ref()).await => self.gate(offer, arguments, under).await,
            gated => gated,
        };
        gated
    }
}

/// The same as a metric has it.
fn reason(rule: Rule) -> Reason {
    match rule {
        Rule::Tool => Reason::UnknownTool,
        Rule::Profile => Reason::Profile,
        Rule::Tier => Reason::Tier,
        Rule::Scope => Reason::Scope,
    }
}

/// Arguments are a JSON object within bounds; whether they fit the schema is the runner's to say.
fn check(arguments: &str, limits: &Limits) -> Result<(), OutOfBounds> {
    bounds::object(arguments, usize::try_from(limits.arguments_bytes).unwrap_or(usize::MAX), bounds::DEPTH)
}

fn unfit(error: &OutOfBounds, limits: &Limits) -> CallOutcome {
    match error {
        OutOfBounds::Bytes { .. } => limit("arguments_bytes", limits.arguments_bytes.into()),
        OutOfBounds::Depth { most } => limit("arguments_depth", *most as u64),
        OutOfBounds::Values { most } => limit("arguments_values", *most as u64),
        OutOfBounds::Syntax | OutOfBounds::NotAnObject => denied("the arguments are not a JSON object"),
    }
}
