//! One row a lie: what the runner says after an honest hello, ticket and call, and what it is killed for. The same
//! and more is played in containers by `tests/liars`; here are those that need a moment which is hard to reach
//! there, and bytes that no encoder of ours writes.

use super::*;
use protocol::{EgressId, FromHttp, HttpRequest, Limit, MAX_HTTP_REQUESTS, Resource, ResourceBody, ToolDescription};

/// The serial of the ticket in force.
const SERIAL: u64 = 7;

/// A runner that has its ticket and has heard call 1.
struct Liar(Script);

impl Liar {
    async fn says(mut self, messages: Vec<FromRunner>) {
        for message in messages {
            self.0.say(message).await;
        }
        // Honest from here on, so that only the lie can end it.
        while self.0.hear().await.is_some() {}
    }

    async fn writes(mut self, bytes: Vec<u8>) {
        drop(self.0.output.write_all(&bytes).await);
        while self.0.hear().await.is_some() {}
    }
}

/// Plays a lie; it must end in a breach of the protocol that says `word`, for the caller and for the next one,
/// and leave nothing that waits.
async fn caught<F>(word: &str, lie: impl FnOnce(Liar) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let runner = met(|mut s| async move {
        s.hello().await;
        s.hear().await;
        s.say(FromRunner::Ready(SERIAL)).await;
        s.hear_call().await;
        lie(Liar(s)).await;
    })
    .await;
    runner.assign(SERIAL, "jws".into()).await.unwrap_or_else(|end| panic!("{end}"));
    let told = call(&runner).await;
    runner.ended().cancelled().await;
    let Ended::Lost(end, Reached::Nothing) = call(&runner).await else { panic!("{word}: a dead runner took a call") };
    assert!(matches!(&end.why, Why::Violation(what) if what.contains(word)), "{word}: {end}, after {told:?}");
    assert_eq!(runner.open_calls(), 0, "{word}");
    assert!(!matches!(told, Ended::Cancelled(_) | Ended::Overdue(_)), "{word}: {told:?}");
}

async fn said(word: &str, messages: Vec<FromRunner>) {
    caught(word, |liar| liar.says(messages)).await;
}

async fn wrote(word: &str, bytes: Vec<u8>) {
    caught(word, |liar| liar.writes(bytes)).await;
}

fn done(id: CallId, outcome: Outcome) -> FromRunner {
    FromRunner::Done(Done { id, outcome, usage: Usage::default() })
}

fn log(id: CallId, source: LogSource) -> FromRunner {
    FromRunner::Log(Log { id, source, text: "x".into() })
}

fn step(progress: f64, total: Option<f64>) -> FromRunner {
    FromRunner::Progress(Progress { id: 1, progress, total, message: None })
}

fn content(blocks: Vec<Content>) -> FromRunner {
    done(1, Outcome::Answer(Answer { content: blocks, structured: None, is_error: false }))
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(body.len()).unwrap().to_le_bytes().to_vec();
    frame.extend_from_slice(body);
    frame
}

#[tokio::test]
async fn ids_of_other_calls() {
    for id in [0, 2, u64::MAX] {
        said("which never was", vec![answer(id)]).await;
        said("which never was", vec![progress(id)]).await;
        said("which never was", vec![log(id, LogSource::Stdout)]).await;
        said("which never was", vec![FromRunner::Described(id, Ok(Vec::new()))]).await;
    }
    said("an end for call 1, which has ended", vec![answer(1), answer(1)]).await;
    said("a note for call 1, which has ended", vec![answer(1), progress(1)]).await;
    said("a note for call 1, which has ended", vec![answer(1), log(1, LogSource::Stderr)]).await;
    said("a description for call 1, which has ended", vec![answer(1), FromRunner::Described(1, Ok(Vec::new()))]).await;
    said("answered call 1 as if it were a question", vec![FromRunner::Described(1, Err("no".into()))]).await;
}

