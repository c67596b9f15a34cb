//! One request on the wire and its answer, both within their bounds as they pass.

use super::body::{self, Fed, GuestBody, Rules};
use super::hop::Times;
use super::outgoing::{self, Interim, head_bytes};
use super::step::{Step, location};
use super::told::Told;
use crate::credentials::Secret;
use crate::exchange::Answer;
use crate::governor::Governor;
use crate::headers;
use crate::leaks::Seen;
use crate::stop::Stop;
use crate::wire::{Line, Owner, Upload, Wire, of_http};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use manifest::http::{HttpGrant, Method};
use protocol::{Fields, HttpFault};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{timeout, timeout_at};

/// A connection that is not ready so soon after its answer's end is not kept.
const READY: Duration = Duration::from_millis(100);

/// What it needs.
pub(super) struct Exchange<'a> {
    pub(super) wire: &'a Wire,
    pub(super) governor: &'a dyn Governor,
    pub(super) seen: &'a Seen,
    pub(super) grant: &'a HttpGrant,
    pub(super) told: &'a mut Told,
    pub(super) answer: &'a mut Answer,
    /// Whether an answer that points elsewhere is kept from the guest.
    pub(super) follows: bool,
    pub(super) times: Times,
}

/// What came.
pub(super) enum Heard {
    /// All of it, and it was passed on.
    Answered(u16, Fields),
    /// Where it points, and what is left of the request's body.
    Elsewhere(StatusCode, String, GuestBody),
}

