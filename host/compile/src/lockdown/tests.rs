#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]
//! Each attempt runs in a process of its own: this test program, started again with one test and a word in the
//! environment, since what a filter kills cannot go on.

use super::*;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;

const WORD: &str = "SAFECLAW_COMPILE_ATTEMPT";

fn attempt(which: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "lockdown::tests::attempted", "--nocapture", "--test-threads", "1"])
        .env(WORD, which)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Not a test of its own: what the others start.
#[test]
fn attempted() {
    let Ok(which) = std::env::var(WORD) else { return };
    warm_up();
    let (go, wait) = mpsc::channel();
    let (done, finished) = mpsc::channel();
    // With an allocator's arena of its own, as the threads that compile have. Never ends alone.
    std::thread::spawn(move || {
        wait.recv().unwrap();
        allocate();
        done.send(()).unwrap();
        loop {
            std::thread::park();
        }
    });
    if which == "no memory" {
        setrlimit(Resource::As, Rlimit { current: Some(1 << 30), maximum: Some(1 << 30) }).unwrap();
    }
    confine().unwrap();
    match which.as_str() {
        "nothing" => {}
        "compile" => drop(engine::compile::compile(&component(), &BTreeSet::new())),
        "open" => {
            let error = std::fs::File::open("/etc/hostname").unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
        }
        "allocate" => {
            go.send(()).unwrap();
            finished.recv().unwrap();
        }
        "panic" => drop(std::panic::catch_unwind(|| panic!("last words"))),
        "program" => drop(Command::new("/bin/true").status()),
        "thread" => drop(std::thread::spawn(|| ())),
        "socket" => drop(std::net::UdpSocket::bind("127.0.0.1:0")),
        "memfd" => drop(rustix::fs::memfd_create("a", rustix::fs::MemfdFlags::empty())),
        "file" => drop(std::fs::create_dir("/tmp/safeclaw-compile-attempt")),
        "filter" => drop(confine()),
        "no memory" => drop(std::hint::black_box(vec![1_u8; 2 << 30])),
        "kill" => drop(rustix::process::test_kill_current_process_group()),
        other => panic!("{other}"),
    }
    // Ends every thread at once: the harness would end one alone.
    println!("lived");
    std::process::exit(0);
}

/// Blocks that the allocator's first look into /proc follows, when they are given back in a thread.
fn allocate() {
    let blocks: Vec<Vec<u8>> = (0..200).map(|_| vec![1; 100 << 10]).collect();
    drop(blocks);
}

#[test]
fn compiling_goes_on_under_the_filters() {
    for which in ["nothing", "compile", "open", "allocate", "panic"] {
        let output = attempt(which);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("lived"), "{which}: {output:?}");
    }
}

#[test]
fn everything_else_kills() {
    for which in ["program", "thread", "socket", "memfd", "file", "filter", "kill"] {
        let output = attempt(which);
        assert_eq!(output.status.signal(), Some(libc::SIGSYS), "{which}: {output:?}");
    }
}

#[test]
fn without_memory_it_ends_as_a_program_that_gave_up() {
    let output = attempt("no memory");
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{output:?}");
}

#[test]
fn no_call_is_on_two_lists_and_each_has_its_reason() {
    let mut names: Vec<_> = ALLOWED.iter().chain(&REFUSED).map(|call| call.name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(ALLOWED.iter().chain(&REFUSED).all(|call| !call.reason.is_empty()));
}
