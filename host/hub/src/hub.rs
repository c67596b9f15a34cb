//! The hub: one value that owns everything else.

use crate::api::*;
use manifest::{ComponentName, ProfileName};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// The governor. Clones are handles to one hub.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {}

impl Hub {
    /// Takes the data directory's lock, removes what a dead hub left, loads keys, tokens and components, and
    /// parks the first runners.
    ///
    /// # Errors
    /// See [`StartError`]; each says what the operator can do.
    pub async fn start(_config: HubConfig) -> Result<Hub, StartError> {
        todo!()
    }

    /// The caller behind a bearer token, if the token file has it and it has not expired.
    #[must_use]
    pub fn authenticate(&self, _bearer: &str) -> Option<Caller> {
        todo!()
    }

    /// A caller of this process itself: one session per process, for stdio and `tool run`.
    ///
    /// # Errors
    /// When the manifest has no such profile.
    pub fn local_caller(&self, _principal: &str, _profile: &ProfileName) -> Result<Caller, UnknownProfile> {
        todo!()
    }

    /// The tools that this caller may see, in name order: those of its profile that a registered component has.
    #[must_use]
    pub fn tools(&self, _caller: &Caller) -> Vec<ListedTool> {
        todo!()
    }

    /// Calls a tool. `arguments` is the text of a JSON object.
    pub async fn call(
        &self,
        _caller: &Caller,
        _tool: &str,
        _arguments: String,
        _notes: mpsc::Sender<CallNote>,
        _cancel: CancellationToken,
    ) -> CallEnd {
        todo!()
    }

    /// A number that grows whenever the list of tools may have changed.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        todo!()
    }

    /// The sessions that live.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionView> {
        todo!()
    }

    /// Ends a session: its calls are broken off, its runners killed.
    pub async fn end_session(&self, _id: &SessionId) {
        todo!()
    }

    /// Registers a component under a name.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub async fn add_component(&self, _name: &ComponentName, _wasm: Vec<u8>) -> Result<Registration, RegisterError> {
        todo!()
    }

    /// The registered components, in name order.
    #[must_use]
    pub fn components(&self) -> Vec<Registration> {
        todo!()
    }

    /// The container that serves this tool for this caller: as read from inside, and as it was asked for.
    ///
    /// # Errors
    /// What a call of the tool would have ended in.
    pub async fn posture(
        &self,
        _caller: &Caller,
        _tool: &str,
    ) -> Result<(protocol::InsidePosture, serde_json::Value), CallEnd> {
        todo!()
    }

    /// Takes no new calls, waits this long for those that run, kills every runner and flushes the audit log.
    pub async fn drain(&self, _grace: Duration) {
        todo!()
    }

    /// How it is.
    #[must_use]
    pub fn health(&self) -> Health {
        todo!()
    }
}
