//! What a runner may say next. No I/O: messages in, deliveries or a violation out.

mod egress;
mod notes;

use super::end::RunnerEnd;
use crate::api::CallNote;
use crate::clean;
use egress::Requests;
use manifest::Limits;
use notes::NoteBudget;
use protocol::{
    CallId, Done, EgressId, FromRunner, Hello, HttpFault, LOCKDOWN_STEPS, MAX_FRAME_BYTES, MAX_HELLO_BYTES,
    MAX_HTTP_FIELD_BYTES, MAX_HTTP_FIELDS, MAX_URL_BYTES, Outcome, ToHttp, ToolDescription, VERSION,
};
use std::collections::{BTreeMap, VecDeque};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// What every frame may carry besides a tool's own bytes: the runner's own words, and what the blocks of an
/// answer are wrapped in.
const WRAPPING_BYTES: usize = 128 << 10;
// A request fits as well: its texts, and with each field two lengths. A piece of a body is shorter.
const _: () = assert!(MAX_HTTP_FIELD_BYTES + MAX_URL_BYTES + 16 * MAX_HTTP_FIELDS + (4 << 10) < WRAPPING_BYTES);

/// Why a runner is not listened to any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// It broke a rule.
    Violation(String),
    /// It refused its ticket.
    Refused(String),
}

/// Tools as a component describes them, or why not.
pub(super) type Description = Result<Vec<ToolDescription>, String>;

/// One runner's side of the talk.
pub(super) struct Conversation {
    /// Until it has said hello.
    hello: Option<oneshot::Sender<Hello>>,
    /// The tickets it has not yet answered, in order. More than one only if whoever waited for the first gave up.
    tickets: VecDeque<(u64, oneshot::Sender<()>)>,
    open: BTreeMap<CallId, Open>,
    requests: Requests,
    last_id: CallId,
    /// The last ping, and whether its answer is owed.
    ping: (u64, bool),
    end: Option<RunnerEnd>,
}

/// What was asked and is not answered.
enum Open {
    Call(OpenCall),
    Describe(oneshot::Sender<Result<Description, RunnerEnd>>),
}

/// A call that runs.
struct OpenCall {
    done: oneshot::Sender<Result<Done, RunnerEnd>>,
    /// `None` once it was cancelled: what it still says is thrown away.
    notes: Option<mpsc::Sender<CallNote>>,
    budget: NoteBudget,
    /// The longest frame that an honest runner could send about it.
    most_bytes: usize,
    /// Where its requests go, if its tool may make any.
    http: Option<mpsc::Sender<::egress::Asked>>,
}

/// A question's id, and where its answer comes.
pub(super) type Asked<T> = (CallId, oneshot::Receiver<Result<T, RunnerEnd>>);

impl Conversation {
    /// What the hub has to say of requests goes through `to_runner`.
    pub(super) fn new(hello: oneshot::Sender<Hello>, to_runner: mpsc::Sender<ToHttp>) -> Self {
        Self {
            hello: Some(hello),
            tickets: VecDeque::new(),
            open: BTreeMap::new(),
            requests: Requests::new(to_runner),
            last_id: 0,
            ping: (0, false),
            end: None,
        }
    }

    /// A ticket is about to be sent; its `Ready` arrives on the returned channel.
    pub(super) fn expect_ready(&mut self, serial: u64) -> Result<oneshot::Receiver<()>, RunnerEnd> {
        self.alive()?;
        let (ready, answer) = oneshot::channel();
        self.tickets.push_back((serial, ready));
        Ok(answer)
    }

    /// A ticket was not sent after all.
    pub(super) fn withdraw_ticket(&mut self, serial: u64) {
        self.tickets.retain(|(wanted, _)| *wanted != serial);
    }

    /// A call is about to be sent.
    pub(super) fn open_call(
        &mut self,
        limits: &Limits,
        notes: mpsc::Sender<CallNote>,
        http: Option<mpsc::Sender<::egress::Asked>>,
    ) -> Result<Asked<Done>, RunnerEnd> {
        let (done, answer) = oneshot::channel();
        let payload = usize::try_from(limits.result_bytes.max(limits.log_bytes)).unwrap_or(MAX_FRAME_BYTES);
        let call = OpenCall {
            done,
            notes: Some(notes),
            budget: NoteBudget::new(limits.log_bytes, Instant::now()),
            most_bytes: payload.saturating_add(WRAPPING_BYTES).min(MAX_FRAME_BYTES),
            http,
        };
        Ok((self.open(Open::Call(call))?, answer))
    }

