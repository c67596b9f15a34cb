//! The real program as a child process, wall 2 off: what it says, what it refuses, how it ends. Its own
//! lockdown is applied all the same, so that every exchange here also passes the filters.
#![expect(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

use manifest::Digest;
use protocol::{Decoder, FromRunner, Hello, HubKey, Ticket, ToRunner, encode};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const FAR: u64 = u64::MAX / 2;

struct Runner {
    child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
    decoder: Decoder,
}

fn digest(digit: char) -> Digest {
    Digest::try_from(digit.to_string().repeat(64)).unwrap()
}

fn key() -> HubKey {
    HubKey::from_seed(&[9; 32])
}

impl Runner {
    fn start() -> Self {
        let empty = std::env::temp_dir();
        let mut child = Command::new(env!("CARGO_BIN_EXE_runner"))
            .args(["--hub-key", &key().public().to_string(), "--container", "box", "--posture", digest('0').as_str()])
            .arg("--artefacts")
            .arg(&empty)
            .arg("--mounts")
            .arg(&empty)
            .arg("--no-container")
            .env("SECRET", "hidden")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        Self { child, input, output, decoder: Decoder::new() }
    }

    fn say(&mut self, message: &ToRunner) {
        let mut bytes = Vec::new();
        encode(message, &mut bytes).unwrap();
        self.send(&bytes);
    }

    fn send(&mut self, bytes: &[u8]) {
        self.input.as_mut().unwrap().write_all(bytes).unwrap();
    }

    fn hear(&mut self) -> Option<FromRunner> {
        let mut chunk = [0; 4096];
        loop {
            if let Some(message) = self.decoder.next().unwrap() {
                return Some(message);
            }
            match self.output.read(&mut chunk).unwrap() {
                0 => return None,
                count => self.decoder.push(&chunk[..count]),
            }
        }
    }

    fn hello(&mut self) -> Hello {
        match self.hear() {
            Some(FromRunner::Hello(hello)) => hello,
            other => panic!("{other:?}: {}", self.diagnostics()),
        }
    }

    fn ready(&mut self, ticket: &Ticket) {
        self.say(&ToRunner::Ticket(key().sign(ticket).unwrap()));
        assert_eq!(self.hear(), Some(FromRunner::Ready(ticket.serial)), "{}", ticket.serial);
    }

