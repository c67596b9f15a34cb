//! A runner without an engine: hello, ready for whatever ticket its hub has signed, one text for every call.

use anyhow::Context;
use container::ContainerName;
use protocol::{
    Answer, Content, Decoder, Done, FromRunner, Hello, HubPublicKey, InsidePosture, LOCKDOWN_STEPS, Outcome, ToRunner,
    Usage, VERSION, encode,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// Before a piece of its standard output on the way to the hub, there is this byte and the length.
const OUTPUT: u8 = 1;
/// Read at once; kept small, since there are thousands.
const CHUNK: usize = 2048;

/// Serves until the hub lets go.
pub(super) async fn serve(stream: UnixStream, hub_key: String, name: ContainerName, answer: &'static str) {
    if let Err(error) = converse(stream, &hub_key, answer).await {
        eprintln!("bench     the stand-in for {name} ended: {error:#}");
    }
}

async fn converse(mut stream: UnixStream, hub_key: &str, answer: &'static str) -> anyhow::Result<()> {
    let key: HubPublicKey = hub_key.parse().ok().context("the hub's key is none")?;
    let mut decoder = Decoder::new();
    say(&mut stream, &hello()).await?;
    loop {
        while let Some(message) = decoder.next::<ToRunner>()? {
            let said = match message {
                ToRunner::Ticket(jws) => FromRunner::Ready(key.verify(&jws)?.serial),
                ToRunner::Call(call) => {
                    let content = vec![Content::Text(answer.to_owned())];
                    let outcome = Outcome::Answer(Answer { content, structured: None, is_error: false });
                    FromRunner::Done(Done { id: call.id, outcome, usage: Usage::default() })
                }
                ToRunner::Cancel(id) => {
                    FromRunner::Done(Done { id, outcome: Outcome::Cancelled, usage: Usage::default() })
                }
                ToRunner::Ping(number) => FromRunner::Pong(number),
                // It made no request that could be answered.
                ToRunner::Http(_) => continue,
                ToRunner::Describe(id, _) => FromRunner::Described(id, Ok(Vec::new())),
            };
            say(&mut stream, &said).await?;
        }
        let mut chunk = [0; CHUNK];
        match stream.read(&mut chunk).await? {
            0 => return Ok(()),
            count => decoder.push(chunk.get(..count).unwrap_or_default()),
        }
    }
}

fn hello() -> FromRunner {
    let lockdown = LOCKDOWN_STEPS.iter().map(|step| ((*step).to_owned(), "none: a stand-in".to_owned())).collect();
    let posture = InsidePosture { facts: Vec::new(), self_test: Vec::new(), lockdown };
    FromRunner::Hello(Hello { version: VERSION, nonce: [7; 32], posture })
}

async fn say(stream: &mut UnixStream, message: &FromRunner) -> anyhow::Result<()> {
    let mut framed = Vec::new();
    encode(message, &mut framed)?;
    let mut piece = vec![OUTPUT];
    piece.extend_from_slice(&u32::try_from(framed.len())?.to_le_bytes());
    piece.extend_from_slice(&framed);
    stream.write_all(&piece).await?;
    Ok(())
}