#[tokio::test]
async fn tickets_that_it_was_not_given() {
    said("ready for ticket 7", vec![FromRunner::Ready(SERIAL)]).await;
    for serial in [0, 6, 8, u64::MAX] {
        said("which it was not given", vec![FromRunner::Ready(serial)]).await;
    }
    said("refused a ticket", vec![FromRunner::Refused("no".into())]).await;
    said("a second hello", vec![hello(VERSION)]).await;
}

#[tokio::test]
async fn ends_that_cannot_be() {
    said("cancelled call 1, which nobody asked for", vec![done(1, Outcome::Cancelled)]).await;
    for (which, value) in [
        (Limit::Memory, 1),
        (Limit::Cpu, u64::MAX),
        (Limit::Deadline, 0),
        (Limit::Arguments, 7),
        (Limit::Result, 7),
        (Limit::Handles, u64::MAX),
        (Limit::Stack, u64::MAX),
        (Limit::HostCall, u64::MAX),
        (Limit::Concurrency, u64::MAX),
    ] {
        said("a limit that its ticket does not have", vec![done(1, Outcome::Limit(which, value))]).await;
    }
    said("a result of 20000 bytes", vec![content(vec![Content::Text("x".repeat(20_000))])]).await;
    said("a result of 20000 bytes", vec![content(vec![Content::Image(vec![0; 20_000], String::new())])]).await;
    let uri = Resource { uri: "x".repeat(20_000), mime_type: None, body: ResourceBody::Text(String::new()) };
    said("a result of 20000 bytes", vec![content(vec![Content::Resource(uri)])]).await;
    said("no known message", vec![content(vec![Content::Text(String::new()); 5_000])]).await;
}

#[tokio::test(start_paused = true)]
async fn notes_that_cannot_be() {
    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        said("progress that is no number", vec![step(odd, None)]).await;
        said("progress that is no number", vec![step(1.0, Some(odd))]).await;
    }
    said("a log level that there is not", vec![log(1, LogSource::Message(5))]).await;
    said("a log level that there is not", vec![log(1, LogSource::Message(u8::MAX))]).await;
    said("more log than `log_bytes`", vec![log(1, LogSource::Stdout); 1_001]).await;
    said("more progress than", (0..200_u8).map(|n| step(n.into(), None)).collect()).await;
}

#[tokio::test]
async fn bytes_that_are_no_frame() {
    wrote("no known message", framed(&[])).await;
    wrote("no known message", framed(&[7])).await;
    wrote("no known message", framed(&[0xff; 12])).await;
    wrote("no known message", framed(b"HTTP/1.1 200 OK\r\n\r\n")).await;
    wrote("with 1 bytes after its message", framed(&[1, 9, 0])).await;
    // `Refused` with text that is not UTF-8, or shorter than it says.
    wrote("no known message", framed(&[2, 2, 0xc3, 0x28])).await;
    wrote("no known message", framed(&[2, 0xff, 0xff, 0xff, 0x7f, b'x'])).await;
    // An option that is neither, and a number that never ends.
    wrote("no known message", framed(&[3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2])).await;
    wrote("no known message", framed(&[&[1][..], &[0x80; 32]].concat())).await;
    wrote("a frame of 4294967295 bytes", vec![0xff; 4]).await;
    wrote("a frame of 8388609 bytes", ((8_u32 << 20) + 1).to_le_bytes().to_vec()).await;
}

#[tokio::test]
async fn a_frame_longer_than_its_moment_allows() {
    // The tool's results and its log have at most 1,000 bytes.
    wrote("a frame of 1000000 bytes, where the most is", 1_000_000_u32.to_le_bytes().to_vec()).await;
    let idle = [answer_frame(), 200_000_u32.to_le_bytes().to_vec()].concat();
    wrote("a frame of 200000 bytes, where the most is", idle).await;
}

fn answer_frame() -> Vec<u8> {
    let mut frame = Vec::new();
    protocol::encode(&answer(1), &mut frame).unwrap();
    frame
}

/// What a runner's first bytes are, and why it is then not met.
async fn not_met(word: &str, bytes: Vec<u8>) {
    let none = Engine { fate: Fate::default() };
    let end = meet(none, |mut s| async move {
        drop(s.output.write_all(&bytes).await);
        while s.hear().await.is_some() {}
    })
    .await
    .err()
    .unwrap();
    assert!(matches!(&end.why, Why::Violation(what) if what.contains(word)), "{word}: {end}");
}

