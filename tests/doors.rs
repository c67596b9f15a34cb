//! The doors of `safeclaw hub` as a process: its options, its files, its environment, and the commands that go
//! through its doors. What each door refuses is in the hub's own tests, `host/hub/src/hub/tests/doors`.

mod certificates;

use certificates::Authority;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use tests::handed;
use tests::hubs::{HubProcess, Place};
use tokio::process::Command;

const SECRET: &str = "a-secret-that-the-environment-must-not-keep";
const NAME: &str = "hub.example";

/// A hub with every door open.
struct Doors {
    place: Place,
    authority: Authority,
    hub: HubProcess,
}

impl Doors {
    /// With the secret in this variable.
    async fn open(variable: &str, secret: &str) -> Self {
        let (place, authority) = (Place::new().await, Authority::new());
        authority.server("hub", NAME);
        let file = |name: &str| authority.path(name).display().to_string();
        let arguments = [
            ("--public-url", format!("https://{NAME}")),
            ("--tls-cert", file("hub.pem")),
            ("--tls-key", file("hub.key")),
            ("--operator-listen", "127.0.0.1:0".to_owned()),
            ("--operator-tls-cert", file("hub.pem")),
            ("--operator-tls-key", file("hub.key")),
            ("--operator-client-ca", file("ca.pem")),
            ("--service-listen", "127.0.0.1:0".to_owned()),
            ("--service-tiers", "user,write".to_owned()),
            ("--service-id", "chat".to_owned()),
        ];
        let mut hub = HubProcess::spawn_with(&place, &handed::engine(), 0, |command| {
            for (name, value) in &arguments {
                command.arg(name).arg(value);
            }
            command.env(variable, secret);
        });
        hub.ready().await.unwrap_or_else(|status| panic!("{status}: {}", place.said()));
        Self { place, authority, hub }
    }

    /// Where a door is, as the hub said.
    fn at(&self, door: &str) -> String {
        self.hub.said[door].as_str().unwrap_or_else(|| panic!("no {door}: {}", self.hub.said)).to_owned()
    }

    /// `safeclaw` with this certificate.
    async fn as_operator(&self, certificate: &str, ca: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(handed::program("safeclaw"));
        command.args(arguments).arg("--operator").arg(self.at("operator"));
        command.arg("--operator-cert").arg(self.authority.path(&format!("{certificate}.pem")));
        command.arg("--operator-key").arg(self.authority.path(&format!("{certificate}.key")));
        command.arg("--operator-ca").arg(ca).output().await.expect("safeclaw runs")
    }
}

async fn curl(arguments: &[&str]) -> Output {
    let common = ["--silent", "--show-error", "--max-time", "60", "--write-out", "\n%{http_code}"];
    Command::new("curl").args(common).args(arguments).output().await.expect("curl runs")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn each_door_of_the_process_takes_its_own() {
    // In a directory that the hub cannot reach any more when it serves.
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, SECRET).expect("a file");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).expect("permissions");
    let doors = Doors::open("ADMIN_ESCALATION_SECRET_FILE", &secret.display().to_string()).await;
    let listen = doors.at("listen");
    let port = listen.rsplit(':').next().expect("a port");
    let ca = doors.authority.path("ca.pem");
    let health = format!("https://{NAME}:{port}/healthz");
    let (resolve, ca_file) = (format!("{NAME}:{port}:127.0.0.1"), ca.display().to_string());
    let to = ["--resolve", &resolve, "--cacert", &ca_file, &health];
    let host = format!("Host: {NAME}");

    // Agents: by the name, over TLS 1.3, and by nothing else.
    let reached = text(&curl(&[&to[..], &["-H", &host]].concat()).await);
    assert!(reached.ends_with("\n200"), "{reached}");
    let named_otherwise = text(&curl(&[&to[..], &["-H", "Host: evil.example"]].concat()).await);
    assert!(named_otherwise.ends_with("\n403"), "{named_otherwise}");
    assert!(!curl(&[&to[..], &["-H", &host, "--tls-max", "1.2"]].concat()).await.status.success());
    let plain = text(&curl(&[&format!("http://127.0.0.1:{port}/healthz")]).await);
    assert!(plain.contains("https://") && plain.ends_with("\n400"), "{plain}");

    // Operators: by a certificate of the authority for clients.
    doors.authority.client("ada");
    let sessions = doors.as_operator("ada", &ca, &["sessions"]).await;
    assert!(sessions.status.success() && text(&sessions).contains("SESSION"), "{}", text(&sessions));
    let well = doors.as_operator("ada", &ca, &["health"]).await;
    assert!(text(&well).contains("manifest"), "{}", text(&well));
    let no_clients = doors.as_operator("hub", &ca, &["sessions"]).await;
    assert!(!no_clients.status.success(), "a server's certificate: {}", text(&no_clients));
    let another = Authority::new();
    let not_believed = doors.as_operator("ada", &another.path("ca.pem"), &["sessions"]).await;
    assert!(!not_believed.status.success() && text(&not_believed).contains("no TLS"), "{}", text(&not_believed));

    // Services: unsigned is nobody.
    let unsigned = text(&curl(&[&format!("http://{}/sessions", doors.at("service"))]).await);
    assert!(unsigned.contains("not signed") && unsigned.ends_with("\n401"), "{unsigned}");
    doors.hub.stop().await;
}

