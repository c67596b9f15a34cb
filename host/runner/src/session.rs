//! What the runner does with each message, decided without doing it: tickets, calls, cancellation.
//!
//! The hub is trusted with policy, not with the protocol: what makes no sense ends the runner, since
//! whoever sends it is not the hub that was tested with it.

use crate::requests::Breach;
use protocol::{
    Call, CallId, Done, FromRunner, Limit, Outcome, Ticket, TicketCheck, TicketComponent, TicketError, TicketTool,
    ToHttp, ToRunner, Usage,
};
use std::collections::BTreeSet;

/// One connection's state.
#[derive(Debug)]
pub struct Session {
    check: TicketCheck,
    /// The most calls at once that the engine has room for.
    slots: u32,
    ticket: Option<Ticket>,
    running: BTreeSet<CallId>,
}

/// What to do next.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// The first ticket: open, map, seal, then say `Ready`.
    Install(Box<Ticket>),
    /// A later one, which only changes limits, expiry and epoch, or takes something away.
    Renew(Box<Ticket>),
    /// Say so, and end.
    Refuse(String),
    /// Start a call; its tool is in the ticket.
    Start(Call),
    /// Ask this component for its tools.
    Describe(CallId, Box<TicketComponent>),
    /// Stop a call, which runs.
    Stop(CallId),
    /// Pass it on to the request that it is about; whether there is one, [`crate::requests`] knows.
    Http(ToHttp),
    /// Nothing to do but to answer.
    Answer(Box<FromRunner>),
    /// Nothing at all: a call to cancel had already ended.
    Nothing,
}

/// A message that a hub never sends at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Before any ticket.
    #[error("the hub asked for work before it sent a ticket")]
    NoTicket,
    /// An id that is in use.
    #[error("the hub used the id of a call that still runs")]
    CallId,
    /// Describing is for registration.
    #[error("the hub asked for a description under a ticket that is not for registration")]
    NotRegistration,
    /// About a request.
    #[error(transparent)]
    Http(#[from] Breach),
}

impl Session {
    /// Before the first ticket.
    #[must_use]
    pub fn new(check: TicketCheck, slots: u32) -> Self {
        Self { check, slots, ticket: None, running: BTreeSet::new() }
    }

    /// Decides about one message.
    ///
    /// # Errors
    /// A message that ends the connection.
    pub fn on(&mut self, message: ToRunner, now_unix_s: u64) -> Result<Step, Violation> {
        match message {
            ToRunner::Ticket(jws) => Ok(self.ticket(&jws, now_unix_s).unwrap_or_else(Step::Refuse)),
            ToRunner::Call(call) => self.call(call, now_unix_s),
            ToRunner::Cancel(id) if self.running.contains(&id) => Ok(Step::Stop(id)),
            ToRunner::Cancel(_) => Ok(Step::Nothing),
            ToRunner::Describe(id, component) => self.describe(id, &component, now_unix_s),
            ToRunner::Http(message) => Ok(Step::Http(message)),
            ToRunner::Ping(number) => Ok(Step::Answer(Box::new(FromRunner::Pong(number)))),
        }
    }

    /// A call ended, however it did.
    pub fn ended(&mut self, id: CallId) {
        self.running.remove(&id);
    }

    fn ticket(&mut self, jws: &str, now_unix_s: u64) -> Result<Step, String> {
        let ticket = self.check.accept(jws, now_unix_s).map_err(|error| refusal(&error))?;
        coherent(&ticket, self.slots)?;
        let first = match &self.ticket {
            Some(old) => {
                narrows(old, &ticket)?;
                false
            }
            None => true,
        };
        self.ticket = Some(ticket.clone());
        Ok(if first { Step::Install(Box::new(ticket)) } else { Step::Renew(Box::new(ticket)) })
    }

    fn call(&mut self, call: Call, now_unix_s: u64) -> Result<Step, Violation> {
        let ticket = self.ticket.as_ref().ok_or(Violation::NoTicket)?;
        if self.running.contains(&call.id) {
            return Err(Violation::CallId);
        }
        let id = call.id;
        if let Some(refused) = out_of_bounds(ticket, self.running.len(), now_unix_s) {
            return Ok(done(id, refused));
        }
        let Some(tool) = ticket.tools.iter().find(|tool| tool.name == call.tool) else {
            return Ok(done(id, Outcome::Denied("the ticket does not name this tool".to_owned())));
        };
        if call.arguments.len() as u64 > u64::from(tool.limits.arguments_bytes) {
            return Ok(done(id, Outcome::Limit(Limit::Arguments, tool.limits.arguments_bytes.into())));
        }
        self.running.insert(id);
        Ok(Step::Start(call))
    }

