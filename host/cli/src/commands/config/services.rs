//! Hub and launcher as two containers, and a third for the operator's commands: one structure, and each way to say it
//! to somebody. The launcher has the engine and no network, the hub a network and no engine.

mod compose;
mod docker;
mod engine;

pub(super) use compose::compose;
pub(super) use docker::docker;
pub(super) use engine::engine;

use super::settings::Settings;

/// The network that the hub has to itself.
const NETWORK: &str = "safeclaw-hub";
/// Agents.
const MCP_PORT: u16 = 7300;
/// Services that act for people.
const SERVICE_PORT: u16 = 7302;
/// Kept of what a container says: this much, this often.
const LOG: [(&str, &str); 2] = [("max-size", "10m"), ("max-file", "5")];
/// The hub ends calls in 10 seconds and its launcher what is left.
const STOP_S: u32 = 30;

/// One container. What is not here is the same for all and stands in the renderers: a read-only root, no capability,
/// no new privileges, no shared memory, a cgroup namespace of its own, limited logs.
struct Service {
    name: &'static str,
    image: String,
    command: Vec<String>,
    environment: Vec<(&'static str, String)>,
    mounts: Vec<Mount>,
    /// Groups besides the image's own.
    groups: Vec<String>,
    network: Network,
    memory_mib: u64,
    pids: u32,
    open_files: u32,
    /// A command that succeeds while it is well.
    health: Vec<String>,
    life: Life,
}

/// A directory or file at the same path inside as outside, unless it is a secret.
struct Mount {
    source: String,
    target: String,
    writable: bool,
}

enum Network {
    None,
    /// With these ports on the loopback address of the machine.
    Own(Vec<u16>),
}

#[derive(PartialEq, Eq)]
enum Life {
    /// Until it is stopped; after this one.
    Always { after: Option<&'static str> },
    /// One command.
    Once,
}

fn services(settings: &Settings) -> Vec<Service> {
    vec![launcher(settings), hub(settings), operator(settings)]
}

/// The user of all three, as the image says; repeated, so that a changed image changes nothing.
const USER: &str = container::HUB_USER;

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).into()
}

impl Settings {
    fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.home)
    }

    fn seen(&self, name: &str) -> Mount {
        Mount { source: self.at(name), target: self.at(name), writable: false }
    }

    fn writable(&self, name: &str) -> Mount {
        Mount { writable: true, ..self.seen(name) }
    }

    fn socket(&self) -> String {
        self.at("run/launcher.sock")
    }
}

/// It looks at what is mounted into runners, which is why it sees the workspace; it writes FIFOs in the data
/// directory, its record, and the socket for the hub.
fn launcher(settings: &Settings) -> Service {
    let mut command = words(["launcher", "--listen", &settings.socket()]);
    command.extend(words(["--data", &settings.at("data"), "--record", &settings.at("data-launcher")]));
    for private in ["manifest", "run", "tools", "tls", "secrets"] {
        command.extend(words(["--private", &settings.at(private)]));
    }
    command.extend(words(["--engine", &format!("unix://{}", settings.engine_socket)]));
    command.extend(words(["--image", &settings.runner_image]));
    let engine = Mount {
        source: settings.engine_socket.clone(),
        target: settings.engine_socket.clone(),
        // To connect to a socket is not to write it.
        writable: false,
    };
    Service {
        name: "launcher",
        image: settings.hub_image.clone(),
        command,
        environment: Vec::new(),
        mounts: vec![
            engine,
            settings.writable("data"),
            settings.writable("data-launcher"),
            settings.writable("run"),
            settings.seen("workspace"),
        ],
        groups: vec![settings.engine_gid.clone()],
        network: Network::None,
        memory_mib: 256,
        pids: 128,
        open_files: 16_384,
        health: Vec::new(),
        life: Life::Always { after: None },
    }
}

fn hub(settings: &Settings) -> Service {
    let (certificate, key) = (settings.at("tls/hub.pem"), settings.at("tls/hub.key"));
    let mut command = words(["hub", "--launcher", &format!("unix://{}", settings.socket())]);
    command.extend(words(["--image", &settings.runner_image, "--manifest", &settings.at("manifest")]));
    command.extend(words(["--mount", &format!("workspace={}", settings.at("workspace"))]));
    command.extend(words(["--listen", &format!("0.0.0.0:{MCP_PORT}"), "--public-url", &settings.governor_url]));
    command.extend(words(["--tls-cert", &certificate, "--tls-key", &key]));
    command.extend(words(["--service-listen", &format!("0.0.0.0:{SERVICE_PORT}"), "--service-tiers", "user,write"]));
    command.extend(words(["--service-tls-cert", &certificate, "--service-tls-key", &key]));
    let secret = "/run/secrets/admin_escalation_secret".to_owned();
    Service {
        name: "hub",
        image: settings.hub_image.clone(),
        command,
        environment: vec![
            ("SAFECLAW_DATA", settings.at("data")),
            ("ADMIN_ESCALATION_SECRET_FILE", secret.clone()),
            ("MANIFEST_DATABASE_URL", settings.database.clone()),
        ],
        mounts: vec![
            settings.writable("data"),
            settings.seen("run"),
            settings.seen("manifest"),
            settings.seen("tls"),
            Mount { source: settings.at("secrets/admin_escalation_secret"), target: secret, writable: false },
        ],
        groups: Vec::new(),
        network: Network::Own(vec![MCP_PORT, SERVICE_PORT]),
        memory_mib: 1024,
        pids: 256,
        open_files: 16_384,
        health: words(["/safeclaw", "health"]),
        life: Life::Always { after: Some("launcher") },
    }
}

/// Speaks through the sockets that are the operator's: the hub's, and the launcher's, which no hub reaches.
fn operator(settings: &Settings) -> Service {
    Service {
        name: "operator",
        image: settings.hub_image.clone(),
        command: words(["health"]),
        environment: vec![("SAFECLAW_DATA", settings.at("data")), ("MANIFEST_DATABASE_URL", settings.database.clone())],
        mounts: vec![
            settings.writable("data"),
            settings.writable("data-launcher"),
            settings.seen("manifest"),
            settings.seen("tools"),
        ],
        groups: Vec::new(),
        network: Network::None,
        memory_mib: 512,
        pids: 64,
        open_files: 1024,
        health: Vec::new(),
        life: Life::Once,
    }
}

#[cfg(test)]
mod tests;
