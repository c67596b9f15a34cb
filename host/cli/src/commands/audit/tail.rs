//! `safeclaw audit tail`.

use super::story::Told;
use crate::data::Data;
use crate::output::{self, Form};
use ::hub::audit::Place;
use ::hub::audit::lines::{Ending, Lines};
use anyhow::Context;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::process::ExitCode;
use std::time::Duration;

/// How often a log is looked at for more.
const AGAIN: Duration = Duration::from_millis(200);
/// The longest tail, lines.
const MOST: u16 = 10_000;

/// Print the last records, and those that come.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u16).range(..=i64::from(MOST)))]
    lines: u16,
    /// Go on with what comes, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Heads and other records of the chain itself, too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    form: Form,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let path = Place::in_directory(&arguments.data.directory()?).log;
    let file = File::open(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut last: VecDeque<String> = VecDeque::new();
    let mut at = read(&file, 0, arguments, |line| {
        if last.len() == usize::from(arguments.lines) {
            last.pop_front();
        }
        if arguments.lines > 0 {
            last.push_back(line);
        }
        Ok(())
    })?;
    last.iter().try_for_each(|line| output::line(line))?;
    if !arguments.follow {
        return Ok(ExitCode::SUCCESS);
    }
    // Ctrl-C ends it, or a reader that has gone away.
    loop {
        tokio::time::sleep(AGAIN).await;
        anyhow::ensure!(file.metadata()?.size() >= at, "the log became shorter: `safeclaw audit verify` says more");
        at = read(&file, at, arguments, |line| output::line(&line))?;
    }
}

/// Every whole line from there on; where the first one begins that is not whole yet.
fn read(
    mut file: &File,
    from: u64,
    arguments: &Arguments,
    mut each: impl FnMut(String) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    file.seek(SeekFrom::Start(from))?;
    let mut lines = Lines::from(BufReader::new(file), 1, from);
    let mut end = from;
    while let Some(line) = lines.read()? {
        if line.ending == Ending::Torn {
            return Ok(line.start);
        }
        end = line.end;
        let told = Told::of(line.bytes);
        if !arguments.all && told.as_ref().is_some_and(|told| told.is_of_the_chain()) {
            continue;
        }
        each(match told {
            Some(told) if !arguments.form.json => told.line(),
            // JSON escapes what moves a terminal.
            Some(told) => told.json(),
            None => "(no record: `safeclaw audit verify` says more)".to_owned(),
        })?;
    }
    Ok(end)
}
