//! The services as a compose file. Every text is in double quotes; `$` is left as it is, since all of it is ours: the
//! place holders are variables of the operator's `.env`.

use super::{LOG, Life, Mount, NETWORK, Network, STOP_S, Service, USER, services};
use crate::commands::config::settings::Settings;
use serde_json::Value;
use std::fmt::Write as _;

const HEAD: &str = "\
# Hub and launcher in two hardened containers. Written by `safeclaw config compose`; docs/images.md says what to type
# from nothing to a first call. Not tried with `docker compose` itself.
#
# What is mounted has the same path inside as on the engine's machine, since the launcher tells the engine what to
# mount into runners: change SAFECLAW_HOME and never one side of a volume. The launcher refuses a manifest when it
# sees another directory at a path than the engine does.
#
# .env: SAFECLAW_HUB_IMAGE, SAFECLAW_RUNNER_IMAGE, SAFECLAW_ENGINE_GID, SAFECLAW_GOVERNOR_URL; and, where the
# defaults do not fit, SAFECLAW_HOME, SAFECLAW_ENGINE_SOCKET, MANIFEST_DATABASE_URL.
name: \"safeclaw\"
";

/// The whole file.
pub(in crate::commands::config) fn compose(settings: &Settings) -> String {
    let mut text = format!("{HEAD}services:\n");
    services(settings).iter().for_each(|service| text += &written(service));
    let _ = write!(text, "networks:\n  hub:\n    name: {}\n", quoted(NETWORK));
    text
}

pub(super) fn written(service: &Service) -> String {
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
    let mut lines = vec![
        format!("image: {}", quoted(image)),
        "pull_policy: \"never\"".to_owned(),
        format!("user: {}", quoted(USER)),
        "read_only: true".to_owned(),
        "cap_drop: [\"ALL\"]".to_owned(),
        "security_opt: [\"no-new-privileges\"]".to_owned(),
        "privileged: false".to_owned(),
        "ipc: \"none\"".to_owned(),
        "cgroup: \"private\"".to_owned(),
        format!("mem_limit: {}", quoted(&format!("{memory_mib}m"))),
        format!("memswap_limit: {}", quoted(&format!("{memory_mib}m"))),
        format!("pids_limit: {pids}"),
        format!("stop_grace_period: {}", quoted(&format!("{STOP_S}s"))),
    ];
    match network {
        Network::None => lines.push("network_mode: \"none\"".to_owned()),
        Network::Own(_) => lines.push("networks: [\"hub\"]".to_owned()),
    }
    match life {
        Life::Always { after } => {
            lines.push("restart: \"unless-stopped\"".to_owned());
            lines.extend(after.map(|after| format!("depends_on: [{}]", quoted(after))));
        }
        // Started by `docker compose run --rm operator COMMAND`, and never by `up`.
        Life::Once => lines.extend(["restart: \"no\"", "profiles: [\"operator\"]"].map(str::to_owned)),
    }
    let mut under = |head: &str, below: Vec<String>| {
        if !below.is_empty() {
            lines.push(format!("{head}:"));
            lines.extend(below.into_iter().map(|line| format!("  {line}")));
        }
    };
    let list = |values: &[String]| values.iter().map(|value| format!("- {}", quoted(value))).collect::<Vec<_>>();
    under("command", list(command));
    under("environment", environment.iter().map(|(name, value)| format!("{name}: {}", quoted(value))).collect());
    under("labels", vec![format!("safeclaw.service: {}", quoted(name))]);
    under("volumes", mounts.iter().flat_map(volume).collect());
    under("group_add", list(groups));
    if let Network::Own(ports) = network {
        under("ports", ports.iter().map(|port| format!("- \"127.0.0.1:{port}:{port}\"")).collect());
    }
    let files = [format!("  soft: {open_files}"), format!("  hard: {open_files}")];
    under("ulimits", ["nofile:".to_owned()].into_iter().chain(files).chain(["core: 0".to_owned()]).collect());
    let options = LOG.iter().map(|(name, value)| format!("  {name}: {}", quoted(value)));
    let driver = ["driver: \"json-file\"", "options:"].map(str::to_owned);
    under("logging", driver.into_iter().chain(options).collect());
    if !health.is_empty() {
        let test: Vec<Value> =
            std::iter::once("CMD").chain(health.iter().map(String::as_str)).map(Value::from).collect();
        let times = ["interval: \"30s\"", "timeout: \"10s\"", "start_period: \"30s\"", "retries: 3"];
        let test = format!("test: {}", Value::from(test));
        under("healthcheck", std::iter::once(test).chain(times.map(str::to_owned)).collect());
    }
    let lines: String = lines.iter().map(|line| format!("    {line}\n")).collect();
    format!("  {name}:\n{lines}")
}

fn volume(Mount { source, target, writable }: &Mount) -> Vec<String> {
    vec![
        "- type: \"bind\"".to_owned(),
        format!("  source: {}", quoted(source)),
        format!("  target: {}", quoted(target)),
        format!("  read_only: {}", !writable),
        "  bind:".to_owned(),
        "    propagation: \"rprivate\"".to_owned(),
        "    create_host_path: false".to_owned(),
    ]
}

/// A JSON string is a YAML one; these are all ASCII.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
