//! A runner in memory for other modules' tests.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::{Born, Fate, Reap, Runner, Streams};
use container::ContainerName;
use manifest::Digest;
use protocol::{
    Call, Decoder, Done, FromRunner, Hello, HubPublicKey, InsidePosture, LOCKDOWN_STEPS, Outcome, ToRunner, Usage,
    VERSION,
};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A hello that is taken.
pub(crate) fn hello(nonce: [u8; 32]) -> FromRunner {
    let lockdown = LOCKDOWN_STEPS.iter().map(|step| ((*step).to_owned(), "applied".to_owned())).collect();
    let posture = InsidePosture { facts: Vec::new(), self_test: Vec::new(), lockdown };
    FromRunner::Hello(Hello { version: VERSION, nonce, posture })
}

/// One that says hello and then answers pings and nothing else, until `dead` is cancelled.
pub(crate) async fn parked(dead: CancellationToken) -> Runner {
    let (input, mut heard) = tokio::io::duplex(4096);
    let (mut script, output) = tokio::io::duplex(4096);
    tokio::spawn(async move {
        say(&mut script, hello([0; 32])).await;
        let mut decoder = Decoder::new();
        let pongs = async {
            while heard.read_buf(decoder.room(4096)).await.is_ok_and(|count| count > 0) {
                while let Some(message) = decoder.next::<ToRunner>().unwrap() {
                    if let ToRunner::Ping(number) = message {
                        say(&mut script, FromRunner::Pong(number)).await;
                    }
                }
            }
        };
        tokio::select! {
            () = dead.cancelled() => {}
            () = pongs => {}
        }
        dead.cancelled().await;
        drop(script);
    });
    let born = Born { container: ContainerName("safeclaw-test".into()), posture: Digest::of(b"") };
    let reap: Reap = Box::new(|_, _| Box::pin(async { Fate::default() }));
    let streams = Streams { input: Box::new(input), output: Box::new(output) };
    Runner::meet(streams, born, reap, &TaskTracker::new()).await.unwrap_or_else(|end| panic!("{end}"))
}

/// One that says hello and then neither reads nor says anything, until `dead` is cancelled.
pub(crate) async fn deaf(dead: CancellationToken) -> Runner {
    let (input, kept) = tokio::io::duplex(4096);
    let (mut script, output) = tokio::io::duplex(4096);
    tokio::spawn(async move {
        say(&mut script, hello([0; 32])).await;
        dead.cancelled().await;
        drop((script, kept));
    });
    let born = Born { container: ContainerName("safeclaw-test".into()), posture: Digest::of(b"") };
    let reap: Reap = Box::new(|_, _| Box::pin(async { Fate::default() }));
    let streams = Streams { input: Box::new(input), output: Box::new(output) };
    Runner::meet(streams, born, reap, &TaskTracker::new()).await.unwrap_or_else(|end| panic!("{end}"))
}

/// What a scripted runner does with a call: `None` is to go on until it is cancelled.
pub(crate) type Act = std::sync::Arc<dyn Fn(&Call) -> Option<Outcome> + Send + Sync>;

/// What hears every byte that a scripted runner is sent.
pub(crate) type Tap = std::sync::Arc<dyn Fn(&[u8]) + Send + Sync>;

/// One that takes tickets which this key signed, and serves calls.
pub(crate) async fn honest(key: HubPublicKey, act: Act, fate: Fate) -> Runner {
    overheard(key, act, fate, std::sync::Arc::new(|_| {})).await
}

/// The same, with somebody who listens to what it is sent.
pub(crate) async fn overheard(key: HubPublicKey, act: Act, fate: Fate, tap: Tap) -> Runner {
    reaped(key, act, tap, Box::new(move |_, _| Box::pin(async move { fate }))).await
}

/// The same, with an end of one's own: what the engine does when it is to be killed.
pub(crate) async fn reaped(key: HubPublicKey, act: Act, tap: Tap, reap: Reap) -> Runner {
    let (input, mut heard) = tokio::io::duplex(1 << 16);
    let (mut said, output) = tokio::io::duplex(1 << 16);
    tokio::spawn(async move {
        say(&mut said, hello([3; 32])).await;
        let mut decoder = Decoder::new();
        let mut chunk = [0; 4096];
        loop {
            while let Some(message) = decoder.next::<ToRunner>().unwrap() {
                let answer = match message {
                    ToRunner::Ticket(jws) => {
                        let ticket = key.verify(&jws).unwrap();
                        assert_eq!(
                            (ticket.nonce.as_str(), ticket.container.as_str()),
                            ("03".repeat(32).as_str(), "safeclaw-test")
                        );
                        FromRunner::Ready(ticket.serial)
                    }
                    ToRunner::Call(call) if call.arguments.contains("die") => return,
                    ToRunner::Call(call) => match act(&call) {
                        Some(outcome) => FromRunner::Done(Done { id: call.id, outcome, usage: Usage::default() }),
                        None => continue,
                    },
                    ToRunner::Cancel(id) => {
                        FromRunner::Done(Done { id, outcome: Outcome::Cancelled, usage: Usage::default() })
                    }
                    // It made no request that could be answered.
                    ToRunner::Http(_) => continue,
                    ToRunner::Describe(id, _) => FromRunner::Described(id, Ok(Vec::new())),
                    ToRunner::Ping(number) => FromRunner::Pong(number),
                };
                say(&mut said, answer).await;
            }
            match heard.read(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(count) => decoder.push(chunk.get(..count).unwrap()),
            }
        }
    });
    let born = Born { container: ContainerName("safeclaw-test".into()), posture: Digest::of(b"") };
    let streams = Streams { input: Box::new(Tapped { stream: input, tap }), output: Box::new(output) };
    Runner::meet(streams, born, reap, &TaskTracker::new()).await.unwrap_or_else(|end| panic!("{end}"))
}

/// Heard when the hub writes it, not when the runner gets round to reading it.
struct Tapped {
    stream: DuplexStream,
    tap: Tap,
}

impl AsyncWrite for Tapped {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        (self.tap)(bytes.get(..written).unwrap());
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

async fn say(to: &mut DuplexStream, message: FromRunner) {
    let mut frame = Vec::new();
    protocol::encode(&message, &mut frame).unwrap();
    // The hub may have hung up.
    drop(to.write_all(&frame).await);
}
