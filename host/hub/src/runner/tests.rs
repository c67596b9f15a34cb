//! A scripted runner, honest or not, at the other end of two pipes in memory.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod lies;
mod pulse;
mod requests;

use super::*;
use crate::api::CallNote;
use crate::testing::limits;
use manifest::ToolName;
use protocol::{Answer, CallId, Content, Decoder, Done, FromRunner, Log, LogSource, Outcome, Progress, Usage, VERSION};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;

/// The runner's end of the pipes.
struct Script {
    input: DuplexStream,
    output: DuplexStream,
    decoder: Decoder,
}

impl Script {
    async fn say(&mut self, message: FromRunner) {
        let mut frame = Vec::new();
        protocol::encode(&message, &mut frame).unwrap();
        // The hub may have hung up; what it did is what the test looks at.
        drop(self.output.write_all(&frame).await);
    }

    async fn hear(&mut self) -> Option<ToRunner> {
        loop {
            if let Some(message) = self.decoder.next().unwrap() {
                return Some(message);
            }
            let mut chunk = [0; 4096];
            match self.input.read(&mut chunk).await.unwrap() {
                0 => return None,
                n => self.decoder.push(&chunk[..n]),
            }
        }
    }

    async fn hear_call(&mut self) -> CallId {
        match self.hear().await {
            Some(ToRunner::Call(call)) => call.id,
            other => panic!("{other:?}"),
        }
    }

    async fn hello(&mut self) {
        self.say(hello(VERSION)).await;
    }
}

fn hello(version: u16) -> FromRunner {
    match testing::hello([7; 32]) {
        FromRunner::Hello(hello) => FromRunner::Hello(Hello { version, ..hello }),
        other => other,
    }
}

fn answer(id: CallId) -> FromRunner {
    let answer = Answer { content: vec![Content::Text("hi".into())], structured: None, is_error: false };
    FromRunner::Done(Done { id, outcome: Outcome::Answer(answer), usage: Usage::default() })
}

fn progress(id: CallId) -> FromRunner {
    FromRunner::Progress(Progress { id, progress: 1.0, total: None, message: None })
}

/// What reaping says, and that it happened.
struct Engine {
    fate: Fate,
}

/// Starts a runner that plays `script`, and tells how the meeting went. Killing it is seen by the script as the
/// end of its input.
async fn meet<F>(engine: Engine, script: impl FnOnce(Script) -> F) -> Result<Runner, RunnerEnd>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (input, script_input) = tokio::io::duplex(1 << 16);
    let (script_output, output) = tokio::io::duplex(1 << 16);
    tokio::spawn(script(Script { input: script_input, output: script_output, decoder: Decoder::new() }));
    let born = Born { container: ContainerName("safeclaw-test".into()), posture: Digest::of(b"") };
    let reap: Reap = Box::new(move |_, _| Box::pin(async move { engine.fate }));
    Runner::meet(Streams { input: Box::new(input), output: Box::new(output) }, born, reap, &TaskTracker::new()).await
}

async fn met<F>(script: impl FnOnce(Script) -> F) -> Runner
where
    F: Future<Output = ()> + Send + 'static,
{
    meet(Engine { fate: Fate::default() }, script).await.unwrap_or_else(|end| panic!("{end}"))
}

async fn call(runner: &Runner) -> Ended {
    call_until(runner, &CancellationToken::new()).await
}

async fn call_until(runner: &Runner, cancel: &CancellationToken) -> Ended {
    call_with(runner, None, cancel).await
}

/// A call that may ask, where somebody takes what it asks.
async fn call_with(runner: &Runner, http: Option<mpsc::Sender<::egress::Asked>>, cancel: &CancellationToken) -> Ended {
    let (notes, _listener) = mpsc::channel(16);
    runner.call(&ToolName::try_from("read").unwrap(), "{}".into(), &limits(), notes, http, cancel).await
}

/// Plays a script after one call was heard; the call and the runner must end as a violation that says `word`.
async fn breach<F>(word: &str, script: impl FnOnce(Script, CallId) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let runner = met(|mut s| async move {
        s.hello().await;
        let id = s.hear_call().await;
        script(s, id).await;
    })
    .await;
    let first = call(&runner).await;
    runner.ended().cancelled().await;
    assert!(!runner.lives());
    let Ended::Lost(end, Reached::Nothing) = call(&runner).await else { panic!("a dead runner took a call") };
    assert!(matches!(&end.why, Why::Violation(what) if what.contains(word)), "{end}, after {first:?}");
}

