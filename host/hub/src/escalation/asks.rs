//! What an agent may ask of an approval: one of its own session, and how that stands.

use super::approval::State;
use super::asked::Asked;
use super::binding::ApprovalId;
use super::desk::{Desk, expires};
use crate::api::Caller;
use jiff::Timestamp;
use std::sync::Arc;

/// An approval of a caller's own session.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) state: State,
    pub(crate) asked: Arc<Asked>,
    pub(crate) expires: Timestamp,
}

impl Desk {
    /// One of this caller's own. Of another session's it cannot be told that there is one.
    pub(crate) async fn of(&self, caller: &Caller, id: &ApprovalId) -> Option<Found> {
        let found = match self.look(|book| book.get(id).map(|entry| (entry.approval.state, entry.asked.clone()))) {
            Some(found) => found,
            None => {
                let row = self.store().approval(id).await;
                let row = row.inspect_err(|error| tracing::error!(%error, "an approval cannot be read")).ok()??;
                (row.state, Arc::new(row.asked))
            }
        };
        let (state, asked) = found;
        // Whoever sweeps comes each second; what is over is over before that.
        let late = state == State::Pending && self.now() >= expires(&asked);
        let state = if late { State::Expired } else { state };
        let own = asked.binding.session == caller.session && asked.binding.principal == caller.principal;
        own.then(|| Found { state, expires: expires(&asked), asked })
    }

    /// Completes when one of this caller's own does not wait for an answer, or there is none.
    pub(crate) async fn answered(&self, caller: &Caller, id: &ApprovalId) {
        let mut changes = self.changes();
        while self.of(caller, id).await.is_some_and(|found| found.state == State::Pending) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}
