//! Connections in memory, and a clock that only moves when everybody waits: peers that are slow, silent, many,
//! or say too much before they are anybody.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::serve::{HEADER_BYTES, HEADER_TIME, HEADERS, IDLE_TIME};
use super::*;
use axum::routing::get;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Much longer than anything here takes, by the clock that stands still.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Hands out the ends of pipes as if they were connections from somewhere.
struct Pipes(Mutex<mpsc::UnboundedReceiver<(DuplexStream, Peer)>>);

impl Listen for Pipes {
    type Io = DuplexStream;

    async fn next(&self) -> io::Result<(DuplexStream, Peer)> {
        match self.0.lock().await.recv().await {
            Some(accepted) => Ok(accepted),
            None => std::future::pending().await,
        }
    }
}

struct Served {
    door: mpsc::UnboundedSender<(DuplexStream, Peer)>,
    refusals: Refusals,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

impl Served {
    /// `/` answers at once and keeps its connection, `/stranger` answers and does not, `/hang` never answers.
    fn start(connections: usize, grace: Duration) -> Self {
        Self::start_for(connections, grace, Guests::Anyone, None)
    }

    fn start_for(connections: usize, grace: Duration, guests: Guests, tls: Option<Arc<ServerTls>>) -> Self {
        let (door, streams) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let hang = || async { std::future::pending::<&'static str>().await };
        let here = || get(|| async { "here" });
        let refused = || async { axum::http::StatusCode::UNAUTHORIZED };
        let router =
            Router::new().route("/", here().post(refused)).route("/stranger", here()).route("/hang", get(hang));
        let limits = Limits { connections, grace, after: After::KeepOn("/") };
        let refusals = Refusals::unrecorded("tests");
        let rules = Door { limits, guests, tls, refusals: refusals.clone() };
        let settled = std::future::pending();
        let cut = CancellationToken::new();
        let server = tokio::spawn(serve_all(Pipes(Mutex::new(streams)), router, rules, stop.clone(), settled, cut));
        Self { door, refusals, stop, server }
    }

    fn connect(&self) -> DuplexStream {
        self.connect_from(Peer { remote: Some("127.0.0.1".parse().unwrap()), ..Peer::default() })
    }

    fn connect_from(&self, peer: Peer) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        self.door.send((theirs, peer)).unwrap();
        ours
    }

