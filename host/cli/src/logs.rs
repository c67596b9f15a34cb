//! Logs go to standard error, so that standard output holds results, or a protocol, and nothing else.

mod json;

use clap::{Args, ValueEnum};
use tracing::Dispatch;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// What is logged, and how.
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// What to log: off, error, warn, info, debug, trace, or a filter such as hub=debug,info
    #[arg(long, global = true, value_name = "LEVEL", env = "SAFECLAW_LOG", default_value = "warn", value_parser = filter)]
    log: String,
    /// How a log line looks
    #[arg(long, global = true, value_name = "FORMAT", env = "SAFECLAW_LOG_FORMAT", default_value = "text")]
    log_format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object a line, for collectors
    Json,
}

/// A filter is refused here, with its reason, rather than ignored later.
fn filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

impl Logs {
    /// The same for another program of ours.
    pub(crate) fn arguments(&self) -> [String; 4] {
        let format = match self.log_format {
            Format::Text => "text",
            Format::Json => "json",
        };
        ["--log", &self.log, "--log-format", format].map(str::to_owned)
    }

    /// Starts logging. A second start, as in tests, changes nothing.
    pub(crate) fn start(&self) {
        let _ = tracing::dispatcher::set_global_default(self.to(std::io::stderr));
    }

    fn to(&self, writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static) -> Dispatch {
        let builder =
            tracing_subscriber::fmt().with_env_filter(EnvFilter::new(&self.log)).with_writer(writer).with_ansi(false);
        match self.log_format {
            Format::Text => builder.into(),
            Format::Json => builder.event_format(json::Json).into(),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is logged in this format while something happens.
    fn logged(log_format: Format, happens: impl FnOnce()) -> String {
        let written = Written::default();
        let logs = Logs { log: "info".to_owned(), log_format };
        let writer = written.clone();
        tracing::dispatcher::with_default(&logs.to(move || writer.clone()), happens);
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    /// A log that one message could break up would let whoever words it write lines of ours.
    #[test]
    fn in_json_each_event_is_one_object_on_one_line_with_all_its_fields() {
        let error = anyhow::anyhow!("the disk\nis \"full\"").context("not written");
        let text = logged(Format::Json, || {
            tracing::warn!(call = %7, error = &*error as &dyn std::error::Error, text = "a\n{\"level\":\"ERROR\"}\u{1b}[2J", "first");
            tracing::info!(count = 3_u64, ok = true, list = ?["a"], "second\nline");
            tracing::debug!("not this one");
        });
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [first, second] = lines.as_slice() else { unreachable!("{text}") };
        assert!(first["timestamp"].as_str().unwrap().ends_with('Z'), "{first}");
        let has = |line: &Value, expected: Value| {
            for (field, value) in expected.as_object().unwrap() {
                assert_eq!(&line[field], value, "{line}");
            }
            assert_eq!(line.as_object().unwrap().len(), expected.as_object().unwrap().len() + 1, "{line}");
        };
        has(
            first,
            serde_json::json!({
                "level": "WARN", "target": "safeclaw::logs::tests", "message": "first", "call": "7",
                "error": "not written: the disk\nis \"full\"", "text": "a\n{\"level\":\"ERROR\"}\u{1b}[2J",
            }),
        );
        has(
            second,
            serde_json::json!({
                "level": "INFO", "target": "safeclaw::logs::tests", "message": "second\nline", "count": 3, "ok": true,
                "list": "[\"a\"]",
            }),
        );
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn as_text_there_are_no_colours() {
        let text = logged(Format::Text, || tracing::warn!(call = %7, "first"));
        assert!(text.ends_with(" WARN safeclaw::logs::tests: first call=7\n"), "{text}");
    }

    #[test]
    fn the_format_is_asked_for_by_a_flag() {
        use clap::Parser as _;
        #[derive(clap::Parser)]
        struct Program {
            #[command(flatten)]
            logs: Logs,
        }
        let format = |arguments: &[&str]| Program::try_parse_from(arguments).map(|program| program.logs.log_format);
        assert_eq!(format(&["x", "--log-format", "json"]).unwrap(), Format::Json);
        assert!(format(&["x", "--log-format", "yaml"]).is_err());
    }

    #[test]
    fn a_filter_that_means_nothing_is_refused() {
        assert!(filter("hub=debug,info").is_ok());
        assert!(filter("hub=loud").is_err());
    }
}
