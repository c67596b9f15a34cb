//! A posture as a service of a compose file. Every text is in double quotes, and every `$` doubled, so that
//! nothing in a path or a name is read as YAML or as a variable.

use super::{Bound, Start, bound, empty, entries, restart, security_options, settings, text, texts, ulimits};
use crate::posture::Posture;
use serde_json::Value;

/// A compose file with one service.
#[must_use]
pub fn compose(posture: &Posture, start: &Start<'_>) -> String {
    written(&posture.body(start.container, start.created_unix_s), start)
}

pub(super) fn written(body: &Value, start: &Start<'_>) -> String {
    let mut notes = vec![
        "AttachStdin, AttachStdout, AttachStderr, StdinOnce, AutoRemove: a compose file cannot say these.".to_owned(),
        "Start it by `docker compose run --rm --interactive --no-TTY runner`, which says them, never by `up`."
            .to_owned(),
        "NetworkDisabled: there is no key for it; network_mode none says the same.".to_owned(),
    ];
    let mut lines =
        vec![format!("container_name: {}", quoted(&start.container.0)), "pull_policy: \"never\"".to_owned()];
    let mut none = Vec::new();
    for (key, value) in settings(body) {
        match key.as_str() {
            "AttachStdin" | "AttachStdout" | "AttachStderr" | "StdinOnce" | "AutoRemove" | "NetworkDisabled" => {}
            "PublishAllPorts" if value == Value::Bool(false) => none.push(key),
            key if empty(&value) => match empty_key(key) {
                Some(line) => lines.push(line.to_owned()),
                None => none.push(key.to_owned()),
            },
            key => match keys(key, &value, start) {
                Some(said) => lines.extend(said),
                None => notes.push(format!("{key}: not expressed, no key for it is known here.")),
            },
        }
    }
    notes.push(format!("There is nothing, and so no key, for: {}.", none.join(", ")));
    let notes: String = notes.iter().map(|note| format!("# {note}\n")).collect();
    let lines: String = lines.iter().map(|line| format!("    {line}\n")).collect();
    format!("{notes}services:\n  runner:\n{lines}")
}

/// What can be said to be empty.
fn empty_key(setting: &str) -> Option<&'static str> {
    Some(match setting {
        "Env" => "environment: {}",
        "Cmd" => "command: []",
        "CapAdd" => "cap_add: []",
        "Devices" => "devices: []",
        "PortBindings" => "ports: []",
        _ => return None,
    })
}

/// The lines of one setting; `None` if it is not known here.
fn keys(setting: &str, value: &Value, start: &Start<'_>) -> Option<Vec<String>> {
    let one = |key: &str| vec![format!("{key}: {}", plain(value))];
    let head = |key: &str, below: Vec<String>| std::iter::once(format!("{key}:")).chain(below).collect::<Vec<_>>();
    let list = |key: &str, values: Vec<String>| {
        head(key, values.iter().map(|value| format!("  - {}", quoted(value))).collect())
    };
    Some(match setting {
        "Image" => one("image"),
        "Entrypoint" => list("entrypoint", texts(value)),
        "Cmd" => list("command", texts(value)),
        "Labels" => head(
            "labels",
            entries(value).iter().map(|(key, value)| format!("  {}: {}", quoted(key), quoted(value))).collect(),
        ),
        "RestartPolicy" => vec![format!("restart: {}", quoted(&restart(value)))],
        "OpenStdin" => one("stdin_open"),
        "Tty" => one("tty"),
        "StopSignal" => one("stop_signal"),
        "User" => one("user"),
        "WorkingDir" => one("working_dir"),
        "ReadonlyRootfs" => one("read_only"),
        "Tmpfs" => {
            list("tmpfs", entries(value).into_iter().map(|(path, options)| format!("{path}:{options}")).collect())
        }
        "Mounts" => head("volumes", bound(value).iter().flat_map(volume).collect()),
        "CapDrop" => list("cap_drop", texts(value)),
        "CapAdd" => list("cap_add", texts(value)),
        "SecurityOpt" => list("security_opt", security_options(value, start.seccomp_file)),
        "Privileged" => one("privileged"),
        "Runtime" => one("runtime"),
        "NetworkMode" => one("network_mode"),
        "IpcMode" => one("ipc"),
        "CgroupnsMode" => one("cgroup"),
        "PidMode" => one("pid"),
        "UTSMode" => one("uts"),
        "Memory" => one("mem_limit"),
        "MemorySwap" => one("memswap_limit"),
        "OomKillDisable" => one("oom_kill_disable"),
        "PidsLimit" => one("pids_limit"),
        "CpuQuota" => one("cpu_quota"),
        "CpuPeriod" => one("cpu_period"),
        "Ulimits" => head(
            "ulimits",
            ulimits(value)
                .into_iter()
                .flat_map(|(name, soft, hard)| {
                    [format!("  {name}:"), format!("    soft: {soft}"), format!("    hard: {hard}")]
                })
                .collect(),
        ),
        "LogConfig" => {
            head("logging", vec![format!("  driver: {}", quoted(&value.get("Type").map(text).unwrap_or_default()))])
        }
        _ => return None,
    })
}

fn volume(Bound { kind, source, target, read_only, propagation, recursive, create }: &Bound) -> Vec<String> {
    let recursive = if *recursive { "enabled" } else { "disabled" };
    vec![
        format!("  - type: {}", quoted(kind)),
        format!("    source: {}", quoted(source)),
        format!("    target: {}", quoted(target)),
        format!("    read_only: {read_only}"),
        "    bind:".to_owned(),
        format!("      propagation: {}", quoted(propagation)),
        format!("      create_host_path: {create}"),
        format!("      recursive: {}", quoted(recursive)),
    ]
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), quoted)
}

/// A JSON string is a YAML one, if what YAML calls a line break is escaped too.
fn quoted(text: &str) -> String {
    let json = Value::from(text.replace('$', "$$")).to_string();
    json.chars()
        .map(|c| match u32::from(c) {
            code @ (0x7f..=0x9f | 0x2028 | 0x2029 | 0xfeff) => format!("\\u{code:04x}"),
            _ => c.to_string(),
        })
        .collect()
}
