//! Attacks the container from inside, for tests: one line of JSON per attempt. Never in the image that
//! ships; tests add it to a copy of that image, so that container and lockdown are the shipped ones.
//!
//! `probe [locked|sealed] NAME...` makes the named attempts, after the runner's own lockdown if asked;
//! `probe list` names them all. A lockdown answers most attempts by killing the process (exit code 159
//! in a container), so make one attempt per process then.

mod exec;
mod files;
mod kernel;
mod limits;
mod status;

use runner::lockdown::{self, LockdownError, Reach};
use std::io::{self, Write};

/// Started as `/runner` by the launcher that ships, it gets the runner's arguments; the words, one a line up
/// to an empty one, then come on standard input.
fn words() -> Vec<String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "--hub-key") {
        return io::stdin().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    }
    arguments
}

/// An attempt: what it is called and what it does. The text is `allowed`, the name of an errno, or what
/// was found.
type Attempt = (&'static str, fn() -> String);

fn main() {
    let words = words();
    let (lock, names) = match words.split_first() {
        Some((first, rest)) if first == "locked" || first == "sealed" => (Some(first.as_str()), rest),
        _ => (None, words.as_slice()),
    };
    let attempts: Vec<Attempt> =
        [files::ATTEMPTS, exec::ATTEMPTS, kernel::ATTEMPTS, limits::ATTEMPTS, status::ATTEMPTS].concat();
    if names.is_empty() || names.iter().any(|name| name == "list") {
        attempts.iter().for_each(|(name, _)| say(name, "listed"));
        std::process::exit(0);
    }
    if let Some(lock) = lock
        && let Err(error) = lock_down(lock)
    {
        say("lockdown", &error.to_string());
        std::process::exit(72);
    }
    for name in names {
        match attempts.iter().find(|(known, _)| known == name) {
            Some((name, attempt)) => say(name, &attempt()),
            None => say(name, "unknown"),
        }
    }
    std::process::exit(0);
}

fn lock_down(lock: &str) -> Result<(), LockdownError> {
    lockdown::close_inherited()?;
    lockdown::hide()?;
    lockdown::confine(&Reach { read: vec!["/artefacts".into()], write: vec!["/mnt".into()] })?;
    lockdown::allow_only_serving()?;
    if lock == "sealed" { lockdown::deny_new_code() } else { Ok(()) }
}

/// One line, written at once: the next attempt may end the process.
fn say(name: &str, result: &str) {
    let line = serde_json::json!({ "name": name, "result": result });
    let _ = writeln!(io::stdout(), "{line}");
    let _ = io::stdout().flush();
}

/// `allowed`, or the errno by its name.
fn verdict<T>(result: io::Result<T>) -> String {
    match result {
        Ok(_) => "allowed".to_owned(),
        Err(error) => errno(&error),
    }
}

fn errno(error: &io::Error) -> String {
    let code = error.raw_os_error().unwrap_or(0);
    let known = [
        (libc::EPERM, "EPERM"),
        (libc::ENOENT, "ENOENT"),
        (libc::EAGAIN, "EAGAIN"),
        (libc::ENOMEM, "ENOMEM"),
        (libc::EACCES, "EACCES"),
        (libc::EFAULT, "EFAULT"),
        (libc::EBUSY, "EBUSY"),
        (libc::ENODEV, "ENODEV"),
        (libc::EINVAL, "EINVAL"),
        (libc::ENFILE, "ENFILE"),
        (libc::EMFILE, "EMFILE"),
        (libc::EFBIG, "EFBIG"),
        (libc::ENOSPC, "ENOSPC"),
        (libc::EROFS, "EROFS"),
        (libc::ENOSYS, "ENOSYS"),
        (libc::ENOEXEC, "ENOEXEC"),
        (libc::EAFNOSUPPORT, "EAFNOSUPPORT"),
    ];
    known
        .iter()
        .find(|(number, _)| *number == code)
        .map_or_else(|| format!("errno {code}"), |(_, name)| (*name).to_owned())
}

/// Any system call.
#[expect(unsafe_code, reason = "attacks are system calls that no safe library offers")]
fn system_call(number: i64, arguments: [usize; 6]) -> io::Result<i64> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: callers pass null or pointers to their own live, large enough memory; what the kernel
    // otherwise does to this process is what the test is about.
    match unsafe { libc::syscall(number, a, b, c, d, e, f) } {
        -1 => Err(io::Error::last_os_error()),
        answer => Ok(answer),
    }
}
