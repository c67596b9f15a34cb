//! Every door of a real hub, over real sockets: what each lets in, and that what belongs to one is nowhere else.

mod service;

use super::*;
use crate::operator::{Client, ClientError, routes};
use crate::service::testing::SECRET;
use crate::service::{Secret, ServiceAddress, ServiceConfig, ServiceError};
use crate::tls::testing::Authority;
use crate::tls::{ClientTls, ServerTls};
use crate::{http, operator, stdio};
use ::http::Method;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// Much longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A hub with every door open.
pub(super) struct Doors {
    pub(super) bench: Bench,
    authority: Authority,
    mcp: SocketAddr,
    operator: SocketAddr,
    pub(super) service: SocketAddr,
    _stop: tokio_util::sync::DropGuard,
}

pub(super) fn service_config(tiers: &[Tier]) -> ServiceConfig {
    ServiceConfig {
        id: "chat".to_owned(),
        tiers: tiers.iter().copied().collect(),
        secret: Secret::new(SECRET).unwrap(),
        listen: ServiceAddress::Tcp("127.0.0.1:0".parse().unwrap()),
        tls: None,
    }
}

impl Doors {
    pub(super) async fn open() -> Self {
        let bench = bench(|_| answer("hi")).await;
        let stop = CancellationToken::new();
        let (hub, here) = (bench.hub.clone(), "127.0.0.1:0".parse().unwrap());
        let mcp = http::bind(here).await.unwrap().of(&hub);
        let authority = Authority::new();
        let tls = authority.server(Some(&authority.path("ca.pem")));
        let operators = operator::bind(here, tls).await.unwrap();
        let services = crate::service::bind(service_config(&[Tier::User, Tier::Write])).await.unwrap();
        let (mcp_at, operator_at, service) = (mcp.address(), operators.address(), services.address().unwrap());
        let socket = stdio::bind(&bench.data.path().join("operator.sock")).unwrap();
        let agents = stdio::bind(&bench.data.path().join("mcp.sock")).unwrap();
        tokio::spawn(http::serve(hub.clone(), mcp, stop.clone()));
        tokio::spawn(stdio::serve_socket(hub.clone(), agents, stop.clone()));
        tokio::spawn(operator::serve(hub.clone(), socket, stop.clone()));
        tokio::spawn(operator::serve_tls(hub.clone(), operators, stop.clone()));
        tokio::spawn(crate::service::serve(&hub, services, stop.clone()).unwrap());
        Self { bench, authority, mcp: mcp_at, operator: operator_at, service, _stop: stop.drop_guard() }
    }

    fn token(&self, profile: &str) -> String {
        let profile = ProfileName::try_from(profile).unwrap();
        crate::tokens::create(self.bench.data.path(), "ada", &profile, None).unwrap()
    }

    /// A token, the session of which has begun.
    pub(super) async fn session(&self, profile: &str) -> SessionId {
        let caller = self.bench.hub.authenticate(&self.token(profile)).unwrap();
        self.bench.call(&caller, "read", "{}").await;
        caller.session
    }

    fn operator_client(&self) -> Client {
        let url = format!("https://127.0.0.1:{}", self.operator.port());
        Client::remote(ClientTls::new(&url, &self.authority.client("operator")).unwrap())
    }

    fn events(&self, name: &str) -> Vec<serde_json::Value> {
        self.bench.audit().into_iter().filter(|line| line["event"] == name).collect()
    }

