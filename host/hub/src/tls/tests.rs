//! Certificates as operators get them wrong, and what strangers send in the place of a handshake.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

use super::accept::HANDSHAKE_TIME;
use super::testing::Authority;
use super::*;
use crate::data::write_atomic;
use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, HandshakeKind, SupportedProtocolVersion};

fn refused(files: ServerFiles) -> String {
    ServerTls::load(files).map_or_else(|error| error.to_string(), |_| "taken".to_owned())
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_mistake_with_the_files_is_named_with_its_file_and_its_remedy() {
    let authority = Authority::new();
    authority.issue("a", ServerAuth, 365);
    authority.issue("b", ServerAuth, 365);
    authority.issue("old", ServerAuth, -2);
    let files = |certificate: &str, key: &str| ServerFiles {
        certificate: authority.path(certificate),
        key: authority.path(key),
        client_ca: None,
    };
    write_atomic(&authority.path("text"), b"hello\n", 0o600).unwrap();
    write_atomic(&authority.path("large"), &vec![b'x'; (1 << 20) + 1], 0o600).unwrap();
    crate::testing::fifo(&authority.path("fifo"));
    assert_eq!(refused(files("a.pem", "a.key")), "taken");
    for (certificate, key, said) in [
        ("none", "a.key", "cannot be read"),
        ("text", "a.key", "holds no certificate"),
        ("a.key", "a.key", "holds no certificate"),
        ("large", "a.key", "more than 1048576 bytes"),
        ("fifo", "a.key", "not a regular file"),
        ("a.pem", "none", "cannot be read"),
        ("a.pem", "text", "holds no private key"),
        ("a.pem", "fifo", "not a regular file"),
        ("a.pem", "b.key", "is not that of the first certificate"),
        ("old.pem", "old.key", "has ended on"),
    ] {
        let text = refused(files(certificate, key));
        assert!(text.contains(said), "{certificate} {key}: {text}");
    }
    for others in [0o640, 0o604, 0o660, 0o644] {
        mode(&authority.path("a.key"), others);
        let text = refused(files("a.pem", "a.key"));
        assert!(text.contains("chmod 600"), "{others:o}: {text}");
    }
    mode(&authority.path("a.key"), 0o400);
    assert_eq!(refused(files("a.pem", "a.key")), "taken");
    let text = refused(ServerFiles { client_ca: Some(authority.path("text")), ..files("a.pem", "a.key") });
    assert!(text.contains("holds no certificate"), "{text}");
}

#[test]
fn a_certificate_that_ends_soon_is_a_problem_and_one_that_ended_another() {
    let authority = Authority::new();
    authority.issue("server", ServerAuth, 30);
    let tls = ServerTls::load(authority.server_files("server", None)).unwrap();
    let now = Timestamp::now();
    let in_days = |days: i64| now + SignedDuration::from_hours(24 * days);
    assert_eq!(tls.problems(now), Vec::<String>::new());
    assert_eq!(tls.problems(in_days(15)), Vec::<String>::new());
    for (days, said) in [(17, "ends on"), (29, "ends on"), (31, "has ended on")] {
        let problems = tls.problems(in_days(days));
        assert!(problems.len() == 1 && problems[0].contains(said), "{days}: {problems:?}");
    }
}

/// The client's side of a handshake over a pipe.
async fn connect(
    tls: &ServerTls,
    connector: &TlsConnector,
) -> (Result<(), String>, Result<Option<Fingerprint>, NoHandshakeText>) {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let name = ServerName::try_from("localhost").unwrap();
    let client = async {
        let mut stream = connector.connect(name, ours).await.map_err(|error| error.to_string())?;
        // In TLS 1.3 a client learns only now whether its certificate was taken.
        let mut byte = [0];
        stream.read_exact(&mut byte).await.map(drop).map_err(|error| error.to_string())
    };
    let server = async {
        let (mut stream, certificate) = accept(tls, theirs).await.map_err(|error| error.to_string())?;
        stream.write_all(b"x").await.unwrap();
        stream.flush().await.unwrap();
        Ok(certificate)
    };
    tokio::join!(client, server)
}

type NoHandshakeText = String;

fn anonymous(authority: &Authority, versions: &[&'static SupportedProtocolVersion]) -> TlsConnector {
    let builder = ClientConfig::builder_with_provider(provider()).with_protocol_versions(versions).unwrap();
    let builder = builder.with_root_certificates(roots(&authority.path("ca.pem")).unwrap());
    TlsConnector::from(Arc::new(builder.with_no_client_auth()))
}

#[tokio::test]
async fn only_tls_13_is_spoken() {
    let authority = Authority::new();
    let tls = authority.server(None);
    let (client, server) = connect(&tls, &anonymous(&authority, &[&version::TLS13])).await;
    assert_eq!((client, server), (Ok(()), Ok(None)));
    let (client, server) = connect(&tls, &anonymous(&authority, &[&version::TLS12])).await;
    assert!(client.is_err() && server.is_err(), "{client:?} {server:?}");
}

#[tokio::test]
async fn a_client_shows_a_certificate_of_our_authority_for_clients_or_is_no_client() {
    let (authority, another) = (Authority::new(), Authority::new());
    let tls = authority.server(Some(&authority.path("ca.pem")));
    let connector = |files: &ClientFiles| ClientTls::new("https://localhost:1", files).unwrap().connector;
    let own = authority.client("operator");
    let (client, server) = connect(&tls, &connector(&own)).await;
    let shown = files::certificates(&own.certificate).unwrap();
    let digest = manifest::Digest::of(&shown[0]);
    assert_eq!(client, Ok(()));
    assert_eq!(server.unwrap().unwrap().to_string(), format!("sha256:{}", digest.as_str()));

    let stranger = ClientFiles { ca: authority.path("ca.pem"), ..another.client("operator") };
    authority.issue("servers", ServerAuth, 365);
    let servers = ClientFiles {
        certificate: authority.path("servers.pem"),
        key: authority.path("servers.key"),
        ca: authority.path("ca.pem"),
    };
    authority.issue("old", ClientAuth, -2);
    let old = ClientFiles { certificate: authority.path("old.pem"), key: authority.path("old.key"), ..own.clone() };
    for (who, connector) in [
        ("nobody", anonymous(&authority, &[&version::TLS13])),
        ("a stranger", connector(&stranger)),
        ("a server", connector(&servers)),
        ("one of the past", connector(&old)),
    ] {
        let (client, server) = connect(&tls, &connector).await;
        assert!(client.is_err() && server.is_err(), "{who}: {client:?} {server:?}");
    }
    // A server that the operator's authority did not sign is not the operator's hub.
    let theirs = another.server(Some(&authority.path("ca.pem")));
    let (client, _) = connect(&theirs, &connector(&own)).await;
    assert!(client.is_err());
}

#[tokio::test]
async fn changed_files_are_taken_whole_or_not_at_all_and_who_is_connected_stays() {
    let authority = Authority::new();
    let another = Authority::new();
    let tls = authority.server(Some(&authority.path("ca.pem")));
    let own = ClientTls::new("https://localhost:1", &authority.client("operator")).unwrap().connector;
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let name = ServerName::try_from("localhost").unwrap();
    let (client, server) = tokio::join!(own.connect(name, ours), accept(&tls, theirs));
    let (mut before, (mut serving, _)) = (client.unwrap(), server.map_err(|error| error.to_string()).unwrap());

    // Half of a new pair, as a tool that renews it may be seen at work.
    let old = std::fs::read(authority.path("server.key")).unwrap();
    authority.issue("server", ServerAuth, 200);
    let new = std::fs::read(authority.path("server.key")).unwrap();
    write_atomic(&authority.path("server.key"), &old, 0o600).unwrap();
    tls.look();
    assert!(tls.problems(Timestamp::now())[0].contains("is not that of the first certificate"));
    assert_eq!(connect(&tls, &own).await.0, Ok(()));
    write_atomic(&authority.path("server.key"), &new, 0o600).unwrap();
    tls.look();
    assert_eq!(tls.problems(Timestamp::now()), Vec::<String>::new());
    assert_eq!(connect(&tls, &own).await.0, Ok(()));

    // Another authority for clients: whoever came by the old one does not come again.
    std::fs::copy(another.path("ca.pem"), authority.path("ca.pem")).unwrap();
    tls.look();
    assert!(connect(&tls, &own).await.1.is_err());
    serving.write_all(b"still here").await.unwrap();
    serving.flush().await.unwrap();
    let mut heard = [0; 10];
    before.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"still here");
}

/// A handshake that leans on an earlier one asks for no certificate.
#[tokio::test]
async fn nobody_is_let_in_by_an_earlier_handshake() {
    let authority = Authority::new();
    let tls = authority.server(Some(&authority.path("ca.pem")));
    let own = ClientTls::new("https://localhost:1", &authority.client("operator")).unwrap();
    for time in 0..3 {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (client, server) = tokio::join!(own.connector.connect(own.name.clone(), ours), accept(&tls, theirs));
        let (mut serving, shown) = server.map_err(|error| error.to_string()).unwrap();
        let mut client = client.unwrap();
        // Tickets come with the first bytes of the server.
        serving.write_all(b"x").await.unwrap();
        serving.flush().await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), b'x');
        assert!(shown.is_some());
        assert_eq!(client.get_ref().1.handshake_kind(), Some(HandshakeKind::Full), "{time}");
    }
}

