//! Whether a simple command starts a container, and with which words.

use super::shell::{self, Command, Word};
use std::collections::BTreeMap;

/// Command lines that take what `docker run` takes.
const ENGINES: [&str; 3] = ["docker", "podman", "nerdctl"];
/// Programs that take a script as an argument.
const SHELLS: [&str; 9] = ["sh", "bash", "dash", "zsh", "ash", "ksh", "eval", "su", "ssh"];
/// Global options of the command line that take a value.
const GLOBAL_VALUES: [&str; 9] =
    ["--config", "-c", "--context", "-H", "--host", "-l", "--log-level", "--tlscacert", "--tlscert"];
/// Options that only a command which starts containers has.
const TELLING: [&str; 8] =
    ["--cap-drop", "--cap-add", "--security-opt", "--privileged", "--read-only", "--tmpfs", "--network", "--volume"];

/// What a command is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// It starts a container with these words behind `run`.
    Run(Vec<Word>),
    /// It runs `safeclaw` with these words.
    Safeclaw(Vec<Word>),
    /// It may start one, and it cannot be read.
    Unread(String),
}

/// Whether a text names a program that starts containers.
pub(super) fn names_engine(text: &str) -> bool {
    ENGINES.iter().any(|engine| text.contains(engine))
}

/// All that a command starts.
pub(super) fn starts(command: &Command, depth: usize) -> Vec<Start> {
    let Some(first) = command.words.first() else { return Vec::new() };
    let named = command.words.iter().any(|word| names_engine(&word.text));
    match program(first) {
        // It only says so; unless somebody else listens.
        "echo" | "printf" | ":" => {
            return if named && command.piped {
                vec![Start::Unread("what it prints goes to another command".to_owned())]
            } else {
                Vec::new()
            };
        }
        "alias" if named => return vec![Start::Unread("an alias of a container engine".to_owned())],
        _ => {}
    }
    let mut found = scripts(command, depth);
    for (index, word) in command.words.iter().enumerate() {
        let after = command.words.get(index + 1..).unwrap_or_default();
        if word.exact && program(word) == "safeclaw" {
            found.push(Start::Safeclaw(after.to_vec()));
            break;
        }
        if is_engine(word, after) {
            found.extend(subcommand(after));
            break;
        }
    }
    found
}

/// The program that a word names, without its directory.
fn program(word: &Word) -> &str {
    word.text.rsplit('/').next().unwrap_or_default()
}

fn is_engine(word: &Word, after: &[Word]) -> bool {
    if word.exact {
        return ENGINES.contains(&program(word));
    }
    let lower = word.text.to_ascii_lowercase();
    let variable = word.text.starts_with(['$', '`']);
    let runs = matches!(after.first().map(|word| word.text.as_str()), Some("run" | "create" | "container"));
    // `$DOCKER run`, and any other variable before what only such a command takes.
    let telling = || after.iter().any(|word| TELLING.iter().any(|flag| word.text.starts_with(flag)));
    variable && runs && (names_engine(&lower) || lower.contains("engine") || lower.contains("container") || telling())
}

/// Arguments that are scripts themselves.
fn scripts(command: &Command, depth: usize) -> Vec<Start> {
    let shell = command.words.iter().any(|word| SHELLS.contains(&program(word)));
    let mut found = Vec::new();
    for word in
        command.words.iter().filter(|word| shell && word.text.contains(char::is_whitespace) && names_engine(&word.text))
    {
        if !word.exact || depth > 3 {
            found.push(Start::Unread("a script in an argument that holds a variable".to_owned()));
            continue;
        }
        let script = shell::read(&word.text, command.line, &BTreeMap::new());
        found.extend(script.unread.into_iter().map(|(_, why)| Start::Unread(why)));
        found.extend(script.commands.iter().flat_map(|inner| starts(inner, depth + 1)));
    }
    found
}

/// What follows the engine's name: global options, then `run`, `create`, or `container` and one of them.
fn subcommand(words: &[Word]) -> Option<Start> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let text = word.text.as_str();
        match text {
            _ if !word.exact => return Some(Start::Unread(format!("{text} may be any option or command"))),
            _ if GLOBAL_VALUES.contains(&text) || text == "--tlskey" => drop(words.next()),
            _ if text.starts_with('-') => {}
            "container" => {}
            "run" | "create" => {
                return Some(Start::Run(words.cloned().collect()));
            }
            "compose" | "stack" | "service" => {
                return Some(Start::Unread(format!("`{text}` starts what another file says")));
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn of(text: &str) -> String {
        let script = shell::read(text, 1, &BTreeMap::new());
        let found = script.commands.iter().flat_map(|command| starts(command, 0)).map(|start| match start {
            Start::Run(words) => {
                format!("run {}", words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" "))
            }
            Start::Safeclaw(words) => format!("safeclaw {}", words.first().unwrap().text),
            Start::Unread(_) => "unread".to_owned(),
        });
        found.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn however_a_container_is_started_it_is_found() {
        for text in [
            "docker run a",
            "sudo -E docker run a",
            "X=1 timeout 10 /usr/bin/docker container run a",
            "docker --debug -H unix:///x --config=/y container create a",
            "id=$(podman run a)",
            "if ! docker run a; then exit 1; fi",
            "bash -ec 'docker run a'",
            "sudo sh -c \"cd x && docker run a\"",
            "$DOCKER run a",
            "\"${CONTAINER_ENGINE}\" run a",
            "ls | xargs docker run a",
            "true && docker \\\n  run \\\n  a",
        ] {
            assert_eq!(of(text), "run a", "{text}");
        }
        assert_eq!(of("$X run --cap-drop ALL a"), "run --cap-drop ALL a");
    }

    #[test]
    fn what_may_start_one_is_said() {
        for text in [
            "docker $ARGUMENTS a",
            "docker compose up",
            "echo docker run a | sh",
            "alias d=docker",
            "bash -c \"docker run $X\"",
        ] {
            assert_eq!(of(text), "unread", "{text}");
        }
    }

    #[test]
    fn other_commands_start_none() {
        for text in
            ["docker load --input x", "docker push x", "echo docker run", "cargo run", "$CARGO run x", "# docker run"]
        {
            assert_eq!(of(text), "", "{text}");
        }
        assert_eq!(of("./bin/safeclaw hub --manifest x"), "safeclaw hub");
    }
}
