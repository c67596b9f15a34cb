//! Each attempt in a child of its own, so that one container has room for many that end their process. Every
//! child is waited for, and none for long.

use crate::{EXECUTED, Stage, attempt, lock_down, say, system_call, verdict};
use std::time::{Duration, Instant};

/// An attempt that takes longer hangs, and is ended.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes `STAGE:NAME` after `STAGE:NAME`; each is said under that name.
pub(crate) fn make(attempts: &[&str]) {
    for name in attempts {
        let read = name.split_once(':').and_then(|(stage, rest)| Some((Stage::read(stage)?, rest)));
        match read {
            Some((stage, rest)) => one(name, stage, rest),
            None => say(name, "unknown"),
        }
    }
}

fn one(name: &str, stage: Stage, rest: &str) {
    match fork() {
        0 => {
            say(name, &attempt(rest, &|| lock_down(stage)));
            // All threads, and no destructor.
            let _ = system_call(libc::SYS_exit_group, [0; 6]);
        }
        child if child > 0 => {
            if let Some(end) = wait(child) {
                say(name, &end);
            }
        }
        _ => say(name, &format!("not tried: {}", verdict::<()>(Err(std::io::Error::last_os_error())))),
    }
}

/// How a child ended; nothing where it came to its end and has spoken for itself.
fn wait(child: i32) -> Option<String> {
    let started = Instant::now();
    loop {
        match reap(child) {
            Some(status) if libc::WIFSIGNALED(status) => return Some(signal(libc::WTERMSIG(status))),
            Some(status) => {
                return match libc::WEXITSTATUS(status) {
                    0 => None,
                    EXECUTED => Some("executed".to_owned()),
                    code => Some(format!("exit {code}")),
                };
            }
            None if started.elapsed() > PATIENCE => {
                let pid = usize::try_from(child).unwrap_or(usize::MAX);
                let _ = system_call(libc::SYS_tgkill, [pid, pid, libc::SIGKILL as usize, 0, 0, 0]);
                return Some("hangs".to_owned());
            }
            None => std::thread::sleep(Duration::from_micros(200)),
        }
    }
}

fn signal(number: i32) -> String {
    match number {
        libc::SIGSYS => "SIGSYS".to_owned(),
        libc::SIGILL => "SIGILL".to_owned(),
        libc::SIGSEGV => "SIGSEGV".to_owned(),
        libc::SIGKILL => "SIGKILL".to_owned(),
        other => format!("signal {other}"),
    }
}

#[expect(unsafe_code, reason = "a child of this very program, with what it has open")]
pub(crate) fn fork() -> i32 {
    // SAFETY: this program has one thread.
    unsafe { libc::fork() }
}

/// The status of a child that has ended.
#[expect(unsafe_code, reason = "the children here are not started by the standard library")]
pub(crate) fn reap(child: i32) -> Option<i32> {
    let mut status = 0;
    // SAFETY: `status` is a live integer.
    let ended = unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) };
    (ended == child).then_some(status)
}
