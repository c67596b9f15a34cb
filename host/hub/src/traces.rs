//! Traces, for whoever wants to see where a call's time goes: off until a collector is named, and then spans go to
//! it over OTLP/HTTP from a bounded queue. A collector that hangs or is away costs spans, which are counted, and
//! never a call.
//!
//! What leaves this machine is in a span and nowhere else: the manifest's name of the tool, its tier, how the call
//! ended, the session's id, times, and the ids of the trace that the agent named. No argument, no result, no
//! principal, no text of a tool or of an agent.

mod call;
mod client;
mod collector;
mod context;
mod queue;

pub(crate) use call::CallTrace;
pub use collector::{Collector, TraceError};
pub use context::TraceContext;

use crate::metrics::{By, Fate};
use client::Client;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, SpanExporter as _};
use prometheus_client::metrics::counter::Counter;
use queue::{Flush, Queue};
use std::sync::{Arc, OnceLock};

/// What became of spans.
pub(crate) type SpanMetrics = By<Fate, Counter>;

/// Where spans go, if anywhere.
#[derive(Default)]
pub(crate) struct Traces {
    on: OnceLock<On>,
    metrics: Arc<SpanMetrics>,
}

struct On {
    tracer: SdkTracer,
    flush: Flush,
}

impl Traces {
    /// What it counts.
    pub(crate) fn metrics(&self) -> &Arc<SpanMetrics> {
        &self.metrics
    }

    /// Sends spans to a collector from here on.
    pub(crate) fn begin(&self, collector: &Collector, hub_id: &str) -> Result<(), TraceError> {
        let resource = Resource::builder()
            .with_service_name("safeclaw")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_attribute(KeyValue::new("service.instance.id", hub_id.to_owned()))
            .build();
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new()?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(collector.traces())
            // Between two tries it would put a thread to sleep that serves calls; the next batch is the next try.
            .with_retry_policy(RetryPolicy::disabled())
            .build()?;
        exporter.set_resource(&resource);
        let (queue, flush) = Queue::start(exporter, self.metrics.clone());
        let provider = SdkTracerProvider::builder()
            .with_span_processor(queue)
            // Whatever the agent says: one that could switch off the spans of its calls would.
            .with_sampler(Sampler::AlwaysOn)
            .with_resource(resource)
            .build();
        let on = On { tracer: provider.tracer("safeclaw"), flush };
        self.on.set(on).map_err(|_| TraceError::Twice)
    }

    /// A call begins, as part of the trace that its agent named, or of a new one.
    pub(crate) fn call(&self, within: Option<TraceContext>) -> CallTrace {
        self.on.get().map_or_else(CallTrace::none, |on| CallTrace::begin(&on.tracer, within))
    }

    /// Sends what waits, as far as that takes no longer than the end of a hub may.
    pub(crate) async fn finish(&self) {
        if let Some(on) = self.on.get() {
            on.flush.now().await;
        }
    }
}