    /// A question for tools is about to be sent.
    pub(super) fn open_describe(&mut self) -> Result<Asked<Description>, RunnerEnd> {
        let (described, answer) = oneshot::channel();
        Ok((self.open(Open::Describe(described))?, answer))
    }

    fn open(&mut self, open: Open) -> Result<CallId, RunnerEnd> {
        self.alive()?;
        self.last_id += 1;
        self.open.insert(self.last_id, open);
        Ok(self.last_id)
    }

    /// A ping is about to be sent; none before its hello, and none after its end.
    pub(super) fn ping(&mut self) -> Option<u64> {
        if self.hello.is_some() || self.end.is_some() {
            return None;
        }
        self.ping = (self.ping.0 + 1, true);
        Some(self.ping.0)
    }

    /// Whether it owes the answer to a ping.
    pub(super) fn owes_pong(&self) -> bool {
        self.ping.1 && self.end.is_none()
    }

    /// Nobody listens to a call any more; the runner still owes its end.
    pub(super) fn abandon(&mut self, id: CallId) {
        if let Some(Open::Call(call)) = self.open.get_mut(&id) {
            call.notes = None;
        }
        self.requests.end_call(id);
    }

    /// A call was not sent after all.
    pub(super) fn withdraw(&mut self, id: CallId) {
        self.open.remove(&id);
        self.requests.end_call(id);
    }

    pub(super) fn is_open(&self, id: CallId) -> bool {
        self.open.contains_key(&id)
    }

    pub(super) fn open_calls(&self) -> usize {
        self.open.len()
    }

    /// The longest frame that an honest runner could send now: bounds what a lying one makes the hub hold while
    /// the rest of the frame is on its way.
    pub(super) fn most_bytes(&self) -> usize {
        if self.hello.is_some() {
            return MAX_HELLO_BYTES;
        }
        let asked = self.open.values().map(|open| match open {
            Open::Call(call) => call.most_bytes,
            Open::Describe(_) => MAX_FRAME_BYTES,
        });
        asked.max().unwrap_or(WRAPPING_BYTES)
    }

    pub(super) fn ended(&self) -> Option<&RunnerEnd> {
        self.end.as_ref()
    }

    /// It is over: everyone who waits is told, and nobody can ask again. What it still says answers nobody.
    pub(super) fn finish(&mut self, end: RunnerEnd) {
        self.hello = None;
        self.tickets.clear();
        self.requests.end();
        for open in std::mem::take(&mut self.open).into_values() {
            // Whoever no longer waits needs no answer.
            match open {
                Open::Call(call) => drop(call.done.send(Err(end.clone()))),
                Open::Describe(described) => drop(described.send(Err(end.clone()))),
            }
        }
        // Said early by whoever cut it off, and again when it is known what became of it.
        self.end = Some(end);
    }

    fn alive(&self) -> Result<(), RunnerEnd> {
        self.end.clone().map_or(Ok(()), Err)
    }

    /// Takes what the runner said.
    pub(super) fn take(&mut self, message: FromRunner, now: Instant) -> Result<(), Stop> {
        if let FromRunner::Hello(hello) = message {
            return self.greet(hello);
        }
        if self.hello.is_some() {
            return violation("a frame before its hello");
        }
        match message {
            FromRunner::Hello(_) => violation("a second hello"),
            FromRunner::Ready(serial) => self.ready(serial),
            FromRunner::Refused(_) if self.tickets.is_empty() => violation("it refused a ticket that it was not given"),
            FromRunner::Refused(words) => Err(Stop::Refused(clean::line(&words, clean::LINE_BYTES))),
            FromRunner::Progress(progress) => self.note(progress.id, CallNote::Progress(progress), now),
            FromRunner::Log(log) => self.note(log.id, CallNote::Log(log), now),
            FromRunner::Done(done) => self.done(done),
            FromRunner::Described(id, description) => self.described(id, description),
            FromRunner::Pong(number) if self.ping == (number, true) => {
                self.ping.1 = false;
                Ok(())
            }
            FromRunner::Http(message) => self.requests.take(message, &self.open),
            FromRunner::Pong(number) => violation(format!("an answer to ping {number}, which is not owed")),
        }
    }

