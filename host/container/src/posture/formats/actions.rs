//! A posture as a step of a workflow: the command line, behind the command that writes the profile. An image
//! without a shell cannot be a job's container, so a step starts it on the job's machine.

use super::Start;
use super::docker::{quoted, shell, words};
use crate::posture::Posture;
use serde_json::Value;

/// A step.
#[must_use]
pub fn actions(posture: &Posture, start: &Start<'_>) -> String {
    written(&posture.body(start.container, start.created_unix_s), start)
}

pub(super) fn written(body: &Value, start: &Start<'_>) -> String {
    let words = words(body, start);
    let notes: String = words.notes.iter().map(|note| format!("# {note}\n")).collect();
    let profile = format!("safeclaw posture --format seccomp > {}\n", quoted(start.seccomp_file));
    let script = without_expressions(&(profile + &shell(&words.lines, "")));
    let run = if script.chars().all(|c| matches!(c, ' '..='~' | '\n')) && !script.contains(" \n") {
        let lines: String = script.lines().map(|line| format!("    {line}\n")).collect();
        format!("|\n{lines}")
    } else {
        // A block would end at, or change, what a path with a line break or a control character holds.
        format!("{}\n", escaped(&script))
    };
    format!("{notes}- name: a runner's container\n  shell: bash\n  run: {run}")
}

/// The service replaces `${{ … }}` before any shell sees it, in quotes or not.
fn without_expressions(script: &str) -> String {
    script.replace("${{", "${{ '${{' }}")
}

fn escaped(script: &str) -> String {
    let json = Value::from(script).to_string();
    json.chars()
        .map(|c| if c.is_ascii() && c != '\u{7f}' { c.to_string() } else { format!("\\U{:08x}", u32::from(c)) })
        .collect()
}
