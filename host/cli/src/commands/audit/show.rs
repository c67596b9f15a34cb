//! `safeclaw audit show`: a call from what was asked to what came of it, with the runner and the session it had.

use super::story::Told;
use crate::data::Data;
use crate::output::{self, Form};
use ::hub::audit::Place;
use ::hub::audit::lines::{Ending, Lines};
use anyhow::Context;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::ExitCode;

/// Records that one call can have: three of each request that it may make, and some. More are somebody's joke.
const MOST: usize = 3 * 10_000 + 1000;
/// Lines about its requests, where people read it.
const SHOWN: usize = 40;

/// Tell the whole story of one call.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The call's id, as logs, `broken` answers and `audit tail` have it
    #[arg(value_name = "CALL-ID")]
    call: String,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    form: Form,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let path = Place::in_directory(&arguments.data.directory()?).log;
    let call = ::hub::clean::line(&arguments.call, 64);
    let own = find(&path, |told| told.is("call", &call))?;
    let Some(first) = own.first() else {
        anyhow::bail!("there is no call {call} in {}", path.display());
    };
    let runner = own.iter().find_map(|told| told.at("runner"));
    let (session, manifest) = (first.text("session"), first.text("manifest"));
    // What was around it: its runner's life, its session's, and the manifest that was in force.
    let around = find(&path, |told| {
        let of_runner = runner.as_deref().is_some_and(|runner| told.is("runner", runner));
        let of_session = told.is("session", &session) && told.text("event").starts_with("session_");
        let applied = !manifest.is_empty() && told.is("digest", &manifest) && told.at("version").is_some();
        !told.is("call", &call) && ((of_runner && told.text("event").starts_with("runner_")) || of_session || applied)
    })?;
    if arguments.form.json {
        own.iter().chain(&around).try_for_each(|told| output::line(&told.json()))?;
    } else {
        output::line(&story(&call, &own, &around))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn find(path: &Path, wanted: impl Fn(&Told) -> bool) -> anyhow::Result<Vec<Told>> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut lines = Lines::from(BufReader::new(file), 1, 0);
    let mut found = Vec::new();
    while let Some(line) = lines.read()? {
        if line.ending == Ending::TooLong {
            continue;
        }
        if let Some(told) = Told::of(line.bytes).filter(&wanted) {
            anyhow::ensure!(found.len() < MOST, "more than {MOST} records name it: `safeclaw audit verify` says more");
            found.push(told);
        }
    }
    Ok(found)
}

/// On one screen. Each figure with who says so.
fn story(call: &str, own: &[Told], around: &[Told]) -> String {
    let mut rows = vec![("call", call.to_owned())];
    let by = |event: &str| own.iter().find(|told| told.is("event", event));
    let of = |told: Option<&Told>, pointer: &str| told.and_then(|told| told.at(pointer));
    let (requested, executed, denied) = (by("requested"), by("executed"), by("denied"));
    let begun = requested.or(denied);
    let mut row = |name: &'static str, value: Option<String>| {
        if let Some(value) = value {
            rows.push((name, value));
        }
    };
    row("who", of(begun, "principal"));
    row("session", of(begun, "session"));
    row("tool", of(begun, "tool"));
    row("tier", of(requested, "tier"));
    row("asked", of(begun, "time"));
    row("ended", of(executed, "time"));
    row("outcome", outcome(requested, executed, denied));
    row("unknown", of(by("outcome_unknown"), "reason").map(|why| format!("whether it took effect: {why}")));
    row(
        "arguments",
        of(requested, "arguments")
            .zip(of(requested, "arguments_bytes"))
            .map(|(digest, bytes)| format!("{digest}, {bytes} bytes")),
    );
    row("in clear", of(requested, "arguments_text"));
    row("component", of(requested, "component"));
    row("artefact", of(requested, "artefact"));
    row("grants", of(requested, "grants"));
    let version = around.iter().rev().find_map(|told| told.at("version"));
    row(
        "manifest",
        of(requested, "manifest").map(|digest| match version {
            Some(version) => format!("{digest}, version {version}"),
            None => digest,
        }),
    );
    row("runner", of(executed, "runner"));
    row("posture", of(executed, "posture"));
    let hub = |what: &str| of(executed, &format!("usage/hub/{what}"));
    row(
        "usage",
        hub("wall_us").map(|wall| {
            let [runner, bytes] = ["runner_us", "result_bytes"].map(|what| hub(what).unwrap_or_default());
            format!("{wall} µs, {runner} µs of it waiting for a runner, {bytes} bytes of result (measured by the hub)")
        }),
    );
    row(
        "",
        of(executed, "usage/runner/cpu_us").map(|cpu| {
            let memory = of(executed, "usage/runner/peak_memory_bytes").unwrap_or_default();
            format!("{cpu} µs of CPU, {memory} bytes of memory at most (reported by the runner)")
        }),
    );
    let mut text: Vec<String> = rows.iter().map(|(name, value)| format!("{name:<10}{value}")).collect();
    // The beginning of a request is told by its end, if it has one.
    let key = |told: &&Told| [told.text("request"), told.text("hop")];
    let begins = |told: &&Told| told.is("event", "egress") && told.is("outcome", "requested");
    let ends = |told: &&Told| told.is("event", "egress") && !begins(told) && !told.is("outcome", "leak");
    let over: BTreeSet<_> = own.iter().filter(ends).map(|told| key(&told)).collect();
    let asked = own.iter().filter(|told| !begins(told) || !over.contains(&key(told)));
    let asked: Vec<String> = asked.filter_map(Told::of_outside).collect();
    if !asked.is_empty() {
        text.push("asked of the outside".to_owned());
        text.extend(asked.iter().take(SHOWN).map(|line| format!("  {line}")));
        if asked.len() > SHOWN {
            text.push(format!("  and {} lines more: --json has them all", asked.len() - SHOWN));
        }
    }
    let lives: Vec<&Told> = around.iter().filter(|told| told.at("version").is_none()).collect();
    if !lives.is_empty() {
        text.push("around it".to_owned());
        text.extend(lives.iter().map(|told| format!("  {}", told.line())));
    }
    text.join("\n")
}

