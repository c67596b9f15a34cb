//! An answer, whole or in pieces.

use bytes::Bytes;
use hyper::Response;
use hyper::body::Frame;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, Vec<u8>)>,
    pub content: Content,
    /// How long nothing is said, not even a status.
    pub pause: Duration,
}

/// What an answer's body is.
#[derive(Debug, Clone)]
pub enum Content {
    /// With its length.
    Whole(Vec<u8>),
    /// In chunks, and then these trailers.
    Chunks(Vec<Vec<u8>>, Vec<(String, String)>),
    /// This piece so often, with a pause before each.
    Drip(Vec<u8>, u64, Duration),
}

impl Reply {
    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), content: Content::Whole(Vec::new()), pause: Duration::ZERO }
    }

    pub fn text(status: u16, text: &str) -> Self {
        Self::empty(status).header("content-type", "text/plain; charset=utf-8").body(text.as_bytes())
    }

    pub fn json(status: u16, value: &Value) -> Self {
        Self::empty(status).header("content-type", "application/json; charset=utf-8").body(value.to_string().as_bytes())
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    #[must_use]
    pub fn body(mut self, bytes: &[u8]) -> Self {
        self.content = Content::Whole(bytes.to_vec());
        self
    }

    #[must_use]
    pub fn chunks(mut self, chunks: Vec<Vec<u8>>) -> Self {
        self.content = Content::Chunks(chunks, Vec::new());
        self
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let body = match self.content {
            Content::Whole(bytes) => Body::Whole(Some(bytes.into())),
            Content::Chunks(chunks, trailers) => {
                let mut frames: VecDeque<_> = chunks.into_iter().map(|chunk| Frame::data(chunk.into())).collect();
                if !trailers.is_empty() {
                    frames.push_back(Frame::trailers(trailers.iter().filter_map(field).collect::<HeaderMap>()));
                }
                Body::Chunks(frames)
            }
            Content::Drip(piece, times, pause) => {
                let (sender, pieces) = mpsc::channel(1);
                tokio::spawn(async move {
                    for _ in 0..times {
                        tokio::time::sleep(pause).await;
                        if sender.send(Bytes::from(piece.clone())).await.is_err() {
                            break;
                        }
                    }
                });
                Body::Drip(pieces)
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status.try_into().expect("a status");
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            response.headers_mut().append(name, HeaderValue::from_bytes(value).expect("a value"));
        }
        response
    }
}

fn field((name, value): &(String, String)) -> Option<(HeaderName, HeaderValue)> {
    Some((name.parse().ok()?, value.parse().ok()?))
}

/// The same as hyper takes it.
pub enum Body {
    Whole(Option<Bytes>),
    Chunks(VecDeque<Frame<Bytes>>),
    Drip(mpsc::Receiver<Bytes>),
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().filter(|bytes| !bytes.is_empty()).map(Frame::data).map(Ok)),
            Self::Chunks(frames) => Poll::Ready(frames.pop_front().map(Ok)),
            Self::Drip(pieces) => pieces.poll_recv(cx).map(|piece| piece.map(Frame::data).map(Ok)),
        }
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Self::Whole(bytes) => hyper::body::SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64)),
            _ => hyper::body::SizeHint::default(),
        }
    }
}
