//! What is measured, in order: every server under the same load, then sessions, then what it all costs.

use super::report::Report;
use super::servers::Setting;
use super::{against, button, calls, crowd, egress, first, fresh, governed, python, spinning};
use anyhow::Context;
use clap::ValueEnum;
use std::path::PathBuf;
use std::time::Duration;

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Calls on every server, and what each process spends on them
    Calls,
    /// First calls of sessions, calls with a container of their own, `docker run`
    Sessions,
    /// The engine alone, beside wasmtime's own pool
    Fresh,
    /// A component in Python beside one in Rust
    Python,
    /// Guests that spin
    Spinning,
    /// Many sessions at once, and idle ones
    Crowd,
    /// The governor by itself: decisions, and what a session costs it
    Governed,
    /// The red button
    Button,
    /// Requests to the outside, beside the same ones by `curl`
    Egress,
}

/// How much.
#[derive(Debug, Clone)]
pub(crate) struct Amount {
    /// Nothing but these; everything if empty.
    pub(crate) only: Vec<Part>,
    /// The component in Python, where there is one.
    pub(crate) python: Option<PathBuf>,
    /// For each row of calls.
    pub(crate) time: Duration,
    /// Calls of the row that shows what they cost.
    pub(crate) calls: u64,
    /// Calls until which memory is watched, if it is.
    pub(crate) until: Option<u64>,
    /// Sessions at once, and idle ones.
    pub(crate) crowd: usize,
    pub(crate) idle: usize,
    /// Sessions over runners that do nothing.
    pub(crate) governed: usize,
}

/// Something else to measure in the same run: `NAME=URL` or `NAME=COMMAND`.
#[derive(Debug, Clone)]
pub(crate) struct Other {
    pub(crate) name: String,
    pub(crate) at: String,
}

impl std::str::FromStr for Other {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, at)) if !name.is_empty() && !at.is_empty() => Ok(Self { name: name.into(), at: at.into() }),
            _ => Err("write NAME=URL or NAME=\"COMMAND WITH ARGUMENTS\""),
        }
    }
}

/// Measures everything.
pub(crate) async fn run(setting: &Setting, amount: &Amount, others: &[Other]) -> anyhow::Result<Report> {
    let mut report = Report { machine: machine(), ..Report::default() };
    let wanted = |part| amount.only.is_empty() || amount.only.contains(&part);
    if wanted(Part::Calls) {
        calls::measure(setting, amount, others, &mut report).await.context("calls")?;
    }
    if wanted(Part::Sessions) {
        first::measure(setting, &mut report).await.context("sessions")?;
    }
    if wanted(Part::Fresh) {
        fresh::measure(setting, &mut report).await.context("the engine alone")?;
    }
    if wanted(Part::Python) {
        match &amount.python {
            Some(python) => {
                python::measure(setting, python, amount.time, &mut report).await.context("a component in Python")?;
            }
            None => report.notes.push("No component in Python was built: its rows are missing.".to_owned()),
        }
    }
    if wanted(Part::Spinning) {
        spinning::measure(setting, amount.time, &mut report).await.context("guests that spin")?;
    }
    if wanted(Part::Crowd) {
        crowd::measure(setting, amount, &mut report).await.context("many sessions")?;
    }
    if wanted(Part::Governed) {
        governed::measure(setting, amount, &mut report).await.context("the governor by itself")?;
    }
    if wanted(Part::Button) {
        button::measure(setting, &mut report).await.context("the red button")?;
    }
    if wanted(Part::Egress) {
        egress::measure(setting, &mut report).await.context("requests to the outside")?;
    }
    report.compare();
    Ok(report)
}

/// Measures two revisions, and nothing else.
pub(crate) async fn compare(setting: &Setting, other: &against::Other, time: Duration) -> anyhow::Result<Report> {
    let comparison = against::measure(setting, other, time).await?;
    Ok(Report { machine: machine(), against: Some(comparison), ..Report::default() })
}

/// The processors and the kernel, as a reader of the table wants to know them.
fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<&str> =
        cpu.lines().filter_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, m)| m).collect();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let model = models.first().copied().unwrap_or("a processor without a name");
    format!("{} × {model}, Linux {}", models.len(), kernel.trim())
}
