//! Takes the runner's place in the image of `tests/liars.rs` and plays a script. Which one: its container has a
//! mount of the script's name, where the lie begins before any call; else the first call names a tool of that
//! name. In a container with the mount `honest` it becomes the real runner.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a liar that panics is a death, which the tests see"
)]

use protocol::{
    Answer, CallId, Content, Decoder, Done, FromHttp, FromRunner, Hello, Hints, HttpRequest, HubPublicKey,
    InsidePosture, LOCKDOWN_STEPS, Log, LogSource, Outcome, Progress, ToRunner, ToolDescription, Usage, encode,
};
use std::fs::{self, File};
use std::io::{Read, Write, stderr, stdout};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;
use tests::script::{self, Moment, Script, Step};

/// The ends of its FIFOs. Nobody else has them: closed here, they are closed.
static INPUT: LazyLock<File> = LazyLock::new(|| File::open(Path::new(&said("--frames")).join("in")).expect("frames"));
static OUTPUT: LazyLock<Mutex<Option<File>>> = LazyLock::new(|| {
    let path = Path::new(&said("--frames")).join("out");
    Mutex::new(Some(File::options().write(true).open(path).expect("frames")))
});

/// The word after this one on its command line.
fn said(option: &str) -> String {
    std::env::args().skip_while(|word| word != option).nth(1).unwrap_or_else(|| panic!("no {option}"))
}

fn main() {
    let mounts: Vec<String> = fs::read_dir("/mnt")
        .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    if mounts.iter().any(|name| name == "honest") {
        let error = std::process::Command::new("/honest").args(std::env::args_os().skip(1)).exec();
        panic!("the real runner does not start: {error}");
    }
    // As an honest one does: whoever opens neither is only seen to be silent.
    assert!(INPUT.metadata().is_ok() && OUTPUT.lock().unwrap().is_some());
    let early = mounts.iter().find_map(|name| read(name));
    let mut liar = Liar { decoder: Decoder::new(), serial: 0 };
    let until = early.as_ref().map_or(Moment::Ready, |script| script.honest_until);
    if until >= Moment::Hello {
        liar.say(&FromRunner::Hello(hello(&script::Hello::default())));
    }
    if until >= Moment::Ticket {
        liar.hear_ticket();
    }
    if until >= Moment::Ready {
        liar.say(&FromRunner::Ready(liar.serial));
    }
    let script = early.unwrap_or_else(|| liar.asked());
    for step in &script.does {
        let bytes = liar.bytes(step);
        write(&bytes);
    }
    while liar.hear().is_some() {}
}

fn read(name: &str) -> Option<Script> {
    let text = fs::read_to_string(Path::new("/lies").join(format!("{name}.toml"))).ok()?;
    Some(toml::from_str(&text).expect("the test has read it"))
}

struct Liar {
    decoder: Decoder,
    serial: u64,
}

impl Liar {
    /// Is honest until the moment of the script whose tool is called.
    fn asked(&mut self) -> Script {
        let (name, id) = match self.hear() {
            Some(ToRunner::Call(call)) => (call.tool.to_string(), call.id),
            Some(ToRunner::Describe(id, _)) => {
                self.say(&FromRunner::Described(id, Ok(tools())));
                while self.hear().is_some() {}
                std::process::exit(0);
            }
            // The hub has ended.
            _ => std::process::exit(0),
        };
        let script = read(&name).expect("a script of the tool's name");
        match script.honest_until {
            Moment::SecondCall => {
                self.say(&progress(&script::Progress { id: number(id), ..Default::default() }));
                assert!(matches!(self.hear(), Some(ToRunner::Call(_))), "a second call");
            }
            Moment::Cancel => {
                self.say(&progress(&script::Progress { id: number(id), ..Default::default() }));
                assert!(matches!(self.hear(), Some(ToRunner::Cancel(_))), "a cancellation");
            }
            _ => {}
        }
        script
    }

    fn hear_ticket(&mut self) {
        let Some(ToRunner::Ticket(jws)) = self.hear() else { std::process::exit(0) };
        self.serial = said("--hub-key").parse::<HubPublicKey>().unwrap().verify(&jws).unwrap().serial;
    }

    fn hear(&mut self) -> Option<ToRunner> {
        let mut chunk = vec![0; 64 << 10];
        loop {
            match self.decoder.next().unwrap() {
                // No lie of these is about its pulse.
                Some(ToRunner::Ping(number)) => {
                    self.say(&FromRunner::Pong(number));
                    continue;
                }
                Some(message) => return Some(message),
                None => {}
            }
            match (&*INPUT).read(&mut chunk) {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.decoder.push(&chunk[..count]),
            }
        }
    }

    fn say(&self, message: &FromRunner) {
        write(&framed(message));
    }

