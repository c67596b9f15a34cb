//! Each setting of a body, weakened where an engine would report it, is found. The cases are made from the
//! body itself, so a setting that is added to it has its case at once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::class::{ClassSpec, MountSpec, Program, Size};
use crate::image::ImageId;
use crate::message::{ContainerName, HubId};
use crate::mounts::CheckedMount;
use crate::posture::{PostureInputs, digest_of, render};
use manifest::{Access, ClassId, MountName};
use serde_json::json;

fn sent() -> Value {
    let name = MountName::try_from("work").unwrap();
    let class = ClassSpec {
        program: Program::Runner,
        size: Size::Small,
        runtime: manifest::Runtime::Runc,
        mounts: vec![MountSpec { name: name.clone(), source: "/srv/work".into(), access: Access::Write }],
        artefacts: Some("/srv/hub/artefacts".into()),
        frames: None,
    };
    let (pinned, protected) = (vec![".git".to_owned()], vec![".git/hooks".to_owned()]);
    let inputs = PostureInputs {
        hub_id: &HubId("hub1".to_owned()),
        hub_key: "KEY",
        image: &ImageId::of(digest_of(b"image")),
        class: &ClassId("class".to_owned()),
        mounts: &[CheckedMount { name, source: "/srv/work".into(), access: Access::Write, pinned, protected }],
    };
    render(&class, &inputs).body(&ContainerName("safeclaw-hub1-0".to_owned()), 7)
}

/// What an engine reports of a container that it made as it was told, with what it adds by itself.
fn reported(sent: &Value) -> Value {
    let mut config = sent.clone();
    let mut host = config.as_object_mut().unwrap().remove("HostConfig").unwrap();
    let added = json!({"Hostname": "0123456789ab", "Domainname": "", "Env": [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]});
    config.as_object_mut().unwrap().extend(added.as_object().unwrap().clone());
    config["Labels"]["org.opencontainers.image.title"] = json!("safeclaw-runner");
    let added = json!({
        "Runtime": "runc", "ShmSize": 67_108_864, "ConsoleSize": [0, 0], "Isolation": "", "Binds": null,
        "VolumesFrom": null, "Dns": [], "ExtraHosts": null, "GroupAdd": null, "UsernsMode": "", "NanoCpus": 0,
        "MaskedPaths": ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
            "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/firmware"],
        "ReadonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    });
    host.as_object_mut().unwrap().extend(added.as_object().unwrap().clone());
    let mounts = |mount: &Value| {
        json!({"Type": "bind", "Source": mount["Source"], "Destination": mount["Target"], "Mode": "",
            "RW": mount["ReadOnly"] == json!(false), "Propagation": mount["BindOptions"]["Propagation"]})
    };
    json!({
        "Id": "0123456789abcdef", "Image": sent["Image"], "Path": "/runner", "Args": sent["Cmd"], "ExecIDs": null,
        "RestartCount": 0, "AppArmorProfile": "docker-default",
        "Mounts": host["Mounts"].as_array().unwrap().iter().map(mounts).collect::<Vec<_>>(),
        "NetworkSettings": {"Networks": {"none": {}}, "Ports": {}},
        "Config": config, "HostConfig": host,
    })
}

/// Each place below, innermost first; those without anything below are the settings' values.
fn places(at: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                places(&format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), value, found);
            }
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| places(&format!("{at}/{index}"), value, found));
        }
        _ => {}
    }
    found.push(at.to_owned());
}

/// What the value could have become.
fn weakened(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => vec![json!("other")],
        Value::Bool(on) => vec![json!(!on)],
        Value::Number(number) => vec![json!(number.as_i64().unwrap() + 1), json!(-1)],
        Value::String(text) => vec![json!(format!("{text}x")), json!("other")],
        Value::Array(list) => {
            let mut longer = list.clone();
            longer.push(json!("other"));
            let shorter = (!list.is_empty()).then(|| list[1..].to_vec());
            std::iter::once(longer).chain(shorter).map(Value::from).collect()
        }
        Value::Object(map) => {
            let mut larger = map.clone();
            larger.insert("other".to_owned(), json!("other"));
            std::iter::once(larger).chain((!map.is_empty()).then(serde_json::Map::new)).map(Value::from).collect()
        }
    }
}

