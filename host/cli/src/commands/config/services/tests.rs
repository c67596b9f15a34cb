//! What the services may be, and that each format says all of it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;
use serde_json::{Value, json};
use std::path::Path;

fn settings() -> Settings {
    Settings {
        home: "/srv/safe claw".to_owned(),
        hub_image: format!("sha256:{}", "a".repeat(64)),
        runner_image: format!("sha256:{}", "b".repeat(64)),
        engine_socket: "/run/engine.sock".to_owned(),
        engine_gid: "998".to_owned(),
        governor_url: "https://hub.example:7300".to_owned(),
        database: String::new(),
    }
}

#[test]
fn the_compose_file_is_the_one_in_the_repository() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runner-image/compose.yml");
    let written = compose(&Settings::variables());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &written).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == written, "runner-image/compose.yml differs; UPDATE_GOLDEN=1 writes it anew:\n{written}");
}

#[test]
fn every_service_is_hardened() {
    let all = engine(&settings());
    assert_eq!(all.as_object().unwrap().len(), 3);
    for (name, body) in all.as_object().unwrap() {
        let host = &body["HostConfig"];
        assert_eq!(body["User"], "10001:10001", "{name}");
        for (field, wanted) in [
            ("ReadonlyRootfs", json!(true)),
            ("CapDrop", json!(["ALL"])),
            ("SecurityOpt", json!(["no-new-privileges"])),
            ("Privileged", json!(false)),
            ("IpcMode", json!("none")),
            ("CgroupnsMode", json!("private")),
        ] {
            assert_eq!(host[field], wanted, "{name} {field}");
        }
        assert!(host["PidsLimit"].as_u64().is_some_and(|pids| (1..=256).contains(&pids)), "{name}");
        assert!(host["Memory"].as_u64().is_some_and(|bytes| bytes > 0 && bytes <= 1 << 30), "{name}");
        assert_eq!(host["Memory"], host["MemorySwap"], "{name}");
        for absent in ["CapAdd", "Devices", "PidMode", "UTSMode", "Binds", "PublishAllPorts"] {
            assert!(host[absent].is_null(), "{name} {absent}");
        }
        assert_eq!(host["LogConfig"]["Config"], json!({"max-file": "5", "max-size": "10m"}), "{name}");
    }
}

fn sources(body: &Value) -> Vec<String> {
    let mounts = body["HostConfig"]["Mounts"].as_array().unwrap();
    mounts.iter().map(|mount| mount["Source"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_engine_is_the_launchers_and_the_network_the_hubs() {
    let all = engine(&settings());
    let with_engine = |name: &str| sources(&all[name]).iter().any(|source| source == "/run/engine.sock");
    assert!(with_engine("launcher") && !with_engine("hub") && !with_engine("operator"));
    let network = |name: &str| all[name]["HostConfig"]["NetworkMode"].as_str().unwrap().to_owned();
    assert_eq!(["launcher", "hub", "operator"].map(network), ["none", "safeclaw-hub", "none"]);
    // The record says what a hub may start: it is not the hub's to write, nor to read.
    let record = "/srv/safe claw/data-launcher".to_owned();
    assert!(sources(&all["launcher"]).contains(&record) && !sources(&all["hub"]).contains(&record));
    // What a hub needs least: the directories of the tools.
    assert!(!sources(&all["hub"]).contains(&"/srv/safe claw/workspace".to_owned()));
    for (port, bindings) in all["hub"]["HostConfig"]["PortBindings"].as_object().unwrap() {
        assert!(bindings.as_array().unwrap().iter().all(|one| one["HostIp"] == "127.0.0.1"), "{port}");
    }
    assert_eq!(all["launcher"]["HostConfig"]["PortBindings"], json!({}));
}

#[test]
fn directories_have_one_path_inside_and_outside_and_secrets_are_files() {
    for (name, body) in engine(&settings()).as_object().unwrap() {
        for mount in body["HostConfig"]["Mounts"].as_array().unwrap() {
            let secret = mount["Source"].as_str().unwrap().contains("/secrets/");
            assert!(secret || mount["Source"] == mount["Target"], "{name}: {mount}");
            assert!(!secret || mount["ReadOnly"] == true, "{name}: {mount}");
        }
        let environment = body["Env"].to_string();
        assert!(!environment.contains("ADMIN_ESCALATION_SECRET="), "{name}: a secret stands in the environment");
    }
}

/// Each value that one format says, the others say too: words of a command line, lines of a compose file.
#[test]
fn every_format_says_everything() {
    let settings = settings();
    for service in services(&settings) {
        let (line, lines, body) = (docker::command(&service), compose::written(&service), engine::body(&service));
        let mut said: Vec<String> = service.command.clone();
        said.push(service.image.clone());
        said.extend(service.groups.iter().cloned());
        said.extend(service.environment.iter().map(|(_, value)| value.clone()));
        said.extend(service.environment.iter().map(|(name, _)| (*name).to_owned()));
        said.extend(service.mounts.iter().flat_map(|mount| [mount.source.clone(), mount.target.clone()]));
        said.extend([service.pids.to_string(), service.open_files.to_string(), service.memory_mib.to_string()]);
        if let Network::Own(ports) = &service.network {
            said.extend(ports.iter().map(|port| format!("127.0.0.1:{port}:{port}")));
        }
        for text in &said {
            assert!(line.contains(text.as_str()), "{}: a command does not say {text}\n{line}", service.name);
            assert!(lines.contains(text.as_str()), "{}: compose does not say {text}\n{lines}", service.name);
        }
        for word in ["no-new-privileges", "ALL", "read", "10001:10001", "max-size", "unless-stopped"] {
            let missing = !(line.contains(word) && lines.contains(word));
            assert!(!missing || (word == "unless-stopped" && service.life == Life::Once), "{}: {word}", service.name);
        }
        let writable = |text: &str, mark: &str| text.matches(mark).count();
        let read_only = service.mounts.iter().filter(|mount| !mount.writable).count();
        assert_eq!(writable(&line, ",readonly,"), read_only);
        assert_eq!(writable(&lines, "      read_only: true\n"), read_only);
        assert_eq!(writable(&body.to_string(), "\"ReadOnly\":true"), read_only);
    }
}

/// A directory with a blank must not become two words.
#[test]
fn a_command_is_read_back_by_a_shell_as_it_was_meant() {
    let text = docker(&settings());
    let words = std::process::Command::new("sh")
        .args(["-c", &format!("docker() {{ for word; do printf '%s\\n' \"$word\"; done; }}\n{text}")])
        .output()
        .unwrap();
    let words = String::from_utf8(words.stdout).unwrap();
    assert!(words.lines().any(|word| word == "workspace=/srv/safe claw/workspace"), "{words}");
    let mount = "type=bind,source=/srv/safe claw/run,target=/srv/safe claw/run,readonly,bind-propagation=rprivate";
    assert!(words.lines().any(|word| word == mount), "{words}");
}
