//! Requests of a runner's calls: what it may say of them next.

use super::{Open, OpenCall, Stop, violation};
use ::egress::{Asked, Breach, Far, exchange};
use protocol::{
    CallId, EgressId, Fields, FromHttp, HttpFault, HttpRequest, MAX_HTTP_FIELD_BYTES, MAX_HTTP_REQUESTS,
    MAX_METHOD_BYTES, MAX_URL_BYTES, ToHttp,
};
use std::collections::BTreeMap;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// All requests of one runner.
pub(super) struct Requests {
    to_runner: mpsc::Sender<ToHttp>,
    open: BTreeMap<EgressId, Request>,
    last: EgressId,
    /// Whether one was refused since somebody asked for those.
    has_refused: bool,
}

/// One that the runner waits for.
struct Request {
    call: CallId,
    state: State,
}

enum State {
    /// Somebody sees to it.
    Asked(Far),
    /// Nobody does, and the runner is still to be told.
    Refused(HttpFault),
}

impl Requests {
    pub(super) fn new(to_runner: mpsc::Sender<ToHttp>) -> Self {
        Self { to_runner, open: BTreeMap::new(), last: 0, has_refused: false }
    }

    /// Takes what the runner said. A request that is over already, in whichever way, may still be spoken of for a
    /// while: neither side knows at once that the other has ended it.
    pub(super) fn take(&mut self, message: FromHttp, calls: &BTreeMap<CallId, Open>) -> Result<(), Stop> {
        match message {
            FromHttp::Request(head) => self.begin(head, calls),
            FromHttp::Data(id, bytes) => self.of(id, |far| far.data(bytes)),
            FromHttp::End(id, trailers) => {
                fit(id, "trailers", &trailers)?;
                self.of(id, |far| far.end(trailers))
            }
            FromHttp::Credit(id, bytes) => self.of(id, |far| far.credit(bytes)),
            FromHttp::Drop(id) => {
                self.of(id, |_| Ok(()))?;
                // Its connection is closed with it.
                self.open.remove(&id);
                Ok(())
            }
        }
    }

    /// Something about a request that there is, or was.
    fn of(&mut self, id: EgressId, take: impl FnOnce(&mut Far) -> Result<(), Breach>) -> Result<(), Stop> {
        if id == 0 || id > self.last {
            return violation(format!("it spoke of request {id}, which never was"));
        }
        match self.open.get_mut(&id) {
            Some(Request { state: State::Asked(far), .. }) => {
                take(far).map_err(|breach| Stop::Violation(format!("request {id}: {breach}")))
            }
            Some(Request { state: State::Refused(_), .. }) | None => Ok(()),
        }
    }

    fn begin(&mut self, head: HttpRequest, calls: &BTreeMap<CallId, Open>) -> Result<(), Stop> {
        let (id, call) = (head.id, head.call);
        if id <= self.last {
            return violation(format!("request {id} came after request {}", self.last));
        }
        let Some(Open::Call(OpenCall { http, notes, .. })) = calls.get(&call) else {
            return violation(format!("request {id} is for call {call}, which is not open"));
        };
        let Some(http) = http else {
            return violation(format!("request {id} is for call {call}, whose tool may make none"));
        };
        if self.open.len() >= MAX_HTTP_REQUESTS {
            return violation(format!("more than {MAX_HTTP_REQUESTS} requests at once"));
        }
        if head.method.len() > MAX_METHOD_BYTES {
            return violation(format!("request {id}: a method of {} bytes", head.method.len()));
        }
        if head.url.len() > MAX_URL_BYTES {
            return violation(format!("request {id}: a URL of {} bytes", head.url.len()));
        }
        fit(id, "headers", &head.headers)?;
        self.last = id;
        // Cancelled: the runner may not have heard of it yet.
        if notes.is_some() {
            let state = self.ask(head, http);
            self.open.insert(id, Request { call, state });
        }
        Ok(())
    }

    /// Hands a request to whoever sees to those of its call. A guest can make requests faster than they are taken:
    /// that is no fault of its runner's.
    fn ask(&mut self, head: HttpRequest, http: &mpsc::Sender<Asked>) -> State {
        let (asked, mut far) = exchange(head, self.to_runner.clone());
        let sent = http.try_send(asked);
        let fault = match sent {
            Ok(()) => return State::Asked(far),
            Err(TrySendError::Full(_)) => HttpFault::TooMany,
            Err(TrySendError::Closed(_)) => HttpFault::CallEnded,
        };
        // First, so that what came back says nothing by itself when it is dropped.
        far.drop_it();
        self.has_refused = true;
        State::Refused(fault)
    }

    /// Whether there may be one to tell the runner of; said once.
    pub(super) fn has_refused(&mut self) -> bool {
        std::mem::take(&mut self.has_refused)
    }

    /// Those that the runner has to be told of; they stay open until it has been.
    pub(super) fn refused(&self) -> Vec<(EgressId, HttpFault)> {
        let refused = |(id, request): (&EgressId, &Request)| match request.state {
            State::Refused(fault) => Some((*id, fault)),
            State::Asked(_) => None,
        };
        self.open.iter().filter_map(refused).collect()
    }

    /// Whether what the hub says of a request still interests the runner. Its end is the end of the request.
    pub(super) fn passes(&mut self, message: &ToHttp) -> bool {
        match message {
            ToHttp::Response(head) => self.open.contains_key(&head.id),
            ToHttp::Data(id, _) | ToHttp::Credit(id, _) => self.open.contains_key(id),
            ToHttp::End(id, _) | ToHttp::Failed(id, _) => self.open.remove(id).is_some(),
        }
    }

    /// A call has ended: whoever saw to its requests hears that nobody waits for them.
    pub(super) fn end_call(&mut self, call: CallId) {
        self.open.retain(|_, request| request.call != call);
    }

    /// The runner has ended.
    pub(super) fn end(&mut self) {
        self.open.clear();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }
}

fn fit(id: EgressId, what: &str, fields: &Fields) -> Result<(), Stop> {
    let bytes = fields.iter().fold(0_usize, |sum, (name, value)| sum.saturating_add(name.len() + value.len()));
    if bytes > MAX_HTTP_FIELD_BYTES {
        return violation(format!("request {id}: {what} of {bytes} bytes"));
    }
    Ok(())
}
