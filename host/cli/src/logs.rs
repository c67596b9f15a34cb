//! Logs go to standard error, so that standard output holds results, or a protocol, and nothing else.

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

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
        let builder = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(&self.log))
            .with_writer(std::io::stderr)
            .with_ansi(false);
        let _ = match self.log_format {
            Format::Text => builder.try_init(),
            Format::Json => builder.json().try_init(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_means_nothing_is_refused() {
        assert!(filter("hub=debug,info").is_ok());
        assert!(filter("hub=loud").is_err());
    }
}
