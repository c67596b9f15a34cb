//! A posture as a command line: each setting is a flag, each argument quoted for a shell.

use super::{Bound, Start, bound, empty, entries, restart, security_options, settings, text, texts, ulimits};
use crate::posture::Posture;
use serde_json::Value;

/// A command line, taken apart.
pub(super) struct Words {
    /// What no flag says, a line each.
    pub(super) notes: Vec<String>,
    /// The words, in lines that belong together.
    pub(super) lines: Vec<Vec<String>>,
}

/// The command that starts such a container and stays attached to it. Its first lines are comments.
#[must_use]
pub fn docker(posture: &Posture, start: &Start<'_>) -> String {
    written(&posture.body(start.container, start.created_unix_s), start)
}

pub(super) fn written(body: &Value, start: &Start<'_>) -> String {
    let words = words(body, start);
    let notes = words.notes.iter().map(|note| format!("# {note}\n")).collect::<String>();
    notes + &shell(&words.lines, "")
}

/// Lines of words as one command of a shell.
pub(super) fn shell(lines: &[Vec<String>], indent: &str) -> String {
    let line = |words: &Vec<String>| words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = lines.iter().map(line).collect();
    format!("{indent}{}\n", lines.join(&format!(" \\\n{indent}  ")))
}

/// A word that a shell reads back as it is. No argument can hold NUL, so without it nothing is lost.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:=@,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    // Within single quotes nothing means anything but the quote that ends them.
    format!("'{}'", word.replace('\0', "").replace('\'', r"'\''"))
}

pub(super) fn words(body: &Value, start: &Start<'_>) -> Words {
    let mut notes = vec![
        format!(
            "The seccomp profile is printed by: safeclaw posture --format seccomp > {}",
            quoted(start.seccomp_file)
        ),
        "CreateMountpoint: --mount makes no missing directory either; NonRecursive: bind-nonrecursive.".to_owned(),
        "StdinOnce follows from --interactive with --attach: who goes away ends the container.".to_owned(),
    ];
    let mut lines = vec![
        vec!["docker".to_owned(), "run".to_owned()],
        vec!["--name".to_owned(), start.container.0.clone()],
        // The image is named by its id, so there is nothing to pull.
        vec!["--pull".to_owned(), "never".to_owned()],
    ];
    let mut none = Vec::new();
    let (mut image, mut command) = (String::new(), Vec::new());
    for (key, value) in settings(body) {
        match key.as_str() {
            "Image" => image = text(&value),
            "Cmd" => command.extend(texts(&value)),
            "NetworkDisabled" => {
                notes.push("NetworkDisabled: there is no flag for it; --network none says the same.".to_owned())
            }
            key if empty(&value) => none.push(key.to_owned()),
            key => match flags(key, &value, start) {
                Some(flags) => lines.extend(flags),
                None => notes.push(format!("{key}: not expressed, no flag for it is known here.")),
            },
        }
    }
    notes.push(format!("There is nothing, and so no flag, for: {}.", none.join(", ")));
    lines.push(std::iter::once(image).chain(command).collect());
    Words { notes, lines }
}

/// The flags of one setting; `None` if it is not known here.
fn flags(key: &str, value: &Value, start: &Start<'_>) -> Option<Vec<Vec<String>>> {
    let flag = |name: &str, value: String| vec![name.to_owned(), value];
    let each = |name: &str, values: Vec<String>| values.into_iter().map(|value| flag(name, value)).collect();
    let switch = |name: &str| {
        vec![vec![if value == &Value::Bool(true) { name.to_owned() } else { format!("{name}={}", text(value)) }]]
    };
    let one = |name: &str| vec![flag(name, text(value))];
    let attach =
        |stream: &str| if value == &Value::Bool(true) { vec![flag("--attach", stream.to_owned())] } else { Vec::new() };
    Some(match key {
        "Entrypoint" => each("--entrypoint", texts(value)),
        "Labels" => each("--label", entries(value).into_iter().map(|(key, value)| format!("{key}={value}")).collect()),
        "Env" => each("--env", texts(value)),
        "AutoRemove" => switch("--rm"),
        "RestartPolicy" => vec![flag("--restart", restart(value))],
        "OpenStdin" => switch("--interactive"),
        "StdinOnce" => Vec::new(),
        "AttachStdin" => attach("stdin"),
        "AttachStdout" => attach("stdout"),
        "AttachStderr" => attach("stderr"),
        "Tty" => switch("--tty"),
        "StopSignal" => one("--stop-signal"),
        "User" => one("--user"),
        "WorkingDir" => one("--workdir"),
        "ReadonlyRootfs" => switch("--read-only"),
        "Tmpfs" => {
            each("--tmpfs", entries(value).into_iter().map(|(path, options)| format!("{path}:{options}")).collect())
        }
        "Mounts" => each("--mount", bound(value).iter().map(mount).collect()),
        "CapDrop" => each("--cap-drop", texts(value)),
        "CapAdd" => each("--cap-add", texts(value)),
        "SecurityOpt" => each("--security-opt", security_options(value, start.seccomp_file)),
        "Privileged" => switch("--privileged"),
        "Runtime" => one("--runtime"),
        "NetworkMode" => one("--network"),
        "PublishAllPorts" => switch("--publish-all"),
        "IpcMode" => one("--ipc"),
        "CgroupnsMode" => one("--cgroupns"),
        "PidMode" => one("--pid"),
        "UTSMode" => one("--uts"),
        "Memory" => one("--memory"),
        "MemorySwap" => one("--memory-swap"),
        "OomKillDisable" => switch("--oom-kill-disable"),
        "PidsLimit" => one("--pids-limit"),
        "CpuQuota" => one("--cpu-quota"),
        "CpuPeriod" => one("--cpu-period"),
        "Ulimits" => each(
            "--ulimit",
            ulimits(value).into_iter().map(|(name, soft, hard)| format!("{name}={soft}:{hard}")).collect(),
        ),
        "LogConfig" => vec![flag("--log-driver", value.get("Type").map(text).unwrap_or_default())],
        _ => return None,
    })
}

/// The value of `--mount` is one record of comma-separated values. `bind-nonrecursive` is what every client
/// understands whose engine is supported.
fn mount(Bound { kind, source, target, read_only, propagation, recursive, create: _ }: &Bound) -> String {
    let fields = [
        Some(format!("type={kind}")),
        Some(format!("source={source}")),
        Some(format!("target={target}")),
        read_only.then(|| "readonly".to_owned()),
        Some(format!("bind-propagation={propagation}")),
        (!recursive).then(|| "bind-nonrecursive=true".to_owned()),
    ];
    fields.into_iter().flatten().map(record_field).collect::<Vec<_>>().join(",")
}

fn record_field(field: String) -> String {
    if field.contains([',', '"', '\n', '\r']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
}
