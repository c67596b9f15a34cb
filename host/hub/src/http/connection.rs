//! Accepting connections and serving each: permit before accept, every task owned, an end to waiting; and
//! nothing that a stranger can hold for long before it is known who that is.

mod peer;
mod places;
mod serve;

pub(crate) use peer::{Listen, Peer};
pub(crate) use places::{Place, Places};

use super::refusals::Refusals;
use crate::tls::{self, ServerTls};
use axum::Router;
use serve::serve_one;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Of one remote address, or one /64 of IPv6, at one door. One machine cannot take them all, and an office behind
/// one address can still work.
pub(crate) const PER_ADDRESS: usize = 64;
/// When no connection can be accepted (no descriptors left), the next try is after this.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long cut connections may take to end before their tasks are dropped.
const CUT_TIME: Duration = Duration::from_secs(2);

/// What one listener may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Connections at once; more wait in the kernel.
    pub(crate) connections: usize,
    /// After `stop`: for requests that run.
    pub(crate) grace: Duration,
    /// What happens to a connection after an answer.
    pub(crate) after: After,
}

/// What happens to a connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// It ends.
    Close,
    /// After a success on this path, which nobody has without a token, there may be another request. After all
    /// else it ends.
    KeepOn(&'static str),
}

/// Who may connect at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Guests {
    /// Anybody; so many connections for each remote address.
    Anyone,
    /// These addresses alone, which stand for many: a proxy. What they carry is counted by request.
    Only(Vec<IpAddr>),
    /// Local processes of the hub's own user, or root.
    OwnUser,
}

/// A listener's rules.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) limits: Limits,
    pub(crate) guests: Guests,
    pub(crate) tls: Option<Arc<ServerTls>>,
    /// Where it is told who was turned away.
    pub(crate) refusals: Refusals,
}

/// Serves until `stop`, then waits for `settled` (what must not be broken off), at most [`Limits::grace`],
/// then cancels `cut`, which ends the streams that would never end of themselves.
pub(crate) async fn serve_all<L: Listen>(
    listener: L,
    router: Router,
    door: Door,
    stop: CancellationToken,
    settled: impl Future<Output = ()>,
    cut: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(door.limits.connections));
    let places = Places::new(PER_ADDRESS);
    let mut connections = JoinSet::new();
    if let Some(tls) = door.tls.clone() {
        connections.spawn(tls.keep_fresh(stop.clone()));
    }
    loop {
        while connections.try_join_next().is_some() {}
        let permit = tokio::select! {
            () = stop.cancelled() => break,
            permit = permits.clone().acquire_owned() => permit,
        };
        let Ok(permit) = permit else { break };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.next() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let place = match door.admits(&peer, &places) {
                    Ok(place) => place,
                    Err(reason) => {
                        door.refusals.add(reason);
                        continue;
                    }
                };
                let served = serve(stream, peer, router.clone(), door.clone(), stop.clone());
                connections.spawn(async move {
                    served.await;
                    drop((permit, place));
                });
            }
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let quiet = async {
        tokio::select! {
            () = settled => {}
            () = async { while connections.join_next().await.is_some() {} } => {}
        }
    };
    let _ = timeout(door.limits.grace, quiet).await;
    cut.cancel();
    let _ = timeout(CUT_TIME, async { while connections.join_next().await.is_some() {} }).await;
}

impl Door {
    /// A place for a connection, or why there is none. Nothing of it was read.
    fn admits(&self, peer: &Peer, places: &Places) -> Result<Option<Place>, String> {
        match (&self.guests, peer.remote, peer.uid) {
            (Guests::Anyone, Some(remote), _) => {
                let refusal = || format!("{remote} has {PER_ADDRESS} connections, which is the most");
                places.take(remote).ok_or_else(refusal).map(Some)
            }
            (Guests::Anyone, None, _) => Ok(None),
            (Guests::Only(proxies), Some(remote), _) if proxies.contains(&remote) => Ok(None),
            (Guests::Only(_), Some(remote), _) => {
                Err(format!("{remote} is not the proxy that --behind-tls-proxy names"))
            }
            (Guests::OwnUser, _, Some(uid)) if uid == 0 || uid == rustix::process::geteuid().as_raw() => Ok(None),
            (Guests::OwnUser, _, Some(uid)) => Err(format!("a process of user {uid}")),
            (Guests::Only(_) | Guests::OwnUser, ..) => Err("the system does not say who connects".to_owned()),
        }
    }
}

async fn serve<I>(stream: I, mut peer: Peer, router: Router, door: Door, stop: CancellationToken)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Some(tls) = &door.tls else { return serve_one(stream, peer, router, door.limits.after, stop).await };
    let handshake = tokio::select! {
        () = stop.cancelled() => return,
        handshake = tls::accept(tls, stream) => handshake,
    };
    match handshake {
        Ok((stream, certificate)) => {
            peer.certificate = certificate;
            serve_one(stream, peer, router, door.limits.after, stop).await;
        }
        Err(error) => door.refusals.add(format!("{peer}: {error}")),
    }
}

#[cfg(test)]
mod tests;
