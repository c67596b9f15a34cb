//! One request of a guest, from its words to its end, through as many hops as are granted.

use super::Inner;
use super::body::GuestBody;
use super::hop::{Hop, Outcome};
use super::session::Session;
use super::step::Step;
use super::told::Told;
use crate::exchange::{Answer, Asked, RequestBody};
use crate::governor::{Behalf, Ended, Governor};
use crate::headers;
use crate::limits::PerCall;
use crate::stop::Stop;
use bytes::Bytes;
use manifest::http::{Method, Target};
use protocol::{Fields, HttpFault, HttpRequest};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// After so many requests that a call may not make it makes none any more. Each costs an entry in the audit log, and a
/// guest that tries what it may not could write that full.
const MOST_REFUSED: u32 = 64;

/// What the requests of a call share.
pub(super) struct Call {
    pub(super) broker: Arc<Inner>,
    pub(super) behalf: Behalf,
    pub(super) governor: Arc<dyn Governor>,
    pub(super) session: Arc<Session>,
    pub(super) made: PerCall,
    refused: AtomicU32,
}

impl Call {
    pub(super) fn new(broker: Arc<Inner>, behalf: Behalf, governor: Arc<dyn Governor>, session: Arc<Session>) -> Self {
        Self { broker, behalf, governor, session, made: PerCall::default(), refused: AtomicU32::new(0) }
    }
}

/// One of them.
pub(super) struct Request {
    call: Arc<Call>,
    told: Told,
}

impl Request {
    pub(super) fn new(call: Arc<Call>, asked: &Asked) -> Self {
        let told =
            Told::new(call.governor.clone(), call.broker.credentials.clone(), call.session.seen.clone(), &asked.head);
        Self { call, told }
    }

    /// Whether its call was refused so often that it makes none any more.
    fn is_one_too_many(&self) -> bool {
        self.call.refused.load(Ordering::Relaxed) > MOST_REFUSED
    }

    /// Ends it, and does not write it down: that is what the bound is for. The one that reached it was.
    async fn ignore(mut self, answer: Answer) {
        self.told.forget();
        answer.fail(HttpFault::TooMany).await;
    }

    /// Makes it, and sees it to its end.
    pub(super) async fn run(mut self, asked: Asked) {
        let Asked { head, body, mut answer } = asked;
        if self.is_one_too_many() {
            return self.ignore(answer).await;
        }
        let gone = answer.gone();
        if gone.is_cancelled() {
            // Whoever asks and goes at once is counted by no grant, and each is an entry all the same.
            self.call.refused.fetch_add(1, Ordering::Relaxed);
        }
        let done = tokio::select! {
            biased;
            () = gone.cancelled() => Err(Stop::Gone),
            done = self.hops(head, body, &mut answer) => done,
        };
        match done {
            Err(stop) => self.refuse(answer, stop).await,
            Ok((status, trailers)) => match self.told.ends(Ended::Answered(status)).await {
                Err(refused) => answer.fail(refused.fault).await,
                // Whoever is gone by now has all of it.
                Ok(()) => drop(answer.end(trailers).await),
            },
        }
    }

    /// Ends it without an answer, or without the rest of one.
    pub(super) async fn refuse(mut self, answer: Answer, stop: Stop) {
        if self.is_one_too_many() {
            return self.ignore(answer).await;
        }
        let (fault, why) = match stop {
            Stop::Gone => {
                // Nobody waits; an end that cannot be written changes nothing for them.
                drop(self.told.ends(Ended::Dropped).await);
                return;
            }
            Stop::Leak(found) => {
                let why = format!("the value of the credential `{}` was found in the {}", found.of, found.place);
                match self.told.found(vec![found]).await {
                    Ok(()) => (HttpFault::Secret, why),
                    Err(refused) => (refused.fault, refused.operator),
                }
            }
            Stop::Fault(fault, why) => (fault, why),
        };
        let mut why = why;
        if self.refused(fault) == MOST_REFUSED {
            why.push_str("; its call is refused everything from here on, unwritten");
        }
        let told = self.told.ends(Ended::Failed(fault, why)).await;
        answer.fail(told.err().map_or(fault, |refused| refused.fault)).await;
    }

    /// Counts what a guest may not, and no server's fault.
    fn refused(&self, fault: HttpFault) -> u32 {
        let guests = matches!(
            fault,
            HttpFault::Denied
                | HttpFault::BadRequest
                | HttpFault::AddressProhibited
                | HttpFault::TooMany
                | HttpFault::Budget
                | HttpFault::NoAddress
        );
        if guests { self.call.refused.fetch_add(1, Ordering::Relaxed) } else { 0 }
    }

    /// All hops. Returns the last one's status and trailers, whose body has been passed on.
    async fn hops(
        &mut self,
        head: HttpRequest,
        body: Option<RequestBody>,
        answer: &mut Answer,
    ) -> Result<(u16, Fields), Stop> {
        let target = Target::parse(&head.url).map_err(Stop::bad)?;
        let method = Method::read(&head.method).ok_or_else(|| Stop::bad("a method that nobody may use"))?;
        self.told.asks(method, &target);
        let said = headers::read(&head.headers, &target)?;
        let body = match body {
            Some(body) => GuestBody::Coming(Bytes::new(), body, said.length),
            None if said.length.unwrap_or_default() > 0 => return Err(Stop::bad("a `content-length`, and no body")),
            None => GuestBody::None,
        };
        let mut step = Step { method, target, headers: said.headers, body, strayed: false };
        let mut trail = vec![(method, step.target.to_string())];
        let mut most = None;
        loop {
            let mut hop =
                Hop { call: &self.call, told: &mut self.told, answer, first_byte_ms: head.first_byte_ms, most };
            let elsewhere = match hop.run(step).await? {
                Outcome::Answered(status, trailers) => return Ok((status, trailers)),
                Outcome::Elsewhere(elsewhere) => *elsewhere,
            };
            let too_many = |why: &str| Err(Stop::fault(HttpFault::Redirects, why));
            most = Some(elsewhere.most);
            if self.told.hop() >= elsewhere.most {
                return too_many("its answers point elsewhere more often than `redirects` says");
            }
            step = elsewhere.step.on_to(elsewhere.status, &elsewhere.location)?;
            let place = (step.method, step.target.to_string());
            if trail.contains(&place) {
                return too_many("its answers point back to where they came from");
            }
            trail.push(place);
            self.told.goes_on(elsewhere.status.as_u16()).await?;
            self.told.asks(step.method, &step.target);
        }
    }
}