#[test]
fn a_container_as_it_was_asked_for_has_no_difference() {
    let sent = sent();
    assert_eq!(of_container(&sent, &reported(&sent)), []);
}

#[test]
fn each_rendered_setting_weakened_is_found() {
    let sent = sent();
    let healthy = reported(&sent);
    let mut found = Vec::new();
    places("", &sent, &mut found);
    let (mut tried, mut missed) = (0, Vec::new());
    for place in
        found.iter().filter(|place| !["", "/HostConfig", "/Image", "/NetworkDisabled"].contains(&place.as_str()))
    {
        let at = if place.starts_with("/HostConfig") { place.clone() } else { format!("/Config{place}") };
        for other in weakened(sent.pointer(place).unwrap()) {
            if place == "/HostConfig/RestartPolicy" && other == json!({}) {
                // What an engine does when nothing is said is what was asked for.
                continue;
            }
            let mut seen = healthy.clone();
            *seen.pointer_mut(&at).unwrap() = other.clone();
            tried += 1;
            if of_container(&sent, &seen).is_empty() {
                missed.push(format!("{place} as {other}"));
            }
        }
    }
    assert_eq!(missed, Vec::<String>::new());
    assert!(tried > 150, "{tried}");
}

#[test]
fn a_rendered_setting_that_is_not_reported_is_found() {
    let sent = sent();
    for part in ["", "HostConfig"] {
        let rendered = if part.is_empty() { &sent } else { &sent[part] };
        for (key, value) in rendered.as_object().unwrap() {
            if key == "HostConfig" || key == "Image" || canonical::nothing(value) {
                continue;
            }
            let mut seen = reported(&sent);
            let place = if part.is_empty() { &mut seen["Config"] } else { &mut seen["HostConfig"] };
            place.as_object_mut().unwrap().remove(key);
            // These say what is so without them.
            let same = ["RestartPolicy", "NetworkDisabled", "Runtime"].contains(&key.as_str());
            assert_eq!(of_container(&sent, &seen).is_empty(), same, "{key}");
        }
    }
}

#[test]
fn what_the_posture_does_not_name_must_be_harmless() {
    let sent = sent();
    let host = [
        ("Binds", json!(["/:/host"])),
        ("VolumesFrom", json!(["other"])),
        ("DeviceRequests", json!([{"Driver": "nvidia"}])),
        ("DeviceCgroupRules", json!(["a *:* rwm"])),
        ("GroupAdd", json!(["0"])),
        ("Sysctls", json!({"net.ipv4.ip_forward": "1"})),
        ("UsernsMode", json!("host")),
        ("ExtraHosts", json!(["a:127.0.0.1"])),
        ("Links", json!(["/a:/b"])),
        ("Dns", json!(["8.8.8.8"])),
        ("DnsOptions", json!(["x"])),
        ("DnsSearch", json!(["x"])),
        ("CgroupParent", json!("/")),
        ("Cgroup", json!("container:x")),
        ("OomScoreAdj", json!(-1000)),
        ("ShmSize", json!(1 << 30)),
        ("Runtime", json!("other")),
        ("Isolation", json!("process")),
        ("Init", json!(true)),
        ("NanoCpus", json!(4_000_000_000_i64)),
        ("CpuShares", json!(4096)),
        ("CpusetCpus", json!("0")),
        ("CpusetMems", json!("0")),
        ("CpuRealtimePeriod", json!(1000)),
        ("CpuRealtimeRuntime", json!(1000)),
        ("BlkioWeight", json!(1000)),
        ("MemoryReservation", json!(1 << 30)),
        ("MemorySwappiness", json!(100)),
        ("KernelMemory", json!(1 << 30)),
        ("VolumeDriver", json!("other")),
        ("StorageOpt", json!({"size": "100G"})),
        ("Annotations", json!({"a": "b"})),
        ("ContainerIDFile", json!("/tmp/id")),
        ("MaskedPaths", json!([])),
        ("MaskedPaths", json!(["/proc/kcore"])),
        ("ReadonlyPaths", Value::Null),
        ("Tomorrow", json!("wide")),
    ];
    let config = [
        ("Hostname", json!("other")),
        ("Domainname", json!("example.org")),
        ("Env", json!(["LD_PRELOAD=/mnt/work/x.so"])),
        ("Env", json!(["PATH=/mnt/work"])),
        ("ExposedPorts", json!({"80/tcp": {}})),
        ("Volumes", json!({"/data": {}})),
        ("Healthcheck", json!({"Test": ["CMD", "/mnt/work/x"]})),
        ("Shell", json!(["/bin/sh"])),
        ("StopTimeout", json!(600)),
        ("OnBuild", json!(["RUN x"])),
        ("MacAddress", json!("02:42:ac:11:00:02")),
    ];
    let top = [
        ("Image", json!("sha256:other")),
        ("Path", json!("/compile")),
        ("Args", json!([])),
        ("Mounts", json!([])),
        ("ExecIDs", json!(["0"])),
        ("RestartCount", json!(1)),
        ("AppArmorProfile", json!("unconfined")),
        ("NetworkSettings", json!({"Networks": {"bridge": {}}, "Ports": {}})),
        ("NetworkSettings", json!({"Networks": {"none": {}, "bridge": {}}, "Ports": {}})),
        ("NetworkSettings", json!({"Networks": {"none": {}}, "Ports": {"80/tcp": [{}]}})),
    ];
    let cases = host
        .into_iter()
        .map(|(key, value)| (format!("/HostConfig/{key}"), value))
        .chain(config.into_iter().map(|(key, value)| (format!("/Config/{key}"), value)))
        .chain(top.into_iter().map(|(key, value)| (format!("/{key}"), value)));
    for (place, value) in cases {
        let mut seen = reported(&sent);
        let (parent, key) = place.rsplit_once('/').unwrap();
        seen.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(key.to_owned(), value.clone());
        assert_ne!(of_container(&sent, &seen), [], "{place} as {value} is not found");
    }
}

