//! One hop, authorised from the start: nothing that was allowed before it counts.

use super::body::{self, APPROVED_BYTES, GuestBody};
use super::exchange::{Exchange, Heard};
use super::request::Call;
use super::step::Step;
use super::told::Told;
use crate::address;
use crate::credentials::Secret;
use crate::exchange::Answer;
use crate::governor::{Approval, Described};
use crate::limits::Place;
use crate::stop::Stop;
use crate::wire::Owner;
use http::header;
use manifest::ToolName;
use manifest::http::{HttpGrant, line_that_would_allow};
use protocol::{Fields, HttpFault};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Until a connection is there, name, TCP and TLS.
const CONNECT: Duration = Duration::from_secs(10);

/// What a hop needs.
pub(super) struct Hop<'a> {
    pub(super) call: &'a Arc<Call>,
    pub(super) told: &'a mut Told,
    pub(super) answer: &'a mut Answer,
    /// The guest's own bound.
    pub(super) first_byte_ms: Option<u32>,
    /// How many redirects the grant of the first hop allows; what a later one's says changes nothing.
    pub(super) most: Option<u8>,
}

/// How a hop ends.
pub(super) enum Outcome {
    /// Its answer was passed on to its end: its status and its trailers.
    Answered(u16, Fields),
    /// Its answer points elsewhere, and may be followed.
    Elsewhere(Box<Elsewhere>),
}

/// Where to.
pub(super) struct Elsewhere {
    pub(super) step: Step,
    pub(super) status: http::StatusCode,
    pub(super) location: String,
    pub(super) most: u8,
}

/// The times by which things have to have happened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) first_byte: Instant,
    pub(super) first_byte_ms: u32,
    pub(super) connect: Instant,
}

