//! A container engine of a test's own, which it may stop, kill and let hang. Everybody else's stays as it is.

use crate::{handed, watch};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long it may take to end; it waits 15 s for containers of its own.
const STOP_WITHIN: Duration = Duration::from_secs(60);

/// A private `dockerd`; ended when dropped, and all that it made with it.
pub struct OwnEngine {
    pub socket: PathBuf,
    /// Short, since a socket's path must have fewer than 108 bytes.
    folder: PathBuf,
    process: Option<Child>,
}

impl OwnEngine {
    /// Starts one with the runner's image. Needs root.
    pub async fn start() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("safeclaw-own-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).expect("a folder");
        fs::write(folder.join("daemon.json"), "{}").expect("a file");
        let mut engine = Self { socket: folder.join("docker.sock"), folder, process: None };
        engine.restart().await;
        let [runner, compile] = ["runner", "compile"].map(|name| fs::read(handed::program(name)).expect("a program"));
        let image = container::archive(&runner, &compile).expect("an image");
        assert_eq!(image.id, handed::image(), "the image that was handed over is made of the same programs");
        container::load_image(&engine.socket, &image).await.expect("the image is loaded");
        engine
    }

    /// Starts it again after it was stopped or killed, at the same place.
    pub async fn restart(&mut self) {
        assert!(self.process.is_none(), "it runs");
        let log = File::options().create(true).append(true).open(self.folder.join("log")).expect("a log");
        let path = |name: &str| self.folder.join(name);
        let mut command = Command::new(dockerd());
        command
            .args(["--bridge=none", "--iptables=false", "--ip-forward=false"])
            .arg("--data-root")
            .arg(path("data"))
            .arg("--exec-root")
            .arg(path("exec"))
            .arg("--pidfile")
            .arg(path("pid"))
            .arg("--host")
            .arg(format!("unix://{}", self.socket.display()))
            .arg("--config-file")
            .arg(path("daemon.json"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log);
        self.process = Some(command.spawn().expect("dockerd starts"));
        let look = || async {
            match watch::ask(&self.socket, "GET", "/containers/json", "") {
                Ok((200, _)) => Ok(()),
                other => Err(format!("{other:?}\n{}", self.said())),
            }
        };
        watch::until("the engine answers", look).await;
    }

    /// It hangs: connections are taken by the kernel, and nothing is answered.
    pub fn hang(&self) {
        self.signal(Signal::STOP);
    }

    /// It goes on.
    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    /// Stops it as an administrator would; it ends its containers.
    pub fn stop(&mut self) {
        self.signal(Signal::TERM);
        self.await_end();
    }

    /// Kills it; its containers and its own containerd live on.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.await_end();
    }

    fn signal(&self, signal: Signal) {
        let id = self.process.as_ref().and_then(|process| i32::try_from(process.id()).ok());
        kill_process(id.and_then(Pid::from_raw).expect("it runs"), signal).expect("it can be signalled");
    }

    fn await_end(&mut self) {
        let mut process = self.process.take().expect("it runs");
        let give_up = Instant::now() + STOP_WITHIN;
        while let Ok(None) = process.try_wait() {
            if Instant::now() > give_up {
                // It would outlive the test otherwise.
                let _ = process.kill();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn said(&self) -> String {
        let text = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// What runs below its folder: containerd and shims, after it was killed.
    fn orphans(&self) -> Vec<i32> {
        let folder = format!("{}/", self.folder.display()).into_bytes();
        let all = fs::read_dir("/proc").into_iter().flatten().flatten();
        all.filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let command = fs::read(entry.path().join("cmdline")).ok()?;
            command.windows(folder.len()).any(|part| part == folder.as_slice()).then_some(pid)
        })
        .collect()
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        if self.process.is_some() {
            // One that hangs could not be stopped.
            self.go_on();
            self.stop();
        }
        self.orphans().into_iter().for_each(watch::kill);
        for mount in mounts_below(&self.folder) {
            // By the tool, since there is no safe call for it here.
            let _ = Command::new("umount").args(["--lazy"]).arg(mount).status();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What is still mounted below a directory, the deepest first.
fn mounts_below(folder: &Path) -> Vec<PathBuf> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut mounts: Vec<PathBuf> = table
        .lines()
        .filter_map(|line| line.split(' ').nth(4).map(PathBuf::from))
        .filter(|path| path.starts_with(folder))
        .collect();
    mounts.sort();
    mounts.reverse();
    mounts
}

/// Of the search path, or of the administrator's directories, which users' paths leave out.
fn dockerd() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|directory| directory.join("dockerd"))
        .find(|path| path.is_file());
    found.expect("dockerd is installed: the engine that was handed over is one")
}