fn bytes(message: &FromRunner) -> Vec<u8> {
    let mut frame = Vec::new();
    protocol::encode(message, &mut frame).unwrap();
    frame
}

fn hello_with(change: impl FnOnce(&mut Hello)) -> Vec<u8> {
    let FromRunner::Hello(mut honest) = hello(VERSION) else { panic!("no hello") };
    change(&mut honest);
    bytes(&FromRunner::Hello(honest))
}

#[tokio::test]
async fn first_words_that_are_no_hello() {
    for early in [
        FromRunner::Ready(0),
        FromRunner::Refused("no".into()),
        progress(1),
        log(1, LogSource::Stdout),
        answer(1),
        FromRunner::Described(1, Ok(Vec::new())),
        FromRunner::Pong(1),
        request(1, 1),
        FromRunner::Http(FromHttp::Drop(1)),
    ] {
        not_met("a frame before its hello", bytes(&early)).await;
    }
    not_met("protocol version 0", hello_with(|hello| hello.version = 0)).await;
    not_met("protocol version 65535", hello_with(|hello| hello.version = u16::MAX)).await;
    not_met("a frame of 65537 bytes, where the most is 65536", 65_537_u32.to_le_bytes().to_vec()).await;
    not_met("where the most is 65536", (8_u32 << 20).to_le_bytes().to_vec()).await;
    let many = vec![(String::new(), String::new()); 257];
    not_met("no known message", hello_with(|hello| hello.posture.facts = many)).await;
    let short = hello_with(|hello| hello.posture.lockdown.clear());
    not_met("names no lockdown step `descriptors`", short).await;
    let unlocked = hello_with(|hello| hello.posture.lockdown.retain(|(name, _)| name != "seccomp"));
    not_met("names no lockdown step `seccomp`", unlocked).await;
}

