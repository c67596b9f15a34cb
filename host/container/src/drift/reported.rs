//! What an engine reports about a container, as the body that would have made it, and the facts beside it:
//! what is really mounted, which network it really has, whether somebody ran a command in it.

use super::{Difference, between, difference};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What the engine puts into an environment by itself.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Labels that every image has, and ours.
const IMAGE_LABELS: &str = "org.opencontainers.image.";
/// Paths that every supported engine hides. Fewer is a container whose `/proc` was opened.
const MASKED: [&str; 8] = [
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/sys/firmware",
];
/// Paths that every supported engine makes read-only.
const READONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Compares a container, as its engine reports it, with the body that it was made from.
#[must_use]
pub fn of_container(wanted: &Value, inspected: &Value) -> Vec<Difference> {
    let mut differences = between(wanted, &body(inspected));
    for (list, least) in [("MaskedPaths", &MASKED[..]), ("ReadonlyPaths", &READONLY[..])] {
        let held: BTreeSet<&str> = strings(inspected.pointer(&format!("/HostConfig/{list}"))).collect();
        let bare: Vec<&str> = least.iter().filter(|path| !held.contains(*path)).copied().collect();
        if !bare.is_empty() {
            differences.push(difference(list, Some(&json!(least)), Some(&json!(format!("not: {}", bare.join(" "))))));
        }
    }
    let facts = [
        ("Mounts in force", wanted_mounts(wanted), real_mounts(inspected)),
        ("Command in force", wanted_command(wanted), real_command(inspected)),
        ("Networks", json!(["none"]), keys(inspected.pointer("/NetworkSettings/Networks"))),
        ("Published ports", json!([]), keys(inspected.pointer("/NetworkSettings/Ports"))),
        // A runner's image has no other program, so whoever executed one brought it in.
        ("Executed in it", json!([]), strings(inspected.get("ExecIDs")).map(|_| "a command").collect()),
        ("Restarts", json!(0), inspected.get("RestartCount").cloned().unwrap_or(json!(0))),
        ("AppArmor", json!(false), json!(inspected.get("AppArmorProfile") == Some(&json!("unconfined")))),
    ];
    for (fact, wanted, found) in facts {
        if wanted != found {
            differences.push(difference(fact, Some(&wanted), Some(&found)));
        }
    }
    differences
}

/// The body that would have made it.
fn body(inspected: &Value) -> Value {
    let mut body = inspected.get("Config").cloned().unwrap_or_default();
    let mut host = inspected.get("HostConfig").cloned().unwrap_or_default();
    if let Some(host) = host.as_object_mut() {
        // Looked at apart: here no list at all is the engine's own.
        host.retain(|key, _| key != "MaskedPaths" && key != "ReadonlyPaths");
    }
    if let Some(config) = body.as_object_mut() {
        let id = inspected.get("Id").and_then(Value::as_str).unwrap_or_default();
        let own_name = |value: &Value| value.as_str().is_some_and(|name| name.len() == 12 && id.starts_with(name));
        config.retain(|key, value| !(key == "Hostname" && own_name(value)));
        let environment: Value = strings(config.get("Env")).filter(|entry| *entry != PATH).collect();
        config.insert("Env".to_owned(), environment);
        if let Some(labels) = config.get_mut("Labels").and_then(Value::as_object_mut) {
            labels.retain(|name, _| !name.starts_with(IMAGE_LABELS));
        }
        // What it was started by is a name; what it runs is an id.
        config.insert("Image".to_owned(), inspected.get("Image").cloned().unwrap_or_default());
        config.insert("HostConfig".to_owned(), host);
    }
    body
}

fn strings(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn keys(object: Option<&Value>) -> Value {
    object.and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key.clone()).collect()
}

fn wanted_command(wanted: &Value) -> Value {
    strings(wanted.get("Entrypoint")).chain(strings(wanted.get("Cmd"))).collect()
}

fn real_command(inspected: &Value) -> Value {
    inspected.get("Path").and_then(Value::as_str).into_iter().chain(strings(inspected.get("Args"))).collect()
}

fn wanted_mounts(wanted: &Value) -> Value {
    let mounts = wanted.pointer("/HostConfig/Mounts").and_then(Value::as_array).into_iter().flatten();
    sorted(mounts.map(|mount| {
        let writable = mount.get("ReadOnly") != Some(&Value::Bool(true));
        line(mount, "Target", writable, mount.pointer("/BindOptions/Propagation"))
    }))
}

fn real_mounts(inspected: &Value) -> Value {
    let mounts = inspected.get("Mounts").and_then(Value::as_array).into_iter().flatten();
    sorted(mounts.map(|mount| {
        // What is not said to be read-only is taken for writable.
        let writable = mount.get("RW") != Some(&Value::Bool(false));
        line(mount, "Destination", writable, mount.get("Propagation"))
    }))
}

fn line(mount: &Value, target: &str, writable: bool, propagation: Option<&Value>) -> String {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("?").to_owned();
    let [kind, source, target] = ["Type", "Source", target].map(|key| text(mount.get(key)));
    format!("{kind} {source} {target} {} {}", if writable { "rw" } else { "ro" }, text(propagation))
}

fn sorted(lines: impl Iterator<Item = String>) -> Value {
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines.into()
}
