//! `target/boundaries.json`: for each attack of the demo the policy it met, the wall that stopped it, what
//! came of it, and after how long. For programs that compare one run with the next.

use crate::agent::{Agent, Reply};
use crate::attacks::{self, ATTACKS};
use crate::overlay;
use crate::tour::short;
use anyhow::Context;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;

/// Where it is written, below the clone.
pub(crate) const FILE: &str = "target/boundaries.json";

/// Deeper than any arguments may be.
const DEEP: usize = 40;

/// What stopped an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Wall {
    /// The sandbox around the tool.
    #[serde(rename = "1")]
    Wasm,
    /// The container around the sandbox.
    #[serde(rename = "2")]
    Container,
    /// The governor, before anything ran.
    #[serde(rename = "hub")]
    Hub,
    /// Nothing did.
    #[serde(rename = "none")]
    None,
}

/// One attack.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Boundary {
    /// The manifest line and the grant, or the rule, that was in force.
    pub(crate) policy: String,
    /// What was tried.
    pub(crate) attack: String,
    /// Which wall stopped it.
    pub(crate) wall: Wall,
    /// How it ended.
    pub(crate) outcome: String,
    /// Seen by the agent; nothing where nobody measured it.
    pub(crate) ms: Option<f64>,
}

/// What an agent can try without a tool of its own: the hub answers, and no runner hears of it.
pub(crate) async fn at_the_hub(agent: &Agent) -> anyhow::Result<Vec<Boundary>> {
    let unlisted = agent.call("shell", &json!({ "command": "id" })).await?;
    let deep = (0..DEEP).fold(json!(0), |inner, _| json!([inner]));
    let deep = agent.call("files_stat", &json!({ "path": deep })).await?;
    Ok(vec![
        of_the_hub("no manifest lists it: denied", "call a tool that is in no tier", &unlisted, "shell"),
        of_the_hub("arguments_depth = 32", "send arguments nested deeper", &deep, "arguments_depth"),
    ])
}

/// Stopped by the hub if the answer is an error that says this word.
fn of_the_hub(policy: &str, attack: &str, reply: &Reply, word: &str) -> Boundary {
    let stopped = reply.is_error && reply.text.contains(word);
    Boundary {
        policy: policy.to_owned(),
        attack: attack.to_owned(),
        wall: if stopped { Wall::Hub } else { Wall::None },
        outcome: short(&reply.text, 160),
        ms: Some(reply.took.as_secs_f64() * 1e3),
    }
}

/// All rows: what tools attacked, what the runner tried on its own container before it trusted it, and what
/// the agent tried at the hub.
pub(crate) fn rows(tools: &[attacks::Row], self_test: &[(String, String)], hub: Vec<Boundary>) -> Vec<Boundary> {
    let by_tools = tools.iter().map(|row| {
        let attack = ATTACKS.iter().find(|attack| attack.name == row.attack);
        let (wall, outcome) = wall_and_outcome(row);
        let policy = attack.map(overlay::policy).unwrap_or_default();
        Boundary { policy, attack: row.attack.to_owned(), wall, outcome, ms: Some(row.ms) }
    });
    let from_inside = self_test.iter().map(|(attack, outcome)| Boundary {
        policy: "the posture of every container".to_owned(),
        attack: attack.clone(),
        wall: Wall::Container,
        outcome: outcome.clone(),
        ms: None,
    });
    by_tools.chain(from_inside).chain(hub).collect()
}

/// A row says which wall in its first words.
fn wall_and_outcome(row: &attacks::Row) -> (Wall, String) {
    let said = row.wall.split_once(": ").filter(|_| row.stopped);
    match said {
        Some(("wall 1", outcome)) => (Wall::Wasm, outcome.to_owned()),
        Some(("wall 2", outcome)) => (Wall::Container, outcome.to_owned()),
        _ => (Wall::None, row.wall.clone()),
    }
}

/// Writes them.
pub(crate) fn write(root: &Path, rows: &[Boundary]) -> anyhow::Result<()> {
    let path = root.join(FILE);
    let text = serde_json::to_string_pretty(&Value::from(rows.iter().map(|row| json!(row)).collect::<Vec<_>>()))?;
    std::fs::create_dir_all(root.join("target")).and_then(|()| std::fs::write(&path, text + "\n")).context(FILE)
}

#[cfg(test)]
#[expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use std::time::Duration;

    fn row(wall: &str, stopped: bool) -> attacks::Row {
        attacks::Row { attack: ATTACKS[0].name, wall: wall.to_owned(), stopped, ms: 1.5 }
    }

    fn reply(text: &str, is_error: bool) -> Reply {
        Reply { text: text.to_owned(), structured: None, is_error, took: Duration::from_millis(2) }
    }

    #[test]
    fn each_row_has_the_same_five_fields() {
        let hub = vec![of_the_hub(
            "arguments_depth = 32",
            "deep",
            &reply("limit: arguments_depth = 32", true),
            "arguments_depth",
        )];
        let self_test = [("exec from /tmp".to_owned(), "EACCES".to_owned())];
        let rows = rows(&[row("wall 1: nothing opened", true)], &self_test, hub);
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), &rows).expect("it is written");
        let text = std::fs::read_to_string(folder.path().join(FILE)).expect("the file");
        let read: Vec<serde_json::Map<String, Value>> = serde_json::from_str(&text).expect("a list of objects");
        let walls: Vec<&Value> = read.iter().filter_map(|row| row.get("wall")).collect();
        assert_eq!(walls, ["1", "2", "hub"]);
        for row in &read {
            let mut names: Vec<&str> = row.keys().map(String::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, ["attack", "ms", "outcome", "policy", "wall"]);
            assert!(
                ["attack", "outcome", "policy"].iter().all(|name| row[*name].as_str().is_some_and(|t| !t.is_empty()))
            );
            assert!(row["ms"].is_null() || row["ms"].as_f64().is_some_and(|ms| ms > 0.0));
        }
    }

    #[test]
    fn what_came_through_was_stopped_by_none() {
        assert_eq!(wall_and_outcome(&row("it got root:x:0:0", false)).0, Wall::None);
        assert_eq!(wall_and_outcome(&row("wall 1: but it is a breach", false)).0, Wall::None);
        assert_eq!(of_the_hub("p", "a", &reply("uid=0(root)", false), "shell").wall, Wall::None);
        assert_eq!(of_the_hub("p", "a", &reply("broken: shell", false), "shell").wall, Wall::None);
    }

    #[test]
    fn a_policy_is_a_line_of_the_manifest_and_its_grant() {
        for attack in &ATTACKS {
            let policy = overlay::policy(attack);
            let line = policy.split([':', ' ']).nth(1).and_then(|line| line.parse::<usize>().ok()).expect("a line");
            let table = overlay::hostile().lines().nth(line - 1).map(str::to_owned);
            assert_eq!(table, Some(format!("[tools.{}]", attack.tool)), "{policy}");
            assert_eq!(policy.contains("fs = "), attack.reads_workspace, "{policy}");
            assert_eq!(policy.contains("trap_imports = "), attack.imports_sockets, "{policy}");
        }
    }
}