    /// What is answered to these bytes, until the connection ends; and when that was.
    async fn said(&self, bytes: &[u8]) -> (String, Duration) {
        let mut stream = self.connect();
        let began = Instant::now();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
        (String::from_utf8(answer).unwrap(), began.elapsed())
    }
}

/// The time that a bound of this many seconds takes, and no second more.
fn at(seconds: u64) -> std::ops::Range<Duration> {
    Duration::from_secs(seconds)..Duration::from_secs(seconds + 1)
}

#[tokio::test(start_paused = true)]
async fn a_header_that_does_not_end_and_a_silent_connection_are_ended() {
    let served = Served::start(8, Duration::ZERO);
    for begun in ["", "GET / HTTP/1.1\r\nhost: localhost\r\n"] {
        let (answer, after) = served.said(begun.as_bytes()).await;
        assert!(!answer.contains("here"), "{answer}");
        assert!(at(HEADER_TIME.as_secs()).contains(&after), "{begun:?} was waited for {after:?}");
    }
    let (answer, after) = served.said(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(answer.ends_with("here"), "{answer}");
    assert!(at(IDLE_TIME.as_secs()).contains(&after), "after an answer the next request was waited for {after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_header_that_trickles_is_ended_however_much_of_it_came() {
    let served = Served::start(8, Duration::ZERO);
    let mut stream = served.connect();
    let began = Instant::now();
    let header = "GET / HTTP/1.1\r\nhost: localhost\r\na: b\r\n".repeat(100);
    let mut sent = 0;
    for byte in header.bytes() {
        if stream.write_all(&[byte]).await.is_err() {
            break;
        }
        sent += 1;
        sleep(Duration::from_secs(1)).await;
    }
    assert!(sent <= HEADER_TIME.as_secs() + 1, "{sent} bytes in {:?}", began.elapsed());
}

/// A connection is for whoever is known: nobody else keeps one to do nothing with.
#[tokio::test(start_paused = true)]
async fn who_is_not_known_has_one_request() {
    let served = Served::start(8, Duration::ZERO);
    for request in ["GET /stranger", "POST /", "GET /nothing"] {
        let (answer, after) = served.said(format!("{request} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await;
        assert!(answer.contains("connection: close"), "{answer}");
        assert!(at(0).contains(&after), "{request} was waited for {after:?}");
    }
}

/// A thousand connections of one network: all but its share are closed unread, and others are served meanwhile.
#[tokio::test(start_paused = true)]
async fn a_thousand_idle_connections_keep_nobody_out() {
    let served = Served::start(256, Duration::ZERO);
    let from = |address: &str| Peer { remote: Some(address.parse().unwrap()), ..Peer::default() };
    let mut idle: Vec<_> = (0..1_000).map(|n| served.connect_from(from(&format!("2001:db8::{n:x}")))).collect();
    let mut other = served.connect_from(from("192.0.2.7"));
    other.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    assert!(answers(&mut other).await);
    let mut open = 0;
    for stream in &mut idle {
        let read = timeout(Duration::ZERO, stream.read_u8()).await;
        open += usize::from(read.is_err());
    }
    assert_eq!(open, PER_ADDRESS);
    assert_eq!(served.refusals.count(), 1_000 - PER_ADDRESS as u64);
    // And these have an end as well.
    let began = Instant::now();
    for stream in &mut idle {
        assert!(timeout(PATIENCE, stream.read_u8()).await.unwrap().is_err());
    }
    assert!(began.elapsed() <= HEADER_TIME);
    let mut again = served.connect_from(from("2001:db8::1"));
    again.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    assert!(answers(&mut again).await, "a place came free and was not given away");
}

/// This machine's connections are not counted by address: there the clocks alone give the places back.
#[tokio::test(start_paused = true)]
async fn a_thousand_idle_connections_of_this_machine_end_by_themselves() {
    let served = Served::start(crate::http::MAX_CONNECTIONS, Duration::ZERO);
    let _idle: Vec<_> = (0..1_000).map(|_| served.connect()).collect();
    let began = Instant::now();
    let mut stream = served.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut first = [0; 8];
    timeout(PATIENCE, stream.read_exact(&mut first)).await.unwrap().unwrap();
    // A thousand are served in three rounds, and a part of the fourth.
    assert!(began.elapsed() <= 3 * HEADER_TIME, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn who_has_closed_its_half_and_asked_nothing_is_not_waited_for() {
    let served = Served::start(8, Duration::ZERO);
    for begun in ["", "GET / HTTP/1.1\r\n", "\0\0\0\0", "\u{16}\u{3}\u{1}"] {
        let mut stream = served.connect();
        let began = Instant::now();
        stream.write_all(begun.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
        assert!(!String::from_utf8_lossy(&answer).contains("here"));
        assert!(at(0).contains(&began.elapsed()), "{begun:?} was waited for {:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_not_a_guest_is_not_read() {
    let (proxy, other) = ("10.0.0.2", "10.0.0.3");
    let own = rustix::process::geteuid().as_raw();
    let remote = |address: &str| Peer { remote: Some(address.parse().unwrap()), ..Peer::default() };
    let user = |uid| Peer { uid: Some(uid), ..Peer::default() };
    let only = || Guests::Only(vec![proxy.parse().unwrap()]);
    for (guests, peer, let_in) in [
        (only(), remote(proxy), true),
        (only(), remote(other), false),
        (only(), remote("127.0.0.1"), false),
        (only(), user(own), false),
        (only(), Peer::default(), false),
        (Guests::OwnUser, user(own), true),
        (Guests::OwnUser, user(0), true),
        (Guests::OwnUser, user(own + 1), false),
        (Guests::OwnUser, remote("127.0.0.1"), false),
        (Guests::OwnUser, Peer::default(), false),
    ] {
        let served = Served::start_for(8, Duration::ZERO, guests.clone(), None);
        let mut stream = served.connect_from(peer.clone());
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        assert_eq!(answers(&mut stream).await, let_in, "{guests:?} {peer:?}");
        assert_eq!(served.refusals.count(), u64::from(!let_in));
    }
}

#[tokio::test(start_paused = true)]
async fn a_header_is_bounded_in_size_and_number() {
    let served = Served::start(8, Duration::ZERO);
    let request = |headers: &str| format!("GET / HTTP/1.1\r\nconnection: close\r\n{headers}\r\n");
    let many = |count: usize| request(&"a: b\r\n".repeat(count - 1));
    let long = |bytes: usize| request(&format!("a: {}\r\n", "x".repeat(bytes)));
    for (text, status) in [
        (many(HEADERS), "HTTP/1.1 200"),
        (many(HEADERS + 1), "HTTP/1.1 431"),
        (long(HEADER_BYTES - 100), "HTTP/1.1 200"),
        // What has come is looked at after each read, and the last one may bring as much again.
        (long(2 * HEADER_BYTES), "HTTP/1.1 431"),
    ] {
        let (answer, _) = served.said(text.as_bytes()).await;
        assert!(answer.starts_with(status), "{status} for {} bytes: {answer:.80}", text.len());
    }
}

async fn answers(stream: &mut DuplexStream) -> bool {
    let mut first = [0; 8];
    // Nothing else can happen before this clock moves: what is not answered by then is not accepted.
    let read = timeout(Duration::from_secs(1), stream.read_exact(&mut first)).await;
    read.is_ok_and(|read| read.is_ok())
}

#[tokio::test(start_paused = true)]
async fn more_connections_wait_until_another_ends() {
    for connections in [crate::http::MAX_CONNECTIONS, crate::operator::MAX_CONNECTIONS, crate::service::MAX_CONNECTIONS]
    {
        let served = Served::start(connections, Duration::ZERO);
        let mut open = Vec::new();
        for _ in 0..connections {
            let mut stream = served.connect();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
            assert!(answers(&mut stream).await, "{} of {connections}", open.len());
            open.push(stream);
        }
        let mut late = served.connect();
        late.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        assert!(!answers(&mut late).await, "one more than {connections} is served");
        drop(open.pop());
        assert!(answers(&mut late).await, "a place came free and was not given away");
    }
}

#[tokio::test(start_paused = true)]
async fn what_runs_when_the_hub_stops_is_waited_for_and_no_longer() {
    let served = Served::start(8, crate::http::GRACE);
    let mut stream = served.connect();
    stream.write_all(b"GET /hang HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    // So that the request is there before the stop.
    assert!(!answers(&mut stream).await);
    let began = Instant::now();
    served.stop.cancel();
    timeout(PATIENCE, served.server).await.unwrap().unwrap();
    assert!(at(crate::http::GRACE.as_secs() + CUT_TIME.as_secs()).contains(&began.elapsed()), "{:?}", began.elapsed());
}
