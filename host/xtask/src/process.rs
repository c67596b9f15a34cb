//! A child process that never outlives its owner.

use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// A child in a process group of its own: a terminal's Ctrl-C reaches only us, and we end the group.
#[derive(Debug)]
pub(crate) struct Owned {
    child: Child,
    group: Option<Pid>,
    grace: Duration,
}

impl Owned {
    /// Starts it. Dropped, it gets SIGTERM, and SIGKILL after `grace`.
    pub(crate) fn start(command: &mut Command, grace: Duration) -> io::Result<Self> {
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { child, group, grace })
    }

    /// The child, for its pipes and its end.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // It may have ended just now: then there is nobody to signal.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        self.signal(Signal::TERM);
        let started = Instant::now();
        while started.elapsed() < self.grace {
            if self.has_ended() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.signal(Signal::KILL);
    }
}
