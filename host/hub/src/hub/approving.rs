//! Approvals and leases, for the operator's door.

use super::{Hub, Inner};
use crate::approvers::{Need, SecondFactor};
use crate::escalation::{ApprovalId, ApprovalSummary, ApprovalView, LeaseView, NotAnswered, Signed};
use crate::store::StoreError;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Hub {
    /// The approvals that wait, and the last ones that do not.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn approvals(&self) -> Result<Vec<ApprovalSummary>, StoreError> {
        self.0.desk.approvals().await
    }

    /// One of them, with all that its approver is shown.
    pub(crate) async fn approval(&self, id: &ApprovalId) -> Result<Option<ApprovalView>, StoreError> {
        self.0.desk.approval(&self.0.hub_id, id).await
    }

    /// Takes a person's answer. Who asks at the operator's door is nobody here: the signature says whose it is.
    pub(crate) async fn answer(&self, id: &ApprovalId, signed: Signed) -> Result<(), NotAnswered> {
        let hub = &self.0;
        let check = |asked: &crate::escalation::Asked, statement: &[u8], signature: &str| {
            // Under the manifest in force: a person that it names no more does not answer.
            let force = hub.force.load();
            let (tier, requester) = (asked.binding.tier, asked.binding.principal.as_str());
            hub.factor().check(statement, signature, Need::of(&force.manifest, tier, requester))
        };
        let answered = hub.desk.answer(&hub.hub_id, id, signed, check).await;
        hub.tell().await;
        answered
    }

    /// The leases under which a call may begin now.
    #[must_use]
    pub fn leases(&self) -> Vec<LeaseView> {
        self.0.desk.leases()
    }

    /// Takes a lease back, or an approval that waits. Calls under it are broken off. False when there is none.
    pub(crate) async fn take_back(&self, id: &ApprovalId) -> bool {
        let taken = self.0.desk.take_back(id, "an operator took it back");
        self.0.desk.follow().await;
        self.0.tell().await;
        taken
    }
}

impl Inner {
    /// Whoever can tell that a person has answered.
    pub(crate) fn factor(&self) -> Arc<dyn SecondFactor> {
        #[cfg(test)]
        if let Some(double) = &self.double {
            return double.clone();
        }
        self.approvers.load_full()
    }

    /// The epoch in force.
    pub(crate) fn epoch_now(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }
}
