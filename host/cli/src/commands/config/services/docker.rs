//! The services as commands for a shell.

use super::{LOG, Life, Mount, NETWORK, Network, STOP_S, Service, USER, services};
use crate::commands::config::settings::Settings;
use container::posture::formats::shell_word;

/// One command for the network, one for each container.
pub(in crate::commands::config) fn docker(settings: &Settings) -> String {
    let mut text = "# The launcher and the hub. The last command is the operator's: replace `health` by another one.\n\
                    # What is mounted must be there; docs/images.md says how it is made.\n"
        .to_owned();
    text += &format!("docker network create {NETWORK}\n");
    text + &services(settings).iter().map(command).collect::<String>()
}

pub(super) fn command(service: &Service) -> String {
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
    let mut lines: Vec<Vec<String>> = Vec::new();
    let mut say = |words: &[&str]| lines.push(words.iter().map(|word| (*word).to_owned()).collect());
    say(&["docker", "run"]);
    match life {
        Life::Once => say(&["--rm"]),
        // What it comes after is started by the command before.
        Life::Always { after: _ } => {
            say(&["--detach"]);
            say(&["--name", &format!("safeclaw-{name}")]);
            say(&["--restart", "unless-stopped"]);
        }
    }
    say(&["--pull", "never"]);
    say(&["--label", &format!("safeclaw.service={name}")]);
    say(&["--user", USER]);
    groups.iter().for_each(|group| say(&["--group-add", group]));
    say(&["--read-only"]);
    say(&["--cap-drop", "ALL"]);
    say(&["--security-opt", "no-new-privileges"]);
    say(&["--privileged=false"]);
    match network {
        Network::None => say(&["--network", "none"]),
        Network::Own(ports) => {
            say(&["--network", NETWORK]);
            ports.iter().for_each(|port| say(&["--publish", &format!("127.0.0.1:{port}:{port}")]));
        }
    }
    say(&["--ipc", "none"]);
    say(&["--cgroupns", "private"]);
    say(&["--memory", &format!("{memory_mib}m")]);
    say(&["--memory-swap", &format!("{memory_mib}m")]);
    say(&["--pids-limit", &pids.to_string()]);
    say(&["--ulimit", &format!("nofile={open_files}:{open_files}")]);
    say(&["--ulimit", "core=0:0"]);
    say(&["--log-driver", "json-file"]);
    LOG.iter().for_each(|(name, value)| say(&["--log-opt", &format!("{name}={value}")]));
    say(&["--stop-timeout", &STOP_S.to_string()]);
    environment.iter().for_each(|(name, value)| say(&["--env", &format!("{name}={value}")]));
    mounts.iter().for_each(|one| say(&["--mount", &mount(one)]));
    let mut last = vec![image.clone()];
    last.extend(command.iter().cloned());
    lines.push(last);
    let line = |words: &Vec<String>| words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = lines.iter().map(line).collect();
    // The client has the engine hand it to a shell, which is not in this image.
    let note = match health.as_slice() {
        [] => String::new(),
        health => {
            format!("# No flag says the health check; ask by: docker exec safeclaw-{name} {}\n", health.join(" "))
        }
    };
    format!("\n{note}{}\n", lines.join(" \\\n  "))
}

fn mount(Mount { source, target, writable }: &Mount) -> String {
    let access = if *writable { "" } else { ",readonly" };
    format!("type=bind,source={source},target={target}{access},bind-propagation=rprivate")
}
