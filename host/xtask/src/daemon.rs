//! A private `dockerd`: own socket, own data and exec roots, no bridge, no firewall rules. It touches
//! nobody's containers, and "no network" is true one level lower too.

use crate::engine::answers;
use crate::gvisor;
use crate::place::Place;
use crate::process::Owned;
use crate::step::{self, Output};
use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::Command;

/// How long it may take to answer; on an idle machine it takes less than a second.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long it may take to end; it waits 15 s for containers of its own.
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// A running private engine, stopped when dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    /// Its socket.
    pub(crate) socket: PathBuf,
    // Fields are dropped in this order: the process ends, its files go, the next task may start one.
    process: Owned,
    _run: RunDir,
    _lock: File,
}

/// Sockets, exec root and pid file. Short, since a socket's path must have fewer than 108 bytes and
/// containerd adds to it; the images are under `target/`.
#[derive(Debug)]
struct RunDir(PathBuf);

impl Drop for RunDir {
    fn drop(&mut self) {
        // What is still mounted below cannot be removed, and is left for a restart of the machine.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Starts one; `None`, with the reason said in one line, where that cannot be.
pub(crate) async fn start(place: &Place) -> anyhow::Result<Option<Daemon>> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("engine    none: starting a private dockerd needs root; run as root, or start Docker for the demo");
        return Ok(None);
    }
    let Some(dockerd) = installed(place).await? else { return Ok(None) };
    let home = place.target.join("engine");
    std::fs::create_dir_all(&home).with_context(|| format!("{} cannot be made", home.display()))?;
    let lock = lock(&home)?;
    end_leftover(&home);
    let run = RunDir(std::env::temp_dir().join(format!("safeclaw-engine-{}", std::process::id())));
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&run.0)
        .with_context(|| format!("{} cannot be made", run.0.display()))?;
    let socket = run.0.join("docker.sock");
    let log = place.log("dockerd");
    std::fs::create_dir_all(log.parent().unwrap_or(&home))?;
    eprintln!("engine    none of the user's is used; starting a private dockerd, which ends with this command");
    let out = File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
    let mut command = Command::new(dockerd);
    command
        .args(["--bridge=none", "--iptables=false", "--ip-forward=false"])
        .arg("--data-root")
        .arg(home.join("data"))
        .arg("--exec-root")
        .arg(run.0.join("exec"))
        .arg("--pidfile")
        .arg(home.join("pid"))
        .arg("--host")
        .arg(format!("unix://{}", socket.display()))
        // The machine's own daemon.json is not ours.
        .arg("--config-file")
        .arg(config(place, &run.0)?)
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out);
    let process = Owned::start(&mut command, STOP_WITHIN).context("dockerd does not start")?;
    let mut daemon = Daemon { socket, process, _run: run, _lock: lock };
    wait_until_ready(&mut daemon, &log).await?;
    Ok(Some(daemon))
}

/// Ours alone: gVisor, if it was fetched, and else nothing.
fn config(place: &Place, run: &Path) -> anyhow::Result<PathBuf> {
    let path = run.join("daemon.json");
    std::fs::write(&path, gvisor::daemon_json(place))
        .with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(path)
}

/// One private engine at a time, since they share the images under `target/engine`.
fn lock(home: &Path) -> anyhow::Result<File> {
    let path = home.join("lock");
    let lock = File::create(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    match lock.try_lock() {
        Ok(()) => return Ok(lock),
        Err(TryLockError::WouldBlock) => {
            eprintln!("engine    another cargo xtask has the private engine; waiting for it")
        }
        Err(TryLockError::Error(error)) => return Err(error).context("the private engine's lock"),
    }
    lock.lock().context("the private engine's lock")?;
    Ok(lock)
}

/// Ends the daemon of a command that was killed: we hold the lock, so nobody owns it any more.
fn end_leftover(home: &Path) {
    let pid = std::fs::read_to_string(home.join("pid")).ok().and_then(|text| text.trim().parse().ok());
    let Some(pid) = pid.and_then(Pid::from_raw) else { return };
    let proc = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    let ours = || {
        let command = std::fs::read(proc.join("cmdline")).unwrap_or_default();
        is_ours(&command, home)
    };
    if !ours() {
        return;
    }
    eprintln!("engine    a private dockerd was left by a command that was killed; ending it");
    let _ = kill_process(pid, Signal::TERM);
    let started = Instant::now();
    while ours() && started.elapsed() < STOP_WITHIN {
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Whether a process, by its arguments, is a private daemon of this clone. Process ids are used again.
fn is_ours(command: &[u8], home: &Path) -> bool {
    let data = home.join("data");
    let mut arguments = command.split(|byte| *byte == 0);
    arguments.next().is_some_and(|program| program.ends_with(b"dockerd"))
        && arguments.any(|argument| argument == data.as_os_str().as_encoded_bytes())
}

async fn wait_until_ready(daemon: &mut Daemon, log: &Path) -> anyhow::Result<()> {
    let started = Instant::now();
    while started.elapsed() < READY_WITHIN {
        if answers(&daemon.socket).await {
            return Ok(());
        }
        if let Ok(Some(status)) = daemon.process.child().try_wait() {
            show_tail(log);
            anyhow::bail!("dockerd ended at once ({status}); its output is in {}", log.display());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    show_tail(log);
    anyhow::bail!("dockerd did not answer within {} s; its output is in {}", READY_WITHIN.as_secs(), log.display())
}

fn show_tail(log: &Path) {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(12)).for_each(|line| eprintln!("  | {line}"));
}

/// Finds `dockerd`, or installs it where a package manager is at hand.
async fn installed(place: &Place) -> anyhow::Result<Option<PathBuf>> {
    if let Some(path) = program("dockerd") {
        return Ok(Some(path));
    }
    if program("apt-get").is_none() {
        eprintln!(
            "engine    none: dockerd is not installed; install Docker (package docker.io, docker or moby-engine)"
        );
        return Ok(None);
    }
    eprintln!(
        "setup     dockerd is not installed; will run: apt-get update && apt-get install --no-install-recommends docker.io"
    );
    for (name, arguments) in [
        ("apt-update", &["update"][..]),
        ("apt-docker", &["install", "--yes", "--no-install-recommends", "docker.io"][..]),
    ] {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        step::run(place, name, Output::Logged, &mut command).await?;
    }
    program("dockerd").context("docker.io was installed, yet there is no dockerd").map(Some)
}

/// A program of the search path, or of the administrator's directories, which users' paths leave out.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_daemon_with_our_data_is_ended() {
        let home = Path::new("/c/target/engine");
        assert!(is_ours(b"/usr/sbin/dockerd\0--data-root\0/c/target/engine/data\0", home));
        assert!(!is_ours(b"/usr/sbin/dockerd\0--data-root\0/var/lib/docker\0", home));
        assert!(!is_ours(b"/bin/tail\0/c/target/engine/data\0", home));
        assert!(!is_ours(b"", home));
    }
}
