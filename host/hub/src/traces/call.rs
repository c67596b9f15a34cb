//! The spans of one call: one for the whole, one for each step. With tracing off all of it is nothing.

use super::TraceContext;
use crate::api::{CallOutcome, SessionId};
use crate::{metrics, policy};
use manifest::Tool;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, Span};

/// The span of a call.
const CALL: &str = "mcp.tools/call";

/// A call's span, if there is tracing.
pub(crate) struct CallTrace(Option<Box<Open>>);

struct Open {
    tracer: SdkTracer,
    /// Holds the call's span.
    context: Context,
}

/// A part of a call; it ends when this is dropped.
pub(crate) struct Step(#[cfg_attr(not(test), expect(dead_code, reason = "ends when it is dropped"))] Option<Span>);

impl CallTrace {
    /// Of a call that nobody traces.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    pub(super) fn begin(tracer: &SdkTracer, within: Option<TraceContext>) -> Self {
        // Not what this thread is in the middle of: a call has no other parent than the agent's.
        let parent =
            within.map_or_else(Context::new, |within| Context::new().with_remote_span_context(within.into_span()));
        let builder = tracer.span_builder(CALL).with_kind(SpanKind::Server);
        let context = Context::new().with_span(builder.start_with_context(tracer, &parent));
        Self(Some(Box::new(Open { tracer: tracer.clone(), context })))
    }

    /// A step begins.
    pub(crate) fn step(&self, name: &'static str) -> Step {
        Step(self.0.as_ref().map(|open| open.tracer.span_builder(name).start_with_context(&open.tracer, &open.context)))
    }

    /// Whose call it is.
    pub(crate) fn session(&self, session: &SessionId) {
        self.attribute("safeclaw.session", || session.0.clone());
    }

    /// The tool, once the manifest knows it: what an agent calls it is never passed on.
    pub(crate) fn tool(&self, tool: &Tool) {
        self.attribute("safeclaw.tool", || tool.name.to_string());
        self.attribute("safeclaw.tier", || policy::word(tool.tier).to_owned());
    }

    /// The call has ended.
    pub(crate) fn end(self, outcome: &CallOutcome) {
        self.attribute("safeclaw.outcome", || metrics::word(outcome).to_owned());
        if let Some(open) = self.0 {
            let span = open.context.span();
            if let CallOutcome::Broken { .. } = outcome {
                span.set_status(Status::error(""));
            }
            span.end();
        }
    }

    fn attribute(&self, key: &'static str, value: impl FnOnce() -> String) {
        if let Some(open) = &self.0 {
            open.context.span().set_attribute(KeyValue::new(key, value()));
        }
    }
}

impl Step {
    /// Nothing.
    #[cfg(test)]
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }
}