#[tokio::test]
async fn an_honest_runner_serves_and_its_notes_arrive_clean() {
    let runner = met(|mut s| async move {
        s.hello().await;
        let Some(ToRunner::Ticket(jws)) = s.hear().await else { panic!("no ticket") };
        assert_eq!(jws, "jws");
        s.say(FromRunner::Ready(1)).await;
        for _ in 0..2 {
            let id = s.hear_call().await;
            s.say(progress(id)).await;
            s.say(FromRunner::Log(Log { id, source: LogSource::Stdout, text: "a\u{1b}[2J".into() })).await;
            s.say(answer(id)).await;
        }
        assert_eq!(s.hear().await, None);
    })
    .await;
    runner.assign(1, "jws".into()).await.unwrap_or_else(|end| panic!("{end}"));
    for _ in 0..2 {
        let (notes, mut listener) = mpsc::channel(16);
        let ended = runner
            .call(&ToolName::try_from("read").unwrap(), "{}".into(), &limits(), notes, None, &CancellationToken::new())
            .await;
        assert!(matches!(ended, Ended::Done(Done { outcome: Outcome::Answer(_), .. })), "{ended:?}");
        assert!(matches!(listener.recv().await, Some(CallNote::Progress(_))));
        assert!(matches!(listener.recv().await, Some(CallNote::Log(log)) if log.text == "a\\u{1b}[2J"));
    }
    assert_eq!(runner.open_calls(), 0);
    let ended = runner.ended();
    drop(runner);
    ended.cancelled().await;
}

#[tokio::test]
async fn calls_overlap_and_answers_find_their_caller() {
    let runner = met(|mut s| async move {
        s.hello().await;
        let (first, second) = (s.hear_call().await, s.hear_call().await);
        s.say(FromRunner::Done(Done {
            id: second,
            outcome: Outcome::Denied("second".into()),
            usage: Usage::default(),
        }))
        .await;
        s.say(FromRunner::Done(Done { id: first, outcome: Outcome::Denied("first".into()), usage: Usage::default() }))
            .await;
        s.hear().await;
    })
    .await;
    let (first, second) = tokio::join!(call(&runner), call(&runner));
    assert!(matches!(first, Ended::Done(Done { outcome: Outcome::Denied(w), .. }) if w == "first"));
    assert!(matches!(second, Ended::Done(Done { outcome: Outcome::Denied(w), .. }) if w == "second"));
}

#[tokio::test]
async fn an_answer_to_a_call_that_never_was_ends_it() {
    breach("never was", |mut s, _| async move { s.say(answer(99)).await }).await;
}

#[tokio::test]
async fn a_second_answer_ends_it() {
    breach("has ended", |mut s, id| async move {
        s.say(answer(id)).await;
        s.say(answer(id)).await;
        s.hear().await;
    })
    .await;
}

#[tokio::test]
async fn progress_after_the_end_ends_it() {
    breach("has ended", |mut s, id| async move {
        s.say(answer(id)).await;
        s.say(progress(id)).await;
        s.hear().await;
    })
    .await;
}

#[tokio::test]
async fn a_call_answered_as_a_question_ends_it() {
    breach(
        "as if it were a question",
        |mut s, id| async move { s.say(FromRunner::Described(id, Ok(Vec::new()))).await },
    )
    .await;
}

#[tokio::test]
async fn an_oversized_frame_ends_it() {
    breach("frame of 4294967295 bytes", |mut s, _| async move { drop(s.output.write_all(&[0xff; 4]).await) }).await;
}