    fn refused(&mut self, jws: String) -> String {
        self.say(&ToRunner::Ticket(jws));
        match self.hear() {
            Some(FromRunner::Refused(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    /// Waits for the end, a minute at most.
    fn end(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn diagnostics(&mut self) -> String {
        let _ = self.child.kill();
        let mut text = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ticket(hello: &Hello, serial: u64) -> Ticket {
    Ticket {
        hub: "hub".to_owned(),
        container: "box".to_owned(),
        nonce: hello.nonce.iter().map(|byte| format!("{byte:02x}")).collect(),
        session: "session".to_owned(),
        manifest: digest('a'),
        epoch: 1,
        expires: FAR,
        serial,
        posture: digest('0'),
        concurrent_calls: 1,
        components: Vec::new(),
        tools: Vec::new(),
    }
}

#[test]
fn hello_ticket_ready_and_an_end_with_the_hub() {
    let mut runner = Runner::start();
    let hello = runner.hello();
    assert_eq!(hello.version, protocol::VERSION);
    assert!(hello.posture.self_test.len() >= 3);
    assert!(hello.posture.self_test.iter().all(|(_, found)| found.contains("wall 2 is off")));
    for step in ["descriptors", "environment", "dumpable", "landlock", "seccomp", "file size signal"] {
        assert!(hello.posture.lockdown.iter().any(|(name, _)| name == step), "{step}");
    }
    assert!(!format!("{hello:?}").contains("hidden"), "values of the environment stay inside");
    runner.ready(&ticket(&hello, 1));
    runner.ready(&Ticket { epoch: 2, ..ticket(&hello, 5) });
    runner.say(&ToRunner::Cancel(77));
    drop(runner.input.take());
    assert_eq!(runner.hear(), None);
    assert_eq!(runner.end().code(), Some(0), "{}", runner.diagnostics());
}

#[test]
fn a_ping_is_answered_before_a_ticket_and_after_it() {
    let mut runner = Runner::start();
    let hello = runner.hello();
    for serial in 1..=3 {
        runner.say(&ToRunner::Ping(40 + serial));
        assert_eq!(runner.hear(), Some(FromRunner::Pong(40 + serial)));
        runner.ready(&ticket(&hello, serial));
    }
}

#[test]
fn a_file_that_grows_too_large_ends_no_runner() {
    let mut runner = Runner::start();
    runner.hello();
    let status = std::fs::read_to_string(format!("/proc/{}/status", runner.child.id())).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    // SIGXFSZ is number 25 on x86-64, and the first signal is bit 0.
    assert_ne!(u64::from_str_radix(mask, 16).unwrap() & (1 << 24), 0, "{mask}");
}

#[test]
fn two_runners_say_two_nonces() {
    assert_ne!(Runner::start().hello().nonce, Runner::start().hello().nonce);
}

#[test]
fn a_wrong_ticket_ends_the_runner() {
    let wrong: [(&str, fn(&mut Ticket)); 5] = [
        ("nonce", |t| t.nonce = "00".repeat(32)),
        ("container", |t| t.container = "other".to_owned()),
        ("posture", |t| t.posture = digest('1')),
        ("expiry", |t| t.expires = 1),
        ("artefact", |t| {
            t.components.push(protocol::TicketComponent {
                component: digest('b'),
                artefact: digest('b'),
                trap_imports: std::collections::BTreeSet::new(),
                http: false,
            });
        }),
    ];
    for (name, change) in wrong {
        let mut runner = Runner::start();
        let mut ticket = ticket(&runner.hello(), 1);
        change(&mut ticket);
        let why = runner.refused(key().sign(&ticket).unwrap());
        assert!(!why.is_empty(), "{name}");
        assert_eq!(runner.hear(), None, "{name}");
        assert_eq!(runner.end().code(), Some(77), "{name}: {}", runner.diagnostics());
    }
}

#[test]
fn another_hubs_ticket_ends_the_runner() {
    let mut runner = Runner::start();
    let ticket = ticket(&runner.hello(), 1);
    runner.refused(HubKey::from_seed(&[8; 32]).sign(&ticket).unwrap());
    assert_eq!(runner.end().code(), Some(77));
}

#[test]
fn an_old_serial_ends_the_runner() {
    for serial in [1, 2] {
        let mut runner = Runner::start();
        let hello = runner.hello();
        runner.ready(&ticket(&hello, 2));
        let why = runner.refused(key().sign(&ticket(&hello, serial)).unwrap());
        assert!(why.contains("serial"), "{why}");
        assert_eq!(runner.end().code(), Some(77));
    }
}

#[test]
fn a_broken_protocol_ends_the_runner() {
    let garbage: [&[u8]; 4] = [&[0xff; 64], &[0, 0, 0, 0], &[3, 0, 0, 0, 9, 9, 9], &[0xff, 0xff, 0xff, 0x7f]];
    for bytes in garbage {
        let mut runner = Runner::start();
        runner.hello();
        runner.send(bytes);
        assert_eq!(runner.hear(), None);
        assert_eq!(runner.end().code(), Some(76), "{bytes:?}");
    }
    let mut runner = Runner::start();
    runner.hello();
    runner.say(&ToRunner::Describe(1, digest('c')));
    assert_eq!(runner.hear(), None);
    assert_eq!(runner.end().code(), Some(76));
    let text = runner.diagnostics();
    assert!(text.contains("before it sent a ticket") && text.lines().count() == 1, "{text}");
}

#[test]
fn a_component_that_the_ticket_lacks_is_not_described() {
    let mut runner = Runner::start();
    let ticket = ticket(&runner.hello(), 1);
    runner.ready(&ticket);
    runner.say(&ToRunner::Describe(4, digest('c')));
    assert!(matches!(runner.hear(), Some(FromRunner::Described(4, Err(_)))));
}

#[test]
fn a_frame_that_comes_in_pieces_is_one_frame() {
    let mut runner = Runner::start();
    let ticket = ticket(&runner.hello(), 1);
    let mut bytes = Vec::new();
    encode(&ToRunner::Ticket(key().sign(&ticket).unwrap()), &mut bytes).unwrap();
    for byte in bytes {
        runner.send(&[byte]);
    }
    assert_eq!(runner.hear(), Some(FromRunner::Ready(1)));
}

#[test]
fn an_end_of_input_in_the_middle_of_a_frame_is_an_end() {
    let mut runner = Runner::start();
    runner.hello();
    runner.send(&[40, 0, 0, 0, 1, 2]);
    drop(runner.input.take());
    assert_eq!(runner.end().code(), Some(0));
}

#[test]
fn a_wrong_command_line_is_one_line() {
    for arguments in
        [&["--hub-key"][..], &["--bogus"], &["--hub-key", "AAAA", "--container", "c", "--posture", "0"], &[]]
    {
        let output = Command::new(env!("CARGO_BIN_EXE_runner")).args(arguments).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert_eq!(output.status.signal(), None);
        assert!(output.stdout.is_empty());
        assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 1);
    }
}

#[test]
fn without_a_container_around_it_the_self_test_ends_it() {
    let output = Command::new(env!("CARGO_BIN_EXE_runner"))
        .args(["--hub-key", &key().public().to_string(), "--container", "box", "--posture", digest('0').as_str()])
        .stdin(Stdio::piped())
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(71));
    assert!(output.stdout.is_empty(), "nothing is said to a hub");
    assert!(String::from_utf8(output.stderr).unwrap().contains("self-test: write to /"));
}
