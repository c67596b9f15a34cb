//! The services as the container engine's API takes them, for `POST /containers/create`.

use super::{LOG, Life, Mount, NETWORK, Network, STOP_S, Service, USER, services};
use crate::commands::config::settings::Settings;
use serde_json::{Map, Value, json};

/// A body for each name.
pub(in crate::commands::config) fn engine(settings: &Settings) -> Value {
    services(settings).iter().map(|service| (service.name.to_owned(), body(service))).collect::<Map<_, _>>().into()
}

pub(super) fn body(service: &Service) -> Value {
    let Service {
        name,
        image,
        command,
        environment,
        mounts,
        groups,
        network,
        memory_mib,
        pids,
        open_files,
        health,
        life,
    } = service;
    let (network, ports): (_, &[u16]) = match network {
        Network::None => ("none", &[]),
        Network::Own(ports) => (NETWORK, ports),
    };
    let on_loopback =
        |port: &u16| (format!("{port}/tcp"), json!([{ "HostIp": "127.0.0.1", "HostPort": port.to_string() }]));
    let exposed = |port: &u16| (format!("{port}/tcp"), json!({}));
    let memory = memory_mib << 20;
    let mut body = json!({
        "Image": image,
        "Cmd": command,
        "User": USER,
        "Env": environment.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>(),
        "Labels": { "safeclaw.service": name },
        "ExposedPorts": ports.iter().map(exposed).collect::<Map<_, _>>(),
        "StopTimeout": STOP_S,
        "HostConfig": {
            "ReadonlyRootfs": true,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Privileged": false,
            "NetworkMode": network,
            "PortBindings": ports.iter().map(on_loopback).collect::<Map<_, _>>(),
            "IpcMode": "none",
            "CgroupnsMode": "private",
            "Mounts": mounts.iter().map(mount).collect::<Vec<_>>(),
            "GroupAdd": groups,
            "Memory": memory,
            "MemorySwap": memory,
            "PidsLimit": pids,
            "Ulimits": [
                { "Name": "nofile", "Soft": open_files, "Hard": open_files },
                { "Name": "core", "Soft": 0, "Hard": 0 },
            ],
            "LogConfig": { "Type": "json-file", "Config": LOG.into_iter().collect::<std::collections::BTreeMap<_, _>>() },
            "RestartPolicy": { "Name": if *life == Life::Once { "no" } else { "unless-stopped" } },
            "AutoRemove": *life == Life::Once,
        },
    });
    if let (Some(fields), [_, ..]) = (body.as_object_mut(), health.as_slice()) {
        let test: Vec<_> = std::iter::once("CMD").chain(health.iter().map(String::as_str)).collect();
        let (interval, timeout, start) = (30_000_000_000_u64, 10_000_000_000_u64, 30_000_000_000_u64);
        fields.insert(
            "Healthcheck".to_owned(),
            json!({ "Test": test, "Interval": interval, "Timeout": timeout, "StartPeriod": start, "Retries": 3 }),
        );
    }
    body
}

fn mount(Mount { source, target, writable }: &Mount) -> Value {
    json!({
        "Type": "bind", "Source": source, "Target": target, "ReadOnly": !writable,
        "BindOptions": { "Propagation": "rprivate" },
    })
}
