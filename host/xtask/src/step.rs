//! One step: a command whose output goes to a log file while a bar or plain lines tell how far it is.
//! When it fails, the end of the log is shown.

use crate::place::Place;
use crate::process::Owned;
use crate::progress::{Units, units};
use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// Without a terminal, one line this often: CI must see that it lives.
const PLAIN_LINE_EVERY: Duration = Duration::from_secs(60);
/// Lines of the log that a failure shows.
const TAIL_LINES: usize = 40;

/// What becomes of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// Into the log only.
    Logged,
    /// Into the log and onto standard error as it comes: tests, which people and CI read.
    Shown,
}

/// Runs a command as a step. `name` is also the log file's.
pub(crate) async fn run(place: &Place, name: &str, output: Output, command: &mut Command) -> anyhow::Result<()> {
    let path = place.log(name);
    std::fs::create_dir_all(path.parent().unwrap_or(&place.target)).context("target/ cannot be written")?;
    let log = File::create(&path).with_context(|| format!("{} cannot be written", path.display()))?;
    let mut report = Report::start(name, output);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Cargo draws its progress even into a pipe, so that we can count along.
    command.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "100");
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let mut child =
        Owned::start(command, Duration::from_secs(15)).with_context(|| format!("{program} does not start"))?;
    let (stdout, stderr) = (child.child().stdout.take(), child.child().stderr.take());
    let mut sink = Sink { log, tail: VecDeque::new(), output };
    follow(stdout, stderr, &mut sink, &mut report).await?;
    let status = child.child().wait().await.with_context(|| format!("{program} was lost"))?;
    report.end(status.success());
    if !status.success() {
        if output == Output::Logged {
            sink.tail.iter().for_each(|line| eprintln!("  | {line}"));
        }
        anyhow::bail!("{name} failed ({status}); all of its output is in {}", path.display());
    }
    Ok(())
}

async fn follow(
    mut stdout: Option<impl AsyncRead + Unpin>,
    mut stderr: Option<impl AsyncRead + Unpin>,
    sink: &mut Sink,
    report: &mut Report,
) -> anyhow::Result<()> {
    let (mut out, mut err) = (Lines::default(), Lines::default());
    let (mut out_bytes, mut err_bytes) = (vec![0; 16 << 10], vec![0; 16 << 10]);
    let mut tick = tokio::time::interval(PLAIN_LINE_EVERY);
    tick.tick().await;
    while stdout.is_some() || stderr.is_some() {
        tokio::select! {
            read = read(&mut stdout, &mut out_bytes), if stdout.is_some() => {
                if out.push(out_bytes.get(..read).unwrap_or_default(), |line| sink.line(line, report))? { stdout = None; }
            }
            read = read(&mut stderr, &mut err_bytes), if stderr.is_some() => {
                if err.push(err_bytes.get(..read).unwrap_or_default(), |line| sink.line(line, report))? { stderr = None; }
            }
            _ = tick.tick() => report.still(),
        }
    }
    Ok(())
}

/// A broken pipe ends the output as its end does.
async fn read(from: &mut Option<impl AsyncRead + Unpin>, into: &mut [u8]) -> usize {
    match from {
        Some(from) => from.read(into).await.unwrap_or(0),
        None => 0,
    }
}

/// Splits at line feeds and at the carriage returns that progress lines end in.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    /// True at the end of the stream, which an empty piece is.
    fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&str) -> anyhow::Result<()>) -> anyhow::Result<bool> {
        for byte in bytes {
            match byte {
                b'\n' | b'\r' => each(&String::from_utf8_lossy(&std::mem::take(&mut self.0)))?,
                other => self.0.push(*other),
            }
        }
        if bytes.is_empty() && !self.0.is_empty() {
            each(&String::from_utf8_lossy(&std::mem::take(&mut self.0)))?;
        }
        Ok(bytes.is_empty())
    }
}

struct Sink {
    log: File,
    tail: VecDeque<String>,
    output: Output,
}

impl Sink {
    fn line(&mut self, line: &str, report: &mut Report) -> anyhow::Result<()> {
        if let Some(units) = units(line) {
            report.units(units);
            return Ok(());
        }
        let line = line.trim_start_matches("\u{1b}[K").trim_end();
        writeln!(self.log, "{line}").context("the log cannot be written")?;
        if self.output == Output::Shown && !line.is_empty() {
            report.show(line);
        }
        if self.tail.len() == TAIL_LINES {
            self.tail.pop_front();
        }
        self.tail.push_back(line.to_owned());
        Ok(())
    }
}

/// Tells people how far a step is.
struct Report {
    name: String,
    started: Instant,
    bar: Option<ProgressBar>,
    last: Option<Units>,
}

impl Report {
    fn start(name: &str, output: Output) -> Self {
        let terminal = std::io::stderr().is_terminal() && std::env::var_os("CI").is_none();
        if !terminal {
            eprintln!("{name:<10}…");
        }
        let bar = terminal.then(|| {
            let bar = ProgressBar::new_spinner().with_message(name.to_owned());
            let look = "{msg:<10}{spinner} {elapsed:>4}  {prefix}";
            if let (Output::Logged, Ok(style)) = (output, ProgressStyle::with_template(look)) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { name: name.to_owned(), started: Instant::now(), bar, last: None }
    }

    fn units(&mut self, units: Units) {
        if let Some(bar) = &self.bar {
            if bar.length() != Some(units.all) {
                bar.set_length(units.all);
                if let Ok(style) =
                    ProgressStyle::with_template("{msg:<10}{bar:30} {pos}/{len} {elapsed:>4}  {prefix:.dim}")
                {
                    bar.set_style(style);
                }
            }
            bar.set_position(units.done);
            bar.set_prefix(units.now.chars().take(40).collect::<String>());
        }
        self.last = Some(units);
    }

    fn show(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    fn still(&self) {
        if self.bar.is_none() {
            let minutes = self.started.elapsed().as_secs() / 60;
            match &self.last {
                Some(units) => eprintln!("{:<10}{} of {} after {minutes} min", self.name, units.done, units.all),
                None => eprintln!("{:<10}still at it after {minutes} min", self.name),
            }
        }
    }

    fn end(&self, success: bool) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let seconds = self.started.elapsed().as_secs_f64();
        eprintln!("{:<10}{} {seconds:.1} s", self.name, if success { "done in" } else { "failed after" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_both_kinds_of_return_and_at_the_end() {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        let mut each = |line: &str| {
            seen.push(line.to_owned());
            Ok(())
        };
        let ends: Vec<_> = [&b"one\ntw"[..], b"o\rthr", b"ee", b""]
            .iter()
            .map(|piece| lines.push(piece, &mut each).unwrap_or(false))
            .collect();
        assert_eq!(ends, [false, false, false, true]);
        assert_eq!(seen, ["one", "two", "three"]);
    }
}
