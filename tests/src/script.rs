//! Scripts of the lying runner, as `tests/liars` has them: what it does, and what must come of it.

use serde::Deserialize;

/// One lie.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// In words.
    pub lie: String,
    /// What the hub does about it, in words.
    pub hub: String,
    /// Up to here it is honest.
    pub honest_until: Moment,
    /// Then it does this, and from then on it only listens.
    pub does: Vec<Step>,
    /// Calls of the agent, each made when the one before has said something.
    #[serde(default = "one")]
    pub calls: usize,
    /// Whether the agent cancels its last call, once that has said something.
    #[serde(default)]
    pub cancels: bool,
    /// The tool's deadline. Short only where the lie is silence: everywhere else a slow machine must not end it.
    #[serde(default = "a_minute")]
    pub deadline_s: u32,
    /// Size of the arguments.
    #[serde(default)]
    pub arguments_bytes: usize,
    /// What the agent sees, call by call.
    pub agent: Vec<String>,
    /// What the audit log says, in this order but for what happens at the same time.
    pub audit: Vec<String>,
}

fn one() -> usize {
    1
}

fn a_minute() -> u32 {
    60
}

/// A place in the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Nothing was said.
    Connect,
    /// It has said hello.
    Hello,
    /// It has heard its ticket.
    Ticket,
    /// It has said that it is ready.
    Ready,
    /// It has heard a call.
    Call,
    /// It has heard two calls and answered neither.
    SecondCall,
    /// It has heard that its call is cancelled.
    Cancel,
}

/// Something that it does.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    Hello(Hello),
    /// `Ready` for the serial of its ticket and so much more.
    Ready(i64),
    Refused(String),
    Progress(Progress),
    Log(Log),
    Answer(Answer),
    Limit(Limit),
    Denied(String),
    Broken(String),
    /// A request with a body.
    Request(Request),
    /// A piece of a request's body.
    Piece(Piece),
    /// Its first call was cancelled.
    Cancelled,
    /// Its first call is answered as if it were a question.
    Described,
    /// Hexadecimal bytes, as they stand.
    Bytes(String),
    /// A frame's length, and so many zeros after it.
    Frame(Frame),
    /// The steps again and again; 0 is for ever.
    Repeat(u64, Vec<Step>),
    /// The steps' bytes one by one, with a pause after each.
    Trickle(u64, Vec<Step>),
    /// All the steps' bytes in one write.
    AtOnce(Vec<Step>),
    /// The text on standard error, a thousand times so often; 0 is for ever.
    Stderr(u64, String),
    /// The text on standard output, which an engine passes on and where no frame belongs.
    Stdout(String),
    /// Takes its ticket and answers a call, as an honest one does.
    Serve,
    /// Ends with this exit code.
    Exit(i32),
    /// Ends its output and lives on.
    CloseOutput,
    /// Never reads again, and lives on.
    Deafness,
}

/// A hello; honest but for what is said here.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields, default)]
pub struct Hello {
    pub version: u16,
    /// All bytes of the nonce.
    pub nonce: Option<u8>,
    /// So many findings.
    pub facts: usize,
    /// The text of each …
    pub fact: String,
    /// … so many times.
    pub times: usize,
    /// A step of the lockdown that it does not claim.
    pub without: Option<String>,
}

impl Default for Hello {
    fn default() -> Self {
        Self { version: protocol::VERSION, nonce: None, facts: 0, fact: String::new(), times: 1, without: None }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Progress {
    pub id: i64,
    pub at: f64,
    pub total: Option<f64>,
    pub text: String,
    /// The text so many times.
    pub times: usize,
}

impl Default for Progress {
    fn default() -> Self {
        Self { id: 1, at: 1.0, total: None, text: String::new(), times: 1 }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Request {
    pub id: i64,
    pub call: i64,
}

impl Default for Request {
    fn default() -> Self {
        Self { id: 1, call: 1 }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Piece {
    pub id: i64,
    pub bytes: usize,
}

impl Default for Piece {
    fn default() -> Self {
        Self { id: 1, bytes: 1 }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    pub id: i64,
    pub level: u8,
    pub text: String,
    /// The text so many times.
    pub times: usize,
}

impl Default for Log {
    fn default() -> Self {
        Self { id: 1, level: 2, text: String::new(), times: 1 }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Answer {
    pub id: i64,
    pub text: String,
    /// The text so many times.
    pub times: usize,
    /// So many blocks of it.
    pub blocks: usize,
    pub structured: Option<String>,
    /// The media type of an image, in the place of the text.
    pub image: Option<String>,
    /// Figures that cannot be.
    pub absurd: bool,
}

impl Default for Answer {
    fn default() -> Self {
        Self { id: 1, text: "done".into(), times: 1, blocks: 1, structured: None, image: None, absurd: false }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    pub which: protocol::Limit,
    pub value: i64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    pub length: u32,
    #[serde(default)]
    pub zeros: usize,
}
