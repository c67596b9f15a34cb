//! What a launcher copies for a container that it attached to: standard error, the end, and, where there are no
//! FIFOs, standard input and output. One socket a container; towards the hub it carries pieces, each with a byte
//! that says of what, so that the end and its reason arrive as they would in one process. Frames of a container
//! with FIFOs do not come this way.

use super::attached::{Parts, Piece};
use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, stream};
use std::io::{self, ErrorKind};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt as _};
use tokio::net::UnixStream;

/// The longest piece: the engine's own are at most 32 KiB.
const PIECE_BYTES: usize = 64 << 10;
/// The longest reason of an end.
const REASON_BYTES: usize = 512;

const OUTPUT: u8 = 1;
const DIAGNOSTICS: u8 = 2;
const TORN: u8 = 3;
/// The end, with its reason.
const LOST: u8 = 4;

/// Copies until the container ends or the hub has let go of it.
pub(super) async fn copy(parts: Parts, hub: UnixStream) {
    let Parts { frames, mut pieces, mut input, exit: _ } = parts;
    let (mut from_hub, mut to_hub) = hub.into_split();
    // Until the container's end, for whoever the hub's own hand is too short.
    let names = frames.map(super::frames::Frames::into_names);
    let outwards = async {
        while let Some(piece) = pieces.next().await {
            for part in encode(piece) {
                to_hub.write_all(&part).await?;
            }
        }
        to_hub.shutdown().await
    };
    let inwards = async {
        let ended = if names.is_some() {
            // Nothing comes here; the end means that the hub has let go.
            from_hub.read(&mut [0; 1]).await.map(drop)
        } else {
            let copied = tokio::io::copy(&mut from_hub, &mut input).await.map(drop);
            let _ = input.shutdown().await;
            // The end of its input is not yet the end of what it says.
            if copied.is_ok() {
                std::future::pending::<()>().await;
            }
            copied
        };
        drop(ended);
    };
    tokio::select! {
        _ = outwards => {}
        () = inwards => {}
    }
}

/// As bytes: its kind, its length, itself.
fn encode(piece: io::Result<Piece>) -> Vec<Bytes> {
    let (kind, bytes) = match piece {
        Ok(Piece::Output(bytes)) => (OUTPUT, bytes),
        Ok(Piece::Diagnostics(bytes)) => (DIAGNOSTICS, bytes),
        Ok(Piece::Torn) => (TORN, Bytes::new()),
        Err(error) => {
            let reason: String = error.to_string().chars().take(REASON_BYTES / 4).collect();
            (LOST, Bytes::from(reason))
        }
    };
    let whole = |part: &[u8]| {
        let length = u32::try_from(part.len()).unwrap_or_default();
        let mut framed = BytesMut::with_capacity(5 + part.len());
        framed.extend_from_slice(&[kind]);
        framed.extend_from_slice(&length.to_le_bytes());
        framed.extend_from_slice(part);
        framed.freeze()
    };
    if bytes.is_empty() { vec![whole(&bytes)] } else { bytes.chunks(PIECE_BYTES).map(whole).collect() }
}

