//! One JSON object a line. The library's own format says of an error only its first sentence, and leaves out the
//! causes, which are what an operator looks for.

use serde_json::{Map, Value};
use std::error::Error;
use std::fmt;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes an event's time, level, target and message, and its fields beside them.
pub(super) struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut line = Line(Map::new());
        event.record(&mut line);
        // Last, so that no field of an event passes for them.
        let about = event.metadata();
        let head = [("timestamp", time), ("level", about.level().to_string()), ("target", about.target().to_owned())];
        line.0.extend(head.map(|(key, value)| (key.to_owned(), value.into())));
        writeln!(writer, "{}", Value::Object(line.0))
    }
}

/// What an event has said so far.
struct Line(Map<String, Value>);

impl Line {
    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Line {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let causes = std::iter::successors(value.source(), |&cause| cause.source());
        let chain = causes.fold(value.to_string(), |text, cause| format!("{text}: {cause}"));
        self.set(field, chain);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}"));
    }
}
