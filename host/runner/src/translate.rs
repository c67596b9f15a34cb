//! The engine's words in the protocol's: the engine does not know that there is a hub.

use engine::http::Fault;
use engine::{CallReport, LimitHit, LimitKind};
use protocol::{
    Answer, Content, Hints, HttpFault, Limit, LogSource, Outcome, Resource, ResourceBody, ToolDescription, Usage,
};

/// What a call cost.
#[must_use]
pub fn usage(report: &CallReport, unheard_bytes: u64) -> Usage {
    let micros = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    Usage {
        wall_us: micros(report.wall),
        cpu_us: micros(report.cpu),
        peak_memory_bytes: report.peak_memory,
        log_dropped_bytes: report.log_dropped.saturating_add(unheard_bytes),
    }
}

/// Which bound was hit, and its value.
#[must_use]
pub fn limit(hit: LimitHit) -> Outcome {
    let which = match hit.which {
        LimitKind::Memory => Limit::Memory,
        LimitKind::Cpu => Limit::Cpu,
        LimitKind::Deadline => Limit::Deadline,
        LimitKind::Arguments => Limit::Arguments,
        LimitKind::Result => Limit::Result,
        LimitKind::Handles => Limit::Handles,
        LimitKind::Stack => Limit::Stack,
        LimitKind::HostCall => Limit::HostCall,
        LimitKind::Concurrency => Limit::Concurrency,
    };
    Outcome::Limit(which, hit.value)
}

/// A tool's answer.
#[must_use]
pub fn answer(answer: engine::Answer, is_error: bool) -> Answer {
    Answer { content: answer.content.into_iter().map(content).collect(), structured: answer.structured, is_error }
}

fn content(block: engine::Content) -> Content {
    match block {
        engine::Content::Text(text) => Content::Text(text),
        engine::Content::Image(media) => Content::Image(media.data, media.mime_type),
        engine::Content::Audio(media) => Content::Audio(media.data, media.mime_type),
        engine::Content::Resource(resource) => Content::Resource(Resource {
            uri: resource.uri,
            mime_type: resource.mime_type,
            body: match resource.body {
                engine::ResourceBody::Text(text) => ResourceBody::Text(text),
                engine::ResourceBody::Blob(bytes) => ResourceBody::Blob(bytes),
            },
        }),
    }
}

/// Where a line came from.
#[must_use]
pub fn source(source: engine::LogSource) -> LogSource {
    match source {
        engine::LogSource::Stdout => LogSource::Stdout,
        engine::LogSource::Stderr => LogSource::Stderr,
        engine::LogSource::Message(level) => LogSource::Message(level),
    }
}

/// Why a request has no answer. How long the hub waited is its own affair.
#[must_use]
pub fn fault(fault: HttpFault) -> Fault {
    match fault {
        HttpFault::Denied => Fault::Denied,
        HttpFault::BadRequest => Fault::BadRequest,
        HttpFault::NoAddress => Fault::NoAddress,
        HttpFault::AddressProhibited => Fault::AddressProhibited,
        HttpFault::Connection => Fault::Connection,
        HttpFault::ConnectTimeout => Fault::ConnectTimeout,
        HttpFault::Tls => Fault::Tls,
        HttpFault::FirstByte(_) | HttpFault::Total(_) => Fault::Timeout,
        HttpFault::RequestTooLarge(most) => Fault::RequestTooLarge(most),
        HttpFault::ResponseTooLarge(most) => Fault::ResponseTooLarge(most),
        HttpFault::ContentType => Fault::ContentType,
        HttpFault::Encoding => Fault::Encoding,
        HttpFault::Protocol => Fault::Protocol,
        HttpFault::Redirects => Fault::Redirects,
        HttpFault::TooMany => Fault::TooMany,
        HttpFault::Budget => Fault::Budget,
        HttpFault::Secret => Fault::Secret,
        HttpFault::Unrecorded => Fault::Unrecorded,
        HttpFault::CallEnded => Fault::CallEnded,
    }
}

/// A tool's description.
#[must_use]
pub fn description(tool: engine::ToolDescription) -> ToolDescription {
    ToolDescription {
        name: tool.name,
        title: tool.title,
        description: tool.description,
        input_schema: tool.input_schema,
        output_schema: tool.output_schema,
        hints: Hints {
            read_only: tool.hints.read_only,
            destructive: tool.hints.destructive,
            idempotent: tool.hints.idempotent,
            open_world: tool.hints.open_world,
        },
    }
}
