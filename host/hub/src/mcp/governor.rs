//! What the faces ask of the hub. A trait, so that a face can be tested without a container.

use crate::Hub;
use crate::api::{CallEnd, CallNote, Caller, ListedTool, TaskView};
use crate::identity::{Protected, Scopes};
use crate::traces::TraceContext;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// The part of [`Hub`] that MCP needs. Clones are handles to one thing.
pub trait Governor: Clone + Send + Sync + 'static {
    /// Who is behind a bearer token that was let in before: without any work that a stranger could cause.
    fn known(&self, bearer: &str) -> Option<Caller>;
    /// Who is behind a bearer token. Whoever is nobody is recorded, with the door's name.
    fn authenticate(&self, bearer: &str, door: &'static str) -> impl Future<Output = Option<Caller>> + Send;
    /// What a client without a token is told.
    fn protected(&self) -> Protected;
    /// The scope that a caller lacks for a tool that it sees; recorded as a denial.
    fn lacks_scope(&self, caller: &Caller, tool: &str) -> impl Future<Output = Option<Scopes>> + Send;
    /// Whether a caller that was let in may still call.
    fn in_force(&self, caller: &Caller) -> bool;
    /// The tools that a caller may see.
    fn tools(&self, caller: &Caller) -> Vec<ListedTool>;
    /// One of them.
    fn tool(&self, caller: &Caller, name: &str) -> Option<ListedTool>;
    /// Whether one of them has arguments that are sent as headers.
    fn takes_headers(&self, caller: &Caller, name: &str) -> Option<bool>;
    /// Calls one, as part of the trace that the agent names.
    fn call(
        &self,
        caller: &Caller,
        tool: &str,
        arguments: String,
        notes: mpsc::Sender<CallNote>,
        cancel: CancellationToken,
        within: Option<TraceContext>,
    ) -> impl Future<Output = CallEnd> + Send;
    /// How an approval of a caller's own session stands, as a task.
    fn task(&self, caller: &Caller, id: &str) -> impl Future<Output = Option<TaskView>> + Send;
    /// Its caller wants it no more; false when there is none.
    fn cancel_task(&self, caller: &Caller, id: &str) -> impl Future<Output = bool> + Send;
    /// Grows when the tools may have changed.
    fn changes(&self) -> watch::Receiver<u64>;
    /// Whether it takes calls: for `/healthz`.
    fn is_well(&self) -> bool;
}

/// How soon a revocation is seen.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Completes when a caller that was let in may call no longer.
pub(crate) async fn until_revoked(governor: &impl Governor, caller: &Caller) {
    while governor.in_force(caller) {
        sleep(LOOK_EVERY).await;
    }
}

impl Governor for Hub {
    fn known(&self, bearer: &str) -> Option<Caller> {
        Hub::known(self, bearer)
    }

    async fn authenticate(&self, bearer: &str, door: &'static str) -> Option<Caller> {
        self.admit(bearer, door).await.ok()
    }

    fn protected(&self) -> Protected {
        Hub::protected(self)
    }

    async fn lacks_scope(&self, caller: &Caller, tool: &str) -> Option<Scopes> {
        Hub::lacks_scope(self, caller, tool).await
    }

    fn in_force(&self, caller: &Caller) -> bool {
        Hub::in_force(self, caller).is_some()
    }

    fn tools(&self, caller: &Caller) -> Vec<ListedTool> {
        Hub::tools(self, caller)
    }

    fn tool(&self, caller: &Caller, name: &str) -> Option<ListedTool> {
        Hub::tool(self, caller, name)
    }

    fn takes_headers(&self, caller: &Caller, name: &str) -> Option<bool> {
        Hub::takes_headers(self, caller, name)
    }

    async fn call(
        &self,
        caller: &Caller,
        tool: &str,
        arguments: String,
        notes: mpsc::Sender<CallNote>,
        cancel: CancellationToken,
        within: Option<TraceContext>,
    ) -> CallEnd {
        Hub::call_within(self, caller, tool, arguments, notes, cancel, within).await
    }

    async fn task(&self, caller: &Caller, id: &str) -> Option<TaskView> {
        Hub::task(self, caller, id).await
    }

    async fn cancel_task(&self, caller: &Caller, id: &str) -> bool {
        Hub::cancel_task(self, caller, id).await
    }

    fn changes(&self) -> watch::Receiver<u64> {
        Hub::changes(self)
    }

    fn is_well(&self) -> bool {
        !self.health().draining
    }
}
