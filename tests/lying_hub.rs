//! The other direction: a hub in hostile hands, or one with a fault, against the real runner. It was born with the
//! key of one hub, the name of one container and one posture; whatever does not fit them, or the ticket in force,
//! ends it or is denied. The program is the one that ships, as a child process: its own lockdown is applied.

mod rows;

pub(crate) use rows::ROWS;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hub::Registration;
use manifest::{Access, Digest, Limits, ToolName};
use protocol::{
    Call, Decoder, FromRunner, Hello, HubKey, Outcome, Preopen, Ticket, TicketComponent, TicketTool, ToRunner, encode,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::handed;
use tests::own::Plan;

const FAR: u64 = u64::MAX / 2;
/// Nothing here takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// What such a hub says, and what the runner does.
pub(crate) struct Row {
    pub(crate) lie: &'static str,
    says: fn(&LyingHub) -> Vec<u8>,
    pub(crate) runner: &'static str,
}

/// A hub that knows a runner's hello.
pub(crate) struct LyingHub<'a> {
    hello: Hello,
    ground: &'a Ground,
}

/// What both have: a component that is compiled, and a directory that its tool may write.
struct Ground {
    folder: TempDir,
    registration: Registration,
    /// An artefact under the name of another one, and random bytes under their own.
    swapped: Digest,
    random: Digest,
}

impl Ground {
    async fn make() -> Self {
        let folder = tempfile::Builder::new().prefix("safeclaw-lying-hub-").tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("mnt/work")).unwrap();
        let own = Plan::new(MANIFEST).guest("files").start().await;
        let registration = own.hub.components().remove(0);
        let artefacts = folder.path().join("artefacts");
        std::fs::create_dir(&artefacts).unwrap();
        let file = |digest: &Digest| artefacts.join(format!("{digest}.cwasm"));
        let honest =
            std::fs::read(own.data.join("artefacts").join(format!("{}.cwasm", registration.artefact))).unwrap();
        let (swapped, random) = (Digest::of(b"another"), Digest::of(&[0x5a; 5000]));
        std::fs::write(file(&registration.artefact), &honest).unwrap();
        std::fs::write(file(&swapped), &honest).unwrap();
        std::fs::write(file(&random), [0x5a; 5000]).unwrap();
        own.end().await;
        Self { folder, registration, swapped, random }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// What the tool writes when it runs.
    fn proof(&self) -> PathBuf {
        self.path("mnt/work/proof")
    }
}

fn key() -> HubKey {
    HubKey::from_seed(&[9; 32])
}

fn digest(digit: char) -> Digest {
    Digest::try_from(digit.to_string().repeat(64)).unwrap()
}

