//! `safeclaw audit export`.

use crate::data::Data;
use ::hub::audit::Place;
use ::hub::audit::lines::{Ending, Lines};
use anyhow::Context;
use serde::Deserialize;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::process::ExitCode;

/// Print records as they stand in the log, byte by byte: whole, the export verifies as the log does.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// In which form
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Format,
    /// Only records from this time on, such as 2026-11-22T00:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Only records before this time
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    #[command(flatten)]
    data: Data,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A JSON object on each line
    Jsonl,
}

/// A moment of UTC, as the log writes it: such texts are in the order of time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Moment(String);

impl std::str::FromStr for Moment {
    type Err = &'static str;

    /// `YYYY-MM-DDTHH:MM:SS[.fraction]Z`, or a day alone.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "write a time of UTC as 2026-11-22T10:00:00Z, or a day as 2026-11-22";
        const SHAPE: &[u8] = b"dddd-dd-ddTdd:dd:dd";
        let (moment, fraction) = match text.strip_suffix('Z') {
            Some(rest) => rest.split_once('.').unwrap_or((rest, "")),
            None => (text, ""),
        };
        let shaped = moment.bytes().zip(SHAPE).all(|(found, shape)| match shape {
            b'd' => found.is_ascii_digit(),
            other => found == *other,
        });
        let whole = if text.ends_with('Z') { SHAPE.len() } else { 10 };
        if !shaped || moment.len() != whole || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(wrong);
        }
        // `.` sorts before `Z`, and a day before all of its moments.
        Ok(Self(match fraction.trim_end_matches('0') {
            "" => moment.to_owned(),
            fraction => format!("{moment}.{fraction}"),
        }))
    }
}

#[derive(Deserialize)]
struct Timed {
    time: String,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Format::Jsonl = arguments.format;
    let path = Place::in_directory(&arguments.data.directory()?).log;
    let file = File::open(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut lines = Lines::from(BufReader::new(file), 1, 0);
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut left_out = 0_u64;
    while let Some(line) = lines.read()? {
        if line.ending != Ending::Whole {
            left_out += 1;
            continue;
        }
        let Ok(Timed { time }) = serde_json::from_slice(line.bytes) else {
            left_out += 1;
            continue;
        };
        if within(&time, arguments.since.as_ref(), arguments.until.as_ref()) {
            out.write_all(line.bytes)
                .and_then(|()| out.write_all(b"\n"))
                .context("standard output cannot be written")?;
        }
    }
    out.flush().context("standard output cannot be written")?;
    if left_out > 0 {
        eprintln!("warning: {left_out} lines are no records and were left out: `safeclaw audit verify` says more");
    }
    Ok(ExitCode::SUCCESS)
}

fn within(time: &str, since: Option<&Moment>, until: Option<&Moment>) -> bool {
    let Ok(moment) = time.parse::<Moment>() else { return since.is_none() && until.is_none() };
    since.is_none_or(|since| moment >= *since) && until.is_none_or(|until| moment < *until)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_in_the_order_of_time() {
        let texts = [
            "2026-11-22",
            "2026-11-22T00:00:00Z",
            "2026-11-22T00:00:00.1Z",
            "2026-11-22T00:00:00.12Z",
            "2026-11-22T00:00:01Z",
            "2026-11-23",
        ];
        let moments: Vec<Moment> = texts.iter().filter_map(|text| text.parse().ok()).collect();
        assert_eq!(moments.len(), texts.len());
        assert!(moments.is_sorted(), "{moments:?}");
        for text in [
            "",
            "yesterday",
            "2026-11-22T00:00:00",
            "2026-11-22Z",
            "2026-11-22T00:00:00+01:00",
            "2026-1-22",
            "2026-11-22T00:00:00.xZ",
        ] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }

    #[test]
    fn until_is_the_first_moment_that_is_out() {
        let (since, until) = ("2026-11-22".parse().ok(), "2026-11-23".parse().ok());
        for (time, wanted) in [
            ("2026-11-21T23:59:59.9Z", false),
            ("2026-11-22T00:00:00Z", true),
            ("2026-11-22T23:59:59.999Z", true),
            ("2026-11-23T00:00:00Z", false),
        ] {
            assert_eq!(within(time, since.as_ref(), until.as_ref()), wanted, "{time}");
        }
        assert!(within("a time of nobody's", None, None) && !within("a time of nobody's", since.as_ref(), None));
    }
}
