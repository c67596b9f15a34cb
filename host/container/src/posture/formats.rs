//! A posture for those who start containers otherwise: as a command line, as a service of a compose file, as
//! a step of a workflow. All are written from the body that the launcher sends, so a setting that a format
//! has no word for is named in a comment of it, never dropped.

mod actions;
mod compose;
mod docker;

pub use actions::actions;
pub use compose::compose;
pub use docker::{docker, quoted as shell_word};

use crate::message::ContainerName;
use serde_json::Value;

/// What a posture leaves open: it differs from container to container, or from machine to machine.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// The container's name, which its runner is told too.
    pub container: &'a ContainerName,
    /// Its creation, Unix seconds, for the label.
    pub created_unix_s: u64,
    /// Where the seccomp profile lies: `safeclaw posture --format seccomp` writes it.
    pub seccomp_file: &'a str,
}

/// Settings in the order in which people read them; one that is missing here comes last.
const ORDER: [&str; 41] = [
    "Image",
    "Entrypoint",
    "Cmd",
    "Labels",
    "AutoRemove",
    "RestartPolicy",
    "OpenStdin",
    "StdinOnce",
    "AttachStdin",
    "AttachStdout",
    "AttachStderr",
    "Tty",
    "StopSignal",
    "User",
    "WorkingDir",
    "ReadonlyRootfs",
    "Tmpfs",
    "Mounts",
    "CapDrop",
    "CapAdd",
    "SecurityOpt",
    "Privileged",
    "Runtime",
    "NetworkMode",
    "NetworkDisabled",
    "PublishAllPorts",
    "PortBindings",
    "IpcMode",
    "CgroupnsMode",
    "PidMode",
    "UTSMode",
    "Devices",
    "Memory",
    "MemorySwap",
    "OomKillDisable",
    "PidsLimit",
    "CpuQuota",
    "CpuPeriod",
    "Ulimits",
    "LogConfig",
    "Env",
];

/// Every setting of a body with its value, in reading order.
fn settings(body: &Value) -> Vec<(String, Value)> {
    let of = |value: Option<&Value>| value.and_then(Value::as_object).cloned().into_iter().flatten();
    let mut all: Vec<_> =
        of(Some(body)).filter(|(key, _)| key != "HostConfig").chain(of(body.get("HostConfig"))).collect();
    let place = |key: &str| ORDER.iter().position(|known| *known == key).unwrap_or(ORDER.len());
    all.sort_by(|(one, _), (other, _)| place(one).cmp(&place(other)).then_with(|| one.cmp(other)));
    all
}

/// Whether a setting says that there is none of something.
fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A value as an argument: texts as they are.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The texts of a list.
fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

/// The entries of an object as texts, by name.
fn entries(value: &Value) -> Vec<(String, String)> {
    let mut entries: Vec<_> =
        value.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), text(value))).collect();
    entries.sort();
    entries
}

/// The security options, with the profile's file in place of its text: clients read the file.
fn security_options(value: &Value, seccomp_file: &str) -> Vec<String> {
    let option = |text: String| match text.split_once('=') {
        Some(("seccomp", _)) => format!("seccomp={seccomp_file}"),
        _ => text,
    };
    texts(value).into_iter().map(option).collect()
}

/// `no`, or `NAME:COUNT`.
fn restart(value: &Value) -> String {
    let name = value.get("Name").map(text).unwrap_or_default();
    match value.get("MaximumRetryCount").and_then(Value::as_i64) {
        None | Some(0) => name,
        Some(count) => format!("{name}:{count}"),
    }
}

/// A bind mount of the body, taken apart.
struct Bound {
    kind: String,
    source: String,
    target: String,
    read_only: bool,
    propagation: String,
    recursive: bool,
    create: bool,
}

fn bound(value: &Value) -> Vec<Bound> {
    let at = |mount: &Value, pointer: &str| mount.pointer(pointer).map(text).unwrap_or_default();
    let is = |mount: &Value, pointer: &str| mount.pointer(pointer) == Some(&Value::Bool(true));
    let one = |mount: &Value| Bound {
        kind: at(mount, "/Type"),
        source: at(mount, "/Source"),
        target: at(mount, "/Target"),
        read_only: is(mount, "/ReadOnly"),
        propagation: at(mount, "/BindOptions/Propagation"),
        recursive: !is(mount, "/BindOptions/NonRecursive"),
        create: is(mount, "/BindOptions/CreateMountpoint"),
    };
    value.as_array().into_iter().flatten().map(one).collect()
}

/// Name, soft and hard value of each limit.
fn ulimits(value: &Value) -> Vec<(String, String, String)> {
    let at = |limit: &Value, key: &str| limit.get(key).map(text).unwrap_or_default();
    value
        .as_array()
        .into_iter()
        .flatten()
        .map(|limit| (at(limit, "Name"), at(limit, "Soft"), at(limit, "Hard")))
        .collect()
}

#[cfg(test)]
mod tests;
