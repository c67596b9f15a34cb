//! Who may call, over real HTTP, with the store and the audit log behind it: what each attacker sends, what he gets,
//! what the log says. Each table has a row that succeeds, so that a door which is shut to everybody fails it.

mod issuers;
mod own;
mod scopes;

use super::*;
use crate::identity::testing::{Provider, RESOURCE};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a request got.
#[derive(Debug)]
struct Got {
    status: u16,
    head: String,
    body: String,
}

impl Got {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.trim()))
    }
}

/// A hub that serves on loopback, and that trusts these issuers.
struct Door {
    bench: Bench,
    address: SocketAddr,
}

impl Door {
    async fn open(config: Config) -> Self {
        let mut bench = bench(|_| answer("hi")).await;
        let data = bench.data.path().to_owned();
        let identity = Identity::open(&data, Location::within(&data), config).unwrap();
        Arc::get_mut(&mut bench.hub.0).unwrap().identity = identity;
        let listener = crate::http::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.address();
        tokio::spawn(crate::http::serve(bench.hub.clone(), listener, CancellationToken::new()));
        Self { bench, address }
    }

    /// A token of the hub's own.
    fn token(&self, principal: &str, profile: &str) -> String {
        crate::tokens::create(self.bench.data.path(), principal, &ProfileName::try_from(profile).unwrap(), None)
            .unwrap()
    }

    /// Sends a request as it is.
    async fn raw(&self, request: String) -> Got {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Got { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// Calls a tool with these lines of `Authorization`.
    async fn call_with(&self, path: &str, authorization: &[&str], tool: &str) -> Got {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let params = json!({"name": tool, "arguments": {}, "_meta": meta});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
        let lines: String = authorization.iter().map(|value| format!("authorization: {value}\r\n")).collect();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{lines}mcp-protocol-version: 2026-07-28\r\n\
             mcp-method: tools/call\r\nmcp-name: {tool}\r\naccept: application/json, text/event-stream\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        self.raw(request).await
    }

    /// Calls a tool with a token.
    async fn call(&self, token: &str, tool: &str) -> Got {
        self.call_with("/mcp", &[&format!("Bearer {token}")], tool).await
    }

    async fn get(&self, path: &str) -> Got {
        self.raw(format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address)).await
    }

    /// A call that came through: it was answered, and recorded.
    async fn lets_in(&self, token: &str, what: &str) {
        let got = self.call(token, "read").await;
        assert_eq!(got.status, 200, "{what}: {got:?}");
        assert!(got.body.contains(r#""text":"hi""#), "{what}: {got:?}");
        assert_eq!(self.bench.last()["event"], "executed", "{what}");
    }

    /// A call that was turned away with 401: why not is in the log and not in the answer, and nothing ran.
    async fn turns_away(&self, token: &str, reason: &Refused, what: &str) {
        let got = self.call(token, "read").await;
        let metadata = format!(
            r#"resource_metadata="{}/.well-known/oauth-protected-resource/mcp""#,
            match self.bench.hub.protected().resource {
                Some(_) => "https://tools.example.com".to_owned(),
                None => format!("http://{}", self.address),
            }
        );
        let challenge = format!(r#"Bearer realm="safeclaw", error="invalid_token", scope="tools:user", {metadata}"#);
        assert_eq!((got.status, got.header("www-authenticate")), (401, Some(challenge.as_str())), "{what}");
        assert_eq!(got.body, "a token is needed: Authorization: Bearer TOKEN", "{what}");
        let last = self.bench.last();
        assert_eq!(last["event"], "refused", "{what}: {last}");
        assert_eq!(
            (last["door"].as_str(), last["reason"].as_str()),
            (Some("mcp"), Some(reason.to_string().as_str())),
            "{what}"
        );
        assert!(!self.bench.audit().iter().any(|line| line["event"] == "requested"), "{what}");
        assert_eq!(self.bench.starts(), 0, "{what}");
    }
}
