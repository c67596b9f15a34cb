//! The whole body of a request: bounded in size and in time, so that a peer that sends one byte a minute
//! holds nothing for long.

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::time::Duration;
use tokio::time::timeout;

/// How long a body may take from its first byte to its last.
const BODY_TIME: Duration = Duration::from_secs(30);

/// All of it.
///
/// # Errors
/// The status that says what is wrong: too large, too slow, or broken off.
pub(crate) async fn read(body: Body, most_bytes: usize) -> Result<Bytes, StatusCode> {
    // Its length may be announced: then nothing of it is read.
    if body.size_hint().lower() > most_bytes as u64 {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let whole = timeout(BODY_TIME, Limited::new(body, most_bytes).collect());
    match whole.await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use std::convert::Infallible;

    fn pieces(count: usize) -> Body {
        let pieces = (0..count).map(|_| Ok::<_, Infallible>(Bytes::from_static(b"0123456789")));
        Body::from_stream(stream::iter(pieces))
    }

    #[tokio::test]
    async fn a_body_is_bounded_whether_or_not_it_says_its_length() {
        assert_eq!(read(Body::from("0123456789x"), 10).await, Err(StatusCode::PAYLOAD_TOO_LARGE));
        assert_eq!(read(pieces(2), 19).await, Err(StatusCode::PAYLOAD_TOO_LARGE));
        assert_eq!(read(pieces(2), 20).await.map(|bytes| bytes.len()), Ok(20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_given_up() {
        let piece = |after| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, Infallible>(Bytes::from_static(b"x")), after))
        };
        let began = tokio::time::Instant::now();
        let body = Body::from_stream(stream::unfold((), piece));
        assert_eq!(read(body, 1 << 20).await, Err(StatusCode::REQUEST_TIMEOUT));
        assert_eq!(began.elapsed().as_secs(), BODY_TIME.as_secs());
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_refused() {
        let broken = stream::iter([Ok(Bytes::from_static(b"x")), Err(std::io::Error::other("gone"))]);
        assert_eq!(read(Body::from_stream(broken), 10).await, Err(StatusCode::BAD_REQUEST));
    }
}
