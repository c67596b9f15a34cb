//! A call and what it asks of the outside, side by side: the end of the call ends both.

use super::petition::Stopped;
use super::{Attempt, Cost, denied, gate};
use crate::api::CallOutcome;
use crate::catalogue::Offer;
use crate::egress::{Ground, Line};
use crate::hub::Flight;
use crate::runner::Ended;
use crate::session::Session;
use crate::usage::Share;
use egress::{Asked, Broker};
use protocol::MAX_HTTP_REQUESTS;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

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

/// A call's way to the outside, if its tool has one.
pub(super) struct Way<'a> {
    broker: &'a Broker,
    session: &'a Session,
    lease: Option<&'a CancellationToken>,
    line: Option<Arc<Line>>,
}

impl Attempt<'_> {
    pub(super) fn way<'a>(
        &'a self,
        session: &'a Arc<Session>,
        offer: &Arc<Offer>,
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
        Way { broker: &self.hub.broker, session, lease, line }
    }
}

impl Way<'_> {
    /// Runs the call, which gets the way that its requests take.
    pub(super) async fn run<F>(&self, call: impl FnOnce(Option<mpsc::Sender<Asked>>) -> F) -> Cut
    where
        F: Future<Output = Ended>,
    {
        let (sender, asked) = mpsc::channel(MAX_HTTP_REQUESTS);
        let mut outside = pin!(self.serve(asked));
        let mut over = false;
        let cut = {
            let mut call = pin!(call(self.line.as_ref().map(|_| sender)));
            loop {
                tokio::select! {
                    biased;
                    () = self.session.ended.cancelled() => break Cut::Session,
                    () = gate::broken(self.lease) => break Cut::Lease,
                    stopped = self.stopped() => break Cut::Stopped(stopped),
                    ended = &mut call => break Cut::Ended(ended),
                    () = &mut outside, if !over => over = true,
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
            self.broker.serve(line.behalf(), line.clone(), asked).await;
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
        let Some(line) = self.line else { return outcome };
        let stands = line.stands();
        line.finish(cost.unknown.is_none()).await;
        if stands { outcome } else { denied(crate::button::TAKEN_BACK) }
    }
}
