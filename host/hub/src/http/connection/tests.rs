//! Connections in memory, and a clock that only moves when everybody waits: peers that are slow, silent, many,
//! or say too much before they are anybody.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Much longer than anything here takes, by the clock that stands still.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Hands out the ends of pipes as if they were connections.
struct Pipes(Mutex<mpsc::UnboundedReceiver<DuplexStream>>);

impl Listen for Pipes {
    type Io = DuplexStream;

    async fn next(&self) -> io::Result<(DuplexStream, Remote)> {
        match self.0.lock().await.recv().await {
            Some(stream) => Ok((stream, Remote(None))),
            None => std::future::pending().await,
        }
    }
}

struct Served {
    door: mpsc::UnboundedSender<DuplexStream>,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

impl Served {
    /// `/` answers at once, `/hang` never.
    fn start(connections: usize, grace: Duration) -> Self {
        let (door, streams) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let hang = || async { std::future::pending::<&'static str>().await };
        let router = Router::new().route("/", get(|| async { "here" })).route("/hang", get(hang));
        let limits = Limits { connections, grace };
        let settled = std::future::pending();
        let cut = CancellationToken::new();
        let server = tokio::spawn(serve_all(Pipes(Mutex::new(streams)), router, limits, stop.clone(), settled, cut));
        Self { door, stop, server }
    }

    fn connect(&self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        self.door.send(theirs).unwrap();
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
    assert!(at(HEADER_TIME.as_secs()).contains(&after), "after an answer the next request was waited for {after:?}");
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
    for connections in [crate::http::MAX_CONNECTIONS, crate::operator::MAX_CONNECTIONS] {
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
