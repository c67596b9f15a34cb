//! Frames between hub and runner, and between hub and compile program, in both directions.
//!
//! The attack: a runner that hostile code has taken over, or a compile program, writes any bytes at all.

use protocol::{
    Decoder, FromCompile, FromHttp, FromRunner, MAX_CONTENT_BLOCKS, MAX_HTTP_FIELDS, MAX_NAMES, MAX_TOOLS, Outcome,
    ToCompile, ToHttp, ToRunner, encode,
};
use serde::{Serialize, de::DeserializeOwned};

/// Bytes of the length in front of a body.
const HEADER_BYTES: usize = 4;
/// Findings of one kind in a hello.
const MAX_FINDINGS: usize = 256;

/// A stream is decoded the same however it is cut, into messages no larger than itself, each of which
/// comes back from its own frame and from no part of it.
pub fn check(bytes: &[u8]) -> bool {
    let mut framed = bytes.to_vec();
    // A mutation seldom keeps the length right, and a wrong length hides the body behind it.
    if let Some(header) = framed.first_chunk_mut::<HEADER_BYTES>() {
        *header = u32::try_from(bytes.len() - HEADER_BYTES).expect("a short input").to_le_bytes();
    }
    let mut taken = false;
    for stream in [bytes, &framed] {
        taken |= direction::<FromRunner>(stream, few_from_runner);
        taken |= direction::<FromCompile>(stream, few_from_compile);
        taken |= direction::<ToRunner>(stream, few_to_runner);
        taken |= direction::<ToCompile>(stream, |_| true);
    }
    taken
}

fn direction<M: Serialize + DeserializeOwned>(stream: &[u8], few: fn(&M) -> bool) -> bool {
    let (messages, error) = decoded::<M>(&[stream]);
    let frames: Vec<Vec<u8>> = messages.iter().map(framed).collect();
    let middle = stream.len() / 2;
    let pieces = [&stream[..middle.min(5)], &stream[middle.min(5)..middle], &stream[middle..]];
    let (again, same_error) = decoded::<M>(&pieces);
    assert_eq!(frames, again.iter().map(framed).collect::<Vec<_>>(), "cut elsewhere, it says something else");
    assert_eq!(error, same_error);
    assert!(frames.iter().map(Vec::len).sum::<usize>() <= stream.len(), "more came out than went in");
    for (message, frame) in messages.iter().zip(&frames) {
        assert!(few(message), "a list above its bound");
        let (back, error) = decoded::<M>(&[frame]);
        assert_eq!(error, None);
        assert_eq!(back.iter().map(framed).collect::<Vec<_>>(), std::slice::from_ref(frame));
        for cut in [1, HEADER_BYTES - 1, HEADER_BYTES, frame.len() / 2, frame.len() - 1] {
            let mut decoder = Decoder::new();
            decoder.push(&frame[..cut.min(frame.len() - 1)]);
            assert!(matches!(decoder.next::<M>(), Ok(None)), "a part of a frame is no message and no error");
            assert!(!decoder.is_empty());
        }
    }
    !messages.is_empty()
}

fn decoded<M: DeserializeOwned>(pieces: &[&[u8]]) -> (Vec<M>, Option<String>) {
    let (mut decoder, mut messages) = (Decoder::new(), Vec::new());
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next::<M>() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.next::<M>().err().as_ref(), Some(&error), "an error is for ever");
                    return (messages, Some(error.to_string()));
                }
            }
        }
    }
    (messages, None)
}

/// Messages are compared as bytes: progress may be no number, which equals nothing.
fn framed<M: Serialize>(message: &M) -> Vec<u8> {
    let mut frame = Vec::new();
    encode(message, &mut frame).expect("what was decoded can be encoded");
    frame
}

fn few_from_runner(message: &FromRunner) -> bool {
    match message {
        FromRunner::Hello(hello) => [&hello.posture.facts, &hello.posture.self_test, &hello.posture.lockdown]
            .iter()
            .all(|list| list.len() <= MAX_FINDINGS),
        FromRunner::Done(done) => match &done.outcome {
            Outcome::Answer(answer) => answer.content.len() <= MAX_CONTENT_BLOCKS,
            _ => true,
        },
        FromRunner::Described(_, Ok(tools)) => tools.len() <= MAX_TOOLS,
        FromRunner::Http(FromHttp::Request(head)) => head.headers.len() <= MAX_HTTP_FIELDS,
        FromRunner::Http(FromHttp::End(_, trailers)) => trailers.len() <= MAX_HTTP_FIELDS,
        _ => true,
    }
}

fn few_to_runner(message: &ToRunner) -> bool {
    match message {
        ToRunner::Http(ToHttp::Response(head)) => head.headers.len() <= MAX_HTTP_FIELDS,
        ToRunner::Http(ToHttp::End(_, trailers)) => trailers.len() <= MAX_HTTP_FIELDS,
        _ => true,
    }
}

fn few_from_compile(message: &FromCompile) -> bool {
    match message {
        FromCompile::Compiled(compiled) => [&compiled.imports, &compiled.exports].iter().all(|l| l.len() <= MAX_NAMES),
        _ => true,
    }
}

