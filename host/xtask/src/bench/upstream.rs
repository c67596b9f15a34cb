//! What tools ask in the bench: HTTPS on loopback, so many bytes at once or a word after so many milliseconds.

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use rcgen::CertifiedKey;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

const PIECE: Bytes = Bytes::from_static(&[b'x'; 64 << 10]);
/// What a slow answer says.
pub(crate) const SLOW: &str = "at last";

/// Serves on a free port, whose address it prints, until it is killed; its certificate is in the file before that.
pub(crate) async fn serve(certificate: &Path) -> anyhow::Result<()> {
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    std::fs::write(certificate, cert.pem()).with_context(|| format!("{} cannot be written", certificate.display()))?;
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())?;
    let tls = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let tls = tls.clone();
        tokio::spawn(async move {
            drop(stream.set_nodelay(true));
            if let Ok(stream) = tls.accept(stream).await {
                let http = hyper::server::conn::http1::Builder::new();
                drop(http.serve_connection(TokioIo::new(stream), service_fn(answer)).await);
            }
        });
    }
}

/// `/bytes/N`, or `/slow/MS`.
async fn answer(request: Request<Incoming>) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible> {
    let asked = request.uri().path().rsplit_once('/').and_then(|(what, much)| Some((what, much.parse().ok()?)));
    let (status, bytes, body) = match asked {
        Some(("/bytes", bytes)) => (StatusCode::OK, bytes, zeros(bytes)),
        Some(("/slow", ms)) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            (StatusCode::OK, SLOW.len() as u64, SLOW.to_owned().boxed())
        }
        _ => (StatusCode::NOT_FOUND, 0, String::new().boxed()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_LENGTH, bytes.into());
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain"));
    Ok(response)
}

/// Each piece is the same memory again: making them costs nothing.
fn zeros(mut left: u64) -> BoxBody<Bytes, Infallible> {
    let pieces = std::iter::from_fn(move || {
        let piece = PIECE.slice(..usize::try_from(left.min(PIECE.len() as u64)).ok()?);
        left -= piece.len() as u64;
        (!piece.is_empty()).then(|| Ok(Frame::data(piece)))
    });
    StreamBody::new(futures_util::stream::iter(pieces)).boxed()
}
