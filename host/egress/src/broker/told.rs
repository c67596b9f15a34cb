//! What the governor is told of a request: before it is sent, what was found in it, and how it ended. Every request
//! has an end, one whose call is torn away too.

use crate::credentials::Store;
use crate::governor::{Egress, Ended, Governor, Refused};
use crate::leaks::{Found, Seen};
use jiff::Timestamp;
use manifest::CredentialName;
use manifest::http::{HttpGrant, Method, PathRecord, Target};
use protocol::HttpRequest;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;

/// Of a text that is no URL and no method, so much is told.
const CUT_CHARS: usize = 256;

/// One hop's record, as far as it is known.
pub(super) struct Told {
    governor: Arc<dyn Governor>,
    credentials: Store,
    /// What its session has used: values that were replaced since are among them.
    seen: Seen,
    so_far: Egress,
    clock: Instant,
    /// Of the body, over the wire.
    sent: Arc<AtomicU64>,
    received: u64,
    leaks: BTreeSet<(String, &'static str, &'static str)>,
    open: bool,
}

impl Told {
    /// Of what a guest says, which may be nothing that can be asked for.
    pub(super) fn new(governor: Arc<dyn Governor>, credentials: Store, seen: Seen, head: &HttpRequest) -> Self {
        let (origin, path) = split(&head.url);
        let so_far = Egress {
            request: head.id,
            began: Timestamp::now(),
            method: head.method.clone(),
            origin: origin.to_owned(),
            path: path.to_owned(),
            record: PathRecord::Digest,
            address: None,
            credential: None,
            hop: 0,
            ended: Ended::Dropped,
            sent: 0,
            received: 0,
            wall_us: 0,
        };
        let sent = Arc::new(AtomicU64::new(0));
        Self {
            governor,
            credentials,
            seen,
            so_far,
            clock: Instant::now(),
            sent,
            received: 0,
            leaks: BTreeSet::new(),
            open: true,
        }
    }

    /// Which hop it is.
    pub(super) fn hop(&self) -> u8 {
        self.so_far.hop
    }

    /// When it was asked for.
    pub(super) fn began(&self) -> Instant {
        self.clock
    }

    /// It can be read.
    pub(super) fn asks(&mut self, method: Method, target: &Target) {
        self.so_far.method = method.to_string();
        self.so_far.origin = format!("{}://{}", target.scheme().as_str(), target.authority());
        self.so_far.path = path_of(target);
    }

    /// A grant covers it.
    pub(super) fn under(&mut self, grant: &HttpGrant) {
        self.so_far.record = grant.record;
    }

    /// A credential is added.
    pub(super) fn with(&mut self, credential: Option<&CredentialName>) {
        self.so_far.credential = credential.cloned();
    }

    /// It goes there.
    pub(super) fn to(&mut self, address: SocketAddr) {
        self.so_far.address = Some(address);
    }

    /// Counts the body's bytes on their way out.
    pub(super) fn sent(&self) -> Arc<AtomicU64> {
        self.sent.clone()
    }

    /// Counts the answer's.
    pub(super) fn received(&mut self, bytes: u64) -> u64 {
        self.received = self.received.saturating_add(bytes);
        self.received
    }

    /// It is about to be sent.
    pub(super) async fn requested(&self) -> Result<(), Refused> {
        self.governor.record(self.egress(Ended::Requested)).await
    }

    /// Something was found. Said once of each kind: a server could repeat a secret a million times.
    pub(super) async fn found(&mut self, found: Vec<Found>) -> Result<(), Refused> {
        for Found { of, place, done } in found {
            if self.leaks.insert((of.clone(), place, done)) {
                self.governor.record(self.egress(Ended::Leak { of, place, done })).await?;
            }
        }
        Ok(())
    }

    /// It was answered, and the answer points elsewhere, where the next hop goes.
    pub(super) async fn goes_on(&mut self, status: u16) -> Result<(), Refused> {
        self.governor.record(self.egress(Ended::Answered(status))).await?;
        self.sent = Arc::new(AtomicU64::new(0));
        self.received = 0;
        self.leaks.clear();
        self.so_far.hop = self.so_far.hop.saturating_add(1);
        self.so_far.address = None;
        self.so_far.credential = None;
        // How the last hop's path is written down was its grant's to say.
        self.so_far.record = PathRecord::Digest;
        Ok(())
    }

    /// Nothing is told of it.
    pub(super) fn forget(&mut self) {
        self.open = false;
    }

    /// How it ended.
    pub(super) async fn ends(&mut self, ended: Ended) -> Result<(), Refused> {
        let recorded = self.governor.record(self.egress(ended)).await;
        self.open = false;
        recorded
    }

    /// Without the value of any credential: hosts, paths and reasons are in part a guest's words or a server's, and a
    /// request is refused before all of it was searched.
    fn egress(&self, ended: Ended) -> Egress {
        let clean = |text: &str| self.seen.clean(&self.credentials.clean(text));
        let ended = match ended {
            Ended::Failed(fault, why) => Ended::Failed(fault, clean(&why)),
            ended => ended,
        };
        let so_far = &self.so_far;
        // Cut afterwards: of a value across the cut a part would be left that nobody recognises.
        let (method, origin) = (cut(&clean(&so_far.method)), cut(&clean(&so_far.origin)));
        let path = clean(&so_far.path);
        let wall_us = u64::try_from(self.clock.elapsed().as_micros()).unwrap_or(u64::MAX);
        let sent = self.sent.load(Ordering::Relaxed);
        Egress { ended, sent, received: self.received, wall_us, method, origin, path, ..so_far.clone() }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let (governor, egress) = (self.governor.clone(), self.egress(Ended::Dropped));
        // Whoever tore the call away does not wait; without a runtime the whole hub is gone.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(refused) = governor.record(egress).await {
                    tracing::warn!(%refused, "the end of a request is not in the audit log");
                }
            });
        }
    }
}

/// Path and query.
pub(super) fn path_of(target: &Target) -> String {
    match target.query() {
        Some(query) => format!("{}?{query}", target.path()),
        None => target.path().to_owned(),
    }
}

/// Scheme and host, and the rest, of a text that may be no URL.
fn split(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |at| at.saturating_add(3));
    let end = url.get(host..).and_then(|rest| rest.find(['/', '?', '#', '\\'])).map_or(url.len(), |at| host + at);
    url.split_at_checked(end).unwrap_or((url, ""))
}

fn cut(text: &str) -> String {
    text.chars().take(CUT_CHARS).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}
