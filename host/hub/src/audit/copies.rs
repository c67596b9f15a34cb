//! Heads in a second place: whoever can change the hub's disk, its log and its key included, cannot change what has
//! been said elsewhere. A copy that fails is a problem that the operator is told of; no call waits for one.

use super::head::Head;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::str::FromStr;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Heads that wait to be copied. A later one vouches for all that an earlier one does, so what is more is dropped.
const WAITING: usize = 64;
/// A copy that takes longer is a problem.
const SLOW: Duration = Duration::from_secs(10);
/// At a clean stop, the last head gets this long to arrive.
const PATIENCE: Duration = Duration::from_secs(2);

/// The second place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadCopies {
    /// A file that is only appended to; best on another machine's disk.
    File(PathBuf),
    /// The hub's standard output, for whatever collects it.
    Stdout,
    /// A program that is started once, with the hub, and gets a line for each head on its standard input.
    Command(PathBuf),
    /// One of these, opened before the hub gave up the right to.
    Opened(Opened),
}

/// A second place that is open.
#[derive(Debug, Clone)]
pub struct Opened(Arc<File>);

impl PartialEq for Opened {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Opened {}

impl HeadCopies {
    /// Opens the file, or starts the program, now: a process that gives up its rights cannot do so later.
    ///
    /// # Errors
    /// The file cannot be opened, or the program not started.
    pub fn opened(self) -> io::Result<Self> {
        let file = match self {
            Self::File(path) => append(&path)?,
            // It ends when its input does, with the hub; nobody waits for it.
            Self::Command(program) => File::from(OwnedFd::from(command(&program)?.1)),
            opened => return Ok(opened),
        };
        Ok(Self::Opened(Opened(Arc::new(file))))
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// What is no second place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write file:PATH, stdout or command:PROGRAM, with absolute paths")]
pub struct BadHeadCopies;

impl FromStr for HeadCopies {
    type Err = BadHeadCopies;

    fn from_str(text: &str) -> Result<Self, BadHeadCopies> {
        let path = |path: &str| Some(PathBuf::from(path)).filter(|path| path.is_absolute()).ok_or(BadHeadCopies);
        match text.split_once(':') {
            None if text == "stdout" => Ok(Self::Stdout),
            Some(("file", rest)) => path(rest).map(Self::File),
            Some(("command", rest)) => path(rest).map(Self::Command),
            _ => Err(BadHeadCopies),
        }
    }
}

/// The handle of the thread that copies.
pub(super) struct Copies {
    to: SyncSender<String>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Heads that were taken and have not arrived.
    waiting: usize,
    /// When something last arrived, or began to wait.
    since: Option<Instant>,
    trouble: Option<String>,
}

enum Sink {
    File(File),
    Opened(Arc<File>),
    Stdout,
    Command { _child: Child, input: ChildStdin },
}

impl Copies {
    /// Opens the second place, so that one which cannot be used is known at the start.
    pub(super) fn open(place: &HeadCopies) -> io::Result<Self> {
        let sink = match place {
            HeadCopies::File(path) => Sink::File(append(path)?),
            HeadCopies::Stdout => Sink::Stdout,
            HeadCopies::Command(program) => {
                let (child, input) = command(program)?;
                Sink::Command { _child: child, input }
            }
            HeadCopies::Opened(Opened(file)) => Sink::Opened(file.clone()),
        };
        let (to, heads) = sync_channel(WAITING);
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        std::thread::Builder::new().name("audit-copies".into()).spawn(move || copy(sink, &heads, &shared))?;
        Ok(Self { to, state })
    }

    /// Hands a head over; never waits.
    pub(super) fn offer(&self, head: &Head) {
        let Ok(mut line) = serde_json::to_string(head) else { return };
        line.push('\n');
        let mut state = lock(&self.state);
        match self.to.try_send(line) {
            Ok(()) => {
                state.waiting += 1;
                state.since.get_or_insert_with(Instant::now);
            }
            Err(TrySendError::Full(_)) => state.trouble = Some(format!("{WAITING} heads wait and more are dropped")),
            Err(TrySendError::Disconnected(_)) => {}
        }
    }

    /// What is wrong, for the operator.
    pub(super) fn problem(&self) -> Option<String> {
        let state = lock(&self.state);
        let slow = || {
            let waited = state.since?.elapsed();
            (waited > SLOW).then(|| format!("one has not arrived for {} s", waited.as_secs()))
        };
        let what = state.trouble.clone().or_else(slow)?;
        Some(format!(
            "heads of the audit log are not copied to the place that --audit-heads names: {what}; mend it, and start \
             the hub again if it was a command that ended"
        ))
    }

    /// Waits a moment for what is on its way.
    pub(super) fn settle(&self) {
        let until = Instant::now() + PATIENCE;
        while lock(&self.state).waiting > 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// No shell, none of the hub's environment, and a process group of its own: Ctrl-C is for the hub, which still has a
/// last head to sign.
fn command(program: &Path) -> io::Result<(Child, ChildStdin)> {
    let mut command = Command::new(program);
    command.env_clear().process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::inherit());
    let mut child = command.spawn()?;
    let input = child.stdin.take().ok_or_else(|| io::Error::other("it has no standard input"))?;
    Ok((child, input))
}

/// Ends with the last handle.
fn copy(mut sink: Sink, heads: &Receiver<String>, state: &Mutex<State>) {
    while let Ok(line) = heads.recv() {
        let result = sink.write(line.as_bytes());
        let mut state = lock(state);
        state.waiting = state.waiting.saturating_sub(1);
        state.since = (state.waiting > 0).then(Instant::now);
        if let Err(error) = &result {
            tracing::warn!(%error, "a head of the audit log was not copied");
        }
        state.trouble = result.err().map(|error| error.to_string());
    }
}

impl Sink {
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        match self {
            Self::File(file) => {
                file.write_all(line)?;
                file.sync_data()
            }
            Self::Opened(file) => {
                (&**file).write_all(line)?;
                // A pipe has no disk behind it.
                if file.metadata()?.is_file() { file.sync_data() } else { Ok(()) }
            }
            Self::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(line)?;
                out.flush()
            }
            Self::Command { input, .. } => {
                input.write_all(line)?;
                input.flush()
            }
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::head::Secret;
    use super::super::hex::Hex;
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use uuid::Uuid;

    fn head(step: u64) -> Head {
        Secret::of([1; 32]).sign(Uuid::nil(), step, step, Hex([0; 32]))
    }

    fn program(dir: &std::path::Path, text: &str) -> HeadCopies {
        let path = dir.join("program");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        HeadCopies::Command(path)
    }

    #[test]
    fn places_are_absolute_and_of_three_kinds() {
        assert_eq!("stdout".parse(), Ok(HeadCopies::Stdout));
        assert_eq!("file:/a/b".parse(), Ok(HeadCopies::File("/a/b".into())));
        assert_eq!("command:/a b".parse(), Ok(HeadCopies::Command("/a b".into())));
        for text in ["", "file", "file:", "file:a", "command:sh -c x", "stdout:x", "/a", "tcp:/a"] {
            assert_eq!(text.parse::<HeadCopies>(), Err(BadHeadCopies), "{text}");
        }
    }

    #[test]
    fn each_head_is_a_line_in_a_file_and_for_a_command_that_sees_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (file, told) = (dir.path().join("heads"), dir.path().join("told"));
        let words = format!("set > {0}.env; exec /bin/cat > {0}", told.display());
        for (place, path) in [(HeadCopies::File(file.clone()), file), (program(dir.path(), &words), told.clone())] {
            let copies = Copies::open(&place).unwrap();
            let heads: Vec<Head> = (0..10).map(head).collect();
            heads.iter().for_each(|head| copies.offer(head));
            copies.settle();
            let read = || std::fs::read_to_string(&path).unwrap_or_default();
            // What a command got it may take a moment to write.
            while read().lines().count() < 10 {
                std::thread::yield_now();
            }
            let copied: Vec<Head> = read().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!((copied, copies.problem()), (heads, None));
        }
        let env = std::fs::read_to_string(told.with_extension("env")).unwrap();
        assert!(!env.contains("HOME=") && !env.contains("CARGO"), "{env}");
    }

    #[test]
    fn one_that_ended_or_does_not_read_is_told_and_nobody_waits_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let ended = Copies::open(&program(dir.path(), "exit 1")).unwrap();
        while ended.problem().is_none() {
            ended.offer(&head(0));
            ended.settle();
        }
        let deaf = Copies::open(&program(dir.path(), "exec /bin/sleep 20")).unwrap();
        // A pipe takes 64 KiB, the queue 64 lines.
        (0..1000).for_each(|step| deaf.offer(&head(step)));
        let said = deaf.problem().unwrap();
        assert!(said.contains("--audit-heads names: 64 heads wait"), "{said}");
        if let Ok(HeadCopies::Command(missing)) = "command:/nowhere/at all".parse() {
            assert!(Copies::open(&HeadCopies::Command(missing)).is_err());
        }
    }
}
