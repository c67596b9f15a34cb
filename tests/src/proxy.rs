//! A loopback proxy that adds a bearer token, for suites that cannot send one. It changes nothing else,
//! except that its own address in `Host` and `Origin` becomes the hub's.

use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue, ORIGIN};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};

/// Starts one; it lives as long as the runtime.
pub async fn with_token(hub: SocketAddr, token: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let here = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let token = token.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| pass(request, here, hub, token.clone()));
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(client), service).await;
            });
        }
    });
    here
}

async fn pass(
    mut request: Request<Incoming>,
    here: SocketAddr,
    hub: SocketAddr,
    token: String,
) -> Result<Response<Incoming>, Box<dyn std::error::Error + Send + Sync>> {
    let (from, to) = (format!(":{}", here.port()), format!(":{}", hub.port()));
    for name in [HOST, ORIGIN] {
        let value = request.headers().get(&name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        if let Some(start) = value.as_deref().and_then(|value| value.strip_suffix(&from)) {
            request.headers_mut().insert(name, HeaderValue::from_str(&format!("{start}{to}"))?);
        }
    }
    request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}"))?);
    let stream = TcpStream::connect(hub).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?)
}
