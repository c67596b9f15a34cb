//! One call, from its arguments to the message that ends it.

use crate::outbox::Outbox;
use crate::requests::Requests;
use crate::schema::{Misfit, Schema, check_json};
use crate::{describe, translate};
use engine::{CallEnd, CallFailure, CallSink, Prepared};
use protocol::{
    Answer, Call, CallId, Content, Done, FromRunner, Limit, Log, MAX_CONTENT_BLOCKS, Outcome, Progress, Usage,
};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A tool of the ticket, ready to be called.
pub struct Tool {
    /// Its component, linked with its grants.
    pub prepared: Prepared,
    /// Of its arguments.
    pub input: Schema,
    /// Of its structured result.
    pub output: Option<Schema>,
    /// Its bound on results, named when a structured result is too much to check.
    pub result_bytes: u32,
    /// Whether it may ask for HTTP.
    pub http: bool,
}

/// Runs a call to its end. What it asked of the outside is for the caller to end: a call may be dropped here.
pub async fn call(tool: Rc<Tool>, call: Call, outbox: Outbox, requests: Requests) -> FromRunner {
    let id = call.id;
    if let Err(misfit) = tool.input.check(&call.arguments) {
        // The model reads this and can try again: MCP wants a tool error, not a protocol error.
        let outcome = failed(match misfit {
            Misfit::Wrong(_) => format!("the arguments do not fit the tool's schema: {misfit}"),
            Misfit::Values | Misfit::Work { .. } => format!("the arguments are too many to check: {misfit}"),
        });
        return FromRunner::Done(Done { id, outcome, usage: Usage::default() });
    }
    let unheard = Arc::new(AtomicU64::new(0));
    let voice = Voice { id, outbox, unheard: Arc::clone(&unheard) };
    let http = tool.http.then(|| requests.begin_call(id));
    let report = tool.prepared.call_with(call.tool.as_str(), &call.arguments, voice, http).await;
    let usage = translate::usage(&report, unheard.load(Ordering::Relaxed));
    FromRunner::Done(Done { id, outcome: outcome(report.end, &tool), usage })
}

/// Asks a component for its tools.
pub async fn description(prepared: Prepared, id: CallId) -> FromRunner {
    let described = match prepared.list_tools().await {
        Ok(tools) => {
            let tools: Vec<_> = tools.into_iter().map(translate::description).collect();
            describe::check(&tools).map(|()| tools)
        }
        Err(CallFailure::Limit(hit)) => Err(format!("asking it for its tools: {hit}")),
        Err(CallFailure::Trap(why)) => Err(format!("asking it for its tools ended in a trap: {why}")),
    };
    FromRunner::Described(id, described)
}

fn outcome(end: CallEnd, tool: &Tool) -> Outcome {
    match end {
        CallEnd::Complete(answer) => {
            complete(translate::answer(answer, false), tool.output.as_ref(), tool.result_bytes)
        }
        // What a failed tool calls structured was promised to nobody.
        CallEnd::Failed(answer) => few_blocks(Answer { structured: None, ..translate::answer(answer, true) }),
        CallEnd::InputRequired(_) => failed("the tool asks for further input, which is not supported yet".to_owned()),
        CallEnd::Limit(hit) => translate::limit(hit),
        CallEnd::Trap(why) => Outcome::Broken(why),
    }
}

fn complete(answer: Answer, output: Option<&Schema>, result_bytes: u32) -> Outcome {
    let checked = match (&answer.structured, output) {
        (Some(text), Some(schema)) => schema.check(text),
        (Some(text), None) => check_json(text),
        (None, Some(_)) => Err(Misfit::Wrong("there is none".to_owned())),
        (None, None) => Ok(()),
    };
    match checked {
        Ok(()) => few_blocks(answer),
        // The agent can do nothing about its form: it is a result that is too large.
        Err(Misfit::Values | Misfit::Work { .. }) => Outcome::Limit(Limit::Result, result_bytes.into()),
        Err(misfit @ Misfit::Wrong(_)) => failed(format!("the tool's structured result was refused: {misfit}")),
    }
}

/// The hub takes no more blocks than this in one frame, and would end a runner that sends them.
fn few_blocks(answer: Answer) -> Outcome {
    match answer.content.len() {
        0..=MAX_CONTENT_BLOCKS => Outcome::Answer(answer),
        blocks => failed(format!("the tool answered with {blocks} blocks; the most is {MAX_CONTENT_BLOCKS}")),
    }
}

fn failed(text: String) -> Outcome {
    Outcome::Answer(Answer { content: vec![Content::Text(text)], structured: None, is_error: true })
}

/// Carries what a guest says to the outbox; never waits, since the guest runs on this very thread.
struct Voice {
    id: CallId,
    outbox: Outbox,
    unheard: Arc<AtomicU64>,
}

impl CallSink for Voice {
    fn log(&mut self, source: engine::LogSource, text: &str) {
        let log = Log { id: self.id, source: translate::source(source), text: text.to_owned() };
        if !self.outbox.offer(&FromRunner::Log(log)) {
            self.unheard.fetch_add(text.len() as u64, Ordering::Relaxed);
        }
    }

    fn progress(&mut self, progress: f64, total: Option<f64>, message: Option<&str>) {
        let message = message.map(str::to_owned);
        // Progress that is not heard is made good by the next one, or by the end.
        let _ = self.outbox.offer(&FromRunner::Progress(Progress { id: self.id, progress, total, message }));
    }
}
