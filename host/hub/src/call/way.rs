//! A call and what it asks of the outside, side by side: the end of the call ends both.

use super::leaks::{Finds, sieve};
use super::petition::Stopped;
use super::{Attempt, Cost, denied, gate};
use crate::api::{CallNote, CallOutcome};
use crate::audit::{Entry, Leaked};
use crate::catalogue::Offer;
use crate::egress::{Ground, Line};
use crate::hub::{Flight, Inner};
use crate::runner::Ended;
use crate::session::Session;
use crate::usage::Share;
use egress::Asked;
use egress::leaks::Seen;
use manifest::ToolName;
use protocol::MAX_HTTP_REQUESTS;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Once a call is over, what became of its requests is written down within this time.
const LAST: Duration = Duration::from_secs(2);

/// What ended a call in its runner.
pub(super) enum Cut {
    Ended(Ended),
    /// Its session was ended.
    Session,
    /// What allowed it was taken back.
    Lease,
    /// A request of it waits for a person.
    Stopped(Stopped),
}

/// Notes that wait to be searched; more are lost, as where a face does not keep up.
const NOTES: usize = 64;
/// Finds of one call that are written down.
const MOST_FINDS: usize = 32;

/// A call's way to the outside, if its tool has one; and what has to be searched for in what it says.
pub(super) struct Way<'a> {
    hub: &'a Inner,
    call: Uuid,
    tool: &'a ToolName,
    session: &'a Session,
    finds: Mutex<Finds>,
    lease: Option<&'a CancellationToken>,
    line: Option<Arc<Line>>,
}

/// Notes on their way to whoever listens.
struct Unsearched {
    from: mpsc::Receiver<CallNote>,
    to: mpsc::Sender<CallNote>,
}

impl Attempt<'_> {
    pub(super) fn way<'a>(
        &'a self,
        session: &'a Arc<Session>,
        offer: &'a Arc<Offer>,
        arguments: &str,
        (flight, lease, share): (&Arc<Flight>, Option<&'a CancellationToken>, &Share),
    ) -> Way<'a> {
        let line = || {
            let ground = Ground {
                call: self.id,
                caller: self.caller.clone(),
                offer: offer.clone(),
                session: session.clone(),
                flight: flight.clone(),
                share: share.clone(),
                force: self.force.clone(),
                epoch: self.epoch,
                elevated: self.elevated,
                arguments: arguments.to_owned(),
                lease: lease.cloned(),
            };
            Arc::new(Line::new(self.hub.clone(), ground))
        };
        let line = (!offer.tool.grants.http.is_empty()).then(line);
        let (hub, call, tool) = (self.hub.as_ref(), self.id, &offer.tool.name);
        Way { hub, call, tool, session, lease, line, finds: Mutex::default() }
    }
}

impl Way<'_> {
    /// Runs the call, which gets the ways that its notes and its requests take.
    pub(super) async fn run<F>(
        &self,
        notes: mpsc::Sender<CallNote>,
        call: impl FnOnce(mpsc::Sender<CallNote>, Option<mpsc::Sender<Asked>>) -> F,
    ) -> Cut
    where
        F: Future<Output = Ended>,
    {
        let (sender, asked) = mpsc::channel(MAX_HTTP_REQUESTS);
        let (notes, unsearched) = self.searched(notes);
        let mut outside = pin!(async { tokio::join!(self.serve(asked), self.sieve(unsearched)) });
        let mut over = false;
        let cut = {
            let mut call = pin!(call(notes, self.line.as_ref().map(|_| sender)));
            loop {
                tokio::select! {
                    biased;
                    () = self.session.ended.cancelled() => break Cut::Session,
                    () = gate::broken(self.lease) => break Cut::Lease,
                    stopped = self.stopped() => break Cut::Stopped(stopped),
                    ended = &mut call => break Cut::Ended(ended),
                    _ = &mut outside, if !over => over = true,
                }
            }
        };
        // The call is over or dropped, and nothing is asked any more: what was asked comes to its end.
        if !over && timeout(LAST, outside).await.is_err() {
            tracing::error!("what became of a call's requests is not all recorded");
        }
        cut
    }

    async fn serve(&self, asked: mpsc::Receiver<Asked>) {
        if let Some(line) = &self.line {
            self.hub.broker.serve(line.behalf(), line.clone(), asked).await;
        }
    }

    /// Where notes go: straight on, or by way of the sieve.
    fn searched(&self, notes: mpsc::Sender<CallNote>) -> (mpsc::Sender<CallNote>, Option<Unsearched>) {
        // Who may ask for something may come to use a secret while it runs.
        if self.line.is_none() && self.seen().is_none() {
            return (notes, None);
        }
        let (sender, from) = mpsc::channel(NOTES);
        (sender, Some(Unsearched { from, to: notes }))
    }

    /// The secrets that its session has used so far.
    fn seen(&self) -> Option<Seen> {
        let caller = &self.session.caller;
        self.hub.broker.seen(&caller.session.0, &caller.principal, &self.hub.outside.used(&caller.session))
    }

    async fn sieve(&self, unsearched: Option<Unsearched>) {
        if let Some(Unsearched { from, to }) = unsearched {
            let finds = sieve(|| self.seen(), from, to).await;
            *self.finds.lock().unwrap_or_else(PoisonError::into_inner) = finds;
        }
    }

    async fn stopped(&self) -> Stopped {
        match &self.line {
            Some(line) => line.stopped().await,
            None => std::future::pending().await,
        }
    }

    /// The call is over. What it answers is let out while all that a person allowed it stands.
    pub(super) async fn end(self, outcome: CallOutcome, cost: &Cost) -> CallOutcome {
        let seen = self.seen();
        let mut finds = self.finds.into_inner().unwrap_or_else(PoisonError::into_inner);
        let outcome = match seen {
            Some(seen) => finds.outcome(&seen, outcome),
            None => outcome,
        };
        for egress::leaks::Found { of, place, done } in finds.take().into_iter().take(MOST_FINDS) {
            self.hub.metrics.egress.leaked(done);
            let (session, tool) = (self.session.caller.session.clone(), self.tool.clone());
            tracing::warn!(call = %self.call, %of, place, done, "something that looks like a secret");
            let leaked = Leaked { call: self.call, session, tool, of, place, done };
            // It is withheld or cleaned already.
            drop(self.hub.audit.write(Entry::Leaked(leaked)).await);
        }
        let Some(line) = self.line else { return outcome };
        let stands = line.stands();
        line.finish(cost.unknown.is_none()).await;
        if stands { outcome } else { denied(crate::button::TAKEN_BACK) }
    }
}
