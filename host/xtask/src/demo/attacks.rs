//! Four attacks, and which wall stopped each: read off what really came back, so that an attack which
//! came through, or stopped for another reason than it should, is a failure of the demo.

use crate::agent::{Agent, Reply};
use crate::governor::Hub;
use crate::tour::short;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An attack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attack {
    /// In words.
    pub(crate) name: &'static str,
    /// The tool.
    pub(crate) tool: &'static str,
    /// Its component.
    pub(crate) component: &'static str,
    /// It is granted what `files_read` is: an attack starts from something.
    pub(crate) reads_workspace: bool,
    /// It imports sockets.
    pub(crate) imports_sockets: bool,
    judge: fn(&Seen) -> Verdict,
}

/// All of them, by component.
pub(crate) const ATTACKS: [Attack; 4] = [
    Attack {
        name: "read a host file",
        tool: "attack_read_host_file",
        component: "hostile",
        reads_workspace: true,
        imports_sockets: false,
        judge: host_file,
    },
    Attack {
        name: "read the environment",
        tool: "attack_read_environment",
        component: "hostile",
        reads_workspace: false,
        imports_sockets: false,
        judge: environment,
    },
    Attack {
        name: "spin for ever",
        tool: "attack_spin_forever",
        component: "hostile",
        reads_workspace: false,
        imports_sockets: false,
        judge: spin,
    },
    Attack {
        name: "open a socket",
        tool: "attack_open_socket",
        component: "hostile-net",
        reads_workspace: false,
        imports_sockets: true,
        judge: socket,
    },
];

/// What is known of an attack's end.
#[derive(Debug)]
struct Seen {
    /// What the agent was told.
    reply: Reply,
    /// What the hub's log says about this call, which the agent is not told.
    log: String,
}

/// What became of an attack.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// A wall stopped it: which, and by what.
    Stopped(String),
    /// It got something, or nobody knows why it did not.
    NotStopped(String),
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Row {
    /// The attack.
    pub(crate) attack: &'static str,
    /// The wall that stopped it and how, or what went wrong.
    pub(crate) wall: String,
    /// Whether one did.
    pub(crate) stopped: bool,
    /// After how long.
    pub(crate) ms: f64,
}

/// Runs them all.
pub(crate) async fn run(agent: &Agent, hub: &Hub) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for attack in ATTACKS {
        let reply = agent.call(attack.tool, &json!({})).await?;
        let log = id_in(&reply.text).map(|id| hub.log_of(id)).unwrap_or_default();
        let ms = reply.took.as_secs_f64() * 1e3;
        let (stopped, wall) = match (attack.judge)(&Seen { reply, log }) {
            Verdict::Stopped(wall) => (true, wall),
            Verdict::NotStopped(what) => (false, what),
        };
        rows.push(Row { attack: attack.name, wall, stopped, ms });
    }
    Ok(rows)
}

/// The call's id, which is all that an agent gets of what broke.
fn id_in(text: &str) -> Option<&str> {
    let is_id = |word: &&str| word.len() == 36 && word.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    text.split_whitespace().find(is_id)
}

fn unclear(seen: &Seen) -> Verdict {
    Verdict::NotStopped(format!("not as expected: {}", short(&seen.reply.text, 160)))
}

/// The tool reports each path that it tried and the error that it got.
fn host_file(seen: &Seen) -> Verdict {
    let Some(report) = seen.reply.structured.as_ref().filter(|_| !seen.reply.is_error) else { return unclear(seen) };
    let attempts = report.get("attempts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let text = |attempt: &Value, field: &str| attempt.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(through) = attempts.iter().find(|attempt| attempt.get("reached") != Some(&Value::Bool(false))) {
        return Verdict::NotStopped(format!(
            "it got {}: {}",
            text(through, "what"),
            short(&text(through, "outcome"), 60)
        ));
    }
    let mut errors: BTreeMap<String, usize> = BTreeMap::new();
    for attempt in attempts {
        // `raw` attempts reach the sandbox itself; what std refuses beforehand proves nothing.
        if text(attempt, "what").starts_with("raw ") {
            *errors.entry(word(&text(attempt, "outcome"))).or_default() += 1;
        }
    }
    match errors.iter().max_by_key(|(_, count)| **count) {
        Some((error, _)) => Verdict::Stopped(format!(
            "wall 1: {} paths tried outside the granted directory, none opened ({error})",
            errors.values().sum::<usize>()
        )),
        None => unclear(seen),
    }
}

/// The first word of an error as a guest prints it: `ErrorCode::NotPermitted`, `Code { code: 63, name: "perm", …`.
fn word(outcome: &str) -> String {
    let named = outcome.split_once("name: \"").and_then(|(_, rest)| rest.split_once('"')).map(|(name, _)| name);
    let last = outcome.rsplit("::").next().unwrap_or(outcome);
    let plain: String = last.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    named.map_or(plain, str::to_owned)
}

