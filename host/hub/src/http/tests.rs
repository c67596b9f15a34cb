//! The HTTP face from outside, over real sockets: what a stranger, a web page and another token try, then
//! what a client does.

mod traced;

use super::*;
use crate::mcp::fake::{APPROVAL, FakeHub};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Much longer than anything here takes; a test that hangs then fails instead.
const PATIENCE: Duration = Duration::from_secs(60);

struct Served {
    address: SocketAddr,
    hub: FakeHub,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<String> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }

    /// The JSON body, or the last event of a stream.
    fn json(&self) -> Value {
        let events = self.body.lines().filter_map(|line| line.strip_prefix("data:"));
        let text = events.map(str::trim).filter(|data| !data.is_empty()).last();
        serde_json::from_str(text.unwrap_or(&self.body)).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Served {
    async fn start() -> Self {
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (address, hub, stop) = (listener.address(), FakeHub::new(), CancellationToken::new());
        let server = tokio::spawn(serve(hub.clone(), listener, stop.clone()));
        Self { address, hub, stop, server }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> TcpStream {
        let mut stream = self.connect().await;
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head += &format!("host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.unwrap();
        stream
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        received(self.send(method, path, headers, body).await).await
    }

    async fn mcp(&self, token: &str, extra: &[(&str, &str)], message: &Value) -> Answer {
        received(self.send_mcp(token, extra, message).await).await
    }

    async fn send_mcp(&self, token: &str, extra: &[(&str, &str)], message: &Value) -> TcpStream {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![
            ("authorization", bearer.as_str()),
            ("accept", "application/json, text/event-stream"),
            ("content-type", "application/json"),
        ];
        headers.extend_from_slice(extra);
        self.send("POST", "/mcp", &headers, &message.to_string()).await
    }

    async fn initialize(&self, token: &str) -> String {
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "0"},
        });
        let message = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
        let answer = self.mcp(token, &[], &message).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.header("mcp-session-id").unwrap()
    }

    async fn end(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.server).await.unwrap().unwrap();
    }
}

async fn received(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

const MODERN: [(&str, &str); 2] = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call")];

fn modern_call(tool: &str) -> (Vec<(&'static str, String)>, Value) {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({"name": tool, "arguments": {}, "_meta": meta});
    let mut headers: Vec<(&'static str, String)> =
        MODERN.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    headers.push(("mcp-name", tool.to_owned()));
    (headers, json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}))
}

fn borrowed<'a>(headers: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn legacy_call(tool: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": {}}})
}

#[tokio::test]
async fn other_machines_cannot_be_served() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let refused = bind(address.parse().unwrap()).await;
        assert!(matches!(refused, Err(HttpError::NotLoopback(_))), "{address}");
    }
}

/// A door for others says by which name it is reached, and has TLS or a proxy that has it.
#[tokio::test]
async fn a_door_for_others_that_is_not_closed_to_listeners_is_not_opened() {
    let authority = crate::tls::testing::Authority::new();
    let tls = || Some(authority.server(None));
    let name = || Some("https://hub.example".parse::<PublicUrl>().unwrap());
    let proxy = || vec!["10.0.0.2".parse().unwrap()];
    let (here, public) = ("127.0.0.1:0", "0.0.0.0:0");
    for (address, tls, proxies, public_url, said) in [
        (here, None, vec![], None, "opened"),
        (here, tls(), vec![], None, "opened"),
        (here, tls(), vec![], name(), "opened"),
        (here, None, proxy(), name(), "opened"),
        (public, tls(), vec![], name(), "opened"),
        (public, None, proxy(), name(), "opened"),
        (public, None, vec![], None, "--tls-cert"),
        (public, None, vec![], name(), "--tls-cert"),
        (public, tls(), vec![], None, "--public-url"),
        (public, None, proxy(), None, "--public-url"),
        (here, None, proxy(), None, "--public-url"),
        (here, None, vec![], name(), "--public-url says https"),
    ] {
        let door = McpDoor { address: address.parse().unwrap(), tls, proxies, public_url };
        let text = open(door).await.map_or_else(|error| error.to_string(), |_| "opened".to_owned());
        assert!(text.contains(said), "{address} {said}: {text}");
    }
}

