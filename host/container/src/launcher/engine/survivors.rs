//! The processes of a container as the host's kernel sees them, whatever the engine says.

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs;
use std::path::{Path, PathBuf};

/// A process, told from a later one with the same number by when it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    pid: u32,
    started_ticks: u64,
}

/// The processes of one container.
#[derive(Debug)]
pub(super) struct Processes {
    id: String,
    cgroups: Vec<PathBuf>,
    known: Vec<Process>,
}

impl Processes {
    /// Those of the container with this id; `first` is what the engine takes for its first process, and is
    /// believed only if the kernel has it in a cgroup of that container.
    pub(super) fn of(id: &str, first: Option<u32>) -> Self {
        let mut processes = Self { id: id.to_owned(), cgroups: cgroups(id), known: Vec::new() };
        processes.look();
        if let Some(first) = first {
            processes.add(first);
        }
        processes
    }

    /// Sends SIGKILL to each that lives. Without the right to, the engine still has it.
    pub(super) fn kill(&mut self) {
        self.look();
        for process in self.known.iter().filter(|process| process.lives()) {
            let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else { continue };
            let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { continue };
            // The handle holds on to this very process; only now is it certain which one it is.
            if process.lives()
                && let Err(error) = pidfd_send_signal(&handle, Signal::KILL)
            {
                tracing::debug!(pid = process.pid, %error, "a process of a container is left for the engine to kill");
            }
        }
    }

    /// One that still lives.
    pub(super) fn survivor(&mut self) -> Option<u32> {
        self.look();
        self.known.iter().find(|process| process.lives()).map(|process| process.pid)
    }

    fn look(&mut self) {
        for cgroup in self.cgroups.clone() {
            let members = fs::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default();
            for pid in members.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 0) {
                self.add(pid);
            }
        }
    }

    fn add(&mut self, pid: u32) {
        let Some((process, _)) = read(pid) else { return };
        let of_container = fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|text| text.contains(&self.id));
        if of_container && !self.known.contains(&process) {
            self.known.push(process);
        }
    }
}

impl Process {
    fn lives(self) -> bool {
        read(self.pid).is_some_and(|(now, lives)| now == self && lives)
    }
}

/// Where an engine puts a container's cgroup: below each controller (version 1) or below the root (version
/// 2), by the cgroupfs driver or by systemd.
fn cgroups(id: &str) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let controllers = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    let places = [format!("docker/{id}"), format!("system.slice/docker-{id}.scope")];
    std::iter::once(root.to_owned())
        .chain(controllers)
        .flat_map(|base| places.iter().map(move |place| base.join(place)).collect::<Vec<_>>())
        .filter(|path| path.is_dir())
        .collect()
}

/// A process and whether it lives: one whose first thread has ended is a zombie by its state and may run for
/// ever in another thread.
fn read(pid: u32) -> Option<(Process, bool)> {
    parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse(pid: u32, stat: &str) -> Option<(Process, bool)> {
    // The name is in brackets and may hold any character, brackets and blanks included.
    let (_, after_name) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ended = matches!(*fields.first()?, "Z" | "X" | "x");
    let threads: u64 = fields.get(17)?.parse().ok()?;
    let started_ticks = fields.get(19)?.parse().ok()?;
    Some((Process { pid, started_ticks }, !ended || threads > 1))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_zombie_with_another_thread_lives() {
        let stat = |state: &str, threads: u32| {
            format!("7 (a) Z 1 (b) {state} 1 7 7 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 {threads} 0 4242 0 0")
        };
        let process = Process { pid: 7, started_ticks: 4242 };
        assert_eq!(parse(7, &stat("S", 1)), Some((process, true)));
        assert_eq!(parse(7, &stat("Z", 1)), Some((process, false)));
        assert_eq!(parse(7, &stat("Z", 2)), Some((process, true)));
        assert_eq!(parse(7, "7 (cut) S 1"), None);
    }

    #[test]
    fn this_process_is_read_and_belongs_to_no_container() {
        let (process, lives) = read(std::process::id()).unwrap();
        assert!(lives && process.started_ticks > 0 && process.lives());
        let mut processes = Processes::of(&"0".repeat(64), Some(std::process::id()));
        assert_eq!(processes.survivor(), None);
    }
}
