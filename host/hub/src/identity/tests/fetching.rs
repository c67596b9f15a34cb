//! What a listener in an issuer's place can do to whoever asks it for keys.

use super::*;
use crate::identity::fetch::FetchError;
use crate::identity::jwks;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

async fn asked(published: &Published) -> Result<Vec<u8>, String> {
    let source = Source::http(published.url().parse().unwrap(), None, true).unwrap();
    source.fetch().await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn only_a_whole_answer_of_the_address_itself_is_taken() {
    let good = Published::start(Answer::Text("{}".into())).await;
    assert_eq!(asked(&good).await, Ok(b"{}".to_vec()));
    let other = Published::start(Answer::Elsewhere(good.url())).await;
    assert_eq!(asked(&other).await, Err("it answered 307 Temporary Redirect".into()));
    assert_eq!(good.asked(), 1, "no redirect is followed");
    good.say(Answer::Status(500));
    assert!(asked(&good).await.unwrap_err().contains("500"));
    good.say(Answer::Text("x".repeat(jwks::MAX_BYTES)));
    assert_eq!(asked(&good).await.unwrap().len(), jwks::MAX_BYTES);
    good.say(Answer::Text("x".repeat(jwks::MAX_BYTES + 1)));
    assert!(asked(&good).await.unwrap_err().contains("too long"));
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    let source = Source::http(url.parse().unwrap(), None, true).unwrap();
    let hangs = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = [0; 1024];
        while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
    });
    // With nothing else to do, the time passes at once.
    pause();
    assert!(matches!(source.fetch().await, Err(FetchError::Time)));
    hangs.abort();
}

#[tokio::test]
async fn over_tls_only_the_authorities_that_were_named_are_believed() {
    let dir = tempfile::tempdir().unwrap();
    let authority = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, certificate.pem()).unwrap();
        (path, Issuer::new(params, key))
    };
    let ((ours, issuer), (theirs, _)) = (authority("ours.pem"), authority("theirs.pem"));
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut bytes = [0; 1024];
            let _ = stream.read(&mut bytes).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
            let _ = stream.shutdown().await;
        }
    });
    let fetched = async |host: &str, ca: Option<&Path>| {
        let url = format!("https://{host}:{port}/jwks").parse().unwrap();
        Source::http(url, ca, false).unwrap().fetch().await.map_err(|error| crate::registry::chain(&error))
    };
    assert_eq!(fetched("localhost", Some(&ours)).await, Ok(b"{}".to_vec()));
    for (what, host, ca) in [
        ("another authority", "localhost", Some(theirs.as_path())),
        ("the public ones", "localhost", None),
        ("another name", "127.0.0.1", Some(ours.as_path())),
    ] {
        let refused = fetched(host, ca).await.unwrap_err();
        assert!(refused.contains("certificate"), "{what}: {refused}");
    }
    // Where TLS is said, nothing goes out without it.
    let plain = Published::start(Answer::Text("{}".into())).await;
    let source = Source::http(plain.url().parse().unwrap(), None, false).unwrap();
    assert!(source.fetch().await.is_err());
    assert_eq!(plain.asked(), 0);
}