/// What comes back to these bytes, and how it ended for the server.
async fn sent(tls: &Arc<ServerTls>, bytes: &[u8], then: fn(DuplexStream) -> Option<DuplexStream>) -> (Vec<u8>, String) {
    let (mut ours, theirs) = tokio::io::duplex(1 << 20);
    let tls = tls.clone();
    let server =
        tokio::spawn(
            async move { accept(&tls, theirs).await.map_or_else(|error| error.to_string(), |_| String::new()) },
        );
    ours.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    if let Some(mut ours) = then(ours) {
        timeout(HANDSHAKE_TIME * 10, ours.read_to_end(&mut answer)).await.unwrap().unwrap();
    }
    (answer, server.await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn what_is_no_handshake_is_ended_and_plain_http_is_told_why() {
    let tls = Authority::new().server(None);
    let stay = |stream| Some(stream);
    for request in ["GET /mcp HTTP/1.1\r\nhost: x\r\n\r\n", "POST /mcp HTTP/1.1\r\n", "D"] {
        let (answer, why) = sent(&tls, request.as_bytes(), stay).await;
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 400 ") && body.contains("https://"), "{answer}");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{answer}");
        assert_eq!(why, "plain HTTP on a port for TLS");
    }
    let hello = [22, 3, 1, 2, 0, 1, 0, 1];
    for (bytes, why) in
        [(&b"\0\0\0\0"[..], "no TLS"), (b"\x80\x2e\x01\x00\x02", "no TLS"), (b"ssh-2.0-x\r\n", "no TLS")]
    {
        assert_eq!(sent(&tls, bytes, stay).await, (Vec::new(), why.to_owned()));
    }
    // A record of the right kind with nonsense in it: the library refuses it.
    let (_, why) = sent(&tls, &[22, 3, 1, 0, 4, 99, 0, 0, 0], stay).await;
    assert!(!why.is_empty() && why != "no TLS", "{why}");
    // Half of a greeting, and nothing at all: for so long and no longer.
    for bytes in [&hello[..], &hello[..1], b""] {
        let began = Instant::now();
        let (_, why) = sent(&tls, bytes, stay).await;
        assert_eq!(why, "no handshake within 10 s");
        assert_eq!(began.elapsed().as_secs(), HANDSHAKE_TIME.as_secs());
        let (_, why) = sent(&tls, bytes, |_| None).await;
        assert!(!why.is_empty(), "gone after {bytes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_trickles_is_ended() {
    let tls = Authority::new().server(None);
    let (mut ours, theirs) = tokio::io::duplex(1 << 20);
    let server = tokio::spawn(async move { accept(&tls, theirs).await.is_err() });
    let mut sent = 0;
    for byte in [22, 3, 1, 2, 0, 1, 0, 1, 252].into_iter().chain(std::iter::repeat(0)) {
        if ours.write_all(&[byte]).await.is_err() {
            break;
        }
        sent += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(server.await.unwrap());
    assert!(sent <= HANDSHAKE_TIME.as_secs() + 1, "{sent}");
}

#[test]
fn an_operators_address_is_https_and_a_name() {
    let authority = Authority::new();
    let files = authority.client("operator");
    for url in ["https://localhost:7301", "https://127.0.0.1", "https://[::1]:7301", "https://hub.example:7301/"] {
        assert!(ClientTls::new(url, &files).is_ok(), "{url}");
    }
    for url in ["http://localhost:7301", "localhost:7301", "https://", "https://a@b", "https://h/path", "https://h?q"] {
        assert!(matches!(ClientTls::new(url, &files), Err(TlsError::Address(_))), "{url}");
    }
    mode(&files.key, 0o644);
    assert!(matches!(ClientTls::new("https://localhost", &files), Err(TlsError::Open { .. })));
}
