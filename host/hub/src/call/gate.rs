//! The gate before escalated tools: a call runs under a lease, or a person is asked.

use super::{Attempt, Cost, denied, outcome::limit};
use crate::api::{CallOutcome, PendingApproval};
use crate::approvers::Need;
use crate::catalogue::Offer;
use crate::escalation::{self, ApprovalId, Arguments, Asked, Binding, NotOpened, Pass, Standing, Unfit};
use crate::metrics::Reason;
use crate::policy;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

/// Said to the agent. What was asked once is not asked again: a person who is asked often enough says yes.
const SAID_NO: &str = "a person did not allow this call, and is not asked again in this session";
const NOBODY: &str = "a person would have to allow this call, and no approver is enrolled who could";
const UNSTORED: &str = "approvals cannot be stored at the moment";
pub(super) const TAKEN_BACK: &str = "what allowed it was taken back";

/// A call that a person has allowed. It runs once the claim is durable.
pub(super) struct Gated {
    id: ApprovalId,
    binding: Binding,
    /// What the approver saw is what runs.
    pub(super) arguments: Arguments,
}

/// A call that does not run.
pub(super) struct Stopped {
    pub(super) seen: Reason,
    pub(super) operator: String,
    pub(super) outcome: CallOutcome,
    pub(super) approval: Option<PendingApproval>,
}

impl Stopped {
    fn denied(operator: String, agent: &str) -> Self {
        Self { seen: Reason::Approval, operator, outcome: denied(agent), approval: None }
    }

    fn pending(id: &ApprovalId, expires: Timestamp) -> Self {
        let approval = PendingApproval { id: id.to_string(), expires };
        let reason = format!("a person has to allow this call: approval {id}, to be answered before {expires}");
        Self {
            seen: Reason::Approval,
            operator: format!("it waits for approval {id}: `safeclaw approve {id}`"),
            outcome: CallOutcome::Denied { reason, approvable: true },
            approval: Some(approval),
        }
    }
}

impl Attempt<'_> {
    /// Whether a person has allowed this call; if nobody was asked, somebody is now.
    pub(super) async fn gate(
        &self,
        offer: &Offer,
        arguments: &str,
        under: Option<&ApprovalId>,
    ) -> Result<Gated, Stopped> {
        let arguments = Arguments::canonical(arguments).map_err(|unfit| unapprovable(&unfit))?;
        let binding = self.binding(offer, &arguments);
        let (hub, tier) = (self.hub, policy::word(offer.tool.tier));
        if !hub.factor().any_for(Need::of(&self.force.manifest, offer.tool.tier, &binding.principal)) {
            let operator = format!(
                "no approver is enrolled who could answer for {tier}: `safeclaw approver add NAME --key FILE.pub`"
            );
            return Err(Stopped::denied(operator, NOBODY));
        }
        match hub.desk.standing(&binding) {
            Standing::Allowed(id) if under.is_none_or(|under| *under == id) => Ok(Gated { id, binding, arguments }),
            Standing::Denied(id) => Err(Stopped::denied(format!("approval {id} was denied"), SAID_NO)),
            Standing::Pending(asked, expires) => Err(Stopped::pending(&asked.id, expires)),
            Standing::Allowed(_) | Standing::Unasked if under.is_some() => {
                Err(Stopped::denied("what it was to run on is not good any more".into(), TAKEN_BACK))
            }
            Standing::Allowed(_) | Standing::Unasked => Err(self.ask(offer, binding, arguments).await),
        }
    }

    /// Asks for an approval.
    async fn ask(&self, offer: &Offer, binding: Binding, arguments: Arguments) -> Stopped {
        let Ok(id) = ApprovalId::random() else {
            return Stopped::denied("the system gives no random numbers".into(), UNSTORED);
        };
        let now = self.hub.desk.now();
        let asked = Asked {
            id,
            binding,
            profile: self.caller.profile.clone(),
            grants: escalation::words(self.force, &offer.tool),
            tool_says: offer.described.description.clone(),
            requested: Timestamp::from_second(now.as_second()).unwrap_or(now),
            arguments: arguments.text().to_owned(),
        };
        let digest = self.hub.audit.digest(arguments.text()).to_string();
        let asked = self.hub.desk.ask(asked, digest).await;
        self.hub.tell().await;
        match asked {
            Ok((asked, expires)) => Stopped::pending(&asked.id, expires),
            Err(NotOpened::Full(full)) => Stopped {
                seen: Reason::Approval,
                operator: format!("{} = {}: answer some of them first", full.limit, full.value),
                outcome: limit(full.limit, full.value as u64),
                approval: None,
            },
            Err(NotOpened::Store(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "nobody could be asked for an approval");
                Stopped::denied(format!("it could not be stored: {error}"), UNSTORED)
            }
        }
    }

    fn binding(&self, offer: &Offer, arguments: &Arguments) -> Binding {
        Binding {
            principal: self.caller.principal.clone(),
            session: self.caller.session.clone(),
            tool: offer.tool.name.clone(),
            tier: offer.tool.tier,
            component: offer.registration.component.clone(),
            arguments: arguments.digest().clone(),
            manifest: self.force.digest.clone(),
            epoch: self.hub.epoch_now(),
        }
    }

    /// Claims what allows the call, after the call was written down and before anything is done for it.
    pub(super) async fn claim(&self, gated: Option<Gated>) -> Result<Option<Pass>, CallOutcome> {
        let Some(Gated { id, binding, .. }) = gated else { return Ok(None) };
        // The button may have been pressed since the call was bound.
        if binding.epoch != self.hub.epoch_now() {
            return Err(denied(TAKEN_BACK));
        }
        let claimed = self.hub.desk.claim(&id, &binding, self.id).await;
        self.hub.tell().await;
        claimed.map(Some).map_err(|error| {
            tracing::info!(call = %self.id, approval = %id, error = &error as &dyn std::error::Error, "denied");
            denied(&format!("its approval cannot be used: {error}"))
        })
    }

    /// Gives back what allowed it. From then on it has run, or it has not, or nobody knows.
    pub(super) async fn release(&self, pass: &Pass, cost: &Cost) {
        if cost.serving.is_none() {
            self.hub.desk.not_run(pass).await;
        } else {
            self.hub.desk.finish(pass, cost.unknown.is_none()).await;
        }
        self.hub.tell().await;
    }

    /// A result is let out while what allowed the call stands, and not after.
    pub(super) fn let_out(&self, pass: Option<&Pass>, outcome: CallOutcome) -> CallOutcome {
        match pass {
            Some(pass) if !self.hub.desk.stands(pass, self.hub.epoch_now()) => denied(crate::button::TAKEN_BACK),
            _ => outcome,
        }
    }
}

/// Completes when a call's lease is taken back.
pub(super) async fn broken(lease: Option<&CancellationToken>) {
    match lease {
        Some(lease) => lease.cancelled().await,
        None => std::future::pending().await,
    }
}

fn unapprovable(unfit: &Unfit) -> Stopped {
    let outcome = match unfit {
        Unfit::Long => limit(escalation::ARGUMENTS_LIMIT, escalation::MOST_ARGUMENTS_BYTES as u64),
        Unfit::TwoKeys | Unfit::Number(_) | Unfit::Text => denied(&unfit.to_string()),
    };
    Stopped { seen: Reason::Arguments, operator: format!("arguments: {unfit}"), outcome, approval: None }
}