/// What another process of the machine can read of the hub's own environment, and what it wrote.
#[tokio::test]
async fn the_secret_is_in_no_environment_and_in_no_file() {
    let doors = Doors::open("ADMIN_ESCALATION_SECRET", SECRET).await;
    let process = format!("/proc/{}", doors.hub.pid());
    let environment = std::fs::read(format!("{process}/environ")).expect("its environment");
    let readable = String::from_utf8_lossy(&environment).into_owned();
    assert!(readable.contains("PATH="), "it can be read: {readable}");
    assert!(!readable.contains(SECRET), "the environment keeps the secret");
    let arguments = std::fs::read(format!("{process}/cmdline")).expect("its arguments");
    assert!(!String::from_utf8_lossy(&arguments).contains(SECRET));
    for child in std::fs::read_dir("/proc").expect("processes").flatten() {
        let status = std::fs::read_to_string(child.path().join("status")).unwrap_or_default();
        if status.contains(&format!("PPid:\t{}\n", doors.hub.pid())) {
            let environment = std::fs::read(child.path().join("environ")).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&environment).contains(SECRET), "a child has the secret");
        }
    }
    let everything = Command::new("grep")
        .args(["--recursive", "--files-with-matches", "--devices=skip", SECRET])
        .arg(doors.place.data().parent().expect("a folder"))
        .output();
    let found = everything.await.expect("grep runs");
    assert!(found.stdout.is_empty(), "{}", text(&found));
    doors.hub.stop().await;
}

/// Two ways to say the secret, a weak one, and files that others read: none of them starts a hub.
#[tokio::test]
async fn a_hub_does_not_start_on_a_secret_that_is_none() {
    let place = Place::new().await;
    let file = place.data().join("secret");
    let write = |secret: &str, mode| {
        std::fs::write(&file, secret).expect("a file");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("permissions");
    };
    let start = |variables: Vec<(&'static str, String)>| {
        let mut command = Command::new(handed::program("safeclaw"));
        command.args(["hub", "--listen", "127.0.0.1:0", "--service-listen", "127.0.0.1:0"]);
        command.args(["--service-tiers", "user"]).arg("--data").arg(place.data());
        command.env_remove("ADMIN_ESCALATION_SECRET").env_remove("ADMIN_ESCALATION_SECRET_FILE").envs(variables);
        command.output()
    };
    let (direct, by_file) = ("ADMIN_ESCALATION_SECRET", "ADMIN_ESCALATION_SECRET_FILE");
    let path = file.display().to_string();
    write(SECRET, 0o644);
    for (variables, said) in [
        (vec![], "needs the secret"),
        (vec![(direct, "short".to_owned())], "5 bytes"),
        (vec![(direct, String::new())], "0 bytes"),
        (vec![(direct, SECRET.to_owned()), (by_file, path.clone())], "both set"),
        (vec![(by_file, path.clone())], "chmod 600"),
        (vec![(by_file, "/nonexistent".to_owned())], "cannot be read"),
    ] {
        let output = start(variables.clone()).await.expect("safeclaw runs");
        assert!(!output.status.success() && text(&output).contains(said), "{variables:?}: {}", text(&output));
        assert!(!text(&output).contains(SECRET));
    }
}

/// The socket's mode keeps others out; whoever comes past it is asked for by the kernel.
#[tokio::test]
async fn another_user_is_not_the_operator_even_where_the_socket_is_open_to_all() {
    if !rustix::process::geteuid().is_root() {
        println!("not run: only root can be another user");
        return;
    }
    let place = Place::new().await;
    let mut hub = HubProcess::spawn_with(&place, &handed::engine(), 0, |_| {});
    hub.ready().await.unwrap_or_else(|status| panic!("{status}: {}", place.said()));
    let socket = place.data().join("operator.sock");
    let open = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions");
    };
    let ask = |user: u32| {
        let socket = socket.display().to_string();
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--max-time", "60", "--unix-socket", &socket, "http://operator/sessions"]);
        curl.uid(user).gid(user).output()
    };
    let answered = |output: Output| output.status.success() && output.stdout.starts_with(b"[");
    assert!(!answered(ask(1000).await.expect("curl runs")));
    open(&place.data(), 0o755);
    open(&socket, 0o666);
    assert!(!answered(ask(1000).await.expect("curl runs")), "another user is the operator");
    assert!(answered(ask(0).await.expect("curl runs")));
    hub.stop().await;
}
