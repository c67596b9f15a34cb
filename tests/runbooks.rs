//! The runbooks: every command of docs/rollback.md and docs/recovery.md is run, in the order in which it stands
//! there, against a hub that runs as a unit of the operator's; what it prints is compared with the page.
//!
//! `systemctl` is a script here, with the words that the pages use.

mod unit;

use std::process::Command;
use tests::handed;
use unit::{Unit, unit};

#[test]
fn going_back_works_as_it_is_written() {
    play("rollback.md");
}

#[test]
fn recovery_works_as_it_is_written() {
    play("recovery.md");
}

/// One block of commands, and the lines that they have to print.
struct Block {
    line: usize,
    commands: String,
    prints: Vec<String>,
}

fn play(page: &str) {
    let text = std::fs::read_to_string(handed::repository().join("docs").join(page)).unwrap();
    let unit = unit();
    let blocks = blocks(&text);
    assert!(blocks.len() > 3, "{page} has blocks to run");
    for block in &blocks {
        run(&unit, page, block);
    }
}

fn run(unit: &Unit, page: &str, block: &Block) {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", "120", "bash", "-eu", "-o", "pipefail", "-c", &block.commands]);
    unit.within(&mut command);
    let output = command.output().unwrap();
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let place =
        format!("docs/{page}:{}\n{}\n--- printed\n{printed}\n--- the hub\n{}", block.line, block.commands, unit.said());
    assert!(output.status.success(), "{place}");
    for wanted in &block.prints {
        assert!(printed.lines().any(|line| fits(wanted, line)), "it should print `{wanted}`: {place}");
    }
}

/// A line of the page, in which `…` is whatever lies between.
fn fits(wanted: &str, line: &str) -> bool {
    let mut rest = line;
    wanted.split('…').all(|part| match rest.find(part.trim()) {
        Some(at) => {
            rest = &rest[at + part.trim().len()..];
            true
        }
        None => false,
    })
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<(bool, usize, Vec<&str>)> = None;
    for (at, line) in text.lines().enumerate() {
        match (&mut open, line) {
            (None, "```sh") => open = Some((true, at + 2, Vec::new())),
            (None, "```text") => open = Some((false, at + 2, Vec::new())),
            (Some((true, line, lines)), "```") => {
                blocks.push(Block { line: *line, commands: lines.join("\n"), prints: Vec::new() });
                open = None;
            }
            (Some((false, _, lines)), "```") => {
                let block = blocks.last_mut().expect("what is printed stands below what is run");
                block.prints = lines.iter().map(ToString::to_string).collect();
                open = None;
            }
            (Some((_, _, lines)), line) => lines.push(line),
            (None, _) => {}
        }
    }
    blocks
}

#[test]
fn a_line_fits_as_it_is_written() {
    assert!(fits("version … is in force", "version 12 is in force"));
    assert!(!fits("version … is in force", "version 12 was refused"));
    assert!(!fits("b…a", "a b"));
    let text = "```sh\none\n! two\n```\n```text\nx…y\n```\n```sh\nthree\n```";
    let blocks = blocks(text);
    assert_eq!((blocks.len(), blocks[0].commands.as_str(), blocks[0].line), (2, "one\n! two", 2));
    assert_eq!((blocks[0].prints.as_slice(), blocks[1].prints.len()), (["x…y".to_owned()].as_slice(), 0));
}