#[tokio::test]
async fn nobody_gets_in_without_a_token() {
    let served = Served::start().await;
    let answer = served.ask("POST", "/mcp", &[], "{}").await;
    assert_eq!(answer.status, 401);
    let metadata = format!("http://{}/.well-known/oauth-protected-resource/mcp", served.address);
    let challenge = format!(r#"Bearer realm="safeclaw", scope="tools:user", resource_metadata="{metadata}""#);
    assert_eq!(answer.header("www-authenticate").unwrap(), challenge);
    let answer = served.mcp("wrong", &[], &json!({})).await;
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").unwrap().contains("invalid_token"));
    for method in ["GET", "DELETE", "PUT"] {
        assert_eq!(served.ask(method, "/mcp", &[], "").await.status, 401, "{method}");
    }
    let answer = served.ask("POST", "/mcp?access_token=token-a", &[], "{}").await;
    assert_eq!(answer.status, 400);
    served.end().await;
}

#[tokio::test]
async fn a_web_page_and_a_rebound_name_are_refused_on_every_path() {
    let served = Served::start().await;
    let host = served.address.to_string();
    for path in ["/mcp", "/healthz", "/nothing"] {
        let authorization = ("authorization", "Bearer token-a");
        let evil = served.ask("POST", path, &[("host", "evil.example"), authorization], "{}").await;
        assert_eq!(evil.status, 403, "{path}");
        let origin = [("host", host.as_str()), ("origin", "http://evil.example"), authorization];
        assert_eq!(served.ask("POST", path, &origin, "{}").await.status, 403, "{path}");
    }
    served.end().await;
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_not_read() {
    let served = Served::start().await;
    let mut stream = served.connect().await;
    let bytes = crate::mcp::MAX_MESSAGE_BYTES + 1;
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer token-a\r\ncontent-length: {bytes}\r\n\r\n",
        served.address
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(received(stream).await.status, 413);
    served.end().await;
}

#[tokio::test]
async fn a_body_of_too_many_values_is_not_parsed() {
    let served = Served::start().await;
    let (headers, mut message) = modern_call("echo");
    message["params"]["arguments"] = json!({"a": vec![0; crate::bounds::VALUES]});
    let answer = served.mcp("token-a", &borrowed(&headers), &message).await;
    assert_eq!((answer.status, answer.body.as_str()), (413, "the request has more than 100000 JSON values"));
    served.end().await;
}

#[tokio::test]
async fn another_tokens_session_is_not_found() {
    let served = Served::start().await;
    let id = served.initialize("token-a").await;
    let session = [("mcp-session-id", id.as_str()), ("mcp-protocol-version", "2025-11-25")];
    let stolen = served.mcp("token-b", &session, &legacy_call("echo")).await;
    assert_eq!(stolen.status, 404, "{}", stolen.body);
    let accept = ("accept", "text/event-stream");
    let bearer = ("authorization", "Bearer token-b");
    let get = served.ask("GET", "/mcp", &[session[0], session[1], accept, bearer], "").await;
    assert_eq!(get.status, 404);
    let delete = served.ask("DELETE", "/mcp", &[session[0], session[1], bearer], "").await;
    assert_eq!(delete.status, 404);
    // The owner's session took no harm.
    let own = served.mcp("token-a", &session, &legacy_call("echo")).await;
    assert_eq!(own.json()["result"]["content"][0]["text"], json!("a {}"));
    let bearer = ("authorization", "Bearer token-a");
    let delete = served.ask("DELETE", "/mcp", &[session[0], session[1], bearer], "").await;
    assert_eq!(delete.status, 202);
    assert_eq!(served.mcp("token-a", &session, &legacy_call("echo")).await.status, 404);
    served.end().await;
}

#[tokio::test]
async fn a_header_that_says_another_tool_than_the_body_is_refused() {
    let served = Served::start().await;
    let (mut headers, message) = modern_call("echo");
    headers.last_mut().unwrap().1 = "tell".to_owned();
    let answer = served.mcp("token-a", &borrowed(&headers), &message).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["error"]["code"], json!(-32020));
    served.end().await;
}

#[tokio::test]
async fn a_modern_call_is_one_json_object_and_knows_its_caller() {
    let served = Served::start().await;
    for (token, who) in [("token-a", "a {}"), ("token-b", "b {}")] {
        let (headers, message) = modern_call("echo");
        let answer = served.mcp(token, &borrowed(&headers), &message).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("content-type").unwrap(), "application/json");
        assert_eq!(answer.json()["result"]["content"][0]["text"], json!(who));
    }
    served.end().await;
}

