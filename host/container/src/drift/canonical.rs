//! A body's settings in one spelling, each under a name of its own. What is left out here is what the engine
//! does by itself: absent, null, false, 0 and empty are one to it.

use crate::posture::digest_of;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What an engine reports of a setting that nobody made, where that is not nothing.
fn defaults() -> [(&'static str, Value); 6] {
    [
        ("RestartPolicy Name", json!("no")),
        ("Runtime", json!("runc")),
        ("Isolation", json!("default")),
        // Of a `/dev/shm` that `IpcMode: none` takes away.
        ("ShmSize", json!(64 << 20)),
        ("ConsoleSize", json!([0, 0])),
        ("MemorySwappiness", json!(-1)),
    ]
}

/// The settings of a body.
pub(super) fn canonical(body: &Value) -> BTreeMap<String, Value> {
    let mut settings = BTreeMap::new();
    let host = body.get("HostConfig");
    for (key, value) in entries(Some(body)).filter(|(key, _)| *key != "HostConfig").chain(entries(host)) {
        put(key, value, &mut settings);
    }
    // Without a network there is nothing left to disable, and no command line can say it.
    if settings.get("NetworkMode") == Some(&json!("none")) {
        settings.remove("NetworkDisabled");
    }
    let defaults = defaults();
    settings
        .retain(|setting, value| !nothing(value) && !defaults.iter().any(|(name, it)| name == setting && it == value));
    settings
}

/// Whether a value is what the engine takes for "not set".
pub(super) fn nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(on) => !on,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

fn entries(object: Option<&Value>) -> impl Iterator<Item = (&str, &Value)> {
    object.and_then(Value::as_object).into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn put(key: &str, value: &Value, settings: &mut BTreeMap<String, Value>) {
    match key {
        "SecurityOpt" if value.is_array() => {
            for option in items(value) {
                let (name, value) = security_option(option);
                more(settings, name, value);
            }
        }
        "Tmpfs" if value.is_object() => {
            for (path, options) in entries(Some(value)) {
                settings.insert(format!("Tmpfs {path}"), tmpfs(options));
            }
        }
        "Labels" | "LogConfig" | "RestartPolicy" if value.is_object() => {
            for (name, value) in entries(Some(value)) {
                settings.insert(format!("{key} {name}"), value.clone());
            }
        }
        "Ulimits" if value.is_array() => {
            for limit in items(value) {
                let name = limit.get("Name").and_then(Value::as_str).unwrap_or("?");
                // A number of 0 is a limit, and the lowest: it must not be taken for none.
                let values = entries(Some(limit)).filter(|(key, _)| *key != "Name");
                let values: Value = values.map(|(key, value)| (key.to_owned(), value.clone())).collect();
                more(settings, format!("Ulimits {name}"), json!([values]));
            }
        }
        "CapAdd" | "CapDrop" if value.is_array() => {
            let mut names: Vec<String> = items(value).map(capability).collect();
            names.sort();
            names.dedup();
            settings.insert(key.to_owned(), names.into());
        }
        "Mounts" if value.is_array() => {
            for mount in items(value) {
                let target = mount.get("Target").and_then(Value::as_str).unwrap_or("?");
                more(settings, format!("Mounts {target}"), without_nothing(mount));
            }
        }
        _ => {
            settings.insert(key.to_owned(), value.clone());
        }
    }
}

/// A second value for a name that can have one stays visible.
fn more(settings: &mut BTreeMap<String, Value>, name: String, value: Value) {
    match settings.remove(&name) {
        None => settings.insert(name, value),
        Some(first) => settings.insert(name, json!([first, value])),
    };
}

/// The profile is told by its digest, whether it was packed tighter on its way or not.
fn security_option(option: &Value) -> (String, Value) {
    let text = option.as_str().unwrap_or("?");
    let (name, value) = text.split_once(['=', ':']).unwrap_or((text, "true"));
    let value = match name {
        "seccomp" => profile(value),
        _ => value.to_owned(),
    };
    (format!("SecurityOpt {name}"), Value::from(value))
}

/// Names a seccomp profile by what it means: the digest of its JSON without white space, keys in order. What
/// is no profile, such as `unconfined`, names itself.
#[must_use]
pub fn profile(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(json @ Value::Object(_)) => format!("sha256:{}", digest_of(sorted(&json).to_string().as_bytes())),
        _ => text.to_owned(),
    }
}

/// Keys in order, whatever order the map of this build keeps.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let ordered: BTreeMap<_, _> = map.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            ordered.into_iter().collect()
        }
        Value::Array(list) => list.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

fn capability(name: &Value) -> String {
    let name = name.as_str().unwrap_or("?").to_ascii_uppercase();
    name.strip_prefix("CAP_").map(str::to_owned).unwrap_or(name)
}

/// The option that comes last holds, as for the kernel; a size in bytes.
fn tmpfs(options: &Value) -> Value {
    // Without a single option it is a mount all the same.
    let mut settled: BTreeMap<&str, Value> = BTreeMap::from([("mounted", json!(true))]);
    for option in options.as_str().unwrap_or("?").split(',').filter(|option| !option.is_empty()) {
        let (about, value) = match option {
            "rw" | "ro" => ("write", json!(option)),
            "exec" | "noexec" => ("exec", json!(option)),
            "suid" | "nosuid" => ("suid", json!(option)),
            "dev" | "nodev" => ("dev", json!(option)),
            _ => match option.split_once('=') {
                Some(("size", size)) => ("size", bytes(size).map_or_else(|| json!(size), |size| json!(size))),
                Some((name, value)) => (name, json!(value.trim_start_matches('0'))),
                None => (option, json!(true)),
            },
        };
        settled.insert(about, value);
    }
    settled.into_iter().map(|(about, value)| (about.to_owned(), value)).collect()
}

/// A size as the kernel reads one: a number, and k, m, g, t.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let (number, factor) = match text.char_indices().last()? {
        (at, unit @ ('k' | 'm' | 'g' | 't')) => {
            let power = ['k', 'm', 'g', 't'].iter().position(|known| *known == unit)?;
            (text.get(..at)?, 1_u64 << (10 * (power + 1)))
        }
        _ => (text.as_str(), 1),
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// An object without its empty members, all the way down.
fn without_nothing(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), without_nothing(value)))
            .filter(|(_, value)| !nothing(value))
            .collect(),
        other => other.clone(),
    }
}
