//! Every shipped tool, called once on real files; what it answers is compared with what the host sees.

use crate::agent::{Agent, Reply};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// What one call showed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Shown {
    /// The tool.
    pub(crate) tool: String,
    /// What it was asked for, in words.
    pub(crate) asked: String,
    /// What came of it, in words; or why that is not what should have come.
    pub(crate) result: String,
    /// Whether it is.
    pub(crate) ok: bool,
    /// Seen by the agent.
    pub(crate) ms: f64,
}

/// A call and what must come of it.
struct Stop {
    tool: &'static str,
    asked: &'static str,
    arguments: Value,
    expect: Expect,
}

/// Gives what to show, or what is wrong. The path is the workspace as the host sees it.
type Expect = fn(&Reply, &Path) -> Result<String, String>;

/// Calls everything in order. A listed tool for which there is no stop, and a stop whose tool is not
/// listed, are failures: the demo shows what ships, all of it.
pub(crate) async fn walk(agent: &Agent, workspace: &Path, attacks: &BTreeSet<String>) -> anyhow::Result<Vec<Shown>> {
    let listed: BTreeSet<String> = agent.tools().await?.into_iter().filter(|tool| !attacks.contains(tool)).collect();
    let mut shown = Vec::new();
    for stop in stops() {
        if !listed.contains(stop.tool) {
            shown.push(failure(stop.tool, "to be listed", "the hub does not list it"));
            continue;
        }
        let reply = agent.call(stop.tool, &stop.arguments).await?;
        let (ok, result) = match judge(&stop, &reply, workspace) {
            Ok(result) => (true, result),
            Err(wrong) => (false, format!("{wrong}; it answered: {}", short(&reply.text, 200))),
        };
        let ms = reply.took.as_secs_f64() * 1e3;
        shown.push(Shown { tool: stop.tool.to_owned(), asked: stop.asked.to_owned(), result, ok, ms });
    }
    let visited: BTreeSet<&str> = stops().iter().map(|stop| stop.tool).collect();
    for tool in listed.iter().filter(|tool| !visited.contains(tool.as_str())) {
        shown.push(failure(tool, "nothing", "it ships, and the demo does not show it: add a stop to tour.rs"));
    }
    Ok(shown)
}

fn judge(stop: &Stop, reply: &Reply, workspace: &Path) -> Result<String, String> {
    if reply.is_error {
        return Err("it failed".to_owned());
    }
    (stop.expect)(reply, workspace)
}

fn failure(tool: &str, asked: &str, result: &str) -> Shown {
    Shown { tool: tool.to_owned(), asked: asked.to_owned(), result: result.to_owned(), ok: false, ms: 0.0 }
}