/// The pieces as the hub hears them. What is none is the end, in error.
pub(super) fn pieces(from: impl AsyncRead + Send + Unpin + 'static) -> BoxStream<'static, io::Result<Piece>> {
    let state = Some((from, BytesMut::new()));
    let next = |state: Option<(_, BytesMut)>| async move {
        let (mut from, mut bytes) = state?;
        loop {
            match decode(&mut bytes) {
                Ok(Some(piece @ Ok(_))) => return Some((piece, Some((from, bytes)))),
                Ok(Some(lost)) => return Some((lost, None)),
                Ok(None) => {}
                Err(error) => return Some((Err(error), None)),
            }
            match AsyncReadExt::read_buf(&mut from, &mut bytes).await {
                Ok(0) if bytes.is_empty() => return None,
                Ok(0) => return Some((Err(ErrorKind::UnexpectedEof.into()), None)),
                Ok(_) => {}
                Err(error) => return Some((Err(error), None)),
            }
        }
    };
    stream::unfold(state, next).boxed()
}

/// The first whole piece, taken out.
fn decode(bytes: &mut BytesMut) -> io::Result<Option<io::Result<Piece>>> {
    let garbage = |what: String| io::Error::new(ErrorKind::InvalidData, what);
    let Some(([kind, length @ ..], rest)) = bytes.split_first_chunk::<5>() else { return Ok(None) };
    let (kind, length) = (*kind, usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX));
    if length > PIECE_BYTES {
        return Err(garbage(format!("the launcher sent a piece of {length} bytes")));
    }
    if rest.len() < length {
        return Ok(None);
    }
    bytes.advance(5);
    let text = bytes.split_to(length).freeze();
    Ok(Some(match kind {
        OUTPUT => Ok(Piece::Output(text)),
        DIAGNOSTICS => Ok(Piece::Diagnostics(text)),
        TORN => Ok(Piece::Torn),
        LOST => Err(io::Error::other(String::from_utf8_lossy(&text).into_owned())),
        other => return Err(garbage(format!("the launcher sent a piece of kind {other}"))),
    }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use std::sync::{Arc, Mutex};

    async fn heard(bytes: Vec<u8>) -> Vec<Result<Piece, String>> {
        pieces(io::Cursor::new(bytes)).map(|piece| piece.map_err(|error| error.to_string())).collect().await
    }

    #[tokio::test]
    async fn pieces_arrive_as_they_were() {
        let long = Bytes::from(vec![b'x'; PIECE_BYTES + 1]);
        let sent: Vec<io::Result<Piece>> = vec![
            Ok(Piece::Diagnostics(Bytes::from_static(b"why"))),
            Ok(Piece::Output(Bytes::new())),
            Ok(Piece::Output(long.clone())),
            Ok(Piece::Torn),
            Err(io::Error::other("reset")),
        ];
        let bytes: Vec<u8> = sent.into_iter().flat_map(encode).flatten().collect();
        let wanted = vec![
            Ok(Piece::Diagnostics(Bytes::from_static(b"why"))),
            Ok(Piece::Output(Bytes::new())),
            Ok(Piece::Output(long.slice(..PIECE_BYTES))),
            Ok(Piece::Output(long.slice(PIECE_BYTES..))),
            Ok(Piece::Torn),
            Err("reset".to_owned()),
        ];
        assert_eq!(heard(bytes.clone()).await, wanted);
        // Cut anywhere it is an end in error, never a shorter piece.
        for cut in 1..20 {
            let last = heard(bytes.iter().copied().take(cut).collect()).await.pop().unwrap();
            assert!(cut == 8 || cut == 13 || last.is_err(), "{cut}: {last:?}");
        }
    }

    #[tokio::test]
    async fn what_is_no_piece_is_the_end() {
        for (bytes, word) in [
            (vec![9, 0, 0, 0, 0], "kind 9"),
            (vec![OUTPUT, 255, 255, 255, 255], "4294967295 bytes"),
            (vec![OUTPUT, 1, 0, 1, 0, 0], "65537 bytes"),
            (vec![OUTPUT, 2, 0], "unexpected end of file"),
        ] {
            let [only] = heard(bytes).await.try_into().unwrap();
            assert!(only.as_ref().unwrap_err().contains(word), "{only:?}");
        }
    }

    /// A container without FIFOs that echoes what it hears, and ends with its input.
    #[tokio::test]
    async fn without_fifos_both_directions_are_copied_and_the_ends_too() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (input, heard_by_it) = tokio::io::duplex(64);
        let echo = stream::unfold(heard_by_it, |mut from| async move {
            let mut bytes = vec![0; 16];
            match from.read(&mut bytes).await.unwrap() {
                0 => None,
                some => Some((Ok(Piece::Output(Bytes::copy_from_slice(bytes.get(..some).unwrap()))), from)),
            }
        });
        let (_told, exit) = tokio::sync::oneshot::channel();
        let parts = Parts { frames: None, pieces: echo.boxed(), input: Box::new(input), exit };
        let copying = tokio::spawn(copy(parts, theirs));
        let (from, mut to) = ours.into_split();
        to.write_all(b"hello").await.unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let mut back = pieces(from);
        said.lock().unwrap().push(back.next().await.unwrap().unwrap());
        to.shutdown().await.unwrap();
        assert!(back.next().await.is_none());
        assert_eq!(*said.lock().unwrap(), [Piece::Output(Bytes::from_static(b"hello"))]);
        copying.await.unwrap();
    }
}
