//! Which requests there are and what may be said of each, decided without a frame or a clock. The hub is trusted with
//! policy, not with the protocol: what it says is held against what it was asked.

use engine::http::Fault;
use protocol::{
    CallId, EgressId, Fields, HTTP_PIECE_BYTES, HTTP_WINDOW_BYTES, HttpFault, HttpResponse, MAX_HTTP_REQUESTS, ToHttp,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::task::{Context, Poll, Waker};

/// Requests that the hub ended and the guest has forgotten: so many are remembered, to know a hub that goes on.
const REMEMBERED: usize = MAX_HTTP_REQUESTS;

/// What a hub of ours never says; the runner ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// Nobody asked.
    #[error("the hub answered a request that was never made")]
    Never,
    /// The end was the end.
    #[error("the hub went on with a request that it had ended")]
    Ended,
    /// One head, before everything else.
    #[error("the hub answered a request twice, or its body came before its head")]
    Head,
    /// A status that no answer has.
    #[error("the hub answered a request with a status that there is not")]
    Status,
    /// Faster than the guest reads.
    #[error("the hub sent more of an answer than it had credit for")]
    Window,
    /// An empty piece, or a long one.
    #[error("the hub sent a piece of an answer that is empty or longer than a piece may be")]
    Piece,
    /// Credit for what was never sent.
    #[error("the hub gave a request more credit than a window holds")]
    Credit,
}

/// A part of an answer's body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    Data(Vec<u8>),
    End(Fields),
}

/// All that is open.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    last: EgressId,
    calls: BTreeSet<CallId>,
    open: BTreeMap<EgressId, Open>,
    ended: VecDeque<EgressId>,
}

/// One request.
#[derive(Debug)]
struct Open {
    call: CallId,
    head: Head,
    parts: VecDeque<Vec<u8>>,
    /// How the answer ended; nothing comes after it.
    end: Option<Result<Fields, HttpFault>>,
    /// Of the answer, what came and was not read.
    unread: u32,
    /// Of the request, what may be sent.
    credit: u32,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Debug)]
enum Head {
    Awaited,
    Here(HttpResponse),
    Taken,
}

impl Open {
    fn wake(&mut self) {
        [self.reader.take(), self.writer.take()].into_iter().flatten().for_each(Waker::wake);
    }
}

impl Ledger {
    pub(super) fn begin_call(&mut self, call: CallId) {
        self.calls.insert(call);
    }

    /// The requests of a call that the hub has to be told of.
    pub(super) fn end_call(&mut self, call: CallId) -> Vec<EgressId> {
        if !self.calls.remove(&call) {
            return Vec::new();
        }
        let ids: Vec<EgressId> = self.open.iter().filter(|(_, open)| open.call == call).map(|(id, _)| *id).collect();
        ids.into_iter().filter(|id| self.drop_it(*id)).collect()
    }

    /// A request is about to be written.
    pub(super) fn begin(&mut self, call: CallId) -> Result<EgressId, Fault> {
        if !self.calls.contains(&call) {
            return Err(Fault::CallEnded);
        }
        if self.open.len() >= MAX_HTTP_REQUESTS {
            return Err(Fault::TooMany);
        }
        self.last += 1;
        let open = Open {
            call,
            head: Head::Awaited,
            parts: VecDeque::new(),
            end: None,
            unread: 0,
            credit: HTTP_WINDOW_BYTES,
            reader: None,
            writer: None,
        };
        self.open.insert(self.last, open);
        Ok(self.last)
    }

    /// It was not written after all.
    pub(super) fn forget(&mut self, id: EgressId) {
        self.open.remove(&id);
    }

    /// The guest wants no more of it; whether the hub has to be told.
    pub(super) fn drop_it(&mut self, id: EgressId) -> bool {
        let Some(mut open) = self.open.remove(&id) else { return false };
        open.wake();
        if open.end.is_none() {
            return true;
        }
        self.ended.push_back(id);
        if self.ended.len() > REMEMBERED {
            self.ended.pop_front();
        }
        false
    }