    /// Those of which a line says this, waited for: refusals are written by nobody who is waited for.
    pub(super) async fn refused(&self, door: &str, reason: &str) {
        let said = |line: &serde_json::Value| {
            line["door"] == door && line["reason"].as_str().is_some_and(|text| text.contains(reason))
        };
        let seen = async {
            while !self.events("refused").iter().any(said) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.unwrap_or_else(|_| unreachable!("{:?}", self.events("refused")));
    }
}

/// The status of the answer to this text and the answer; 0 where there was none.
pub(super) async fn asked<I: AsyncRead + AsyncWrite + Unpin>(mut stream: I, text: &str) -> (u16, String) {
    let talk = async {
        // A server that refuses early may close while we still write.
        let _ = stream.write_all(text.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    let answer = tokio::time::timeout(PATIENCE, talk).await.unwrap();
    (answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0), answer)
}

fn request(method: &Method, path: &str, host: &str, token: Option<&str>) -> String {
    let bearer = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{bearer}content-length: 0\r\nconnection: close\r\n\r\n")
}

/// As agents could ask for it: the parameters of a path are filled with something that could be one.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// The table of routes is the one that the operator's doors are built from: a new route is tried here by itself.
#[tokio::test]
async fn no_route_of_the_operator_is_at_an_agents_door() {
    let doors = Doors::open().await;
    let (reader, everyone) = (doors.token("reader"), doors.token("everyone"));
    let tokens = [None, Some("wrong"), Some(reader.as_str()), Some(everyone.as_str())];
    let host = doors.mcp.to_string();
    let mut tried = 0;
    for route in routes() {
        let path = filled(route.path);
        for token in tokens {
            let text = request(&route.method, &path, &host, token);
            let (status, answer) = asked(TcpStream::connect(doors.mcp).await.unwrap(), &text).await;
            assert_eq!(status, 404, "{} {path} with {token:?}: {answer}", route.method);
            tried += 1;
        }
        // The bridge's socket speaks no HTTP at all; a greeting with a token in it is one line more.
        for greeting in [String::new(), format!("safeclaw-mcp/1 {everyone}\n")] {
            let text = greeting + &request(&route.method, &path, "operator", Some(&everyone));
            let stream = UnixStream::connect(doors.bench.data.path().join("mcp.sock")).await.unwrap();
            let (status, answer) = asked_and_closed(stream, &text).await;
            assert!(!(200..300).contains(&status) && !answer.contains("HTTP/1.1"), "{path}: {answer}");
        }
    }
    assert!(tried >= 16 * tokens.len(), "{tried}");
    assert!(doors.events("operator_acted").is_empty());
    // The control: the same words at the operator's own door.
    let stream = UnixStream::connect(doors.bench.data.path().join("operator.sock")).await.unwrap();
    assert_eq!(asked(stream, &request(&Method::GET, "/sessions", "operator", None)).await.0, 200);
}

/// The same; it says that nothing more will come, so that the other side ends too.
async fn asked_and_closed(mut stream: UnixStream, text: &str) -> (u16, String) {
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
    asked(stream, "").await
}

#[tokio::test]
async fn no_route_of_an_agent_is_at_the_operators_or_a_services_door() {
    let doors = Doors::open().await;
    let everyone = doors.token("everyone");
    for (method, path) in [
        (Method::POST, "/mcp"),
        (Method::GET, "/mcp"),
        (Method::DELETE, "/mcp"),
        (Method::GET, "/healthz"),
        (Method::GET, "/.well-known/oauth-protected-resource"),
    ] {
        let text = request(&method, path, "operator", Some(&everyone));
        let stream = UnixStream::connect(doors.bench.data.path().join("operator.sock")).await.unwrap();
        assert_eq!(asked(stream, &text).await.0, 404, "{path}");
        let stream = TcpStream::connect(doors.service).await.unwrap();
        assert_eq!(asked(stream, &text).await.0, 401, "unsigned: {path}");
        let signed = crate::service::testing::Draft::new("POST", path).sign();
        let stream = TcpStream::connect(doors.service).await.unwrap();
        assert_eq!(asked(stream, &signed.text()).await.0, 404, "signed: {path}");
    }
}

#[tokio::test]
async fn the_operator_reaches_the_same_hub_by_the_socket_and_by_a_certificate() {
    let doors = Doors::open().await;
    let (first, second) = (doors.session("everyone").await, doors.session("reader").await);
    let socket = Client::new(doors.bench.data.path().join("operator.sock"));
    let remote = doors.operator_client();
    assert_eq!(socket.sessions().await.unwrap().len(), 2);
    assert_eq!(remote.sessions().await.unwrap().len(), 2);
    assert_eq!(remote.health().await.unwrap(), socket.health().await.unwrap());
    let paused = socket.resume_session(&first).await.unwrap_err().to_string();
    assert!(paused.starts_with(&format!("session {first} is not paused")), "{paused}");
    remote.end_session(&first).await.unwrap();
    socket.revoke_token(&second).await.unwrap();
    assert!(matches!(socket.revoke_token(&second).await, Err(ClientError::Refused { .. })));
    // To ask in vain is an act as well.
    let acted: Vec<_> = doors.events("operator_acted").split_off(1);
    let who = |n: usize| acted[n]["who"].as_str().unwrap().to_owned();
    assert_eq!(acted[0]["what"], format!("DELETE /sessions/{first}"));
    assert!(who(0).starts_with("certificate sha256:"), "{}", who(0));
    assert_eq!(acted[1]["what"], format!("DELETE /tokens/{second}"));
    assert_eq!(who(1), format!("user {}", rustix::process::geteuid().as_raw()));
    let left = crate::tokens::list(doors.bench.data.path()).unwrap();
    assert!(left.iter().all(|token| token.session != second));
}

#[tokio::test]
async fn tokens_are_those_of_the_store_wherever_it_is() {
    let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let elsewhere = Location::parse(&format!("sqlite://{}/other.db", other.path().display())).unwrap();
    let force = InForce::fixed(manifest([tool("read", Tier::User)]), Default::default());
    let (mut inner, _) = hub_in(data.path(), force, Arc::new(|_| answer("hi")), Fate::default(), None).await;
    inner.store = Store::open(&elsewhere).await.unwrap();
    inner.identity = Identity::open(data.path(), elsewhere.clone(), Config::default()).unwrap();
    let hub = Hub(Arc::new(inner));
    let (profile, scopes) = (ProfileName::try_from("everyone").unwrap(), Scopes::all());
    let new = crate::tokens::New { principal: "ada", profile: &profile, scopes, ttl: None };
    let token = crate::tokens::Ledger::at(data.path(), elsewhere).create(new).unwrap();
    let session = hub.authenticate(&token).unwrap().session;
    let listed: Vec<_> = hub.tokens().list_in_force().unwrap().into_iter().map(|token| token.session).collect();
    assert_eq!(listed, std::slice::from_ref(&session));
    let request = ::http::Request::delete(format!("/tokens/{session}")).body(axum::body::Body::empty()).unwrap();
    let answer = tower::ServiceExt::oneshot(operator::router(hub.clone()), request).await.unwrap();
    assert_eq!(answer.status(), 204);
    assert!(hub.authenticate(&token).is_none() && hub.tokens().list_in_force().unwrap().is_empty());
}

#[tokio::test]
async fn nobody_is_the_operator_without_the_operators_certificate() {
    let doors = Doors::open().await;
    let another = Authority::new();
    let url = format!("https://127.0.0.1:{}", doors.operator.port());
    // Another authority's certificate, though the client believes the hub's.
    let mut files = another.client("operator");
    files.ca = doors.authority.path("ca.pem");
    let stranger = Client::remote(ClientTls::new(&url, &files).unwrap());
    assert!(stranger.health().await.is_err());
    doors.refused("operator", "certificate").await;
    // A hub that the operator does not believe.
    let files = crate::tls::ClientFiles { ca: another.path("ca.pem"), ..doors.authority.client("operator") };
    let other_hub = Client::remote(ClientTls::new(&url, &files).unwrap());
    assert!(matches!(other_hub.health().await, Err(ClientError::NoTls { .. })));
    let plain = request(&Method::GET, "/health", "operator", None);
    let (status, answer) = asked(TcpStream::connect(doors.operator).await.unwrap(), &plain).await;
    assert!(status == 400 && answer.contains("https://"), "{answer}");
    doors.refused("operator", "plain HTTP").await;
    assert!(doors.operator_client().health().await.is_ok());
    // Without client certificates there is no such door.
    let tls: Arc<ServerTls> = doors.authority.server(None);
    let bound = operator::bind("127.0.0.1:0".parse().unwrap(), tls).await;
    assert!(matches!(bound, Err(operator::OperatorError::NoClientCertificates)));
}

#[tokio::test]
async fn what_the_operator_asks_for_is_not_done_if_it_cannot_be_recorded() {
    let bench = bench_with(Arc::new(|_| answer("hi")), Fate::default(), Some(Path::new("/dev/full"))).await;
    let token =
        crate::tokens::create(bench.data.path(), "ada", &ProfileName::try_from("reader").unwrap(), None).unwrap();
    let session = bench.hub.authenticate(&token).unwrap().session;
    let router = operator::router(bench.hub.clone());
    let request = ::http::Request::delete(format!("/tokens/{session}")).body(axum::body::Body::empty()).unwrap();
    let answer = tower::ServiceExt::oneshot(router, request).await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(crate::tokens::list(bench.data.path()).unwrap().len(), 1);
}

#[tokio::test]
async fn a_public_door_says_by_which_name_and_speaks_tls() {
    let bench = bench(|_| answer("hi")).await;
    let authority = Authority::new();
    let door = http::McpDoor {
        address: "127.0.0.1:0".parse().unwrap(),
        tls: Some(authority.server(None)),
        proxies: Vec::new(),
        public_url: Some("https://hub.example".parse().unwrap()),
    };
    let listener = http::open(door).await.unwrap().of(&bench.hub);
    assert_eq!(listener.mcp_url(), "https://hub.example/mcp");
    let (address, stop) = (listener.address(), CancellationToken::new());
    let _stopped = stop.clone().drop_guard();
    tokio::spawn(http::serve(bench.hub.clone(), listener, stop));
    let url = format!("https://127.0.0.1:{}", address.port());
    let tls = ClientTls::new(&url, &authority.client("any")).unwrap();
    let connect = || async {
        let stream = TcpStream::connect(address).await.unwrap();
        tls.connector.connect(tls.name.clone(), stream).await.unwrap()
    };
    let get = |host: &str| request(&Method::GET, "/healthz", host, None);
    assert_eq!(asked(connect().await, &get("hub.example")).await.0, 200);
    assert_eq!(asked(connect().await, &get("evil.example")).await.0, 403);
    assert_eq!(asked(connect().await, &get(&address.to_string())).await.0, 403);
    let token =
        crate::tokens::create(bench.data.path(), "ada", &ProfileName::try_from("reader").unwrap(), None).unwrap();
    let post = |token| request(&Method::POST, "/mcp", "hub.example", token);
    assert_eq!(asked(connect().await, &post(None)).await.0, 401);
    // Let in: an empty body is then no MCP.
    assert!([400, 406, 415].contains(&asked(connect().await, &post(Some(&token))).await.0));
    assert_eq!(asked(TcpStream::connect(address).await.unwrap(), &get("hub.example")).await.0, 400);
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_a_problem_of_the_hubs() {
    let doors = Doors::open().await;
    let before = doors.bench.hub.health().problems;
    doors.authority.issue("server", rcgen::ExtendedKeyUsagePurpose::ServerAuth, 5);
    let tls = ServerTls::load(doors.authority.server_files("server", None)).unwrap();
    doors.bench.hub.look_after(std::iter::once(&tls));
    let after = doors.bench.hub.health();
    assert_eq!(after.problems.len(), before.len() + 1);
    assert!(!after.ok && after.problems.iter().any(|problem| problem.contains("server.pem ends on")), "{after:?}");
}