#[tokio::test]
async fn an_unknown_message_ends_it() {
    breach("no known message", |mut s, _| async move { drop(s.output.write_all(&[1, 0, 0, 0, 99]).await) }).await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_progress_ends_it() {
    breach("more progress", |mut s, id| async move {
        for _ in 0..10_000 {
            s.say(progress(id)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_long_progress_message_ends_it() {
    let told = |id, bytes| {
        let message = Some("x".repeat(bytes));
        FromRunner::Progress(Progress { id, progress: 1.0, total: None, message })
    };
    breach("a longer progress message", move |mut runner, id| async move {
        runner.say(told(id, 1 << 10)).await;
        runner.say(told(id, 2 << 10)).await;
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_log_ends_it() {
    breach("more log", |mut s, id| async move {
        for _ in 0..100_000 {
            s.say(FromRunner::Log(Log { id, source: LogSource::Stderr, text: String::new() })).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_second_hello_and_a_ready_without_a_ticket_end_it() {
    breach("second hello", |mut s, _| async move { s.hello().await }).await;
    breach("ready for ticket 3", |mut s, _| async move { s.say(FromRunner::Ready(3)).await }).await;
    breach("refused a ticket", |mut s, _| async move { s.say(FromRunner::Refused("no".into())).await }).await;
}

#[tokio::test]
async fn another_version_or_a_frame_before_the_hello_is_not_met() {
    let none = Engine { fate: Fate::default() };
    let end = meet(none, |mut s| async move { s.say(hello(VERSION + 1)).await }).await.err().unwrap();
    assert!(end.to_string().contains("protocol version"), "{end}");
    let none = Engine { fate: Fate::default() };
    let end = meet(none, |mut s| async move { s.say(answer(1)).await }).await.err().unwrap();
    assert!(end.to_string().contains("before its hello"), "{end}");
}

#[tokio::test(start_paused = true)]
async fn silence_is_not_waited_for() {
    let none = Engine { fate: Fate::default() };
    let end = meet(none, |mut s| async move { drop(s.hear().await) }).await.err().unwrap();
    assert_eq!(end.why, Why::NoHello);

    let runner = met(|mut s| async move {
        s.hello().await;
        while s.hear().await.is_some() {}
    })
    .await;
    let (one, other) = tokio::join!(call(&runner), call(&runner));
    assert!(matches!(one, Ended::Overdue(Reached::Runner)), "{one:?}");
    // Both were late; the second may see the kill first.
    assert!(matches!(other, Ended::Overdue(_) | Ended::Lost(RunnerEnd { why: Why::Deadline, .. }, _)), "{other:?}");
    runner.ended().cancelled().await;
}

#[tokio::test]
async fn a_runner_that_dies_takes_its_calls_with_it_and_the_engine_knows_why() {
    let fate = Fate { out_of_memory: true, exit_code: Some(137), left: false };
    let runner = meet(Engine { fate }, |mut s| async move {
        s.hello().await;
        s.hear_call().await;
        s.hear_call().await;
    })
    .await
    .unwrap_or_else(|end| panic!("{end}"));
    let (one, other) = tokio::join!(call(&runner), call(&runner));
    for ended in [one, other] {
        assert!(
            matches!(&ended, Ended::Lost(RunnerEnd { why: Why::StreamEnded, fate: f }, Reached::Runner) if *f == fate),
            "{ended:?}"
        );
    }
}

#[tokio::test]
async fn a_refused_ticket_ends_it_and_its_words_are_clean() {
    let runner = met(|mut s| async move {
        s.hello().await;
        s.hear().await;
        s.say(FromRunner::Refused("nonce\u{202e}".into())).await;
        s.hear().await;
    })
    .await;
    let end = runner.assign(1, "jws".into()).await.unwrap_err();
    assert_eq!(end.why, Why::Refused("nonce\\u{202e}".into()));
}

#[tokio::test]
async fn a_cancelled_call_returns_at_once_and_the_guest_is_stopped() {
    let (heard, cancelled) = oneshot::channel();
    let runner = met(|mut s| async move {
        s.hello().await;
        let id = s.hear_call().await;
        let Some(ToRunner::Cancel(stop)) = s.hear().await else { panic!("no cancel") };
        assert_eq!(id, stop);
        s.say(progress(id)).await;
        s.say(FromRunner::Done(Done { id, outcome: Outcome::Cancelled, usage: Usage::default() })).await;
        heard.send(()).unwrap();
        let id = s.hear_call().await;
        s.say(answer(id)).await;
        s.hear().await;
    })
    .await;
    let cancel = CancellationToken::new();
    let (ended, ()) = tokio::join!(call_until(&runner, &cancel), async {
        tokio::task::yield_now().await;
        cancel.cancel();
    });
    assert!(matches!(ended, Ended::Cancelled(Reached::Runner)), "{ended:?}");
    cancelled.await.unwrap();
    assert!(matches!(call(&runner).await, Ended::Done(_)));
}

#[tokio::test(start_paused = true)]
async fn a_runner_that_ignores_cancel_is_killed() {
    let runner = met(|mut s| async move {
        s.hello().await;
        while s.hear().await.is_some() {}
    })
    .await;
    let cancel = CancellationToken::new();
    let (ended, ()) = tokio::join!(call_until(&runner, &cancel), async {
        tokio::task::yield_now().await;
        cancel.cancel();
    });
    assert!(matches!(ended, Ended::Cancelled(Reached::Runner)), "{ended:?}");
    runner.ended().cancelled().await;
    assert!(matches!(call(&runner).await, Ended::Lost(RunnerEnd { why: Why::Deadline, .. }, Reached::Nothing)));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_cancelled_before_it_was_sent_costs_nobody_anything() {
    let runner = met(|mut s| async move {
        s.hello().await;
        let id = s.hear_call().await;
        s.say(answer(id)).await;
        s.hear().await;
    })
    .await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    assert!(matches!(call_until(&runner, &cancel).await, Ended::Cancelled(Reached::Nothing)));
    assert_eq!(runner.open_calls(), 0);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(matches!(call(&runner).await, Ended::Done(_)));
}