impl Exchange<'_> {
    pub(super) async fn run(
        mut self,
        step: &Step,
        body: GuestBody,
        secret: Option<&Secret>,
        owner: &Owner,
        addresses: &[SocketAddr],
    ) -> Result<Heard, Stop> {
        let rules = Rules {
            governor: self.governor,
            seen: self.seen,
            sent: self.told.sent(),
            most: self.grant.request_bytes,
            keep: self.follows,
        };
        let whole = matches!(body, GuestBody::None | GuestBody::Whole(_));
        // Of a body that is on its way when the answer comes, nothing is there to be sent again.
        let kept = if matches!(body, GuestBody::Coming(..)) { GuestBody::Spent } else { GuestBody::None };
        let mut fed = Fed { whole, kept, found: Vec::new() };
        let (upload, feeding) = match body {
            GuestBody::Coming(read, guest, length) => {
                let (wire, upload) = Upload::fed(length);
                (upload, Some(body::feed(read, guest, length, wire, rules)))
            }
            GuestBody::Whole(bytes) => {
                self.governor.spend(bytes.len() as u64)?;
                rules.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                fed.kept = GuestBody::Whole(bytes.clone());
                (Upload::Whole(bytes), None)
            }
            GuestBody::None => (Upload::Whole(Bytes::new()), None),
            GuestBody::Spent => return Err(Stop::fault(HttpFault::Redirects, "its body is not there any more")),
        };
        let interim = Interim::default();
        let request = interim.watch(outgoing::request(step, secret, upload)?);
        self.governor.spend(head_bytes(
            request.uri().path_and_query().map_or(0, |path| path.as_str().len()),
            request.headers(),
        ))?;
        let mut passing = None;
        let answered = {
            let ask = async {
                let (line, response) = self.ask(request, step, owner, addresses).await?;
                self.heard(line, response).await
            };
            tokio::pin!(ask);
            let feeding = async {
                match feeding {
                    Some(feeding) => feeding.await.map(Some),
                    None => Ok(None),
                }
            };
            tokio::pin!(feeding);
            loop {
                tokio::select! {
                    biased;
                    () = interim.flood() => {
                        return Err(Stop::protocol("more interim answers than anybody needs"));
                    }
                    done = &mut feeding, if passing.is_none() => passing = Some(done?),
                    heard = &mut ask => {
                        // Both may have come to their end in the same moment.
                        if passing.is_none() && let Some(done) = (&mut feeding).now_or_never() {
                            passing = Some(done?);
                        }
                        break heard?;
                    }
                }
            }
        };
        if let Some(Some(done)) = passing {
            fed = done;
        }
        self.told.found(std::mem::take(&mut fed.found)).await?;
        let (line, heard) = answered;
        match heard {
            Ok((status, trailers)) => {
                if fed.whole {
                    self.keep(line).await;
                }
                Ok(Heard::Answered(status, trailers))
            }
            // Its body is not read: the connection ends here.
            Err((status, location)) => Ok(Heard::Elsewhere(status, location, fed.kept)),
        }
    }

    /// Asks, on a connection that is kept or else on a new one.
    async fn ask(
        &mut self,
        mut request: Request<Upload>,
        step: &Step,
        owner: &Owner,
        addresses: &[SocketAddr],
    ) -> Result<(Line, Response<Incoming>), Stop> {
        let Times { first_byte, first_byte_ms, connect } = self.times;
        let again = (step.method == Method::Get || step.method == Method::Head) && request.body().is_end_stream();
        if let Some(mut line) = self.wire.kept(owner, &step.target, addresses) {
            self.told.to(line.address());
            let copy = again.then(|| outgoing::copy(&request));
            let sent = timeout_at(first_byte, line.connection.sender.try_send_request(request)).await;
            match sent.map_err(|_| late(first_byte_ms))? {
                Ok(response) => return Ok((line, response)),
                // A server may close what was kept at any moment. What it cannot have seen, and what it may see twice,
                // is asked once more; not what it has answered with something that is no answer.
                Err(mut error) => match error.take_message().or(copy.filter(|_| !error.error().is_parse())) {
                    Some(unsent) => request = unsent,
                    None => return Err(of_http(error.error(), "asking on a connection that was kept")),
                },
            }
        }
        let mut line = self.wire.fresh(owner, &step.target, addresses, connect).await?;
        self.told.to(line.address());
        let sent = timeout_at(first_byte, line.connection.sender.send_request(request)).await;
        match sent.map_err(|_| late(first_byte_ms))? {
            Ok(response) => Ok((line, response)),
            Err(error) => Err(of_http(&error, "waiting for an answer")),
        }
    }

    /// Looks at the answer's beginning, and passes it on.
    async fn heard(
        &mut self,
        line: Line,
        response: Response<Incoming>,
    ) -> Result<(Line, Result<(u16, Fields), (StatusCode, String)>), Stop> {
        let (head, body) = response.into_parts();
        self.governor.spend(head_bytes(0, &head.headers))?;
        if head.status.as_u16() < 200 || head.status.as_u16() > 599 {
            return Err(Stop::protocol(format!("an answer with the status {}", head.status)));
        }
        headers::well_framed(&head.headers)?;
        if self.follows
            && let Some(location) = location(head.status, &head.headers)?
        {
            return Ok((line, Err((head.status, location))));
        }
        self.fits(&head.headers, head.status, &body)?;
        let mut found = Vec::new();
        let fields = headers::filtered(&head.headers, self.seen, "answer header", &mut found)?;
        self.told.found(found).await?;
        self.answer.begin(head.status.as_u16(), fields).await?;
        let trailers = self.pass(body).await?;
        Ok((line, Ok((head.status.as_u16(), trailers))))
    }

    /// Whether such an answer is let in at all.
    fn fits(&self, headers: &HeaderMap, status: StatusCode, body: &Incoming) -> Result<(), Stop> {
        let most = self.grant.response_bytes;
        if body.size_hint().lower() > most {
            return Err(too_large(most));
        }
        // One that can be read in another way than byte by byte can hold a secret that is not found.
        if !self.seen.is_empty() && (headers::has_coding(headers) || headers::is_part(status, headers)) {
            return Err(Stop::fault(
                HttpFault::Encoding,
                "with a credential in play an answer is whole and not encoded",
            ));
        }
        let Some(types) = self.grant.content_types.as_ref().filter(|_| !body.is_end_stream()) else { return Ok(()) };
        let given = headers::media_type(headers);
        let fits = given.as_ref().is_some_and(|given| {
            let any = given.split_once('/').map(|(kind, _)| format!("{kind}/*")).unwrap_or_default();
            types.contains(given) || types.contains(&any)
        });
        if fits {
            return Ok(());
        }
        let given = given.unwrap_or_else(|| "no type, or more than one".to_owned());
        Err(Stop::Fault(
            HttpFault::ContentType,
            format!("its answer has {given}, and `content_types` does not name it"),
        ))
    }

    /// Passes the body on, piece by piece as the guest has room, and returns its trailers.
    async fn pass(&mut self, mut body: Incoming) -> Result<Fields, Stop> {
        let most = self.grant.response_bytes;
        let mut searcher = self.seen.searcher("answer body");
        let mut trailers = Fields::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| of_http(&error, "reading its answer"))?;
            match frame.into_data() {
                Ok(bytes) => {
                    if self.told.received(bytes.len() as u64) > most {
                        return Err(too_large(most));
                    }
                    self.governor.spend(bytes.len() as u64)?;
                    let clean = searcher.push(&bytes)?;
                    self.told.found(searcher.found()).await?;
                    self.answer.data(clean).await?;
                }
                Err(frame) => {
                    let Ok(given) = frame.into_trailers() else { continue };
                    self.governor.spend(head_bytes(0, &given))?;
                    let mut found = Vec::new();
                    trailers = headers::filtered(&given, self.seen, "answer trailer", &mut found)?;
                    self.told.found(found).await?;
                }
            }
        }
        let rest = searcher.finish()?;
        self.told.found(searcher.found()).await?;
        self.answer.data(rest).await?;
        Ok(trailers)
    }

    /// Keeps the connection, unless something is left on it.
    async fn keep(&self, mut line: Line) {
        if let Ok(Ok(())) = timeout(READY, line.connection.sender.ready()).await {
            self.wire.keep(line);
        }
    }
}

fn too_large(most: u64) -> Stop {
    Stop::Fault(HttpFault::ResponseTooLarge(most), format!("its answer has more than {most} bytes"))
}

fn late(ms: u32) -> Stop {
    Stop::Fault(HttpFault::FirstByte(ms), format!("no answer had begun after {ms} ms, which is `first_byte`"))
}
