//! Named steps at which a test has the kernel kill this process, as a power cut or an operator's `kill -9` would.
//! Outside of tests `failpoint!` is nothing: no shipped program has a way to be told to die.
//!
//! A kill test has two halves. The child is an `#[ignore]`d test that does its work when [`child`] gives it a
//! directory, and says with [`answered`] what it has been promised so far. The parent runs it with [`run`] once to
//! the end, which tells how often each step is passed, then with [`killed`] once for each of them, and looks at what
//! is left in the directory.

/// Marks a step. The name is `part.what_has_just_been_done`, unique in the crate.
macro_rules! failpoint {
    ($name:literal) => {
        #[cfg(test)]
        $crate::failpoint::pass($name, || ())
    };
    // What is half done when it dies there, such as half of a write.
    ($name:literal, $half:expr) => {
        #[cfg(test)]
        $crate::failpoint::pass($name, || $half)
    };
}
pub(crate) use failpoint;

#[cfg(test)]
pub(crate) use harness::{answered, child, killed, pass, run};

#[cfg(test)]
mod harness {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use rustix::process::{Signal, getpid, kill_process};
    use std::collections::BTreeMap;
    use std::fs::OpenOptions;
    use std::io::Write;
    use std::os::unix::process::ExitStatusExt;
    use std::path::{Path, PathBuf};
    use std::process::{Command, ExitStatus, Stdio};
    use std::sync::{LazyLock, Mutex, PoisonError};

    /// Where the child works, and that it is one.
    const DIRECTORY: &str = "SAFECLAW_FAILPOINT_DIRECTORY";
    /// `NAME:N`: die when NAME is passed for the Nth time, from 1.
    const DIE_AT: &str = "SAFECLAW_FAILPOINT_DIE_AT";

    /// What the child has passed, and has been promised, a line each: what is written is kept, whoever dies.
    const PASSED: &str = "failpoint.passed";
    const ANSWERED: &str = "failpoint.answered";

    struct Plan {
        directory: PathBuf,
        die_at: Option<(String, usize)>,
    }

    static PLAN: LazyLock<Option<Plan>> = LazyLock::new(|| {
        let directory = PathBuf::from(std::env::var_os(DIRECTORY)?);
        let die_at = std::env::var(DIE_AT).ok().map(|text| {
            let (name, count) = text.split_once(':').unwrap();
            (name.to_owned(), count.parse().unwrap())
        });
        Some(Plan { directory, die_at })
    });

    static COUNTS: Mutex<BTreeMap<&'static str, usize>> = Mutex::new(BTreeMap::new());

    /// The directory to work in, if this process is a child.
    pub(crate) fn child() -> Option<&'static Path> {
        PLAN.as_ref().map(|plan| plan.directory.as_path())
    }

    /// Notes what the code under test has promised: no kill after this may undo it.
    pub(crate) fn answered(what: &str) {
        if let Some(plan) = PLAN.as_ref() {
            note(&plan.directory.join(ANSWERED), what);
        }
    }

    /// Behind `failpoint!`.
    pub(crate) fn pass(name: &'static str, half: impl FnOnce()) {
        let Some(plan) = PLAN.as_ref() else { return };
        let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(name).or_default();
        *count += 1;
        note(&plan.directory.join(PASSED), name);
        if plan.die_at.as_ref().is_some_and(|(at, nth)| at == name && nth == count) {
            half();
            kill_process(getpid(), Signal::KILL).unwrap();
            // A signal to oneself is delivered before the call returns to this thread; others may still run.
            loop {
                std::thread::park();
            }
        }
    }

    fn note(path: &Path, line: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Lets the child (`module::of::the::test`, without the crate) run to its end; how often it passed each step.
    pub(crate) fn run(test: &str, directory: &Path) -> BTreeMap<String, usize> {
        let status = spawn(test, directory, None);
        assert!(status.success(), "{test} in {}: {status}", directory.display());
        let mut passed = BTreeMap::new();
        for name in lines(directory, PASSED) {
            *passed.entry(name).or_default() += 1;
        }
        // A filter that fits no test succeeds as well.
        assert!(!passed.is_empty(), "{test} passed no failpoint: is there such a test, and is it ignored?");
        passed
    }

    /// Has the child killed when it passes a step for the `nth` time; what it had been promised by then. None if it
    /// came to its end before.
    pub(crate) fn killed(test: &str, directory: &Path, step: &str, nth: usize) -> Option<Vec<String>> {
        let status = spawn(test, directory, Some((step, nth)));
        match status.signal() {
            Some(9) => Some(lines(directory, ANSWERED)),
            None if status.success() => None,
            _ => panic!("{test} killed at {step}:{nth} ended otherwise: {status}"),
        }
    }

    fn spawn(test: &str, directory: &Path, die_at: Option<(&str, usize)>) -> ExitStatus {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args([test, "--exact", "--ignored", "--test-threads=1", "--quiet"]);
        child.env(DIRECTORY, directory).env_remove(DIE_AT);
        if let Some((name, nth)) = die_at {
            child.env(DIE_AT, format!("{name}:{nth}"));
        }
        // A panic of the child is worth reading; the rest is the test runner's.
        child.stdin(Stdio::null()).stdout(Stdio::inherit()).stderr(Stdio::inherit()).status().unwrap()
    }

    fn lines(directory: &Path, file: &str) -> Vec<String> {
        let text = std::fs::read_to_string(directory.join(file)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const CHILD: &str = "failpoint::tests::counts_to_three";

    #[test]
    #[ignore = "the child of the test below, which kills it"]
    fn counts_to_three() {
        if child().is_none() {
            return;
        }
        for number in 1..=3 {
            failpoint!("failpoint.counted");
            answered(&number.to_string());
        }
    }

    #[test]
    fn a_child_dies_where_it_was_told_to_and_what_it_was_promised_is_known() {
        let fresh = || tempfile::tempdir().unwrap();
        let whole = fresh();
        assert_eq!(run(CHILD, whole.path()), [("failpoint.counted".to_owned(), 3)].into());
        for nth in 1..=3_usize {
            let promised: Vec<String> = (1..nth).map(|number| number.to_string()).collect();
            assert_eq!(killed(CHILD, fresh().path(), "failpoint.counted", nth), Some(promised));
        }
        assert_eq!(killed(CHILD, fresh().path(), "failpoint.counted", 4), None);
    }
}
