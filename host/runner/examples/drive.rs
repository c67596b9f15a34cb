//! Drives the real runner over two pipes, without a container, and says what a call costs it.
//! `drive RUNNER[,RUNNER…] ARTEFACTS DIGEST[,DIGEST…] TOOL ARGUMENTS [AT_ONCE] [CALLS] [ROUNDS]`, where ARTEFACTS is the
//! directory of that name in the data of a hub. Arguments that are a number stand for a text of so many bytes,
//! `{"text": "xx…"}`. Several runners take turns, round by round, each with its artefact where there are several: on a
//! noisy machine nothing else compares.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a program for people at a terminal, not shipped"
)]

use manifest::{Digest, Limits, ToolName};
use protocol::{Call, Decoder, FromRunner, Hello, HubKey, Outcome, Ticket, TicketComponent, TicketTool, ToRunner};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::time::Instant;

const LIMITS: Limits = Limits {
    memory_bytes: 64 << 20,
    cpu_ms: 5_000,
    deadline_ms: 30_000,
    arguments_bytes: 1 << 20,
    result_bytes: 1 << 20,
    log_bytes: 64 << 10,
    handles: 256,
};

struct Runner {
    child: Child,
    /// To a thread that writes: a runner that waits to be read reads nothing more.
    input: Sender<Vec<u8>>,
    output: ChildStdout,
    decoder: Decoder,
    chunk: Vec<u8>,
}