fn stops() -> Vec<Stop> {
    vec![
        Stop {
            tool: "files_list",
            asked: "what is here",
            arguments: json!({ "path": "." }),
            expect: |reply, workspace| {
                let listed = field(reply, "/entries")?.as_array().map_or(0, Vec::len);
                let there = std::fs::read_dir(workspace).map_err(|e| e.to_string())?.count();
                same(&listed, &there)?;
                Ok(format!("{listed} entries"))
            },
        },
        Stop {
            tool: "files_stat",
            asked: "Cargo.lock",
            arguments: json!({ "path": "Cargo.lock" }),
            expect: |reply, workspace| {
                let bytes = std::fs::metadata(workspace.join("Cargo.lock")).map_err(|e| e.to_string())?.len();
                same(field(reply, "/size")?, &json!(bytes))?;
                Ok(format!("{bytes} bytes"))
            },
        },
        Stop {
            tool: "files_read",
            asked: "wit/world.wit",
            arguments: json!({ "path": "wit/world.wit" }),
            expect: |reply, workspace| {
                let text = host(workspace, "wit/world.wit")?;
                same(field(reply, "/content")?, &json!(text))?;
                Ok(format!("{} lines, as on the host", text.lines().count()))
            },
        },
        Stop {
            tool: "files_search",
            asked: "`fn main` in host/",
            arguments: json!({ "path": "host", "pattern": r"^fn main\(", "files": r"\.rs$" }),
            expect: |reply, _| {
                let found = field(reply, "/matches")?.as_array().map_or(0, Vec::len);
                contains(reply, "host/cli/src/main.rs")?;
                Ok(format!("{found} matches in {} files", field(reply, "/files_searched")?))
            },
        },
        Stop {
            tool: "files_write",
            asked: "demo/note.txt",
            arguments: json!({ "path": "demo/note.txt", "content": "two walls\n", "parents": true }),
            expect: |_, workspace| {
                same(&host(workspace, "demo/note.txt")?.as_str(), &"two walls\n")?;
                Ok("written, as on the host".to_owned())
            },
        },
        Stop {
            tool: "files_edit",
            asked: "a word in it",
            arguments: json!({ "path": "demo/note.txt", "old": "two", "new": "both" }),
            expect: |_, workspace| {
                same(&host(workspace, "demo/note.txt")?.as_str(), &"both walls\n")?;
                Ok("edited, as on the host".to_owned())
            },
        },
        Stop {
            tool: "files_move",
            asked: "to demo/kept.txt",
            arguments: json!({ "from": "demo/note.txt", "to": "demo/kept.txt" }),
            expect: |_, workspace| {
                same(&host(workspace, "demo/kept.txt")?.as_str(), &"both walls\n")?;
                Ok("moved, as on the host".to_owned())
            },
        },
        Stop {
            tool: "files_delete",
            asked: "demo/kept.txt",
            arguments: json!({ "path": "demo/kept.txt" }),
            expect: |_, workspace| match host(workspace, "demo/kept.txt") {
                Ok(_) => Err("the file is still there".to_owned()),
                Err(_) => Ok("gone, as on the host".to_owned()),
            },
        },
        Stop {
            tool: "json_convert",
            asked: "TOML to JSON",
            arguments: json!({ "text": "walls = [\"Wasm\", \"container\"]", "from": "toml", "to": "json" }),
            expect: |reply, _| {
                let text = field(reply, "/text")?.as_str().unwrap_or_default();
                let value: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
                same(&value, &json!({ "walls": ["Wasm", "container"] }))?;
                Ok(short(text, 60))
            },
        },
        Stop {
            tool: "json_query",
            asked: "`.walls | length`",
            arguments: json!({ "filter": ".walls | length", "json": { "walls": ["Wasm", "container"] } }),
            expect: |reply, _| {
                same(field(reply, "/results")?, &json!([2]))?;
                Ok("2".to_owned())
            },
        },
        Stop {
            tool: "json_validate",
            asked: "a wrong value",
            arguments: json!({ "schema": { "type": "object", "required": ["walls"] }, "json": {} }),
            expect: |reply, _| {
                same(field(reply, "/valid")?, &json!(false))?;
                let message = field(reply, "/errors/0/message")?.as_str().unwrap_or_default();
                Ok(format!("invalid: {}", short(message, 40)))
            },
        },
        Stop {
            tool: "time_now",
            asked: "in Berlin",
            arguments: json!({ "zone": "Europe/Berlin" }),
            expect: |reply, _| {
                let said = field(reply, "/unix_seconds")?.as_u64().ok_or("no seconds")?;
                let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|e| e.to_string())?.as_secs();
                if said.abs_diff(now) > 60 {
                    return Err(format!("the host's clock says {now}"));
                }
                Ok(short(field(reply, "/time")?.as_str().unwrap_or_default(), 25))
            },
        },
        Stop {
            tool: "time_convert",
            asked: "12:00 UTC to Tokyo",
            arguments: json!({ "time": "2026-11-21T12:00:00Z", "to": "Asia/Tokyo" }),
            expect: |reply, _| {
                contains(reply, "2026-11-21T21:00:00+09:00")?;
                Ok("21:00:00+09:00".to_owned())
            },
        },
        Stop {
            tool: "time_difference",
            asked: "over a leap day",
            arguments: json!({ "from": "2028-02-28T00:00:00Z", "to": "2028-03-01T00:00:00Z" }),
            expect: |reply, _| {
                same(field(reply, "/seconds")?, &json!(172_800.0))?;
                Ok("2 days".to_owned())
            },
        },
    ]
}

fn host(workspace: &Path, path: &str) -> Result<String, String> {
    std::fs::read_to_string(workspace.join(path)).map_err(|error| format!("{path} on the host: {error}"))
}

fn field<'r>(reply: &'r Reply, pointer: &str) -> Result<&'r Value, String> {
    let found = reply.structured.as_ref().and_then(|value| value.pointer(pointer));
    found.ok_or_else(|| format!("{pointer} is missing"))
}

fn same<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("found {found:?} where {expected:?} should be")) }
}

fn contains(reply: &Reply, text: &str) -> Result<(), String> {
    if reply.text.contains(text) || reply.structured.as_ref().is_some_and(|value| value.to_string().contains(text)) {
        return Ok(());
    }
    Err(format!("`{text}` is missing"))
}

/// One line of at most this many characters.
pub(crate) fn short(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", line.split_at_checked(at).map_or("", |(head, _)| head)),
        None => line,
    }
}
