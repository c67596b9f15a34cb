//! Hub and launcher in their containers, as the compose file has them: the settings are those that
//! `safeclaw config compose --format engine` prints, started on the engine that was handed over.

mod home;
mod services;

use serde_json::json;
use services::Services;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use tests::handed;
use tests::watch::{self, until};

/// Values of `/proc/PID/status`.
fn status(pid: i32, name: &str) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}:"))).unwrap();
    line.split_whitespace().map(str::to_owned).collect()
}

/// What the kernel says of one of them, past the engine and the image.
fn confined(pid: i32) {
    assert_eq!(status(pid, "Uid"), ["10001"; 4]);
    assert_eq!(status(pid, "Gid"), ["10001"; 4]);
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status(pid, set), ["0000000000000000"], "{set}");
    }
    assert_eq!(status(pid, "NoNewPrivs"), ["1"]);
    assert_eq!(status(pid, "Seccomp"), ["2"]);
    // Not for want of a right: the test is root here, and the file system says no.
    let root = format!("/proc/{pid}/root");
    for place in ["planted", "etc/planted", "safeclaw.new"] {
        let written = fs::write(Path::new(&root).join(place), "x").unwrap_err();
        assert_eq!(written.kind(), ErrorKind::ReadOnlyFilesystem, "{place}: {written}");
    }
    let mut found: Vec<_> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    found.retain(|name| fs::metadata(Path::new(&root).join(name)).is_ok_and(|kind| kind.is_file()));
    found.retain(|name| name != ".dockerenv");
    assert_eq!(found, ["safeclaw"], "there is one program and nothing else");
}

/// The groups of a process besides its own.
fn groups(pid: i32) -> Vec<u32> {
    status(pid, "Groups").iter().map(|group| group.parse().unwrap()).filter(|group| *group != 10_001).collect()
}

fn reaches(pid: i32, socket: &Path) -> bool {
    let place = format!("/proc/{pid}/root{}", socket.display());
    let there = fs::metadata(&place).map(|found| (found.dev(), found.ino())).ok();
    let real = fs::metadata(socket).map(|found| (found.dev(), found.ino())).unwrap();
    let table = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
    there == Some(real) || table.contains(socket.file_name().unwrap().to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_and_its_launcher_serve_from_their_containers() {
    if !watch::may_kill("a hub and its launcher in containers") {
        return;
    }
    let services = Services::start().await;
    let (launcher, hub) = (services.pid("launcher"), services.pid("hub"));
    confined(launcher);
    confined(hub);
    assert!(reaches(launcher, &handed::engine()), "the test sees what it looks for");
    assert!(!reaches(hub, &handed::engine()), "the hub has no engine");
    let of_engine = fs::metadata(handed::engine()).unwrap().gid();
    assert_eq!(groups(launcher), [of_engine]);
    assert_eq!(groups(hub), [0; 0]);
    let interfaces = fs::read_to_string(format!("/proc/{launcher}/net/dev")).unwrap();
    assert_eq!(interfaces.lines().skip(2).filter(|line| !line.trim_start().starts_with("lo:")).count(), 0);

    for name in ["files", "json", "time"] {
        let file = services.at(&format!("tools/{name}.wasm"));
        services.operator(&["tool", "add", name, &file]).await;
    }
    let token = services.operator(&["token", "create", "--principal", "ada", "--profile", "developer"]).await;
    let read = services.call(&token, "files_read", &json!({ "path": "README.md" })).await;
    assert!(read.to_string().contains("a workspace of tests"), "{read}");
    services.is("healthy").await;

    // The launcher dies as it would for want of memory; the engine starts it again, and the hub does not know it.
    watch::kill(launcher);
    let told = || async {
        let health = services.health().await?;
        match health.problems.iter().find(|problem| problem.contains("the launcher has ended")) {
            Some(_) if !health.ok => Ok(()),
            _ => Err(format!("{health:?}")),
        }
    };
    until("the hub's health says that its launcher has ended", told).await;
    let other = services.operator(&["token", "create", "--principal", "eve", "--profile", "developer"]).await;
    let denied = services.call(&other, "files_read", &json!({ "path": "README.md" })).await;
    assert!(!denied.to_string().contains("a workspace of tests"), "it answers without a launcher: {denied}");
    services.is("unhealthy").await;

    until("the engine starts the launcher again", || async {
        let pid = services.running("launcher").filter(|pid| *pid != launcher);
        pid.map(drop).ok_or_else(|| services.said("launcher"))
    })
    .await;
    services.restart("hub").await;
    let read = services.call(&token, "files_read", &json!({ "path": "README.md" })).await;
    assert!(read.to_string().contains("a workspace of tests"), "{read}");
    services.end();
}

/// The launcher looks for protected paths in the directory that it sees; runners would get the engine's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_that_is_another_directory_inside_is_refused() {
    if !watch::may_kill("a launcher that sees another directory") {
        return;
    }
    let services = Services::prepare();
    let (elsewhere, workspace) = (services.at("elsewhere"), services.at("workspace"));
    services.run("launcher", |body| {
        for mount in body["HostConfig"]["Mounts"].as_array_mut().unwrap() {
            if mount["Source"] == workspace.as_str() {
                mount["Source"] = elsewhere.as_str().into();
            }
        }
    });
    services.launcher_listens().await;
    services.run("hub", |_| {});
    let told = || async {
        let health = services.health().await?;
        let wanted = format!("{workspace} is {elsewhere} on the engine's machine");
        let found = health.problems.iter().any(|problem| problem.contains(&wanted));
        if found && !health.ok && health.tools == 0 { Ok(()) } else { Err(format!("{health:?}")) }
    };
    until("the hub says which path is another", told).await;
    services.end();
}
