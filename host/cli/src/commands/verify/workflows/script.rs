//! A step: what its script starts, with what its workflow says of variables.

use super::expected::{self, Compared};
use super::flags::{self, Asked};
use super::shell::{self, Command, Script};
use super::start::{self, Start};
use super::yaml::Node;
use crate::commands::verify::reading;
use container::posture::SECCOMP;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Where, and what.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// `:LINE`, or nothing.
    pub(super) place: String,
    pub(super) what: Seen,
}

/// What a workflow starts.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// A runner's container.
    Runner { image: String, compared: Compared },
    /// Another image.
    Other(String),
    /// Less than the posture, whatever the flags.
    Weakened(String),
    /// Nobody knows.
    Unread(String),
}

/// Whether an image is the runner's, by its name.
pub(super) fn is_ours(image: &str) -> bool {
    image.contains("safeclaw")
}

/// The variables that a workflow, a job or a step sets to a plain text.
pub(super) fn add_variables(node: &Node, variables: &mut BTreeMap<String, String>) {
    for (name, value) in node.at("env").map(Node::entries).unwrap_or_default() {
        match value.text().filter(|text| !text.contains("${{")) {
            Some(text) => drop(variables.insert(name.clone(), text.to_owned())),
            None => drop(variables.remove(name)),
        }
    }
}

/// All that a step starts.
pub(super) fn step(
    step: &Node,
    mut variables: BTreeMap<String, String>,
    workflow: &str,
    root: Option<&Path>,
) -> Vec<Found> {
    let mut found = Vec::new();
    if let Some(uses) = step.at("uses").and_then(Node::text) {
        let seen = match uses.strip_prefix("docker://") {
            Some(image) if is_ours(image) => {
                Some(Seen::Weakened(format!("uses: {uses} starts the image without any flag")))
            }
            Some(image) => Some(Seen::Other(image.to_owned())),
            None if uses.starts_with("./") && !uses.contains(".github/workflows/") => {
                Some(Seen::Unread(format!("uses: {uses} is an action in this repository, which is not read")))
            }
            None => None,
        };
        found.extend(seen.map(|what| Found { place: String::new(), what }));
    }
    let Some(Node::Text(text, line)) = step.at("run") else { return found };
    let shell = step.at("shell").and_then(Node::text).unwrap_or("bash");
    if !["bash", "sh"].contains(&shell.split_whitespace().next().unwrap_or_default())
        && start::names_engine(&format!("{shell} {text}"))
    {
        let what = Seen::Unread(format!("a script for {shell} names a container engine"));
        found.push(Found { place: format!(":{line}"), what });
        return found;
    }
    // Another step may set what this one reads; and what a script sets itself is not known here.
    variables.retain(|name, _| !workflow.contains("GITHUB_ENV") && only_read(text, name));
    let mut script = shell::read(text, *line, &variables);
    if script
        .commands
        .iter()
        .any(|command| command.words.first().is_some_and(|word| ["source", ".", "eval"].contains(&word.text.as_str())))
    {
        script = shell::read(text, *line, &BTreeMap::new());
    }
    found.extend(started(&script, root));
    found
}

/// Whether a script never names a variable but to read it.
fn only_read(script: &str, name: &str) -> bool {
    script.match_indices(name).all(|(at, _)| {
        let (before, after) = (script.get(..at).unwrap_or_default(), script.get(at + name.len()..).unwrap_or_default());
        let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let other = before.ends_with(part) || after.starts_with(part);
        let read = before.ends_with('$') || before.ends_with("${") || before.ends_with("env.");
        // `${X:=y}` and its kin are not plain readings.
        let plain = !before.ends_with("${") || after.starts_with('}');
        other || (read && plain)
    })
}

fn started(script: &Script, root: Option<&Path>) -> Vec<Found> {
    let unread =
        script.unread.iter().map(|(line, why)| Found { place: format!(":{line}"), what: Seen::Unread(why.clone()) });
    let mut found: Vec<Found> = unread.collect();
    for (index, command) in script.commands.iter().enumerate() {
        let before = script.commands.get(..index).unwrap_or_default();
        let seen = start::starts(command, 0).into_iter().filter_map(|start| match start {
            Start::Unread(why) => Some(Seen::Unread(why)),
            Start::Safeclaw(words) => words
                .iter()
                .any(|word| word.text == "--no-container")
                .then(|| Seen::Weakened("safeclaw --no-container: wall 2 is off".to_owned())),
            Start::Run(words) => Some(match flags::read(&words) {
                Ok(asked) => container(asked, before, root),
                Err(why) => Seen::Unread(why),
            }),
        });
        found.extend(seen.map(|what| Found { place: format!(":{}", command.line), what }));
    }
    found
}

fn container(mut asked: Asked, before: &[Command], root: Option<&Path>) -> Seen {
    let text = |pointer: &str| asked.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let image = text("/Image");
    let unknown = asked.unread.iter().any(|(setting, _)| setting == "Image");
    let all = asked.body.to_string();
    // By its name, by what it runs, by its labels: whoever wants to be taken for a runner is compared.
    let ours =
        is_ours(&image) || image.starts_with("sha256:") || all.contains("--hub-key") || all.contains("safeclaw.");
    let program = ["/runner", "/compile"].contains(&text("/Entrypoint/0").as_str());
    if !ours && !program {
        let why = || Seen::Unread(format!("which image {image} is"));
        return if unknown { why() } else { Seen::Other(image) };
    }
    profile(&mut asked, before, root);
    let compared = expected::compare(&asked);
    Seen::Runner { image, compared }
}

/// Puts the profile's text in its file's place, as the command would.
fn profile(asked: &mut Asked, before: &[Command], root: Option<&Path>) {
    let Some(file) = asked.profile.clone().filter(|file| file != "unconfined" && file != "builtin") else { return };
    let written = written_by_safeclaw(&file, before);
    let exact = !asked.unread.iter().any(|(_, text)| text.contains(&file));
    let in_repository =
        || root.filter(|_| exact && !file.contains("..")).and_then(|root| reading::text(&root.join(&file)).ok());
    let text = if written { Some(SECCOMP.to_owned()) } else { in_repository() };
    let Some(text) = text else {
        asked.unread.push(("SecurityOpt seccomp".to_owned(), format!("what {file} holds")));
        return;
    };
    if written {
        asked.unread.retain(|(_, text)| !text.ends_with(&format!("seccomp={file}")));
    }
    let options = asked.body.pointer_mut("/HostConfig/SecurityOpt").and_then(Value::as_array_mut);
    for option in options.into_iter().flatten() {
        if option.as_str().is_some_and(|option| option.get(8..) == Some(file.as_str())) {
            *option = Value::from(format!("seccomp={text}"));
        }
    }
}

/// Whether the step itself wrote the file by `safeclaw posture --format seccomp`, and nothing named it since.
fn written_by_safeclaw(file: &str, before: &[Command]) -> bool {
    let mut written = false;
    for command in before {
        let prints = start::starts(command, 0).iter().any(|start| match start {
            Start::Safeclaw(words) => {
                let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
                matches!(words.as_slice(), ["posture", "--format", "seccomp"] | ["posture", "--format=seccomp"])
            }
            _ => false,
        });
        let names = command.words.iter().chain(&command.output).any(|word| word.text.contains(file));
        if names {
            written = prints && command.output.as_ref().is_some_and(|output| output.text == file);
        }
    }
    written
}