    fn describe(&mut self, id: CallId, component: &manifest::Digest, now_unix_s: u64) -> Result<Step, Violation> {
        let ticket = self.ticket.as_ref().ok_or(Violation::NoTicket)?;
        if !ticket.tools.is_empty() {
            return Err(Violation::NotRegistration);
        }
        if self.running.contains(&id) {
            return Err(Violation::CallId);
        }
        let refuse = |why: String| Ok(Step::Answer(Box::new(FromRunner::Described(id, Err(why)))));
        if out_of_bounds(ticket, self.running.len(), now_unix_s).is_some() {
            return refuse("the ticket has expired, or too much is being described at once".to_owned());
        }
        let Some(component) = ticket.components.iter().find(|known| known.component == *component) else {
            return refuse("the ticket does not name this component".to_owned());
        };
        let component = Box::new(component.clone());
        self.running.insert(id);
        Ok(Step::Describe(id, component))
    }
}

/// Why nothing more is started now.
fn out_of_bounds(ticket: &Ticket, running: usize, now_unix_s: u64) -> Option<Outcome> {
    if ticket.expires <= now_unix_s {
        return Some(Outcome::Denied("the ticket has expired".to_owned()));
    }
    (running as u64 >= u64::from(ticket.concurrent_calls))
        .then(|| Outcome::Limit(Limit::Concurrency, ticket.concurrent_calls.into()))
}

fn done(id: CallId, outcome: Outcome) -> Step {
    Step::Answer(Box::new(FromRunner::Done(Done { id, outcome, usage: Usage::default() })))
}

/// A ticket must make sense in itself: a hub that signs nonsense is a hub with a fault.
fn coherent(ticket: &Ticket, slots: u32) -> Result<(), String> {
    if !(1..=slots).contains(&ticket.concurrent_calls) {
        return Err(format!("the ticket wants {} calls at once; 1 to {slots} are possible", ticket.concurrent_calls));
    }
    let components: BTreeSet<_> = ticket.components.iter().map(|component| &component.component).collect();
    if components.len() != ticket.components.len() {
        return Err("the ticket names a component twice".to_owned());
    }
    let tools: BTreeSet<_> = ticket.tools.iter().map(|tool| &tool.name).collect();
    if tools.len() != ticket.tools.len() {
        return Err("the ticket names a tool twice".to_owned());
    }
    for tool in &ticket.tools {
        let component = ticket.components.iter().find(|known| known.component == tool.component);
        let Some(component) = component else {
            return Err(format!("the ticket does not name the component of `{}`", tool.name));
        };
        if tool.http && !component.http {
            return Err(format!("the ticket lets `{}` ask for HTTP, and its component links without it", tool.name));
        }
    }
    Ok(())
}

/// A renewed ticket adds nothing: a tool that joins later gets another runner, since no code can be
/// mapped any more and what one session's tools can do together was decided when it began.
fn narrows(old: &Ticket, new: &Ticket) -> Result<(), String> {
    if new.epoch < old.epoch {
        return Err("the ticket is of an older epoch".to_owned());
    }
    if new.hub != old.hub {
        return Err("the ticket is of another hub".to_owned());
    }
    if !new.components.iter().all(|component| old.components.contains(component)) {
        return Err("the ticket adds a component; that takes another runner".to_owned());
    }
    match new.tools.iter().find(|tool| !old.tools.iter().any(|known| same_but_for_limits(known, tool))) {
        Some(tool) => Err(format!("the ticket adds or changes the tool `{}`; that takes another runner", tool.name)),
        None => Ok(()),
    }
}

fn same_but_for_limits(known: &TicketTool, tool: &TicketTool) -> bool {
    TicketTool { limits: known.limits.clone(), ..tool.clone() } == *known
}

/// The refusal with its cause, for the hub's log; none of it is guest text.
fn refusal(error: &TicketError) -> String {
    use std::error::Error;
    let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    format!("{error}{cause}")
}

#[cfg(test)]
mod tests;
