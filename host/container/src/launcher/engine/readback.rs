//! Whether the engine has what it was told: what it reports about a container, against what was sent.

use bollard::models::{ContainerCreateBody, ContainerInspectResponse};
use serde_json::Value;

/// Each setting that is reported differently, in words.
pub(super) fn differences(sent: &ContainerCreateBody, seen: &ContainerInspectResponse) -> Vec<String> {
    let sent = serde_json::to_value(sent).unwrap_or_default();
    let seen = serde_json::to_value(seen).unwrap_or_default();
    let mut differences = Vec::new();
    if let Some(sent) = sent.as_object() {
        for (key, value) in sent.iter().filter(|(key, _)| *key != "HostConfig") {
            let reported = match key.as_str() {
                // The engine adds a PATH; nothing else may be there.
                "Env" => without_path(seen.pointer("/Config/Env")),
                // Reported resolved to an id elsewhere; compared there.
                "Image" => seen.get("Image").cloned().unwrap_or_default(),
                key => seen.get("Config").and_then(|config| config.get(key)).cloned().unwrap_or_default(),
            };
            compare(key, value, &reported, &mut differences);
        }
    }
    let host = seen.get("HostConfig");
    if let Some(sent) = sent.get("HostConfig").and_then(Value::as_object) {
        for (key, value) in sent {
            compare(key, value, host.and_then(|host| host.get(key)).unwrap_or(&Value::Null), &mut differences);
        }
    }
    for widens in ["Binds", "VolumesFrom", "DeviceRequests", "DeviceCgroupRules", "GroupAdd", "Sysctls", "UsernsMode"] {
        compare(widens, &Value::Null, host.and_then(|host| host.get(widens)).unwrap_or(&Value::Null), &mut differences);
    }
    for list in ["MaskedPaths", "ReadonlyPaths"] {
        if host.and_then(|host| host.get(list)).is_none_or(nothing) {
            differences.push(format!("{list}: the engine hides nothing"));
        }
    }
    compare("Mounts", &wanted_mounts(&sent), &real_mounts(&seen), &mut differences);
    differences
}

fn compare(key: &str, sent: &Value, reported: &Value, differences: &mut Vec<String>) {
    // One more temporary file system would be one more place to write; labels may come from the image too.
    let defaults_added = key != "Tmpfs" && covers(sent, reported);
    if sent != reported && !(nothing(sent) && nothing(reported)) && !defaults_added {
        differences.push(format!("{key}: {} was sent, {} is reported", short(sent), short(reported)));
    }
}

/// Whether an object reports each field that was sent; it may report defaults besides.
fn covers(sent: &Value, reported: &Value) -> bool {
    match (sent, reported) {
        (Value::Object(sent), Value::Object(reported)) if !sent.is_empty() => sent.iter().all(|(key, value)| {
            let reported = reported.get(key).unwrap_or(&Value::Null);
            value == reported || (nothing(value) && nothing(reported)) || covers(value, reported)
        }),
        (Value::Array(sent), Value::Array(reported)) => {
            sent.len() == reported.len()
                && sent.iter().zip(reported).all(|(sent, reported)| sent == reported || covers(sent, reported))
        }
        _ => false,
    }
}

/// The engine leaves out, or writes as null, what is empty, false or 0.
fn nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(on) => !on,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

fn without_path(environment: Option<&Value>) -> Value {
    let kept = environment.and_then(Value::as_array).into_iter().flatten();
    kept.filter(|entry| entry.as_str().is_none_or(|text| !text.starts_with("PATH="))).cloned().collect()
}

/// Target and whether it can be written, sorted.
fn wanted_mounts(sent: &Value) -> Value {
    let mounts = sent.pointer("/HostConfig/Mounts").and_then(Value::as_array).into_iter().flatten();
    sorted(mounts.map(|mount| (mount.get("Target"), mount.get("ReadOnly") != Some(&Value::Bool(true)))))
}

fn real_mounts(seen: &Value) -> Value {
    let mounts = seen.get("Mounts").and_then(Value::as_array).into_iter().flatten();
    sorted(mounts.map(|mount| (mount.get("Destination"), mount.get("RW") == Some(&Value::Bool(true)))))
}

fn sorted<'a>(mounts: impl Iterator<Item = (Option<&'a Value>, bool)>) -> Value {
    let mut lines: Vec<String> = mounts
        .map(|(target, writable)| {
            format!("{} {}", target.and_then(Value::as_str).unwrap_or("?"), if writable { "rw" } else { "ro" })
        })
        .collect();
    lines.sort();
    lines.into()
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use serde_json::json;

    fn of(sent: Value, seen: Value) -> Vec<String> {
        let masked = json!({"MaskedPaths": ["/proc/kcore"], "ReadonlyPaths": ["/proc/sys"]});
        let mut seen = seen;
        let host = seen.as_object_mut().unwrap().entry("HostConfig").or_insert_with(|| json!({}));
        for (key, value) in masked.as_object().unwrap() {
            host.as_object_mut().unwrap().entry(key).or_insert_with(|| value.clone());
        }
        differences(&serde_json::from_value(sent).unwrap(), &serde_json::from_value(seen).unwrap())
    }

    #[test]
    fn an_engine_that_drops_or_adds_a_setting_is_seen() {
        let sent = json!({"HostConfig": {"PidsLimit": 100, "CapAdd": []}});
        assert_eq!(of(sent.clone(), json!({"HostConfig": {"PidsLimit": 100}})), Vec::<String>::new());
        let cases = [
            (json!({"HostConfig": {}}), "PidsLimit"),
            (json!({"HostConfig": {"PidsLimit": 100, "CapAdd": ["SYS_ADMIN"]}}), "CapAdd"),
            (json!({"HostConfig": {"PidsLimit": 100, "Binds": ["/:/host"]}}), "Binds"),
            (json!({"HostConfig": {"PidsLimit": 100, "MaskedPaths": []}}), "MaskedPaths"),
            (
                json!({"HostConfig": {"PidsLimit": 100}, "Mounts": [{"Type": "bind", "Destination": "/host", "RW": true}]}),
                "Mounts",
            ),
        ];
        for (seen, what) in cases {
            let found = of(sent.clone(), seen);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found.iter().all(|line| line.starts_with(what)), "{found:?}");
        }
    }
}
