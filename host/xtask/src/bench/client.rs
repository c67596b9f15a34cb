//! An MCP client that does nothing but call one tool as fast as it is answered: what it costs is the same for
//! every server that is measured.

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use clap::ValueEnum;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// Past it a server does not answer at all.
const PATIENCE: Duration = Duration::from_secs(60);
const MODERN: &str = "2026-07-28";
const LEGACY: &str = "2025-11-25";

/// How a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Era {
    /// Each request says everything.
    Modern,
    /// `initialize` first, then a session.
    Legacy,
}

/// What happens to our acknowledgements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Socket {
    /// As every client has it: they may be delayed by up to 40 ms, which a server without `TCP_NODELAY` feels.
    Ordinary,
    /// At once.
    QuickAck,
}

/// Where a server is, and how it is spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) url: Uri,
    pub(crate) token: Option<String>,
    pub(crate) era: Era,
    pub(crate) socket: Socket,
}

/// One kept connection.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    peer: Peer,
    session: Option<String>,
    socket: Option<std::os::fd::OwnedFd>,
    next_id: u64,
    task: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A call, as text, ready but for its id.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    tool: String,
    before_id: String,
    after_id: String,
    expected: String,
    /// Whether the answer has to be an error.
    denied: bool,
}

impl Prepared {
    /// A call of `tool` whose answer has `expected` in it.
    pub(crate) fn new(era: Era, tool: &str, arguments: &Value, expected: &str) -> Self {
        let mut params = json!({ "name": tool, "arguments": arguments });
        if era == Era::Modern {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": MODERN,
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "0"},
            });
        }
        Self {
            tool: tool.to_owned(),
            before_id: r#"{"jsonrpc":"2.0","id":"#.to_owned(),
            after_id: format!(r#","method":"tools/call","params":{params}}}"#),
            expected: expected.to_owned(),
            denied: false,
        }
    }

    /// A call that has to be refused, with `expected` in what is said.
    pub(crate) fn denied(era: Era, tool: &str, arguments: &Value, expected: &str) -> Self {
        Self { denied: true, ..Self::new(era, tool, arguments, expected) }
    }

    /// The message with this id.
    pub(crate) fn message(&self, id: u64) -> String {
        format!("{}{id}{}", self.before_id, self.after_id)
    }

    /// An answer that is not the expected one would make every figure a lie.
    pub(crate) fn check(&self, answer: &[u8]) -> anyhow::Result<()> {
        let found = memchr::memmem::find(answer, self.expected.as_bytes()).is_some();
        let failed = [&br#""isError":true"#[..], br#""error":{"#]
            .iter()
            .any(|word| memchr::memmem::find(answer, word).is_some());
        if found && failed == self.denied {
            return Ok(());
        }
        let shown: String = String::from_utf8_lossy(answer).chars().take(300).collect();
        bail!("{} answered something else: {shown}", self.tool)
    }
}

impl Connection {
    /// Connects; in the legacy era it also opens a session.
    pub(crate) async fn open(peer: &Peer) -> anyhow::Result<Self> {
        let authority = peer.url.authority().context("the URL has no host")?.as_str();
        let stream = TcpStream::connect(authority).await.with_context(|| format!("{authority} does not answer"))?;
        stream.set_nodelay(true)?;
        let socket = match peer.socket {
            Socket::QuickAck => Some(rustix::io::dup(&stream)?),
            Socket::Ordinary => None,
        };
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let task = tokio::spawn(async move { drop(connection.await) });
        let mut open = Self { sender, peer: peer.clone(), session: None, socket, next_id: 1, task };
        if peer.era == Era::Legacy {
            open.initialize().await?;
        }
        Ok(open)
    }

    async fn initialize(&mut self) -> anyhow::Result<()> {
        let params = json!({
            "protocolVersion": LEGACY,
            "capabilities": {},
            "clientInfo": {"name": "bench", "version": "0"},
        });
        let message = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
        let (_, session) = self.post("initialize", None, message.to_string()).await?;
        self.session = session;
        let message = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        self.post("notifications/initialized", None, message.to_string()).await?;
        Ok(())
    }

    /// Goes on as whoever has this token: in the modern era a request says everything.
    pub(crate) fn becomes(&mut self, token: String) {
        self.peer.token = Some(token);
    }

    /// Calls, and looks at the answer.
    pub(crate) async fn call(&mut self, prepared: &Prepared) -> anyhow::Result<()> {
        self.next_id += 1;
        let message = prepared.message(self.next_id);
        let (answer, _) = self.post("tools/call", Some(&prepared.tool), message).await?;
        prepared.check(&answer)
    }

    async fn post(
        &mut self,
        method: &str,
        name: Option<&str>,
        message: String,
    ) -> anyhow::Result<(Bytes, Option<String>)> {
        let authority = self.peer.url.authority().map_or("", |a| a.as_str());
        let mut request = Request::post(self.peer.url.path())
            .header(HOST, authority)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, text/event-stream");
        if let Some(token) = &self.peer.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        match self.peer.era {
            Era::Modern => {
                request = request.header("mcp-protocol-version", MODERN).header("mcp-method", method);
                if let Some(name) = name {
                    request = request.header("mcp-name", name);
                }
            }
            Era::Legacy => {
                if let Some(session) = &self.session {
                    request = request.header("mcp-session-id", session).header("mcp-protocol-version", LEGACY);
                }
            }
        }
        let request = request.body(Full::new(Bytes::from(message)))?;
        tokio::time::timeout(PATIENCE, self.exchange(request)).await.context("no answer in a minute")?
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<(Bytes, Option<String>)> {
        self.acknowledge_at_once();
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let session = response.headers().get("mcp-session-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let body = response.into_body().collect().await?.to_bytes();
        ensure!(
            status == StatusCode::OK || status == StatusCode::ACCEPTED,
            "the server answered {status}: {}",
            String::from_utf8_lossy(&body).chars().take(300).collect::<String>()
        );
        Ok((body, session))
    }

    /// The kernel forgets it after some segments, so it is said again for each request.
    fn acknowledge_at_once(&self) {
        if let Some(socket) = &self.socket {
            let _ = rustix::net::sockopt::set_tcp_quickack(socket, true);
        }
    }
}