#[tokio::test]
async fn a_hello_that_comes_twice_at_once_or_byte_by_byte() {
    let twice = [hello_with(|_| {}), hello_with(|_| {})].concat();
    let met_it = meet(Engine { fate: Fate::default() }, |mut s| async move {
        drop(s.output.write_all(&twice).await);
        while s.hear().await.is_some() {}
    })
    .await;
    // The first may be believed before the second is read.
    let end = match met_it {
        Err(end) => end,
        Ok(runner) => {
            runner.ended().cancelled().await;
            runner.assign(1, "jws".into()).await.unwrap_err()
        }
    };
    assert_eq!(end.why, Why::Violation("a second hello".into()));

    let runner = met(|mut s| async move {
        for byte in hello_with(|_| {}) {
            s.output.write_all(&[byte]).await.unwrap();
        }
        let id = s.hear_call().await;
        s.say(answer(id)).await;
        while s.hear().await.is_some() {}
    })
    .await;
    assert!(matches!(call(&runner).await, Ended::Done(_)));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_is_ignored_refused_or_answered_with_the_old_serial() {
    let renewed = async |lie: Option<FromRunner>| {
        let runner = met(|mut s| async move {
            s.hello().await;
            s.hear().await;
            s.say(FromRunner::Ready(SERIAL)).await;
            s.hear().await;
            if let Some(lie) = lie {
                s.say(lie).await;
            }
            while s.hear().await.is_some() {}
        })
        .await;
        runner.assign(SERIAL, "jws".into()).await.unwrap_or_else(|end| panic!("{end}"));
        let end = runner.assign(SERIAL + 1, "jws".into()).await.unwrap_err();
        assert!(!runner.lives());
        end.why
    };
    assert_eq!(renewed(None).await, Why::NotReady);
    assert_eq!(renewed(Some(FromRunner::Refused("no".into()))).await, Why::Refused("no".into()));
    let old = Why::Violation("ready for ticket 7, which it was not given".into());
    assert_eq!(renewed(Some(FromRunner::Ready(SERIAL))).await, old);
}

#[tokio::test]
async fn whoever_gives_up_on_a_renewal_makes_no_liar_of_an_honest_runner() {
    let (go, gone) = oneshot::channel::<()>();
    let runner = met(|mut s| async move {
        s.hello().await;
        s.hear().await;
        // Slow, so that the hub's caller has left by then.
        gone.await.unwrap();
        s.say(FromRunner::Ready(1)).await;
        s.hear().await;
        s.say(FromRunner::Ready(2)).await;
        while s.hear().await.is_some() {}
    })
    .await;
    tokio::select! {
        biased;
        _ = runner.assign(1, "jws".into()) => panic!("nobody was ready"),
        () = tokio::task::yield_now() => {}
    }
    go.send(()).unwrap();
    runner.assign(2, "jws".into()).await.unwrap_or_else(|end| panic!("{end}"));
    assert!(runner.lives());
}

#[tokio::test(start_paused = true)]
async fn a_runner_that_never_reads_holds_up_its_callers_and_nobody_else() {
    let runner = met(|mut s| async move {
        s.hello().await;
        std::future::pending::<()>().await;
    })
    .await;
    // More than the pipe and the queue hold: the last ones never get as far as the runner.
    let arguments = || format!("{{\"a\":\"{}\"}}", "x".repeat(16 << 10));
    let calls = (0..100).map(|_| {
        let (notes, _listener) = mpsc::channel(1);
        let (tool, runner, cancel) = (ToolName::try_from("read").unwrap(), &runner, CancellationToken::new());
        async move { runner.call(&tool, arguments(), &limits(), notes, None, &cancel).await }
    });
    let ends = futures_util::future::join_all(calls).await;
    let overdue = ends.iter().filter(|end| matches!(end, Ended::Overdue(_))).count();
    let lost = ends.iter().filter(|end| matches!(end, Ended::Lost(RunnerEnd { why: Why::Deadline, .. }, _))).count();
    assert!(overdue > 0 && overdue + lost == 100, "{ends:?}");
    let unheard = |end: &&Ended| matches!(end, Ended::Overdue(Reached::Nothing) | Ended::Lost(_, Reached::Nothing));
    assert!(ends.iter().filter(unheard).count() > 0, "{ends:?}");
    runner.ended().cancelled().await;
    assert_eq!(runner.open_calls(), 0);
}

#[tokio::test]
async fn a_description_that_was_never_bounded_is_bounded() {
    let tool = ToolDescription {
        name: "x".into(),
        title: None,
        description: String::new(),
        input_schema: "{}".into(),
        output_schema: None,
        hints: protocol::Hints::default(),
    };
    let runner = met(|mut s| async move {
        s.hello().await;
        let Some(ToRunner::Describe(id, _)) = s.hear().await else { panic!("no question") };
        s.say(FromRunner::Described(id, Ok(vec![tool; 513]))).await;
        while s.hear().await.is_some() {}
    })
    .await;
    let end = runner.describe(&Digest::of(b"")).await.unwrap_err();
    assert!(matches!(&end.why, Why::Violation(what) if what.contains("no known message")), "{end}");
}

fn asks(id: EgressId, call: CallId) -> HttpRequest {
    let (method, url) = ("POST".to_owned(), "https://a.test/".to_owned());
    HttpRequest { id, call, method, url, headers: Vec::new(), body: true, first_byte_ms: None }
}

fn request(id: EgressId, call: CallId) -> FromRunner {
    FromRunner::Http(FromHttp::Request(asks(id, call)))
}

fn piece(id: EgressId, bytes: usize) -> FromRunner {
    FromRunner::Http(FromHttp::Data(id, vec![0; bytes]))
}

/// The same as [`said`], of a call that may ask; somebody takes its requests and answers none.
async fn asked(word: &str, messages: Vec<FromRunner>) {
    let runner = met(|mut s| async move {
        s.hello().await;
        s.hear().await;
        s.say(FromRunner::Ready(SERIAL)).await;
        s.hear_call().await;
        Liar(s).says(messages).await;
    })
    .await;
    runner.assign(SERIAL, "jws".into()).await.unwrap_or_else(|end| panic!("{end}"));
    let (http, mut requests) = mpsc::channel(MAX_HTTP_REQUESTS);
    let taking = tokio::spawn(async move {
        let mut taken = Vec::new();
        while let Some(asked) = requests.recv().await {
            taken.push(asked);
        }
        taken
    });
    let told = call_with(&runner, Some(http), &CancellationToken::new()).await;
    runner.ended().cancelled().await;
    assert!(matches!(told, Ended::Lost(..) | Ended::Done(_)), "{word}: {told:?}");
    let Ended::Lost(end, Reached::Nothing) = call(&runner).await else { panic!("{word}: a dead runner took a call") };
    assert!(matches!(&end.why, Why::Violation(what) if what.contains(word)), "{word}: {end}");
    assert_eq!(runner.shared.talk().open_requests(), 0, "{word}");
    for asked in taking.await.unwrap() {
        assert!(asked.answer.gone().is_cancelled(), "{word}: nobody was told that nobody waits");
    }
}

#[tokio::test]
async fn requests_that_it_may_not_make() {
    said("for call 1, whose tool may make none", vec![request(1, 1)]).await;
    for call in [0, 2, u64::MAX] {
        asked("which is not open", vec![request(1, call)]).await;
    }
    asked("for call 1, which is not open", vec![answer(1), request(1, 1)]).await;
    asked("request 0 came after request 0", vec![request(0, 1)]).await;
    asked("request 5 came after request 5", vec![request(5, 1), request(5, 1)]).await;
    asked("request 4 came after request 5", vec![request(5, 1), request(4, 1)]).await;
    asked("more than 256 requests at once", (1..=257).map(|id| request(id, 1)).collect()).await;
    let with = |change: fn(&mut HttpRequest)| {
        let mut head = asks(1, 1);
        change(&mut head);
        vec![FromRunner::Http(FromHttp::Request(head))]
    };
    asked("a URL of 8193 bytes", with(|head| head.url = "x".repeat(8_193))).await;
    asked("a method of 33 bytes", with(|head| head.method = "X".repeat(33))).await;
    asked("headers of 32769 bytes", with(|head| head.headers = vec![("a".into(), vec![0; 32_768])])).await;
    asked("no known message", with(|head| head.headers = vec![(String::new(), Vec::new()); 129])).await;
}

#[tokio::test]
async fn bodies_that_no_runner_sends() {
    for id in [0, 2, u64::MAX] {
        for speaks in [
            piece(id, 1),
            FromRunner::Http(FromHttp::End(id, Vec::new())),
            FromRunner::Http(FromHttp::Credit(id, 1)),
            FromRunner::Http(FromHttp::Drop(id)),
        ] {
            asked("which never was", vec![request(1, 1), speaks]).await;
        }
    }
    asked("empty or longer than a piece", vec![request(1, 1), piece(1, 0)]).await;
    asked("empty or longer than a piece", vec![request(1, 1), piece(1, (16 << 10) + 1)]).await;
    let mut flood = vec![request(1, 1)];
    flood.extend(vec![piece(1, 16 << 10); 4]);
    flood.push(piece(1, 1));
    asked("more of a request's body than it had credit for", flood).await;
    let end = || FromRunner::Http(FromHttp::End(1, Vec::new()));
    asked("or after its end", vec![request(1, 1), end(), piece(1, 1)]).await;
    asked("or after its end", vec![request(1, 1), end(), end()]).await;
    let mut none = asks(1, 1);
    none.body = false;
    let none = FromRunner::Http(FromHttp::Request(none));
    asked("where none was announced", vec![none.clone(), piece(1, 1)]).await;
    asked("where none was announced", vec![none, end()]).await;
    for credit in [1, u32::MAX] {
        let credit = FromRunner::Http(FromHttp::Credit(1, credit));
        asked("more credit than a window holds", vec![request(1, 1), credit]).await;
    }
    let trailers = FromRunner::Http(FromHttp::End(1, vec![("a".into(), vec![0; 32_768])]));
    asked("trailers of 32769 bytes", vec![request(1, 1), trailers]).await;
}
