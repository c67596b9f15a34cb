//! A program that prints a secret. It runs before the hub gives up starting programs, or on the operator's side.

use super::super::SourceError;
use super::MOST;
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// A program that asks somebody something keeps the hub from starting no longer than this.
pub(in crate::config) const TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is looked after. There is no second thread that could wait: the hub may have none yet.
const TICK: Duration = Duration::from_millis(5);

/// Runs a program and takes what it prints.
pub(in crate::config) fn read(words: &[String], timeout: Duration) -> Result<Zeroizing<Vec<u8>>, SourceError> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(SourceError::Unset("command".to_owned()));
    };
    let broken = |source| SourceError::Program { program: program.clone(), source };
    let failed = |what: String| SourceError::Failed { program: program.clone(), what };
    let kept = ["PATH", "HOME"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let mut running = Running(
        Command::new(program)
            .args(arguments)
            // Other secrets may stand in it.
            .env_clear()
            .envs(kept)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // What it says there may have the secret in it.
            .stderr(Stdio::null())
            // So that what it has started ends with it.
            .process_group(0)
            .spawn()
            .map_err(broken)?,
    );
    let give_up = Instant::now() + timeout;
    let printed = running.printed(give_up).map_err(broken)?;
    let printed = printed.ok_or_else(|| failed(format!("was not done after {} s", timeout.as_secs())))?;
    if printed.len() >= MOST {
        return Err(failed(format!("printed more than {MOST} bytes")));
    }
    match running.status(give_up).map_err(broken)? {
        None => Err(failed(format!("was not done after {} s", timeout.as_secs()))),
        Some(status) if status.success() => Ok(printed),
        Some(status) => Err(failed(format!("failed ({status})"))),
    }
}

/// A program and all that it has started, for as long as this lives.
struct Running(Child);

impl Running {
    /// All that it prints, up to a bound; `None` if it is not done in time.
    fn printed(&mut self, give_up: Instant) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let Some(mut output) = self.0.stdout.take() else { return Ok(None) };
        fcntl_setfl(&output, OFlags::NONBLOCK)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(MOST + 1));
        let mut block = Zeroizing::new([0; 1024]);
        while bytes.len() < MOST {
            match output.read(&mut *block) {
                Ok(0) => break,
                Ok(read) => {
                    let room = read.min(MOST - bytes.len());
                    bytes.extend_from_slice(block.get(..room).unwrap_or_default());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < give_up => {
                    thread::sleep(TICK);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(Some(bytes))
    }

    fn status(&mut self, give_up: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            match self.0.try_wait()? {
                Some(status) => return Ok(Some(status)),
                None if Instant::now() >= give_up => return Ok(None),
                None => thread::sleep(TICK),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The group outlives its leader where that one has left something behind; after that there is none.
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        let _ = pid.map(|pid| kill_process_group(pid, Signal::KILL));
        let _ = self.0.wait();
    }
}
