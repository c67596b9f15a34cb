//! The first one-shot container: hostile bytes in, an artefact out, and nothing of them is ever run in it.

use super::compile_class;
use crate::api::RegisterError;
use crate::catalogue::Links;
use crate::clean;
use crate::launch::{Opened, Starter};
use crate::runner::Departure;
use manifest::Digest;
use protocol::{Compiled, Decoder, FromCompile, ToCompile};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Wall time of one compilation, its container's start included.
const TIMEOUT: Duration = Duration::from_secs(120);
/// The largest artefact. Bounds what a compile program in hostile hands can make the hub hold.
pub(super) const MAX_ARTEFACT_BYTES: u64 = 256 << 20;
/// What one frame carries.
const CHUNK_BYTES: usize = 1 << 20;

/// What the compile program made of a component.
#[derive(Debug)]
pub(super) struct Artefact {
    pub(super) artefact: Vec<u8>,
    pub(super) compatibility: String,
    pub(super) imports: Vec<String>,
}

/// Compiles a component in a container of its own.
pub(super) async fn compile(
    starter: &Starter,
    manifest: &Digest,
    wasm: Arc<Vec<u8>>,
    links: &Links,
) -> Result<Artefact, RegisterError> {
    let opened = starter.open(manifest, &compile_class()).await;
    let Opened { streams, container, .. } =
        opened.map_err(|source| RegisterError::Launcher { program: "compile", source })?;
    let talk = timeout(TIMEOUT, talk(streams.input, streams.output, &wasm, links)).await;
    let departure = if matches!(talk, Ok(Err(Failure::Lost(_)))) { Departure::ByItself } else { Departure::ByUs };
    let fate = container.reap(departure, "has compiled").await;
    let lost = |why: String| RegisterError::Lost { program: "compile", why };
    match talk {
        Ok(Ok(artefact)) => Ok(artefact),
        Ok(Err(Failure::Refused(words))) => Err(RegisterError::Refused(words)),
        Ok(Err(Failure::Lost(_))) if fate.out_of_memory => Err(lost("ran out of memory".into())),
        Ok(Err(Failure::Lost(why))) => Err(lost(why)),
        Err(_) => Err(lost(format!("took longer than {} s", TIMEOUT.as_secs()))),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Failure {
    /// The program's own words, cleaned.
    Refused(String),
    /// It ended, or broke the protocol.
    Lost(String),
}

fn lost(why: impl Into<String>) -> Failure {
    Failure::Lost(why.into())
}

/// Both directions at once: a program that refuses early does not read to the end.
async fn talk(
    input: impl AsyncWrite + Unpin,
    output: impl AsyncRead + Unpin,
    wasm: &[u8],
    links: &Links,
) -> Result<Artefact, Failure> {
    let sending = async {
        // Its answer, or its end, says more than a pipe that it closed.
        if let Err(error) = send(input, wasm, links).await {
            tracing::debug!(%error, "the compile program did not read everything");
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        artefact = receive(output) => artefact,
        () = sending => Err(lost("was never heard")),
    }
}

async fn send(mut input: impl AsyncWrite + Unpin, wasm: &[u8], links: &Links) -> std::io::Result<()> {
    let begin = ToCompile::Begin {
        bytes: wasm.len() as u64,
        trap_imports: links.traps.iter().cloned().collect(),
        http: links.http,
    };
    let chunks = wasm.chunks(CHUNK_BYTES).map(|chunk| ToCompile::Chunk(chunk.to_vec()));
    for message in std::iter::once(begin).chain(chunks) {
        let mut frame = Vec::new();
        protocol::encode(&message, &mut frame).map_err(std::io::Error::other)?;
        input.write_all(&frame).await?;
    }
    input.flush().await?;
    input.shutdown().await
}

async fn receive(mut output: impl AsyncRead + Unpin) -> Result<Artefact, Failure> {
    let mut decoder = Decoder::new();
    let header = match next(&mut output, &mut decoder).await? {
        FromCompile::Compiled(header) => header,
        FromCompile::Refused(words) => return Err(Failure::Refused(clean::bounded(&words, clean::NOTE_BYTES))),
        FromCompile::Chunk(_) => return Err(lost("sent an artefact before saying what it is")),
    };
    let Compiled { bytes, compatibility, imports, .. } = header;
    if bytes > MAX_ARTEFACT_BYTES {
        return Err(lost(format!("made an artefact of {bytes} bytes; the most is {MAX_ARTEFACT_BYTES}")));
    }
    let mut artefact = Vec::new();
    while (artefact.len() as u64) < bytes {
        match next(&mut output, &mut decoder).await? {
            FromCompile::Chunk(chunk) if chunk.is_empty() => return Err(lost("sent an empty chunk")),
            FromCompile::Chunk(chunk) => artefact.extend_from_slice(&chunk),
            FromCompile::Compiled(_) | FromCompile::Refused(_) => return Err(lost("broke off its artefact")),
        }
    }
    if artefact.len() as u64 != bytes {
        return Err(lost("sent more than it said"));
    }
    let imports = imports.iter().map(|import| clean::line(import, clean::LINE_BYTES)).collect();
    Ok(Artefact { artefact, compatibility: clean::line(&compatibility, clean::NOTE_BYTES), imports })
}

async fn next(output: &mut (impl AsyncRead + Unpin), decoder: &mut Decoder) -> Result<FromCompile, Failure> {
    let mut chunk = vec![0; 64 << 10];
    loop {
        if let Some(message) = decoder.next().map_err(|error| lost(format!("broke the protocol: {error}")))? {
            return Ok(message);
        }
        match output.read(&mut chunk).await {
            Ok(0) => return Err(lost("ended before it had answered")),
            Ok(count) => decoder.push(chunk.get(..count).unwrap_or_default()),
            Err(error) => return Err(lost(format!("was lost: {error}"))),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// What the hub makes of a program that says this and ends.
    async fn check(says: &[FromCompile]) -> Result<Artefact, Failure> {
        let mut bytes = Vec::new();
        for message in says {
            protocol::encode(message, &mut bytes).unwrap();
        }
        let (input, mut heard) = tokio::io::duplex(1 << 10);
        tokio::spawn(async move { tokio::io::copy(&mut heard, &mut tokio::io::sink()).await });
        talk(input, bytes.as_slice(), &[0; 5000], &Links::default()).await
    }

    fn compiled(bytes: u64) -> FromCompile {
        FromCompile::Compiled(Compiled {
            bytes,
            compatibility: "engine".into(),
            imports: vec!["a\u{1b}".into()],
            exports: Vec::new(),
        })
    }

    fn why(result: Result<Artefact, Failure>) -> String {
        match result.unwrap_err() {
            Failure::Lost(why) | Failure::Refused(why) => why,
        }
    }

    #[tokio::test]
    async fn an_artefact_is_what_was_announced() {
        let artefact =
            check(&[compiled(3), FromCompile::Chunk(vec![1, 2]), FromCompile::Chunk(vec![3])]).await.unwrap();
        assert_eq!((artefact.artefact, artefact.imports), (vec![1, 2, 3], vec!["a\\u{1b}".to_owned()]));
    }

    #[tokio::test]
    async fn one_that_is_not_is_lost() {
        assert!(why(check(&[]).await).contains("ended before"));
        assert!(why(check(&[compiled(3), FromCompile::Chunk(vec![1])]).await).contains("ended before"));
        assert!(why(check(&[compiled(1), FromCompile::Chunk(vec![1, 2])]).await).contains("more than it said"));
        assert!(why(check(&[FromCompile::Chunk(vec![1])]).await).contains("before saying"));
        assert!(why(check(&[compiled(9), FromCompile::Chunk(Vec::new())]).await).contains("empty chunk"));
        assert!(why(check(&[compiled(u64::MAX)]).await).contains("the most is"));
    }

    #[tokio::test]
    async fn a_refusal_is_told_clean() {
        assert_eq!(
            check(&[FromCompile::Refused("no\u{7}".into())]).await.unwrap_err(),
            Failure::Refused("no\\u{7}".into())
        );
    }
}