#[tokio::test]
async fn progress_turns_the_answer_into_a_stream() {
    let served = Served::start().await;
    let (headers, mut message) = modern_call("tell");
    message["params"]["_meta"]["progressToken"] = json!(7);
    let answer = served.mcp("token-a", &borrowed(&headers), &message).await;
    assert_eq!(answer.header("content-type").unwrap(), "text/event-stream");
    assert_eq!(answer.body.matches("notifications/progress").count(), 3);
    assert_eq!(answer.json()["result"]["content"][0]["text"], json!("told"));
    served.end().await;
}

#[tokio::test]
async fn a_client_that_hangs_up_cancels_its_call() {
    let served = Served::start().await;
    let (headers, message) = modern_call("hang");
    let stream = served.send_mcp("token-a", &borrowed(&headers), &message).await;
    timeout(PATIENCE, served.hub.runs(1)).await.unwrap();
    drop(stream);
    timeout(PATIENCE, served.hub.runs(0)).await.unwrap();
    assert_eq!(served.hub.cancelled.load(Ordering::SeqCst), 1);
    served.end().await;
}

#[tokio::test]
async fn health_needs_no_token_and_tells_nothing_else() {
    let served = Served::start().await;
    let answer = served.ask("GET", "/healthz", &[], "").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
    served.hub.draining.store(true, Ordering::SeqCst);
    assert_eq!(served.ask("GET", "/healthz", &[], "").await.status, 503);
    served.end().await;
}

#[tokio::test]
async fn the_operators_paths_are_not_here() {
    let served = Served::start().await;
    let bearer = [("authorization", "Bearer token-a")];
    for path in ["/sessions", "/components", "/tools", "/posture", "/health", "/metrics", "/"] {
        assert_eq!(served.ask("GET", path, &bearer, "").await.status, 404, "{path}");
    }
    served.end().await;
}

#[tokio::test]
async fn stop_ends_subscriptions_and_standing_streams() {
    let served = Served::start().await;
    let id = served.initialize("token-a").await;
    let headers = [
        ("mcp-session-id", id.as_str()),
        ("mcp-protocol-version", "2025-11-25"),
        ("accept", "text/event-stream"),
        ("authorization", "Bearer token-a"),
    ];
    let standing = served.send("GET", "/mcp", &headers, "").await;
    let subscription = served.listen("token-a").await.unwrap();
    served.end().await;
    let answer = received(subscription).await;
    assert_eq!(answer.json()["id"], json!(5), "{}", answer.body);
    received(standing).await;
}

impl Served {
    /// A subscription, after the first bytes of its answer have come.
    async fn listen(&self, token: &str) -> Result<TcpStream, u16> {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let params = json!({"notifications": {"toolsListChanged": true}, "_meta": meta});
        let message = json!({"jsonrpc": "2.0", "id": 5, "method": "subscriptions/listen", "params": params});
        let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "subscriptions/listen")];
        let mut stream = self.send_mcp(token, &headers, &message).await;
        let mut first = [0; 12];
        timeout(PATIENCE, stream.read_exact(&mut first)).await.unwrap().unwrap();
        match &first {
            b"HTTP/1.1 200" => Ok(stream),
            other => Err(std::str::from_utf8(&other[9..]).unwrap().parse().unwrap()),
        }
    }
}

#[tokio::test]
async fn a_revoked_token_listens_no_longer() {
    let served = Served::start().await;
    let id = served.initialize("token-a").await;
    let headers = [
        ("mcp-session-id", id.as_str()),
        ("mcp-protocol-version", "2025-11-25"),
        ("accept", "text/event-stream"),
        ("authorization", "Bearer token-a"),
    ];
    let standing = served.send("GET", "/mcp", &headers, "").await;
    let subscription = served.listen("token-a").await.unwrap();
    served.hub.revoked.store(true, Ordering::SeqCst);
    // Both end of themselves: nothing else ends them before PATIENCE.
    received(standing).await;
    received(subscription).await;
    served.end().await;
}

