//! The HTTP client of the exporter: what the hub has already, with the certificates that came with it.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{HttpClient, HttpError};
use std::fmt;
use std::pin::Pin;
use tokio_rustls::rustls;

/// The most of an answer that is read: a collector says nothing of use to us.
const ANSWER_BYTES: usize = 64 << 10;

/// It follows no redirects and asks no proxy. How long it takes is up to whoever waits.
pub(super) struct Client(Hyper<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Client {
    pub(super) fn new() -> Result<Self, rustls::Error> {
        let https = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self(Hyper::builder(TokioExecutor::new()).build(https)))
    }
}

impl HttpClient for Client {
    fn send_bytes<'s, 'f>(
        &'s self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let response = self.0.request(request.map(Full::new)).await?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_BYTES).collect().await?.to_bytes();
            Ok(Response::from_parts(head, body))
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Answers one request with this head, then with as much as is read.
    async fn hostile(head: &'static str) -> Result<Response<Bytes>, HttpError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            drop(stream.read(&mut [0; 4096]).await);
            drop(stream.write_all(head.as_bytes()).await);
            while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
        });
        Client::new().unwrap().send_bytes(Request::post(url).body(Bytes::from_static(b"spans")).unwrap()).await
    }

    #[tokio::test]
    async fn an_endless_answer_is_not_read() {
        assert!(hostile("HTTP/1.1 200 OK\r\n\r\n").await.is_err());
        assert!(hostile("HTTP/1.1 200 OK\r\nx: ").await.is_err());
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_is_not_followed() {
        let answer =
            hostile("HTTP/1.1 307 Elsewhere\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
        assert_eq!(answer.unwrap().status(), 307);
    }
}
