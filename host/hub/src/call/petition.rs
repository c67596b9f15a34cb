//! Whoever needs a person's answer: a call, or one request of it. What was answered is looked up; what nobody was asked
//! is asked.

use super::denied;
use super::outcome::limit;
use crate::api::{CallOutcome, Caller, PendingApproval};
use crate::approvers::Need;
use crate::catalogue::Offer;
use crate::escalation::{self, ApprovalId, Arguments, Asked, Binding, NotOpened, Standing, Unfit};
use crate::force::InForce;
use crate::hub::Inner;
use crate::metrics::Reason;
use crate::policy;
use jiff::Timestamp;

/// Said to the agent. What was asked once is not asked again: a person who is asked often enough says yes.
const SAID_NO: &str = "a person did not allow this call, and is not asked again in this session";
const NOBODY: &str = "a person would have to allow this call, and no approver is enrolled who could";
const UNSTORED: &str = "approvals cannot be stored at the moment";
pub(super) const TAKEN_BACK: &str = "what allowed it was taken back";

/// A call that does not run, or goes on no more.
#[derive(Debug, Clone)]
pub(crate) struct Stopped {
    pub(crate) seen: Reason,
    pub(crate) operator: String,
    pub(crate) outcome: CallOutcome,
    pub(crate) approval: Option<PendingApproval>,
}

impl Stopped {
    pub(crate) fn of(seen: Reason, operator: impl Into<String>, outcome: CallOutcome) -> Self {
        Self { seen, operator: operator.into(), outcome, approval: None }
    }

    pub(crate) fn denied(operator: String, agent: &str) -> Self {
        Self::of(Reason::Approval, operator, denied(agent))
    }

    /// What cannot be approved, since nobody could be shown it in one form.
    pub(crate) fn unfit(unfit: &Unfit) -> Self {
        let outcome = match unfit {
            Unfit::Long => limit(escalation::ARGUMENTS_LIMIT, escalation::MOST_ARGUMENTS_BYTES as u64),
            Unfit::TwoKeys | Unfit::Number(_) | Unfit::Text => denied(&unfit.to_string()),
        };
        Self::of(Reason::Arguments, format!("arguments: {unfit}"), outcome)
    }

    fn pending(asked: &Asked, expires: Timestamp) -> Self {
        let id = &asked.id;
        let approval = PendingApproval { id: id.to_string(), expires };
        let what = match &asked.binding.request {
            None => "this call".to_owned(),
            Some(request) => format!("a request of this call, {}", request.origin()),
        };
        let reason = format!("a person has to allow {what}: approval {id}, to be answered before {expires}");
        Self {
            seen: Reason::Approval,
            operator: format!("it waits for approval {id}: `safeclaw approve {id}`"),
            outcome: CallOutcome::Denied { reason, approvable: true },
            approval: Some(approval),
        }
    }
}

/// Who asks, and for what.
pub(crate) struct Petition<'a> {
    pub(crate) hub: &'a Inner,
    /// The manifest that decided on the call.
    pub(crate) force: &'a InForce,
    pub(crate) caller: &'a Caller,
    pub(crate) offer: &'a Offer,
    pub(crate) arguments: &'a Arguments,
    pub(crate) epoch: u64,
    /// One request of the call; none where it is the call.
    pub(crate) request: Option<escalation::RequestBinding>,
}

impl Petition<'_> {
    /// All that an answer binds.
    pub(crate) fn binding(&self) -> Binding {
        Binding {
            principal: self.caller.principal.clone(),
            session: self.caller.session.clone(),
            tool: self.offer.tool.name.clone(),
            tier: self.offer.tool.tier,
            component: self.offer.registration.component.clone(),
            arguments: self.arguments.digest().clone(),
            manifest: self.force.digest.clone(),
            epoch: self.epoch,
            request: self.request.clone(),
        }
    }

    /// The approval that allows it; if nobody was asked, somebody is now. Under `under` it is that one or none.
    pub(crate) async fn answer(&self, binding: &Binding, under: Option<&ApprovalId>) -> Result<ApprovalId, Stopped> {
        let (hub, tier) = (self.hub, policy::word(self.offer.tool.tier));
        if !hub.factor().any_for(Need::of(&self.force.manifest, self.offer.tool.tier, &binding.principal)) {
            let operator = format!(
                "no approver is enrolled who could answer for {tier}: `safeclaw approver add NAME --key FILE.pub`"
            );
            return Err(Stopped::denied(operator, NOBODY));
        }
        match hub.desk.standing(binding) {
            Standing::Allowed(id) if under.is_none_or(|under| *under == id) => Ok(id),
            Standing::Denied(id) => Err(Stopped::denied(format!("approval {id} was denied"), SAID_NO)),
            Standing::Pending(asked, expires) => Err(Stopped::pending(&asked, expires)),
            Standing::Allowed(_) | Standing::Unasked if under.is_some() => {
                Err(Stopped::denied("what it was to run on is not good any more".into(), TAKEN_BACK))
            }
            Standing::Allowed(_) | Standing::Unasked => Err(self.ask(binding.clone()).await),
        }
    }

    async fn ask(&self, binding: Binding) -> Stopped {
        let Ok(id) = ApprovalId::random() else {
            return Stopped::denied("the system gives no random numbers".into(), UNSTORED);
        };
        let now = self.hub.desk.now();
        let asked = Asked {
            id,
            binding,
            profile: self.caller.profile.clone(),
            grants: escalation::words(self.force, &self.offer.tool),
            tool_says: self.offer.described.description.clone(),
            outside: self.hub.outside.since(&self.caller.session),
            requested: Timestamp::from_second(now.as_second()).unwrap_or(now),
            arguments: self.arguments.text().to_owned(),
        };
        let digest = self.hub.audit.digest(self.arguments.text()).to_string();
        let asked = self.hub.desk.ask(asked, digest).await;
        self.hub.tell().await;
        match asked {
            Ok((asked, expires)) => Stopped::pending(&asked, expires),
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
}
