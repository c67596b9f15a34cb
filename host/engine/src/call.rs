//! One call: a fresh instance, every bound around it, and an end that says which of them was hit.

use crate::answer::{Answer, MAX_BLOCKS, MAX_TOOLS, ToolDescription};
use crate::bindings::Plugin;
use crate::bindings::exports::safeclaw::tool::tools::Outcome;
use crate::cpu::{Meter, Metered, Spent};
use crate::http::Outbound;
use crate::link::Prepared;
use crate::report::{CallEnd, CallFailure, CallReport, CallSink, LimitHit, LimitKind, LogSource};
use crate::store::{self, State};
use crate::wasi::http::Outside;
use crate::wasi::output::Voice;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::Store;

mod convert;
mod ending;

/// What ran, and what the store looked like afterwards.
struct Ran<T> {
    end: Result<T, CallFailure>,
    wall: Duration,
    cpu: Duration,
    peak_memory: u64,
    log_dropped: u64,
}

impl Prepared {
    /// Calls a tool in a fresh instance. Dropping the future ends the call and frees everything.
    ///
    /// Must run on a tokio runtime with time enabled, on one thread from the first poll to the last
    /// (`current_thread`, or a `LocalSet`): the CPU budget is that thread's clock.
    ///
    /// What it asks of the outside is denied; [`Prepared::call_with`] lets it ask.
    pub async fn call(&self, name: &str, arguments: &str, sink: impl CallSink) -> CallReport {
        self.call_with(name, arguments, sink, None).await
    }

    /// The same, with somebody who takes its requests. They are spawned on the runtime, and gone when the call is.
    pub async fn call_with(
        &self,
        name: &str,
        arguments: &str,
        sink: impl CallSink,
        http: Option<Arc<dyn Outbound>>,
    ) -> CallReport {
        let most = u64::from(self.grant.limits.arguments_bytes);
        if arguments.len() as u64 > most {
            return CallReport {
                end: CallEnd::Limit(LimitHit { which: LimitKind::Arguments, value: most }),
                wall: Duration::ZERO,
                cpu: Duration::ZERO,
                peak_memory: 0,
                log_dropped: 0,
            };
        }
        let ran = self
            .run(Box::new(sink), http, async |plugin: &Plugin, store: &mut Store<State>| {
                plugin.safeclaw_tool_tools().call_call_tool(store, name, arguments).await
            })
            .await;
        let end = match ran.end {
            Ok(outcome) => self.outcome(outcome),
            Err(CallFailure::Limit(hit)) => CallEnd::Limit(hit),
            Err(CallFailure::Trap(reason)) => CallEnd::Trap(reason),
        };
        CallReport { end, wall: ran.wall, cpu: ran.cpu, peak_memory: ran.peak_memory, log_dropped: ran.log_dropped }
    }

    /// Asks a component for its tools. Their texts together are bounded by `result_bytes`.
    ///
    /// # Errors
    /// A limit or a trap.
    pub async fn list_tools(&self) -> Result<Vec<ToolDescription>, CallFailure> {
        let ran = self
            .run(Box::new(Silent), None, async |plugin: &Plugin, store: &mut Store<State>| {
                plugin.safeclaw_tool_tools().call_list_tools(store).await
            })
            .await;
        let tools: Vec<ToolDescription> = ran.end?.into_iter().map(convert::tool).collect();
        if tools.len() > MAX_TOOLS {
            return Err(CallFailure::Trap(format!("it has {} tools, the most is {MAX_TOOLS}", tools.len())));
        }
        let size = tools.iter().fold(0_u64, |sum, tool| sum.saturating_add(convert::tool_bytes(tool)));
        self.fits(size).map_err(CallFailure::Limit)?;
        Ok(tools)
    }

    async fn run<T>(
        &self,
        sink: Box<dyn CallSink>,
        http: Option<Arc<dyn Outbound>>,
        body: impl AsyncFnOnce(&Plugin, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Ran<T> {
        let limits = &self.grant.limits;
        let started = Instant::now();
        let deadline = Duration::from_millis(u64::from(limits.deadline_ms));
        let meter = Arc::new(Meter::new(Duration::from_millis(u64::from(limits.cpu_ms))));
        let voice = Voice::new(sink, limits.log_bytes);
        let open_files = Arc::clone(&self.engine.open_files);
        let mut store = store::new(
            &self.engine.inner,
            &self.grant,
            &self.granted,
            voice.clone(),
            Arc::clone(&meter),
            open_files,
            Outside::new(http),
        );
        let end = if self.engine.ticker.started() {
            let _ticking = self.engine.ticker.tick();
            let work = Metered::new(
                async {
                    let plugin = self.plugin.instantiate_async(&mut store).await?;
                    body(&plugin, &mut store).await
                },
                Arc::clone(&meter),
            );
            // The timeout is wall time around all of it; host calls that wait are dropped by it.
            match tokio::time::timeout(deadline, work).await {
                Ok(Ok(Ok(value))) => Ok(value),
                Ok(Ok(Err(error))) => Err(ending::failure(&error, store.data(), limits, self.engine.slots)),
                Ok(Err(Spent)) => Err(ending::limit(LimitKind::Cpu, u64::from(limits.cpu_ms))),
                Err(_) => Err(ending::limit(LimitKind::Deadline, u64::from(limits.deadline_ms))),
            }
        } else {
            Err(CallFailure::Trap("the engine's ticker was not started: nothing would bound CPU time".to_owned()))
        };
        let peak_memory = store.data().memory.peak();
        drop(store);
        let log_dropped = voice.finish();
        Ran { end, wall: started.elapsed(), cpu: meter.spent(), peak_memory, log_dropped }
    }

    fn outcome(&self, outcome: Outcome) -> CallEnd {
        let answered = |answer: Answer, end: fn(Answer) -> CallEnd| match self.fits(answer.bytes()) {
            // Told as `result_bytes`: 4 096 blocks are over any sensible value of it.
            Ok(()) if answer.content.len() > MAX_BLOCKS => {
                CallEnd::Limit(LimitHit { which: LimitKind::Result, value: u64::from(self.grant.limits.result_bytes) })
            }
            Ok(()) => end(answer),
            Err(hit) => CallEnd::Limit(hit),
        };
        match outcome {
            Outcome::Complete(answer) => answered(convert::answer(answer), CallEnd::Complete),
            Outcome::Failed(answer) => answered(convert::answer(answer), CallEnd::Failed),
            Outcome::InputRequired(text) => match self.fits(text.len() as u64) {
                Ok(()) => CallEnd::InputRequired(text),
                Err(hit) => CallEnd::Limit(hit),
            },
        }
    }

    fn fits(&self, bytes: u64) -> Result<(), LimitHit> {
        let value = u64::from(self.grant.limits.result_bytes);
        if bytes > value { Err(LimitHit { which: LimitKind::Result, value }) } else { Ok(()) }
    }
}

/// Nobody listens while a component is asked for its tools.
struct Silent;

impl CallSink for Silent {
    fn log(&mut self, _: LogSource, _: &str) {}
    fn progress(&mut self, _: f64, _: Option<f64>, _: Option<&str>) {}
}
