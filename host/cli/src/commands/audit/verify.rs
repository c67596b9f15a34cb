//! `safeclaw audit verify`.

use crate::data::Data;
use crate::output::{self, Form};
use ::hub::audit::verify::{Expected, Report, Vouched, directory, files, public};
use ::hub::audit::{Place, PublicKey};
use anyhow::Context;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

/// Find what was changed, removed, put in, moved or cut off.
///
/// Needs no hub and no secret: the first public key, which is in the data directory as `audit.pub`. Where the hub's
/// key file can be read too, it shows whether the end was cut off; without it, `--expect` does. Exit code 0 if nothing
/// was tampered with up to the head that it names, 1 if something was, 2 if the log could not be verified at all.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Logs from elsewhere, in the order in which they are parts of one
    #[arg(value_name = "FILE")]
    logs: Vec<PathBuf>,
    /// The first public key, or a file that has it [default: the data directory's, or what FILE says of itself]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// What must be in the log: SEQ:HASH as this command prints it, or a file that --audit-heads wrote
    #[arg(long, value_name = "HEAD")]
    expect: Vec<String>,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    form: Form,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let report = match report(arguments) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("error: the log could not be verified: {error:#}");
            return Ok(ExitCode::from(2));
        }
    };
    let sound = report.faults.is_empty();
    if arguments.form.json {
        output::json(&serde_json::json!({ "ok": sound, "report": report }))?;
    } else {
        output::line(&told(&report))?;
    }
    Ok(ExitCode::from(u8::from(!sound)))
}

fn report(arguments: &Arguments) -> anyhow::Result<Report> {
    let mut expected = BTreeSet::new();
    for text in &arguments.expect {
        expected.extend(Expected::read(text).with_context(|| format!("--expect {text}"))?);
    }
    let key = arguments.key.as_deref().map(key).transpose()?;
    if !arguments.logs.is_empty() {
        return Ok(files(&arguments.logs, key, expected)?);
    }
    let data = arguments.data.directory()?;
    match key {
        // A key that was kept elsewhere is worth more than the one beside the log.
        Some(key) if public(&Place::in_directory(&data).public).ok() != Some(key) => {
            anyhow::bail!("{} is not the key that --key says", Place::in_directory(&data).public.display())
        }
        _ => Ok(directory(&data, expected)?),
    }
}

fn key(text: &str) -> anyhow::Result<PublicKey> {
    match text.parse() {
        Ok(key) => Ok(key),
        Err(_) => public(&PathBuf::from(text)).context("--key wants a public key, or a file that has one"),
    }
}

fn told(report: &Report) -> String {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
    let mut lines = vec![
        format!("log       {}", or_none(report.log.map(|log| log.to_string()))),
        format!("hub       {}", or_none(report.hub.as_deref().map(|hub| ::hub::clean::line(hub, 64)))),
        format!("key       {}", or_none(report.key.map(|key| key.to_string()))),
        format!("records   {} in {} lines", report.records, report.lines),
    ];
    lines.push(match report.vouched {
        Some(Vouched { step, seq, hash, .. }) => format!("vouched   up to {seq}:{hash} by head {step}"),
        None => "vouched   nothing: there is no head that can be believed".to_owned(),
    });
    lines.push(format!(
        "unsigned  {} after that: the hub, or whoever is in it, can still change these",
        counted(report.unsigned, "record")
    ));
    if report.torn > 0 {
        lines.push(format!(
            "torn      {} that a killed hub left were closed by its next start",
            counted(report.torn, "line")
        ));
    }
    if report.torn_tail_bytes > 0 {
        let bytes = counted(report.torn_tail_bytes, "byte");
        lines.push(format!("torn      {bytes} at the end are no record yet: a hub was killed there, or is writing"));
    }
    if report.head_in_key_file {
        lines.push("note      the last head is in the hub's key file and not yet in the log".to_owned());
    }
    if report.key_is_its_own_word {
        lines.push("note      the key is what the log says of itself: compare it with the one you kept".to_owned());
    }
    if !report.with_key_file {
        lines.push(
            "note      without the hub's key file nothing shows a log that was cut at a head: say --expect".to_owned(),
        );
    }
    lines.extend(report.faults.iter().map(|fault| format!("TAMPERED  {fault}")));
    if report.more_faults > 0 {
        lines.push(format!("TAMPERED  and {} more", counted(report.more_faults, "fault")));
    }
    lines.push(match report.faults.first() {
        None => "ok".to_owned(),
        Some(_) => "Believe the records up to the vouched one; look at who could write the files since.".to_owned(),
    });
    lines.join("\n")
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
