//! Legacy sessions (`Mcp-Session-Id`), each bound to the token that opened it.
//!
//! The library knows no principal: to it, whoever names an id is in that session. Here the id of somebody
//! else's session is as unknown as one that never was.

use crate::api::SessionId as CallerSession;
use futures_util::Stream;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_server::session::local::{LocalSessionManager, LocalSessionManagerError};
use rmcp::transport::streamable_http_server::session::{ServerSseMessage, SessionId, SessionManager};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Conversations that one token may have open; one more closes its oldest. Bounds what an agent that
/// initialises in a loop can make the hub keep.
const MAX_PER_TOKEN: usize = 32;

/// All legacy sessions of one listener.
#[derive(Default)]
pub(super) struct Conversations {
    sessions: LocalSessionManager,
    owners: Mutex<Owners>,
}

#[derive(Default)]
struct Owners {
    opened: u64,
    of: HashMap<SessionId, Owner>,
}

struct Owner {
    token: CallerSession,
    number: u64,
}

/// The legacy sessions of one caller; there are no others as far as it can tell.
pub(super) struct OwnConversations {
    all: Arc<Conversations>,
    caller: CallerSession,
}

impl Conversations {
    pub(super) fn of(self: &Arc<Self>, caller: CallerSession) -> OwnConversations {
        OwnConversations { all: self.clone(), caller }
    }

    fn owners(&self) -> MutexGuard<'_, Owners> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OwnConversations {
    /// Whether the caller opened this session and it was not closed.
    pub(super) fn owns(&self, id: &str) -> bool {
        self.all.owners().of.get(id).is_some_and(|owner| owner.token == self.caller)
    }

    fn own(&self, id: &SessionId) -> Result<(), LocalSessionManagerError> {
        if self.owns(id) { Ok(()) } else { Err(LocalSessionManagerError::SessionNotFound(id.clone())) }
    }

    /// Takes a new session into the book; the oldest one when the caller has too many.
    fn enter(&self, id: SessionId) -> Option<SessionId> {
        let mut owners = self.all.owners();
        let own: Vec<_> = owners.of.iter().filter(|(_, owner)| owner.token == self.caller).collect();
        let oldest = (own.len() >= MAX_PER_TOKEN)
            .then(|| own.iter().min_by_key(|(_, owner)| owner.number).map(|(id, _)| SessionId::clone(id)))
            .flatten();
        owners.opened += 1;
        let number = owners.opened;
        owners.of.insert(id, Owner { token: self.caller.clone(), number });
        oldest
    }
}

impl SessionManager for OwnConversations {
    type Error = LocalSessionManagerError;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), Self::Error> {
        let (id, transport) = self.all.sessions.create_session().await?;
        if let Some(oldest) = self.enter(id.clone()) {
            self.close_session(&oldest).await?;
        }
        Ok((id, transport))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, Self::Error> {
        self.own(id)?;
        self.all.sessions.initialize_session(id, message).await
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, Self::Error> {
        Ok(self.owns(id) && self.all.sessions.has_session(id).await?)
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), Self::Error> {
        if !self.owns(id) {
            // Its own worker ends it once more after the client did.
            return Ok(());
        }
        self.all.owners().of.remove(id);
        self.all.sessions.close_session(id).await
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        self.own(id)?;
        self.all.sessions.create_stream(id, message).await
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), Self::Error> {
        self.own(id)?;
        self.all.sessions.accept_message(id, message).await
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        self.own(id)?;
        self.all.sessions.create_standalone_stream(id).await
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        self.own(id)?;
        self.all.sessions.resume(id, last_event_id).await
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn caller(name: &str) -> CallerSession {
        CallerSession(name.to_owned())
    }

    #[tokio::test]
    async fn another_tokens_session_does_not_exist() {
        let all = Arc::new(Conversations::default());
        let (mine, theirs) = (all.of(caller("me")), all.of(caller("them")));
        let (id, _transport) = mine.create_session().await.unwrap();
        assert!(mine.has_session(&id).await.unwrap());
        assert!(!theirs.has_session(&id).await.unwrap());
        assert!(theirs.create_standalone_stream(&id).await.is_err());
        assert!(theirs.resume(&id, "0".to_owned()).await.is_err());
        theirs.close_session(&id).await.unwrap();
        assert!(mine.has_session(&id).await.unwrap());
        mine.close_session(&id).await.unwrap();
        assert!(!mine.has_session(&id).await.unwrap());
    }

    #[tokio::test]
    async fn a_token_that_opens_too_many_loses_its_own_oldest() {
        let all = Arc::new(Conversations::default());
        let (mine, theirs) = (all.of(caller("me")), all.of(caller("them")));
        let (their_id, _their_transport) = theirs.create_session().await.unwrap();
        let mut ids = Vec::new();
        let mut transports = Vec::new();
        for _ in 0..=MAX_PER_TOKEN {
            let (id, transport) = mine.create_session().await.unwrap();
            ids.push(id);
            transports.push(transport);
        }
        let (oldest, rest) = ids.split_first().unwrap();
        assert!(!mine.has_session(oldest).await.unwrap());
        for id in rest {
            assert!(mine.has_session(id).await.unwrap());
        }
        assert!(theirs.has_session(&their_id).await.unwrap());
    }
}