impl LyingHub<'_> {
    /// A ticket that is in order.
    fn ticket(&self) -> Ticket {
        let registration = &self.ground.registration;
        Ticket {
            hub: "hub".to_owned(),
            container: "box".to_owned(),
            nonce: hex::encode(self.hello.nonce),
            session: "session".to_owned(),
            manifest: digest('a'),
            epoch: 5,
            expires: FAR,
            serial: 5,
            posture: digest('0'),
            concurrent_calls: 1,
            components: vec![TicketComponent {
                component: registration.component.clone(),
                artefact: registration.artefact.clone(),
                trap_imports: BTreeSet::new(),
                http: false,
            }],
            tools: vec![self.tool()],
        }
    }

    /// The tool that leaves a proof.
    fn tool(&self) -> TicketTool {
        let described = self.ground.registration.tools.iter().find(|tool| tool.name.as_str() == "files_write").unwrap();
        TicketTool {
            name: described.name.clone(),
            component: self.ground.registration.component.clone(),
            limits: Limits {
                memory_bytes: 64 << 20,
                cpu_ms: 10_000,
                deadline_ms: 30_000,
                arguments_bytes: 1000,
                result_bytes: 64 << 10,
                log_bytes: 64 << 10,
                handles: 1000,
            },
            preopens: vec![Preopen {
                root: self.ground.path("mnt/work").display().to_string(),
                path: ".".to_owned(),
                guest: "/workspace".to_owned(),
                access: Access::Write,
            }],
            env: BTreeMap::new(),
            clocks: BTreeSet::new(),
            http: false,
            input_schema: described.input_schema.clone(),
            output_schema: described.output_schema.clone(),
        }
    }

    /// One that is wrong in one thing, and a call under it.
    fn wrong(&self, change: impl FnOnce(&mut Ticket)) -> Vec<u8> {
        let mut ticket = self.ticket();
        change(&mut ticket);
        [signed(&ticket), self.call()].concat()
    }

    /// One tool of it is wrong.
    fn wrong_tool(&self, change: impl FnOnce(&mut TicketTool)) -> Vec<u8> {
        self.wrong(|ticket| change(&mut ticket.tools[0]))
    }

    /// A good ticket, then a newer one that is wrong in one thing.
    fn renewed(&self, change: impl FnOnce(&mut Ticket)) -> Vec<u8> {
        let mut ticket = Ticket { serial: 6, ..self.ticket() };
        change(&mut ticket);
        [self.good(), signed(&ticket), self.call()].concat()
    }

    fn good(&self) -> Vec<u8> {
        signed(&self.ticket())
    }

    /// A good ticket whose header or signature was made by hand, and a call under it.
    fn forged(&self, forge: impl FnOnce(&str, &str, &str) -> String) -> Vec<u8> {
        let jws = key().sign(&self.ticket()).unwrap();
        let parts: Vec<&str> = jws.split('.').collect();
        [framed(&ToRunner::Ticket(forge(parts[0], parts[1], parts[2]))), self.call()].concat()
    }

    fn with_header(&self, change: impl FnOnce(&mut Value)) -> Vec<u8> {
        self.forged(|header, claims, signature| {
            let mut header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
            change(&mut header);
            format!("{}.{claims}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()))
        })
    }

    /// The call that leaves a proof.
    fn call(&self) -> Vec<u8> {
        self.call_of("files_write", &json!({"path": "proof", "content": "x", "mode": "overwrite"}).to_string())
    }

    fn call_of(&self, tool: &str, arguments: &str) -> Vec<u8> {
        let tool = ToolName::try_from(tool).unwrap();
        framed(&ToRunner::Call(Call { id: 1, tool, arguments: arguments.to_owned() }))
    }
}

fn signed(ticket: &Ticket) -> Vec<u8> {
    framed(&ToRunner::Ticket(key().sign(ticket).unwrap()))
}

fn framed(message: &ToRunner) -> Vec<u8> {
    let mut frame = Vec::new();
    encode(message, &mut frame).unwrap();
    frame
}

fn raw(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_le_bytes()[..], body].concat()
}

/// The real runner.
struct Runner(Child);

impl Runner {
    fn start(ground: &Ground) -> Self {
        let child = Command::new(handed::program("runner"))
            .args(["--hub-key", &key().public().to_string(), "--container", "box", "--posture", digest('0').as_str()])
            .arg("--artefacts")
            .arg(ground.path("artefacts"))
            .arg("--mounts")
            .arg(ground.path("mnt"))
            .arg("--no-container")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Self(child.unwrap())
    }