impl Hop<'_> {
    /// For the operator: what is missing.
    fn would_allow(&self, step: &Step) -> String {
        match ToolName::try_from(self.call.behalf.tool.as_str()) {
            Ok(tool) => {
                format!("no grant covers it; this would: {}", line_that_would_allow(&tool, step.method, &step.target))
            }
            Err(_) => "no grant covers it".to_owned(),
        }
    }

    pub(super) async fn run(&mut self, step: Step) -> Result<Outcome, Stop> {
        let standing = self.call.governor.standing()?;
        let grant = standing.grants.iter().find(|grant| grant.allows(&step.method, &step.target));
        let grant = grant.ok_or_else(|| Stop::Fault(HttpFault::Denied, self.would_allow(&step)))?;
        self.told.under(grant);
        let place = Place::of(&self.call.behalf.tool, grant);
        let running = self.call.session.rates.enter(&self.call.made, &place, grant);
        let _running = running.map_err(|too_many| Stop::fault(HttpFault::TooMany, too_many))?;
        let until = self.told.began() + Duration::from_millis(grant.total_ms.into());
        match timeout_at(until, self.granted(step, grant)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Stop::Fault(
                HttpFault::Total(grant.total_ms),
                format!("it was not over after {} ms, which is `total`", grant.total_ms),
            )),
        }
    }

    async fn granted(&mut self, mut step: Step, grant: &HttpGrant) -> Result<Outcome, Stop> {
        let times = self.times(grant);
        let secret = self.credential(&step, grant)?;
        self.search(&step).await?;
        let body = std::mem::replace(&mut step.body, GuestBody::Spent);
        let body = self.approved(&step, body, grant).await?.begun().await?;
        let addresses = self.addresses(&step, grant, times.connect).await?;
        // A while may have passed: what has been taken back since is not begun.
        if !self.call.governor.standing()?.grants.contains(grant) {
            return Err(Stop::fault(HttpFault::Denied, "the grant that covered it was taken back"));
        }
        let seen = &self.call.session.seen;
        // Before the first byte leaves, and durable.
        self.told.requested().await?;
        let owner = Owner {
            principal: self.call.behalf.principal.clone(),
            credential: secret.as_ref().map(|secret| secret.name().clone()),
        };
        let most = self.most.unwrap_or(grant.redirects);
        let exchange = Exchange {
            wire: &self.call.broker.wire,
            governor: &*self.call.governor,
            seen,
            grant,
            told: self.told,
            answer: self.answer,
            follows: most > 0,
            times,
        };
        match exchange.run(&step, body, secret.as_deref(), &owner, &addresses).await? {
            Heard::Answered(status, trailers) => Ok(Outcome::Answered(status, trailers)),
            Heard::Elsewhere(status, location, body) => {
                let step = Step { body, ..step };
                Ok(Outcome::Elsewhere(Box::new(Elsewhere { step, status, location, most })))
            }
        }
    }

    fn times(&self, grant: &HttpGrant) -> Times {
        let now = Instant::now();
        let first_byte_ms = self.first_byte_ms.map_or(grant.first_byte_ms, |ms| ms.min(grant.first_byte_ms));
        let first_byte = now + Duration::from_millis(first_byte_ms.into());
        Times { first_byte, first_byte_ms, connect: first_byte.min(now + CONNECT) }
    }

    /// The credential that is added. From here on the session has used it, and it is looked for in whatever comes.
    fn credential(&mut self, step: &Step, grant: &HttpGrant) -> Result<Option<Arc<Secret>>, Stop> {
        let Some(name) = grant.credential.as_ref().filter(|_| !step.strayed) else { return Ok(None) };
        let tier = self.call.behalf.tier;
        let secret = self.call.broker.credentials.grant(name, tier, step.method, &step.target);
        let secret = secret.map_err(|why| Stop::fault(HttpFault::Denied, why))?;
        if step.headers.contains_key(secret.header()) {
            return Err(Stop::bad(format!("`{}` is the hub's to set", secret.header())));
        }
        self.told.with(Some(name));
        self.call.session.seen.used(&secret);
        Ok(Some(secret))
    }

    /// What the guest sends besides a body. A secret on its way elsewhere goes nowhere.
    async fn search(&mut self, step: &Step) -> Result<(), Stop> {
        let seen = &self.call.session.seen;
        let strict = !seen.is_empty();
        if strict && (step.headers.contains_key(header::RANGE) || step.headers.contains_key(header::IF_RANGE)) {
            return Err(Stop::bad("with a credential in play no part of an answer can be asked for"));
        }
        let mut found = body::search(seen, "request URL", step.target.to_string().as_bytes())?;
        for (name, value) in &step.headers {
            found.extend(body::search(seen, "request header", name.as_str().as_bytes())?);
            found.extend(body::search(seen, "request header", value.as_bytes())?);
        }
        if let GuestBody::Whole(bytes) = &step.body {
            found.extend(body::search(seen, "request body", bytes)?);
        }
        Ok(self.told.found(found).await?)
    }

    /// Asks a person where one has to be asked: about all of it, so the body is read first.
    async fn approved(&mut self, step: &Step, body: GuestBody, grant: &HttpGrant) -> Result<GuestBody, Stop> {
        if !grant.needs_approval(&step.method) {
            return Ok(body);
        }
        let body = body.whole(grant.request_bytes.min(APPROVED_BYTES)).await?;
        let bytes = match &body {
            GuestBody::Whole(bytes) => bytes.as_ref(),
            _ => &[],
        };
        let found = body::search(&self.call.session.seen, "request body", bytes)?;
        self.told.found(found).await?;
        let described = Described {
            method: step.method,
            target: step.target.clone(),
            credential: grant.credential.clone().filter(|_| !step.strayed),
            body_sha256: Some(Sha256::digest(bytes).into()),
        };
        match self.call.governor.approval(&described).await {
            Approval::Given => Ok(body),
            Approval::Wanted => Err(Stop::fault(HttpFault::Denied, "a person has to allow it first")),
        }
    }

    /// All addresses of the host, each of them permitted. One that is not condemns the others: whoever mixes them
    /// waits for a client that picks again.
    async fn addresses(&self, step: &Step, grant: &HttpGrant, until: Instant) -> Result<Vec<SocketAddr>, Stop> {
        let broker = &self.call.broker;
        let name = step.target.name();
        let resolved = timeout_at(until, broker.resolver.addresses(name)).await.map_err(|_| {
            Stop::Fault(HttpFault::NoAddress, format!("no DNS server has answered for {name} in time"))
        })??;
        let addresses: Vec<SocketAddr> =
            resolved.into_iter().map(|address| SocketAddr::new(address, step.target.port())).collect();
        let forbidden = broker.forbidden();
        for address in &addresses {
            address::judge(*address, &grant.private, &forbidden).map_err(|prohibited| {
                Stop::Fault(
                    HttpFault::AddressProhibited,
                    format!("{name} has an address that is not let through: {prohibited}"),
                )
            })?;
        }
        Ok(addresses)
    }
}
