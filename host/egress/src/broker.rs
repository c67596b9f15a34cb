//! The broker: makes the requests of calls, each authorised for itself, and lets go of all of a call's at once.

mod body;
mod exchange;
mod hop;
mod outgoing;
mod request;
mod session;
mod settings;
mod step;
mod told;

pub use settings::{BadSettings, Settings};

use crate::address::Forbidden;
use crate::credentials::Store;
use crate::leaks::Seen;
use crate::resolve::Resolver;
use crate::stop::Stop;
use crate::wire::Wire;
use crate::{Asked, Behalf, Governor};
use manifest::CredentialName;
use protocol::{HttpFault, MAX_HTTP_REQUESTS};
use request::{Call, Request};
use session::{Session, Sessions};
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Makes requests for tools. One for all calls of a hub; a clone is the same one.
#[derive(Clone)]
pub struct Broker {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker").finish_non_exhaustive()
    }
}

/// What all requests share.
struct Inner {
    wire: Wire,
    resolver: Resolver,
    forbidden: RwLock<Vec<Forbidden>>,
    credentials: Store,
    sessions: Sessions,
}

impl Inner {
    /// What is known of a session, with the values in force of what it used before.
    fn session(&self, session: &str, principal: &str, used: &[CredentialName]) -> Arc<Session> {
        let session = self.sessions.of(session, principal);
        used.iter().filter_map(|name| self.credentials.secret(name)).for_each(|secret| session.seen.used(&secret));
        session
    }

    /// Whom nobody may be sent to.
    fn forbidden(&self) -> Vec<Forbidden> {
        self.forbidden.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Broker {
    /// Ready to ask. Nothing is connected, and no name is resolved yet.
    ///
    /// # Errors
    /// [`BadSettings`]: no DNS server or no root certificate.
    pub fn new(settings: Settings) -> Result<Self, BadSettings> {
        let Settings { roots, servers, forbidden, credentials } = settings;
        let inner = Inner {
            wire: Wire::new(roots)?,
            resolver: Resolver::new(&servers)?,
            forbidden: RwLock::new(forbidden),
            credentials,
            sessions: Sessions::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// A door of the hub's own is open here: out of reach of every tool from now on, whatever a grant says.
    pub fn forbid(&self, listener: SocketAddr) {
        let mut forbidden = self.inner.forbidden.write().unwrap_or_else(PoisonError::into_inner);
        forbidden.push(Forbidden::Listener(listener));
    }

    /// Makes all requests of one call, until `asked` is closed and each is over. Dropped, it closes every connection
    /// of the call and tells the governor that its requests were dropped.
    pub async fn serve(&self, behalf: Behalf, governor: Arc<dyn Governor>, mut asked: mpsc::Receiver<Asked>) {
        let session = self.inner.session(&behalf.session, &behalf.principal, &behalf.used);
        let call = Arc::new(Call::new(self.inner.clone(), behalf, governor, session));
        // Dropped, it ends each of its tasks; with a task goes what it was doing on the wire.
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                Some(_) = running.join_next(), if !running.is_empty() => {}
                one = asked.recv() => {
                    let Some(one) = one else { break };
                    let request = Request::new(call.clone(), &one);
                    if running.len() >= MAX_HTTP_REQUESTS {
                        let why = format!("its call has {MAX_HTTP_REQUESTS} requests under way");
                        request.refuse(one.answer, Stop::Fault(HttpFault::TooMany, why)).await;
                    } else {
                        running.spawn(request.run(one));
                    }
                }
            }
        }
        while running.join_next().await.is_some() {}
    }

    /// What a session has used of secrets: for the hub to search what a tool returns and logs. `used` are those that
    /// it is remembered for. `None` where it has asked for nothing yet.
    #[must_use]
    pub fn seen(&self, session: &str, principal: &str, used: &[CredentialName]) -> Option<Seen> {
        if used.is_empty() {
            return self.inner.sessions.seen(session);
        }
        Some(self.inner.session(session, principal, used).seen.clone())
    }

    /// A session is over: its rates and what it used are forgotten, and connections kept for its principal closed.
    pub fn forget(&self, session: &str) {
        if let Some(principal) = self.inner.sessions.forget(session) {
            self.inner.wire.forget(&principal);
        }
    }
}
