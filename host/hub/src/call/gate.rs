//! The gate before escalated tools: a call runs under a lease, or a person is asked.

use super::petition::{Petition, Stopped, TAKEN_BACK};
use super::{Attempt, Cost, denied};
use crate::api::CallOutcome;
use crate::catalogue::Offer;
use crate::escalation::{ApprovalId, Arguments, Binding, Pass};
use tokio_util::sync::CancellationToken;

/// A call that a person has allowed. It runs once the claim is durable.
pub(super) struct Gated {
    id: ApprovalId,
    binding: Binding,
    /// What the approver saw is what runs.
    pub(super) arguments: Arguments,
}

impl Attempt<'_> {
    /// Whether a person has allowed this call; if nobody was asked, somebody is now.
    pub(super) async fn gate(
        &self,
        offer: &Offer,
        arguments: &str,
        under: Option<&ApprovalId>,
    ) -> Result<Gated, Stopped> {
        let arguments = Arguments::canonical(arguments).map_err(|unfit| Stopped::unfit(&unfit))?;
        let petition = Petition {
            hub: self.hub,
            force: self.force,
            caller: self.caller,
            offer,
            arguments: &arguments,
            epoch: self.hub.epoch_now(),
            request: None,
        };
        let binding = petition.binding();
        let id = petition.answer(&binding, under).await?;
        Ok(Gated { id, binding, arguments })
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