    /// What a step writes; one that does something else has done it by then.
    fn bytes(&mut self, step: &Step) -> Vec<u8> {
        let done =
            |id: i64, outcome| framed(&FromRunner::Done(Done { id: call(id), outcome, usage: Usage::default() }));
        match step {
            Step::Hello(said) => framed(&FromRunner::Hello(hello(said))),
            Step::Ready(more) => framed(&FromRunner::Ready(self.serial.wrapping_add_signed(*more))),
            Step::Refused(words) => framed(&FromRunner::Refused(words.clone())),
            Step::Progress(said) => framed(&progress(said)),
            Step::Log(said) => framed(&FromRunner::Log(Log {
                id: call(said.id),
                source: LogSource::Message(said.level),
                text: said.text.repeat(said.times),
            })),
            Step::Answer(said) => framed(&answer(said)),
            Step::Limit(said) => done(1, Outcome::Limit(said.which, call(said.value))),
            Step::Denied(words) => done(1, Outcome::Denied(words.clone())),
            Step::Broken(words) => done(1, Outcome::Broken(words.clone())),
            Step::Request(said) => framed(&FromRunner::Http(FromHttp::Request(request(said)))),
            Step::Piece(said) => framed(&FromRunner::Http(FromHttp::Data(call(said.id), vec![0; said.bytes]))),
            Step::Cancelled => done(1, Outcome::Cancelled),
            Step::Described => framed(&FromRunner::Described(1, Ok(Vec::new()))),
            Step::Bytes(digits) => hex::decode(digits).unwrap(),
            Step::Frame(frame) => [&frame.length.to_le_bytes()[..], &vec![0; frame.zeros]].concat(),
            Step::AtOnce(steps) => self.all_bytes(steps),
            Step::Repeat(times, steps) => {
                let round = self.all_bytes(steps);
                let mut left = *times;
                while *times == 0 || left > 0 {
                    write(&round);
                    left = left.saturating_sub(1);
                }
                Vec::new()
            }
            Step::Trickle(pause_ms, steps) => {
                for byte in self.all_bytes(steps) {
                    write(&[byte]);
                    std::thread::sleep(Duration::from_millis(*pause_ms));
                }
                Vec::new()
            }
            Step::Stderr(times, text) => {
                let mut left = *times;
                while *times == 0 || left > 0 {
                    stderr().write_all(text.repeat(1024).as_bytes()).unwrap();
                    left = left.saturating_sub(1);
                }
                Vec::new()
            }
            Step::Stdout(text) => {
                stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush()).unwrap();
                Vec::new()
            }
            Step::Serve => {
                self.hear_ticket();
                self.say(&FromRunner::Ready(self.serial));
                match self.hear() {
                    Some(ToRunner::Call(called)) => {
                        framed(&answer(&script::Answer { id: number(called.id), ..Default::default() }))
                    }
                    _ => Vec::new(),
                }
            }
            Step::Exit(code) => std::process::exit(*code),
            Step::CloseOutput => {
                drop(OUTPUT.lock().unwrap().take());
                Vec::new()
            }
            Step::Deafness => loop {
                std::thread::park();
            },
        }
    }

    fn all_bytes(&mut self, steps: &[Step]) -> Vec<u8> {
        steps.iter().flat_map(|step| self.bytes(step)).collect()
    }
}

/// Its tools, one for each script, and the real one.
fn tools() -> Vec<ToolDescription> {
    let scripts = fs::read_dir("/lies").unwrap().map(|entry| entry.unwrap().path());
    let names = scripts.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    let tool = |name| ToolDescription {
        name,
        title: None,
        description: String::new(),
        input_schema: r#"{"type":"object"}"#.to_owned(),
        output_schema: None,
        hints: Hints::default(),
    };
    names.chain(["greet".to_owned()]).map(tool).collect()
}

fn hello(said: &script::Hello) -> Hello {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let claimed = LOCKDOWN_STEPS.iter().filter(|step| said.without.as_deref() != Some(**step));
    Hello {
        version: said.version,
        nonce: said.nonce.map_or([7; 32], |byte| [byte; 32]),
        posture: InsidePosture {
            facts: vec![pair(&said.fact.repeat(said.times), &said.fact); said.facts],
            self_test: Vec::new(),
            lockdown: claimed.map(|step| pair(step, "as if it were")).collect(),
        },
    }
}

fn progress(said: &script::Progress) -> FromRunner {
    let message = (!said.text.is_empty()).then(|| said.text.repeat(said.times));
    FromRunner::Progress(Progress { id: call(said.id), progress: said.at, total: said.total, message })
}

fn request(said: &script::Request) -> HttpRequest {
    HttpRequest {
        id: call(said.id),
        call: call(said.call),
        method: "POST".to_owned(),
        url: "https://a.test/".to_owned(),
        headers: Vec::new(),
        body: true,
        first_byte_ms: None,
    }
}

fn answer(said: &script::Answer) -> FromRunner {
    let text = said.text.repeat(said.times);
    let block = match &said.image {
        Some(mime) => Content::Image(text.into_bytes(), mime.clone()),
        None => Content::Text(text),
    };
    let most = u64::MAX;
    let absurd = Usage { wall_us: most, cpu_us: most, peak_memory_bytes: most, log_dropped_bytes: most };
    FromRunner::Done(Done {
        id: call(said.id),
        outcome: Outcome::Answer(Answer {
            content: vec![block; said.blocks],
            structured: said.structured.clone(),
            is_error: false,
        }),
        usage: if said.absurd { absurd } else { Usage::default() },
    })
}

/// TOML has no larger numbers: -1 stands for the largest.
fn call(id: i64) -> CallId {
    id.cast_unsigned()
}

fn number(id: CallId) -> i64 {
    id.cast_signed()
}

fn framed(message: &FromRunner) -> Vec<u8> {
    let mut frame = Vec::new();
    encode(message, &mut frame).unwrap();
    frame
}

fn write(bytes: &[u8]) {
    // The hub may have had enough; this program then ends when it is killed.
    if let Some(output) = OUTPUT.lock().unwrap().as_mut() {
        let _ = output.write_all(bytes);
    }
}