    /// What the hub says of a request. One that the guest has dropped may still be answered for a while.
    pub(super) fn on(&mut self, message: ToHttp) -> Result<(), Breach> {
        let id = id(&message);
        let Some(open) = self.open.get_mut(&id) else {
            return match () {
                () if id == 0 || id > self.last => Err(Breach::Never),
                () if self.ended.contains(&id) => Err(Breach::Ended),
                () => Ok(()),
            };
        };
        if open.end.is_some() {
            return Err(Breach::Ended);
        }
        match message {
            ToHttp::Response(head) => {
                if !matches!(open.head, Head::Awaited) {
                    return Err(Breach::Head);
                }
                if !(200..=599).contains(&head.status) {
                    return Err(Breach::Status);
                }
                open.head = Head::Here(head);
            }
            ToHttp::Data(_, bytes) => {
                if matches!(open.head, Head::Awaited) {
                    return Err(Breach::Head);
                }
                if bytes.is_empty() || bytes.len() > HTTP_PIECE_BYTES {
                    return Err(Breach::Piece);
                }
                let more = u32::try_from(bytes.len()).map_err(|_| Breach::Piece)?;
                let unread = open.unread.saturating_add(more);
                if unread > HTTP_WINDOW_BYTES {
                    return Err(Breach::Window);
                }
                open.unread = unread;
                open.parts.push_back(bytes);
            }
            ToHttp::End(_, trailers) => {
                if matches!(open.head, Head::Awaited) {
                    return Err(Breach::Head);
                }
                open.end = Some(Ok(trailers));
            }
            ToHttp::Credit(_, bytes) => {
                let credit = open.credit.saturating_add(bytes);
                if credit > HTTP_WINDOW_BYTES {
                    return Err(Breach::Credit);
                }
                open.credit = credit;
            }
            ToHttp::Failed(_, fault) => open.end = Some(Err(fault)),
        }
        open.wake();
        Ok(())
    }

    /// The head of an answer.
    pub(super) fn poll_head(&mut self, id: EgressId, cx: &mut Context<'_>) -> Poll<Result<HttpResponse, HttpFault>> {
        let Some(open) = self.open.get_mut(&id) else { return Poll::Ready(Err(HttpFault::CallEnded)) };
        match std::mem::replace(&mut open.head, Head::Taken) {
            Head::Here(head) => return Poll::Ready(Ok(head)),
            other => open.head = other,
        }
        if let Some(Err(fault)) = open.end {
            return Poll::Ready(Err(fault));
        }
        open.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The next part of its body. What came before a fault is read before it.
    pub(super) fn poll_part(&mut self, id: EgressId, cx: &mut Context<'_>) -> Poll<Result<Part, HttpFault>> {
        let Some(open) = self.open.get_mut(&id) else { return Poll::Ready(Err(HttpFault::CallEnded)) };
        if let Some(bytes) = open.parts.pop_front() {
            open.unread = open.unread.saturating_sub(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            return Poll::Ready(Ok(Part::Data(bytes)));
        }
        match &mut open.end {
            Some(Ok(trailers)) => Poll::Ready(Ok(Part::End(std::mem::take(trailers)))),
            Some(Err(fault)) => Poll::Ready(Err(*fault)),
            None => {
                open.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Whether the hub has not ended it yet, and so may still be told something of it.
    pub(super) fn goes_on(&self, id: EgressId) -> bool {
        self.open.get(&id).is_some_and(|open| open.end.is_none())
    }

    /// Room for some of a request's body, at most `most` bytes. `None`: nobody wants any more of it.
    pub(super) fn poll_credit(&mut self, id: EgressId, most: u32, cx: &mut Context<'_>) -> Poll<Option<u32>> {
        let Some(open) = self.open.get_mut(&id) else { return Poll::Ready(None) };
        if open.end.is_some() {
            return Poll::Ready(None);
        }
        if open.credit == 0 {
            open.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let taken = open.credit.min(most);
        open.credit -= taken;
        Poll::Ready(Some(taken))
    }

    /// Waits until nobody wants any more of a request's body.
    pub(super) fn poll_unwanted(&mut self, id: EgressId, cx: &mut Context<'_>) -> Poll<()> {
        match self.open.get_mut(&id) {
            Some(open) if open.end.is_none() => {
                open.writer = Some(cx.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.calls.is_empty()
    }
}

fn id(message: &ToHttp) -> EgressId {
    match message {
        ToHttp::Response(head) => head.id,
        ToHttp::Data(id, _) | ToHttp::End(id, _) | ToHttp::Credit(id, _) | ToHttp::Failed(id, _) => *id,
    }
}

#[cfg(test)]
mod tests;
