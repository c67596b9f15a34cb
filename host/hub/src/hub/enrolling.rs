//! Approvers are changed while the hub runs: decided, stored, in force, told.

use super::Hub;
use crate::approvers::{
    ApproverName, ApproverView, Approvers, ApproversView, At, Enrol, EnrolError, Nonce, Revoke, enrolled, revoked,
};
use crate::audit::Decision;
use crate::store::approvers::Added;
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use std::sync::Arc;

impl Hub {
    /// The approvers, and what is needed to change them.
    pub async fn approvers(&self) -> ApproversView {
        let nonce = self.0.enrolling.lock().await.as_str().to_owned();
        let approvers = self.0.approvers.load();
        ApproversView { hub: self.0.hub_id.clone(), nonce, first: approvers.is_new(), approvers: approvers.views() }
    }

    /// Enrols somebody, who may answer from here on.
    ///
    /// # Errors
    /// See [`EnrolError`].
    pub async fn add_approver(&self, asked: Enrol) -> Result<ApproverView, EnrolError> {
        let inner = &self.0;
        let mut nonce = inner.enrolling.lock().await;
        if inner.is_draining() {
            return Err(EnrolError::Draining);
        }
        let before = inner.approvers.load_full();
        let next = Nonce::new()?;
        let now = now();
        let at = At { hub: &inner.hub_id, nonce: &nonce, now };
        let (new, signer) = enrolled(&before, asked, at)?;
        let decision = Decision::ApproverAdded {
            approver: new.name.clone(),
            key: new.key.fingerprint(),
            principals: new.principals.clone(),
            passphrase: new.passphrase,
            by: new.by.clone(),
            by_key: signer.map(|signer| signer.key),
        };
        match inner.store.add_approver(&new, decision).await? {
            Added::Done => {}
            Added::Full => return Err(EnrolError::Full),
            Added::Outpaced => return Err(EnrolError::Outdated),
        }
        *nonce = next;
        inner.approvers.store(Arc::new(Approvers::new(inner.store.approvers().await?)));
        inner.tell().await;
        Ok(new.view())
    }

    /// Revokes somebody, who may answer nothing from here on.
    ///
    /// # Errors
    /// See [`EnrolError`].
    pub async fn revoke_approver(&self, name: &ApproverName, asked: &Revoke) -> Result<(), EnrolError> {
        let inner = &self.0;
        let mut nonce = inner.enrolling.lock().await;
        let before = inner.approvers.load_full();
        let next = Nonce::new()?;
        let now = now();
        let at = At { hub: &inner.hub_id, nonce: &nonce, now };
        let (key, signer) = revoked(&before, name, &asked.signed, at)?;
        let decision = Decision::ApproverRevoked {
            approver: name.clone(),
            key: key.fingerprint(),
            by: signer.name,
            by_key: signer.key,
        };
        if !inner.store.revoke_approver(&key, now, decision).await? {
            return Err(EnrolError::Unknown(name.clone()));
        }
        *nonce = next;
        // In force before anything else can fail: what was loaded before, without this one.
        inner.approvers.store(Arc::new(before.without(&key, now)));
        inner.desk.void_of_key(&key.fingerprint());
        inner.desk.follow().await;
        inner.tell().await;
        Ok(())
    }
}

/// In whole seconds, so that texts of times are ordered as they are.
fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Trunc)).unwrap_or(now)
}