fn outcome(requested: Option<&Told>, executed: Option<&Told>, denied: Option<&Told>) -> Option<String> {
    if let Some(denied) = denied {
        return Some(format!("denied: {}", denied.text("reason")));
    }
    let Some(executed) = executed else {
        return requested.map(|_| "none: it runs, or the hub died before its end".to_owned());
    };
    Some(match executed.at("limit").zip(executed.at("value")) {
        Some((limit, value)) => format!("limit {limit} = {value}"),
        None => executed.text("outcome"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> Option<Told> {
        Told::of(line.as_bytes())
    }

    #[test]
    fn a_story_has_everything_once_and_says_who_measured() {
        let own: Vec<Told> = [
            r#"{"time":"1","event":"requested","call":"c","session":"s","principal":"ada","tool":"read","tier":"user","arguments":"hmac-sha256:00","arguments_bytes":2,"manifest":"m","component":"k"}"#,
            r#"{"time":"1","event":"egress","outcome":"requested","method":"POST","origin":"https://a.test","path":"hmac-sha256:00112233445566778899aabb","hop":0,"sent":0,"received":0,"wall_us":1}"#,
            r#"{"time":"1","event":"egress","outcome":"answered","status":302,"method":"POST","origin":"https://a.test","path":"hmac-sha256:00112233445566778899aabb","address":"192.0.2.1:443","credential":"github","hop":0,"sent":5,"received":7,"wall_us":2500}"#,
            r#"{"time":"1","event":"egress","outcome":"failed","fault":"Denied","reason":"no grant covers it","method":"GET","origin":"https://b.test","path":"hmac-sha256:00","path_text":"/b","hop":1,"sent":0,"received":0,"wall_us":9}"#,
            r#"{"time":"1","event":"egress","request":2,"outcome":"requested","method":"GET","origin":"https://c.test","path":"hmac-sha256:00","path_text":"/c","hop":0,"sent":0,"received":0,"wall_us":9}"#,
            r#"{"time":"1","event":"leaked","of":"github","place":"result","done":"ended"}"#,
            r#"{"time":"2","event":"executed","call":"c","outcome":"limit","limit":"cpu_ms","value":300,"runner":"r","posture":"p","usage":{"hub":{"wall_us":7,"runner_us":1,"result_bytes":0},"runner":{"cpu_us":5,"peak_memory_bytes":6}}}"#,
        ].into_iter().filter_map(told).collect();
        let around: Vec<Told> = [
            r#"{"time":"0","event":"manifest_applied","version":4,"digest":"m"}"#,
            r#"{"time":"0","event":"runner_started","runner":"r","class":"user","posture":"p"}"#,
        ]
        .into_iter()
        .filter_map(told)
        .collect();
        let story = story("c", &own, &around);
        for line in [
            "who       ada",
            "outcome   limit cpu_ms = 300",
            "arguments hmac-sha256:00, 2 bytes",
            "manifest  m, version 4",
            "usage     7 µs, 1 µs of it waiting for a runner, 0 bytes of result (measured by the hub)",
            "          5 µs of CPU, 6 bytes of memory at most (reported by the runner)",
            "asked of the outside",
            "  1  POST https://a.test hmac-sha256:0011223…  answered 302, 192.0.2.1:443, credential github, 5 bytes sent, 7 received, 2 ms",
            "  1  GET https://b.test/b (redirect 1)  failed: Denied, no grant covers it, 0 bytes sent, 0 received, 0 ms",
            "  1  GET https://c.test/c  about to leave, and no end of it is known, 0 bytes sent, 0 received, 0 ms",
            "  1  result: the value of github, ended",
            "around it",
            "  0  runner_started     class=user posture=p runner=r",
        ] {
            assert!(story.lines().any(|found| found == line), "{line}\n{story}");
        }
        assert!(story.lines().count() < 28, "{story}");
    }

    #[test]
    fn a_call_without_an_end_says_so() {
        let requested = told(r#"{"event":"requested"}"#);
        assert_eq!(
            outcome(requested.as_ref(), None, None).as_deref(),
            Some("none: it runs, or the hub died before its end")
        );
        let denied = told(r#"{"event":"denied","reason":"why"}"#);
        assert_eq!(outcome(None, None, denied.as_ref()).as_deref(), Some("denied: why"));
    }
}