/// One frame of each kind: the corpus.
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    use protocol::{
        Answer, Call, Compiled, Content, Done, HTTP_WINDOW_BYTES, Hello, Hints, HttpFault, HttpRequest, HttpResponse,
        InsidePosture, Limit, Log, LogSource, Progress, Resource, ResourceBody, ToolDescription, Usage, VERSION,
    };
    let text = |text: &str| text.to_owned();
    let found = |name: &str| vec![(text(name), text("x")), (text("b"), String::new())];
    let posture = InsidePosture { facts: found("CapEff"), self_test: found("exec"), lockdown: found("landlock") };
    let resource = |body| Resource { uri: text("file:///a"), mime_type: Some(text("text/plain")), body };
    let answer = Answer {
        content: vec![
            Content::Text(text("hé")),
            Content::Image(vec![0, 255], text("image/png")),
            Content::Audio(vec![1], text("audio/wav")),
            Content::Resource(resource(ResourceBody::Text(text("t")))),
            Content::Resource(resource(ResourceBody::Blob(vec![2, 3]))),
        ],
        structured: Some(text("{\"a\":[1]}")),
        is_error: true,
    };
    let usage = Usage { wall_us: 300, cpu_us: u64::MAX, peak_memory_bytes: 65536, log_dropped_bytes: 0 };
    let done = |id, outcome| framed(&FromRunner::Done(Done { id, outcome, usage }));
    let tool = ToolDescription {
        name: text("t"),
        title: Some(text("T")),
        description: text("d"),
        input_schema: text("{}"),
        output_schema: None,
        hints: Hints { read_only: Some(true), ..Hints::default() },
    };
    let compiled =
        Compiled { bytes: 9, compatibility: text("48"), imports: vec![text("wasi:io")], exports: Vec::new() };
    let name = manifest::ToolName::try_from("files_read").expect("a name");
    let digest = manifest::Digest::of(b"a");
    let call = Call { id: 7, tool: name, arguments: text("{\"path\":\".\"}") };
    let fields = vec![(text("accept"), b"text/html".to_vec()), (text("x"), vec![0xff])];
    let request = HttpRequest {
        id: 1,
        call: 7,
        method: text("POST"),
        url: text("https://a.test/x?y"),
        headers: fields.clone(),
        body: true,
        first_byte_ms: Some(100),
    };
    let response = HttpResponse { id: 1, status: 200, headers: fields.clone() };
    vec![
        ("hello", framed(&FromRunner::Hello(Hello { version: VERSION, nonce: [5; 32], posture }))),
        ("ready", framed(&FromRunner::Ready(1 << 40))),
        ("refused", framed(&FromRunner::Refused(text("the ticket expired")))),
        (
            "progress",
            framed(&FromRunner::Progress(Progress {
                id: 1,
                progress: 0.5,
                total: Some(f64::NAN),
                message: Some(text("half")),
            })),
        ),
        ("log", framed(&FromRunner::Log(Log { id: 1, source: LogSource::Message(4), text: text("line") }))),
        ("answer", done(2, Outcome::Answer(answer))),
        ("denied", done(3, Outcome::Denied(text("no such tool")))),
        ("limit", done(4, Outcome::Limit(Limit::Cpu, 2000))),
        ("broken", done(5, Outcome::Broken(text("trap")))),
        ("cancelled", done(6, Outcome::Cancelled)),
        ("described", framed(&FromRunner::Described(1, Ok(vec![tool.clone(), tool])))),
        ("not-described", framed(&FromRunner::Described(1, Err(text("it trapped"))))),
        ("ticket", framed(&ToRunner::Ticket(text("a.b.c")))),
        ("call", framed(&ToRunner::Call(call))),
        ("cancel", framed(&ToRunner::Cancel(9))),
        ("describe", framed(&ToRunner::Describe(1, digest))),
        ("ping", framed(&ToRunner::Ping(7))),
        ("pong", framed(&FromRunner::Pong(7))),
        ("request", framed(&FromRunner::Http(FromHttp::Request(request)))),
        ("request-data", framed(&FromRunner::Http(FromHttp::Data(1, vec![0, 127, 128, 255])))),
        ("request-end", framed(&FromRunner::Http(FromHttp::End(1, fields.clone())))),
        ("request-credit", framed(&FromRunner::Http(FromHttp::Credit(1, HTTP_WINDOW_BYTES)))),
        ("request-drop", framed(&FromRunner::Http(FromHttp::Drop(1)))),
        ("response", framed(&ToRunner::Http(ToHttp::Response(response)))),
        ("response-data", framed(&ToRunner::Http(ToHttp::Data(1, vec![0, 127, 128, 255])))),
        ("response-end", framed(&ToRunner::Http(ToHttp::End(1, fields)))),
        ("response-credit", framed(&ToRunner::Http(ToHttp::Credit(1, 1)))),
        ("response-failed", framed(&ToRunner::Http(ToHttp::Failed(1, HttpFault::ResponseTooLarge(u64::MAX))))),
        ("begin", framed(&ToCompile::Begin { bytes: 100, trap_imports: vec![text("wasi:sockets/tcp")], http: false })),
        ("chunk", framed(&ToCompile::Chunk(vec![0, 97, 115, 109]))),
        ("compiled", framed(&FromCompile::Compiled(compiled))),
        ("two", [framed(&FromRunner::Ready(1)), framed(&FromRunner::Ready(2))].concat()),
    ]
}