#[test]
fn a_mount_in_force_is_compared_in_all_its_parts() {
    let sent = sent();
    for (index, key, value) in [
        (0, "RW", json!(true)),
        (0, "Propagation", json!("rshared")),
        (0, "Source", json!("/")),
        (0, "Destination", json!("/proc")),
        (0, "Type", json!("volume")),
        (3, "RW", Value::Null),
    ] {
        let mut seen = reported(&sent);
        seen["Mounts"][index][key] = value;
        assert_ne!(of_container(&sent, &seen), [], "{key} of {index}");
    }
}

#[test]
fn another_spelling_is_no_difference() {
    let sent = sent();
    let mut seen = reported(&sent);
    let profile: Value = serde_json::from_str(crate::posture::SECCOMP).unwrap();
    seen["HostConfig"]["SecurityOpt"] = json!(["no-new-privileges:true", format!("seccomp={profile}")]);
    seen["HostConfig"]["CapDrop"] = json!(["CAP_ALL"]);
    seen["HostConfig"]["CapAdd"] = Value::Null;
    seen["HostConfig"]["Tmpfs"]["/tmp"] = json!("nodev,nr_inodes=4096,nosuid,mode=1777,rw,noexec,size=64m");
    seen["HostConfig"]["RestartPolicy"] = json!({"Name": "", "MaximumRetryCount": 0});
    assert_eq!(of_container(&sent, &seen), []);
}

#[test]
fn an_option_of_tmpfs_that_comes_later_holds() {
    let sent = sent();
    for options in ["exec", "suid", "dev", "size=1g", "mode=0777", "uid=0", "huge=always"] {
        let mut seen = reported(&sent);
        let tmp = seen["HostConfig"]["Tmpfs"]["/tmp"].as_str().unwrap().to_owned();
        seen["HostConfig"]["Tmpfs"]["/tmp"] = json!(format!("{tmp},{options}"));
        assert_eq!(of_container(&sent, &seen).len(), 1, "{options}");
    }
    let mut seen = reported(&sent);
    seen["HostConfig"]["Tmpfs"]["/scratch"] = json!("");
    assert_eq!(of_container(&sent, &seen).len(), 1);
}

#[test]
fn a_profile_is_its_rules_and_not_its_spaces() {
    assert_eq!(profile("{\"a\": 1,  \"b\": [2]}"), profile("{\"b\":[2],\"a\":1}"));
    assert_ne!(profile("{\"a\":1}"), profile("{\"a\":2}"));
    assert_eq!(profile("unconfined"), "unconfined");
}