impl Runner {
    fn start(program: &str, artefacts: &str) -> Self {
        let mut child = Command::new(program)
            .args(["--hub-key", &key().public().to_string(), "--container", "box"])
            .args(["--posture", digest('0').as_str(), "--artefacts", artefacts])
            .args(["--mounts", artefacts, "--no-container"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut pipe, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (input, waiting) = mpsc::channel::<Vec<u8>>();
        std::thread::spawn(move || waiting.iter().all(|bytes| pipe.write_all(&bytes).is_ok()));
        Self { child, input, output, decoder: Decoder::new(), chunk: vec![0; 64 << 10] }
    }

    /// Its first words, and what it says to this ticket.
    fn admit(&mut self, components: &[TicketComponent], tools: &[TicketTool]) {
        let FromRunner::Hello(hello) = self.hear() else { panic!("no hello") };
        let ticket = ticket(&hello, components, tools);
        self.say(&[ToRunner::Ticket(key().sign(&ticket).unwrap())]);
        let answer = self.hear();
        assert!(matches!(answer, FromRunner::Ready(_)), "{answer:?}");
    }

    fn say(&mut self, messages: &[ToRunner]) {
        let mut bytes = Vec::new();
        for message in messages {
            protocol::encode(message, &mut bytes).unwrap();
        }
        self.input.send(bytes).unwrap();
    }

    fn hear(&mut self) -> FromRunner {
        loop {
            if let Some(message) = self.decoder.next().unwrap() {
                return message;
            }
            let count = self.output.read(&mut self.chunk).unwrap();
            assert!(count > 0, "it ended: {:?}", self.child.wait());
            self.decoder.push(&self.chunk[..count]);
        }
    }

    /// CPU time of each of its threads, with the name.
    fn spent_ns(&self) -> BTreeMap<String, u64> {
        let tasks = format!("/proc/{}/task", self.child.id());
        let read = |thread: &Path, file: &str| std::fs::read_to_string(thread.join(file)).unwrap();
        std::fs::read_dir(tasks)
            .unwrap()
            .map(|thread| {
                let thread = thread.unwrap().path();
                let spent = read(&thread, "schedstat").split(' ').next().unwrap().parse().unwrap();
                (read(&thread, "comm").trim().to_owned(), spent)
            })
            .collect()
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [program, artefacts, artefact, tool, arguments, numbers @ ..] = words.as_slice() else {
        panic!("drive RUNNER ARTEFACTS DIGEST TOOL ARGUMENTS [AT_ONCE] [CALLS] [ROUNDS]")
    };
    let number = |at: usize, or: u64| numbers.get(at).map_or(or, |text| text.parse().unwrap());
    let (at_once, calls, rounds) = (number(0, 64), number(1, 10_000), number(2, 5));
    let arguments = match arguments.parse() {
        Ok(bytes) => format!(r#"{{"text":"{}"}}"#, "x".repeat(bytes)),
        Err(_) => arguments.clone(),
    };
    let name = ToolName::try_from(tool.clone()).unwrap();

    let artefact_of = artefact.split(',').cycle();
    let mut runners: Vec<_> = program
        .split(',')
        .zip(artefact_of)
        .map(|(program, artefact)| Driven::start(program, artefacts, artefact, &name))
        .collect();
    println!("{at_once} at once, {calls} calls a round; µs a call");
    for _ in 0..rounds {
        for driven in &mut runners {
            driven.round(&name, &arguments, at_once, calls);
        }
    }
    for driven in &mut runners {
        driven.tell();
    }
}

/// A runner that serves one tool, and what each round cost it.
struct Driven {
    program: String,
    runner: Runner,
    id: u64,
    rounds: Vec<Round>,
}

/// Microseconds a call.
#[derive(Clone, Copy)]
struct Round {
    wall: f64,
    cpu: f64,
    ticker: f64,
    metered: f64,
}

impl Driven {
    fn start(program: &str, artefacts: &str, artefact: &str, name: &ToolName) -> Self {
        let components = &[TicketComponent {
            component: digest('c'),
            artefact: Digest::try_from(artefact.to_owned()).unwrap(),
            trap_imports: BTreeSet::new(),
            http: false,
        }];
        let mut registration = Runner::start(program, artefacts);
        registration.admit(components, &[]);
        registration.say(&[ToRunner::Describe(1, digest('c'))]);
        let FromRunner::Described(_, Ok(described)) = registration.hear() else { panic!("not described") };
        let described = described.into_iter().find(|known| known.name == name.as_str()).unwrap();
        let tool = TicketTool {
            name: name.clone(),
            component: digest('c'),
            limits: LIMITS,
            preopens: Vec::new(),
            env: BTreeMap::new(),
            clocks: BTreeSet::new(),
            http: false,
            input_schema: described.input_schema,
            output_schema: described.output_schema,
        };
        let mut runner = Runner::start(program, artefacts);
        runner.admit(components, &[tool]);
        println!("process {}: {program}", runner.child.id());
        Self { program: format!("{program} {artefact:.6}"), runner, id: 0, rounds: Vec::new() }
    }

    fn round(&mut self, tool: &ToolName, arguments: &str, at_once: u64, calls: u64) {
        let before = self.runner.spent_ns();
        let started = Instant::now();
        let (mut begun, mut ended, mut metered_us) = (0, 0, 0);
        while ended < calls {
            // As many as there is room for in one write, as a busy hub has them.
            let mut batch = Vec::new();
            while begun < calls && begun - ended < at_once {
                self.id += 1;
                begun += 1;
                batch.push(ToRunner::Call(Call { id: self.id, tool: tool.clone(), arguments: arguments.to_owned() }));
            }
            self.runner.say(&batch);
            loop {
                let FromRunner::Done(done) = self.runner.hear() else { panic!("not done") };
                let Outcome::Answer(answer) = done.outcome else { panic!("{:?}", done.outcome) };
                assert!(!answer.is_error, "{answer:?}");
                metered_us += done.usage.cpu_us;
                ended += 1;
                if self.runner.decoder.is_empty() {
                    break;
                }
            }
        }
        let each = |ns: u64| ns as f64 / 1e3 / calls as f64;
        let wall = each(started.elapsed().as_nanos() as u64);
        let after = self.runner.spent_ns();
        let thread = |epoch: bool| -> u64 {
            after.iter().filter(|(name, _)| (*name == "epoch") == epoch).map(|(name, spent)| spent - before[name]).sum()
        };
        let metered = metered_us as f64 / calls as f64;
        self.rounds.push(Round { wall, cpu: each(thread(false)), ticker: each(thread(true)), metered });
    }

    fn tell(&mut self) {
        let at = |rounds: &mut [Round], value: fn(&Round) -> f64| -> (f64, f64) {
            rounds.sort_by(|a, b| value(a).total_cmp(&value(b)));
            (value(&rounds[0]), value(&rounds[rounds.len() / 2]))
        };
        let rounds = &mut self.rounds;
        let (best, cpu) = at(rounds, |round| round.cpu);
        let (_, wall) = at(rounds, |round| round.wall);
        let (_, ticker) = at(rounds, |round| round.ticker);
        let (_, metered) = at(rounds, |round| round.metered);
        println!(
            "CPU {cpu:.1} (best {best:.1}), the calls' own meters {metered:.1}, ticker {ticker:.1}, wall {wall:.1}: {}",
            self.program
        );
    }
}

fn key() -> HubKey {
    HubKey::from_seed(&[9; 32])
}

fn digest(digit: char) -> Digest {
    Digest::try_from(digit.to_string().repeat(64)).unwrap()
}

fn ticket(hello: &Hello, components: &[TicketComponent], tools: &[TicketTool]) -> Ticket {
    Ticket {
        hub: "hub".to_owned(),
        container: "box".to_owned(),
        nonce: hello.nonce.iter().map(|byte| format!("{byte:02x}")).collect(),
        session: "session".to_owned(),
        manifest: digest('a'),
        epoch: 1,
        expires: u64::MAX / 2,
        serial: 1,
        posture: digest('0'),
        concurrent_calls: 64,
        components: components.to_vec(),
        tools: tools.to_vec(),
    }
}
