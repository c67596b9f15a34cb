//! Approvals, leases and approvers.

use super::{Client, ClientError, broken, percent};
use crate::approvers::{ApproverName, ApproverView, ApproversView, Enrol, Revoke};
use crate::{ApprovalSummary, ApprovalView, LeaseView};
use bytes::Bytes;
use http::Method;
use serde_json::json;

impl Client {
    /// The approvals that wait, oldest first, and then the last ones that do not.
    ///
    /// # Errors
    /// See [`ClientError`]; as for all that follow.
    pub async fn approvals(&self) -> Result<Vec<ApprovalSummary>, ClientError> {
        self.get("/approvals".to_owned()).await
    }

    /// One approval, with all that its approver is shown and signs.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn approval(&self, id: &str) -> Result<ApprovalView, ClientError> {
        self.get(format!("/approvals/{}", percent(id))).await
    }

    /// Answers an approval: `decision` is `approve` or `deny`, as in the statement that was signed.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn answer(
        &self,
        id: &str,
        decision: &str,
        signature: &str,
        why: Option<&str>,
    ) -> Result<(), ClientError> {
        let body = json!({ "decision": decision, "signature": signature, "why": why });
        self.ask(Method::POST, format!("/approvals/{}", percent(id)), body.to_string().into()).await.map(drop)
    }

    /// The leases that stand.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn leases(&self) -> Result<Vec<LeaseView>, ClientError> {
        self.get("/leases".to_owned()).await
    }

    /// Takes a lease back, or an approval that waits.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn take_back(&self, id: &str) -> Result<(), ClientError> {
        self.ask(Method::DELETE, format!("/leases/{}", percent(id)), Bytes::new()).await.map(drop)
    }

    /// The approvers, and what is needed to change them.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn approvers(&self) -> Result<ApproversView, ClientError> {
        self.get("/approvers".to_owned()).await
    }

    /// Enrols an approver.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn add_approver(&self, asked: &Enrol) -> Result<ApproverView, ClientError> {
        self.post("/approvers".to_owned(), asked).await
    }

    /// Revokes an approver.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn revoke_approver(&self, name: &ApproverName, asked: &Revoke) -> Result<(), ClientError> {
        let body = serde_json::to_vec(asked).map_err(broken)?;
        let path = format!("/approvers/{}", percent(name.as_str()));
        self.ask(Method::DELETE, path, body.into()).await.map(drop)
    }
}