    /// What comes of it, in one line. The hub's end stays open until the call has ended.
    fn meets(mut self, ground: &Ground, row: &Row) -> String {
        let output = self.0.stdout.take().unwrap();
        let (say, heard) = mpsc::channel();
        std::thread::spawn(move || listen(output, &say));
        let next = || match heard.recv_timeout(PATIENCE) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("{}: it says nothing and does not end", row.lie),
        };
        let Some(FromRunner::Hello(hello)) = next() else { panic!("no hello") };
        let lie = (row.says)(&LyingHub { hello, ground });
        let mut input = self.0.stdin.take().unwrap();
        // It may have ended before it has read everything. The end of its input comes with the end of the lie, but
        // only after the answer: it would end calls that run.
        let _ = input.write_all(&lie);
        let mut said = None;
        while let Some(message) = next() {
            match message {
                FromRunner::Ready(_) | FromRunner::Log(_) | FromRunner::Progress(_) => {}
                FromRunner::Refused(why) => said = Some(format!("refuses the ticket and ends: {why}")),
                FromRunner::Done(done) => {
                    said = Some(ended(done.outcome));
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
        drop(input);
        let code = self.end();
        let mut diagnostics = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut diagnostics).unwrap();
        let said = said.unwrap_or_else(|| format!("ends: {}", diagnostics.trim().trim_start_matches("runner: ")));
        match (code, said) {
            (0, said) => said,
            (77, said) if said.starts_with("refuses") => said,
            (76, said) if said.starts_with("ends: ") => said,
            (code, said) => format!("exit code {code}: {said}"),
        }
    }

    fn end(&mut self) -> i32 {
        let started = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            assert!(started.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Until its end, or until nobody wants to know.
fn listen(mut output: impl Read, say: &mpsc::Sender<FromRunner>) {
    let (mut decoder, mut chunk) = (Decoder::new(), vec![0; 64 << 10]);
    while let Ok(count @ 1..) = output.read(&mut chunk) {
        decoder.push(&chunk[..count]);
        while let Some(message) = decoder.next().unwrap() {
            if say.send(message).is_err() {
                return;
            }
        }
    }
}

fn ended(outcome: Outcome) -> String {
    match outcome {
        Outcome::Answer(answer) if !answer.is_error => "runs the tool".to_owned(),
        Outcome::Answer(answer) => format!("fails the call: {}", tests::running::text(&answer)),
        Outcome::Denied(why) => format!("denies the call: {why}"),
        Outcome::Limit(limit, value) => format!("denies the call: {limit:?} = {value}"),
        other => format!("{other:?}"),
    }
}

/// Paths and times of this run are no part of what is said.
fn plain(said: &str, ground: &Ground) -> String {
    let said = said
        .replace(&ground.folder.path().display().to_string(), "DIR")
        .replace(ground.registration.component.as_str(), "COMPONENT")
        .replace(ground.registration.artefact.as_str(), "ARTEFACT");
    // What the engine says of itself changes with its version.
    let said = match said.split_once(" does not fit this engine") {
        Some((before, _)) => format!("{before} does not fit this engine"),
        None => said,
    };
    match said.split_once(", it is ") {
        Some((before, after)) => {
            format!("{before}, it is NOW{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        None => said,
    }
}

#[test]
fn the_runner_obeys_no_lie_and_runs_no_tool() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let ground = runtime.block_on(Ground::make());
    let mut faults = Vec::new();
    let mut ran = 0;
    for row in ROWS {
        let said = plain(&Runner::start(&ground).meets(&ground, row), &ground);
        if said != row.runner {
            faults.push(format!("{}\n  it {said:?}\n not {:?}", row.lie, row.runner));
        }
        let proof = take(&ground.proof());
        if proof != (row.runner == "runs the tool") {
            faults.push(format!("{}: the tool ran: {proof}", row.lie));
        }
        ran += usize::from(proof);
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(ran > 1 && ROWS.len() > 40, "{ran} of {} rows show that an honest hub is obeyed", ROWS.len());
}

/// Whether there is such a file; then not any more.
fn take(path: &Path) -> bool {
    std::fs::remove_file(path).is_ok()
}

const MANIFEST: &str = r#"name = "lying-hub"

[tiers.write]
concurrent_calls = 1
calls_per_hour = 10
idle = "15min"

[tiers.write.ceiling.limits]
memory = "64MiB"
cpu = "1s"
deadline = "5s"
arguments = "64KiB"
result = "64KiB"
log = "64KiB"
handles = 1000

[profiles.agent]
tiers = ["write"]

[components.files]

[tools.files_write]
component = "files"
tier = "write"
reason = "leaves a proof that it ran"
"#;