/// What it found is in its answer: an environment that is empty is one that was not granted.
fn environment(seen: &Seen) -> Verdict {
    let Some(found) = seen.reply.structured.as_ref().filter(|_| !seen.reply.is_error) else { return unclear(seen) };
    let list = |name: &str| found.get(name).and_then(Value::as_array);
    match (list("variables"), list("arguments"), list("preopens")) {
        (Some(variables), Some(_), Some(preopens)) if variables.is_empty() && preopens.is_empty() => {
            Verdict::Stopped("wall 1: the tool's environment is its own and empty".to_owned())
        }
        (Some(variables), _, _) => Verdict::NotStopped(format!("it got {}", short(&format!("{variables:?}"), 80))),
        _ => unclear(seen),
    }
}

/// The answer names the limit and its value.
fn spin(seen: &Seen) -> Verdict {
    let limit = seen.reply.text.rsplit_once('(').and_then(|(_, rest)| rest.strip_suffix(')')?.split_once(" = "));
    match limit {
        Some(("cpu_ms", value)) if seen.reply.is_error => {
            Verdict::Stopped(format!("wall 1: CPU budget of {value} ms used up"))
        }
        Some((limit, value)) if seen.reply.is_error => {
            Verdict::NotStopped(format!("the limit that ended it was {limit} = {value}"))
        }
        _ => unclear(seen),
    }
}

/// The agent is told an id, the operator's log the trap.
fn socket(seen: &Seen) -> Verdict {
    let import = seen.log.split_once("wasi:sockets/").map(|(_, rest)| {
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '@' | '.' | '#')).collect::<String>()
    });
    match import {
        Some(import) if seen.reply.is_error && seen.reply.text.starts_with("broken") => {
            let interface = import.split(['@', '#']).next().unwrap_or_default();
            Verdict::Stopped(format!("wall 1: wasi:sockets/{interface} links to nothing, the call traps"))
        }
        _ => unclear(seen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn seen(text: &str, structured: Option<Value>, is_error: bool, log: &str) -> Seen {
        let reply = Reply { text: text.to_owned(), structured, is_error, took: Duration::from_millis(1) };
        Seen { reply, log: log.to_owned() }
    }

    fn stopped(verdict: &Verdict) -> bool {
        matches!(verdict, Verdict::Stopped(_))
    }

    #[test]
    fn a_host_file_that_was_read_is_a_breach() {
        let attempt = |reached: bool, outcome: &str| json!({ "what": "raw /workspace: /etc/passwd", "outcome": outcome, "reached": reached });
        let report = |attempts: &[Value]| Some(json!({ "reached": false, "attempts": attempts }));
        let refused = attempt(false, "ErrorCode::NotPermitted");
        let verdict = host_file(&seen("", report(&[refused.clone(), refused.clone()]), false, ""));
        let expected = "wall 1: 2 paths tried outside the granted directory, none opened (NotPermitted)";
        assert_eq!(verdict, Verdict::Stopped(expected.to_owned()));
        assert!(!stopped(&host_file(&seen("", report(&[refused, attempt(true, "root:x:0:0")]), false, ""))));
    }

    #[test]
    fn an_attack_that_tried_nothing_was_not_stopped() {
        assert!(!stopped(&host_file(&seen("", Some(json!({ "reached": false, "attempts": [] })), false, ""))));
        let std_only = json!({ "attempts": [{ "what": "std: /etc/passwd", "outcome": "NotFound", "reached": false }] });
        assert!(!stopped(&host_file(&seen("", Some(std_only), false, ""))));
        assert!(!stopped(&host_file(&seen("Unknown tool", None, true, ""))));
        assert!(!stopped(&environment(&seen("Unknown tool", None, true, ""))));
        assert!(!stopped(&environment(&seen("", Some(json!({})), false, ""))));
    }

    #[test]
    fn a_variable_is_a_breach() {
        let found = |variables: &[&str]| Some(json!({ "variables": variables, "arguments": [], "preopens": [] }));
        assert!(stopped(&environment(&seen("", found(&[]), false, ""))));
        assert!(!stopped(&environment(&seen("", found(&["HOME=/root"]), false, ""))));
    }

    #[test]
    fn only_the_cpu_budget_ends_spinning_as_it_should() {
        let limit = |text: &str| spin(&seen(text, None, true, ""));
        let expected = "wall 1: CPU budget of 2000 ms used up";
        assert_eq!(
            limit("limit: the call used its CPU time up (cpu_ms = 2000)"),
            Verdict::Stopped(expected.to_owned())
        );
        assert!(!stopped(&limit("limit: the call took too long (deadline_ms = 10000)")));
        assert!(!stopped(&limit("broken: it failed")));
    }

    #[test]
    fn a_socket_is_stopped_by_the_trap_that_the_log_names() {
        let told =
            "broken: the call failed inside SafeClaw; the operator finds it under 00000000-0000-0000-0000-000000000005";
        let log = "the tool called `wasi:sockets/tcp-create-socket@0.2.6#create-tcp-socket`, which links to a trap";
        let expected = "wall 1: wasi:sockets/tcp-create-socket links to nothing, the call traps";
        assert_eq!(socket(&seen(told, None, true, log)), Verdict::Stopped(expected.to_owned()));
        assert!(!stopped(&socket(&seen(told, None, true, "the runner was lost"))));
        assert!(!stopped(&socket(&seen("", Some(json!({ "reached": true })), false, log))));
        assert_eq!(id_in(told), Some("00000000-0000-0000-0000-000000000005"));
    }
}