    fn greet(&mut self, hello: Hello) -> Result<(), Stop> {
        let Some(listener) = self.hello.take() else { return violation("a second hello") };
        if hello.version != VERSION {
            return violation(format!("it speaks protocol version {}, the hub {VERSION}", hello.version));
        }
        let claimed = |step: &&&str| hello.posture.lockdown.iter().any(|(name, _)| name == **step);
        if let Some(step) = LOCKDOWN_STEPS.iter().find(|step| !claimed(step)) {
            return violation(format!("its hello names no lockdown step `{step}`"));
        }
        // If nobody waits any more, the runner is being killed already.
        drop(listener.send(hello));
        Ok(())
    }

    fn ready(&mut self, serial: u64) -> Result<(), Stop> {
        match self.tickets.pop_front() {
            Some((wanted, ready)) if wanted == serial => {
                // If nobody waits any more, the runner is being killed already.
                let _ = ready.send(());
                Ok(())
            }
            _ => violation(format!("ready for ticket {serial}, which it was not given")),
        }
    }

    fn note(&mut self, id: CallId, note: CallNote, now: Instant) -> Result<(), Stop> {
        let Some(Open::Call(call)) = self.open.get_mut(&id) else { return self.unasked("a note", id) };
        call.budget.spend(&note, now).map_err(|what| Stop::Violation(format!("call {id}: {what}")))?;
        if let (Some(notes), Some(note)) = (&call.notes, call.budget.cleaned(note)) {
            // A face that does not keep up loses notes; it must not hold up anyone's answers.
            drop(notes.try_send(note));
        }
        Ok(())
    }

    fn done(&mut self, done: Done) -> Result<(), Stop> {
        let wanted = matches!(self.open.get(&done.id), Some(Open::Call(OpenCall { notes: Some(_), .. })));
        if wanted && done.outcome == Outcome::Cancelled {
            // Believed, it would end a call as if its caller had wanted that.
            return violation(format!("it cancelled call {}, which nobody asked for", done.id));
        }
        match self.open.remove(&done.id) {
            Some(Open::Call(call)) => {
                self.requests.end_call(done.id);
                drop(call.done.send(Ok(done)));
                Ok(())
            }
            Some(other) => {
                self.open.insert(done.id, other);
                violation(format!("it answered question {} as if it were a call", done.id))
            }
            None => self.unasked("an end", done.id),
        }
    }

    fn described(&mut self, id: CallId, description: Description) -> Result<(), Stop> {
        match self.open.remove(&id) {
            Some(Open::Describe(listener)) => {
                drop(listener.send(Ok(description)));
                Ok(())
            }
            Some(other) => {
                self.open.insert(id, other);
                violation(format!("it answered call {id} as if it were a question"))
            }
            None => self.unasked("a description", id),
        }
    }

    /// Requests that nobody could be asked for; each is told of once.
    pub(super) fn refused_requests(&mut self) -> Vec<(EgressId, HttpFault)> {
        self.requests.refused()
    }

    /// Whether there may be such requests; said once.
    pub(super) fn has_refused(&mut self) -> bool {
        self.requests.has_refused()
    }

    /// Whether a message about a request still interests the runner. Its end is the end of the request.
    pub(super) fn passes(&mut self, message: &ToHttp) -> bool {
        self.requests.passes(message)
    }

    #[cfg(test)]
    pub(super) fn open_requests(&self) -> usize {
        self.requests.len()
    }

    fn unasked(&self, what: &str, id: CallId) -> Result<(), Stop> {
        if (1..=self.last_id).contains(&id) {
            violation(format!("{what} for call {id}, which has ended"))
        } else {
            violation(format!("{what} for call {id}, which never was"))
        }
    }
}

fn violation(what: impl Into<String>) -> Result<(), Stop> {
    Err(Stop::Violation(what.into()))
}