#[tokio::test]
async fn one_token_cannot_take_every_connection() {
    let served = Served::start().await;
    let mut open = Vec::new();
    let refused = loop {
        match served.listen("token-a").await {
            Ok(stream) => open.push(stream),
            Err(status) => break status,
        }
    };
    assert_eq!((open.len(), refused), (MAX_CONNECTIONS / 2, 429));
    let (headers, message) = modern_call("echo");
    assert_eq!(served.mcp("token-a", &borrowed(&headers), &message).await.status, 429);
    assert_eq!(served.mcp("token-b", &borrowed(&headers), &message).await.status, 200);
    drop(open);
    // Their places are free again once the server has seen that they are gone.
    let answered = async { while served.mcp("token-a", &borrowed(&headers), &message).await.status != 200 {} };
    timeout(PATIENCE, answered).await.unwrap();
    served.end().await;
}

/// The same call, once as the plain one and once with a log level that changes nothing but the way it takes.
#[tokio::test]
async fn a_client_that_knows_tasks_gets_one_and_nobody_else_finds_it() {
    let served = Served::start().await;
    let capabilities = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    let (headers, mut message) = modern_call("ask");
    let words = served.mcp("token-a", &borrowed(&headers), &message).await.json();
    assert_eq!((&words["result"]["resultType"], &words["result"]["isError"]), (&json!("complete"), &json!(true)));
    let hints = &words["result"]["_meta"]["io.modelcontextprotocol/authorization"]["remediationHints"];
    assert_eq!(hints[0]["id"], json!(APPROVAL), "{words}");
    message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities.clone();
    let created = served.mcp("token-a", &borrowed(&headers), &message).await.json();
    assert_eq!((&created["result"]["resultType"], &created["result"]["taskId"]), (&json!("task"), &json!(APPROVAL)));
    // A plain call of such a client is a plain call.
    let (headers, mut message) = modern_call("echo");
    message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities.clone();
    let plain = served.mcp("token-a", &borrowed(&headers), &message).await.json();
    assert_eq!(plain["result"]["resultType"], json!("complete"), "{plain}");
    for (token, found) in [("token-a", true), ("token-b", false)] {
        let (mut headers, mut message) = modern_call(APPROVAL);
        for (name, value) in &mut headers {
            if *name == "mcp-method" {
                *value = "tasks/get".to_owned();
            }
        }
        message["method"] = json!("tasks/get");
        let meta = message["params"]["_meta"].clone();
        message["params"] = json!({"taskId": APPROVAL, "_meta": meta});
        message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities.clone();
        let answer = served.mcp(token, &borrowed(&headers), &message).await.json();
        assert_eq!(answer["result"]["status"] == json!("working"), found, "{token}: {answer}");
    }
    served.end().await;
}

#[tokio::test]
async fn the_direct_answer_is_the_librarys() {
    let served = Served::start().await;
    for tool in ["ask", "echo", "deny", "structure", "fail"] {
        for id in [json!(1), json!("seven"), json!(-3)] {
            let (headers, mut message) = modern_call(tool);
            message["id"] = id;
            message["params"]["arguments"] = json!({"b": [1.5, null], "a": "ä\n\u{202e}"});
            let direct = served.mcp("token-a", &borrowed(&headers), &message).await;
            message["params"]["_meta"]["io.modelcontextprotocol/logLevel"] = json!("emergency");
            let librarys = served.mcp("token-a", &borrowed(&headers), &message).await;
            assert_eq!(direct.json(), librarys.json(), "{tool}");
            assert_eq!(direct.status, librarys.status);
            assert_eq!(direct.header("content-type"), librarys.header("content-type"));
        }
    }
    served.end().await;
}

#[tokio::test]
async fn a_tool_that_is_not_listed_and_a_token_that_is_not_in_force_get_no_direct_call() {
    let served = Served::start().await;
    let (headers, message) = modern_call("nothing");
    let answer = served.mcp("token-a", &borrowed(&headers), &message).await;
    assert_eq!(answer.json()["error"]["code"], json!(-32602), "{}", answer.body);
    assert_eq!(*served.hub.running.borrow(), 0);
    served.end().await;
}
