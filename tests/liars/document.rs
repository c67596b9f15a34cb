//! `docs/lying-runner.md` is made of the scripts and of the rows against the real runner; it is compared here, and
//! written anew with UPDATE_GOLDEN=1.

use super::lies;
use crate::lying_hub;
use tests::handed;
use tests::script::{Moment, Script};

#[test]
fn the_document_is_what_is_played() {
    let path = handed::repository().join("docs/lying-runner.md");
    let wanted = document();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "{} is old: run this test with UPDATE_GOLDEN=1", path.display());
}

fn document() -> String {
    let mut text = HEAD.to_owned();
    let mut moment = None;
    for lie in lies() {
        let script = &lie.script;
        if moment.replace(script.honest_until) != Some(script.honest_until) {
            text += &format!("\n### {}\n\n{TABLE}", title(script.honest_until));
        }
        text += &row(&[&lie.name, &script.lie, &script.hub, &agent(script), &audit(script)]);
    }
    text += HUB_HEAD;
    for lying_hub::Row { lie, runner, .. } in lying_hub::ROWS {
        text += &row(&[lie, runner]);
    }
    text
}

fn title(moment: Moment) -> &'static str {
    match moment {
        Moment::Connect => "Before it has said anything",
        Moment::Hello => "After its hello",
        Moment::Ticket => "When it has its ticket",
        Moment::Ready => "When it is ready",
        Moment::Call => "When it is called, and after its answer",
        Moment::SecondCall => "With two calls open",
        Moment::Cancel => "When its call is cancelled",
    }
}

fn agent(script: &Script) -> String {
    let told: Vec<_> = script.agent.iter().map(|line| format!("`{line}`")).collect();
    told.join(" and ")
}

/// What is not the record of a call that went its way.
fn audit(script: &Script) -> String {
    let mut lines: Vec<&str> = script.audit.iter().map(String::as_str).filter(|line| *line != "requested").collect();
    lines.dedup();
    let lines: Vec<_> = lines.iter().map(|line| format!("`{}`", line.replace('`', "'"))).collect();
    lines.join("; ")
}

fn row(cells: &[&str]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

const TABLE: &str = "| script | lie | the hub | the agent sees | the audit log says |\n|---|---|---|---|---|\n";

const HEAD: &str = "# Lies between hub and runner

A guest that breaks out of wall 1 owns its runner, and a runner can say anything to the hub. Each row below is a
script in `tests/liars`, played by a program in the runner's place, in a container of the shipping posture, while
another session goes on. After each the container is gone, no call is open and nothing waits; where the hub
`serves on`, the lie can be told by an honest runner's guest too, or gains nothing. Lies that need an hour, such as a
renewal of a ticket that is ignored, and bytes that no encoder writes are played in memory, in
`host/hub/src/runner/tests/lies.rs`.

Every record begins with `requested`. `runner_killed` names the rule that was broken; `runner_lost` is a runner that
ended by itself; `outcome_unknown` is a call that the runner had heard of and that has no end which can be believed:
the operator has to find out whether it took effect. No word of a runner's own gets into the audit log.

The hub cannot see that a runner really locked itself down, ran what it was asked to run, or measured well: it
believes an answer that fits the question, since the runner owns the calls it was given, and nothing else.

## A lying runner
";

const HUB_HEAD: &str = "
## A lying hub

The other direction, against the program that ships. It was born with one hub's key, one container's name and one
posture. Each row but those that say `runs the tool` ends with a call that would leave a file, and leaves none.

| the hub sends | the runner |
|---|---|
";
