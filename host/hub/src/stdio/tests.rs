//! Whole conversations, line by line, over an in-memory pipe and over the real socket: both eras, and the
//! surprises of the library that we know of.

use super::*;
use crate::mcp::fake::{APPROVAL, FakeHub, caller};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

/// Much longer than anything here takes; a test that hangs then fails instead.
const PATIENCE: Duration = Duration::from_secs(60);

struct Client<R, W> {
    input: tokio::io::Lines<BufReader<R>>,
    output: Option<W>,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Client<R, W> {
    async fn send(&mut self, message: Value) {
        let line = format!("{message}\n");
        self.output.as_mut().unwrap().write_all(line.as_bytes()).await.unwrap();
    }

    async fn receive(&mut self) -> Value {
        let line = timeout(PATIENCE, self.input.next_line()).await.unwrap().unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }

    async fn ask(&mut self, message: Value) -> Value {
        self.send(message).await;
        self.receive().await
    }

    /// Ends our side and returns what was still said.
    async fn end(mut self) -> Vec<Value> {
        if let Some(mut output) = self.output.take() {
            output.shutdown().await.unwrap();
        }
        let mut rest = Vec::new();
        while let Some(line) = timeout(PATIENCE, self.input.next_line()).await.unwrap().unwrap() {
            rest.push(serde_json::from_str(&line).unwrap());
        }
        rest
    }
}

type Pipe = Client<ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>;

struct Served {
    client: Pipe,
    hub: FakeHub,
    stop: CancellationToken,
    server: JoinHandle<Result<(), StdioError>>,
}

impl Served {
    fn start() -> Self {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (hub, stop) = (FakeHub::new(), CancellationToken::new());
        let (input, output) = tokio::io::split(theirs);
        let server = tokio::spawn(serve_stream(hub.clone(), caller("a"), input, output, stop.clone()));
        let (input, output) = tokio::io::split(ours);
        let client = Client { input: BufReader::new(input).lines(), output: Some(output) };
        Self { client, hub, stop, server }
    }

    async fn finish(self) -> Vec<Value> {
        let rest = self.client.end().await;
        timeout(PATIENCE, self.server).await.unwrap().unwrap().unwrap();
        rest
    }

    async fn initialize(&mut self) -> Value {
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "0"},
        });
        let answer =
            self.client.ask(json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})).await;
        self.client.send(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        answer
    }
}

/// A request of the modern era.
fn modern(id: u64, method: &str, params: Value) -> Value {
    let mut params = params;
    let meta = params.as_object_mut().unwrap().entry("_meta").or_insert(json!({}));
    meta["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

fn legacy(id: u64, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

const UNDECLARED: [(&str, &str); 4] = [
    ("prompts/list", "{}"),
    ("resources/list", "{}"),
    ("resources/templates/list", "{}"),
    ("completion/complete", r#"{"ref":{"type":"ref/prompt","name":"x"},"argument":{"name":"a","value":"b"}}"#),
];

#[tokio::test]
async fn what_is_not_declared_is_not_found_in_both_eras() {
    for is_legacy in [false, true] {
        let mut served = Served::start();
        if is_legacy {
            served.initialize().await;
        }
        let request = if is_legacy { legacy } else { modern };
        for (method, params) in UNDECLARED {
            let answer = served.client.ask(request(1, method, serde_json::from_str(params).unwrap())).await;
            assert_eq!(answer["error"]["code"], json!(-32601), "{method}: {answer}");
        }
        served.finish().await;
    }
}

#[tokio::test]
async fn the_server_says_what_it_is_in_both_eras() {
    let mut served = Served::start();
    let answer = served.client.ask(modern(1, "server/discover", json!({}))).await;
    let result = &answer["result"];
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], json!("safeclaw"));
    assert_eq!(result["capabilities"]["tools"]["listChanged"], json!(true));
    assert!(result["capabilities"].get("prompts").is_none());
    served.finish().await;

    let mut served = Served::start();
    let answer = served.initialize().await;
    assert_eq!(answer["result"]["serverInfo"]["name"], json!("safeclaw"));
    assert_eq!(answer["result"]["protocolVersion"], json!("2025-11-25"));
    served.finish().await;
}

#[tokio::test]
async fn modern_results_carry_the_server_and_lists_are_private() {
    let mut served = Served::start();
    let list = served.client.ask(modern(1, "tools/list", json!({}))).await;
    let result = &list["result"];
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], json!("safeclaw"));
    assert_eq!(result["cacheScope"], json!("private"));
    assert_eq!(result["resultType"], json!("complete"));
    assert_eq!(result["tools"][0]["_meta"]["io.github.safeclaw/needs-approval"], json!(true));
    let call = served.client.ask(modern(2, "tools/call", json!({"name": "echo", "arguments": {"x": 1}}))).await;
    let result = &call["result"];
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], json!("safeclaw"));
    assert_eq!(result["content"][0]["text"], json!(r#"a {"x":1}"#));
    assert_eq!(result["isError"], json!(false));
    served.finish().await;
}

#[tokio::test]
async fn an_unknown_tool_is_a_protocol_error_and_a_denial_is_for_the_model() {
    let mut served = Served::start();
    let unknown = served.client.ask(modern(1, "tools/call", json!({"name": "nothing"}))).await;
    assert_eq!(unknown["error"]["code"], json!(-32602));
    let denied = served.client.ask(modern(2, "tools/call", json!({"name": "deny"}))).await;
    assert_eq!(denied["result"]["isError"], json!(true));
    let text = "denied: escalation not available. Nothing ran.";
    assert_eq!(denied["result"]["content"][0]["text"], json!(text));
    let cursor = served.client.ask(modern(3, "tools/list", json!({"cursor": "x"}))).await;
    assert_eq!(cursor["error"]["code"], json!(-32602));
    served.finish().await;
}

#[tokio::test]
async fn what_waits_for_a_person_is_a_task_for_whoever_knows_tasks_and_words_for_everybody() {
    let mut served = Served::start();
    let knows = |id: u64, method: &str, params: Value| {
        let mut request = modern(id, method, params);
        request["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
            json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
        request
    };
    let created = served.client.ask(knows(1, "tools/call", json!({"name": "ask"}))).await;
    let created = &created["result"];
    assert_eq!((&created["resultType"], &created["status"]), (&json!("task"), &json!("working")), "{created}");
    assert_eq!(created["taskId"], json!(APPROVAL));
    assert!(created["statusMessage"].as_str().unwrap().contains("nothing ran"));
    let hints = &created["_meta"]["io.modelcontextprotocol/authorization"]["remediationHints"];
    assert_eq!(hints, &json!([{"type": "task"}]));
    let found = served.client.ask(knows(2, "tasks/get", json!({"taskId": APPROVAL}))).await;
    assert_eq!(found["result"]["status"], json!("working"), "{found}");
    let cancelled = served.client.ask(knows(3, "tasks/cancel", json!({"taskId": APPROVAL}))).await;
    assert!(cancelled["result"].is_object(), "{cancelled}");
    for (id, method) in [(4, "tasks/get"), (5, "tasks/cancel")] {
        let other = served.client.ask(knows(id, method, json!({"taskId": "f".repeat(32)}))).await;
        assert_eq!(other["error"]["code"], json!(-32602), "{other}");
    }
    // Who does not know tasks gets words, and no task.
    let told = served.client.ask(modern(6, "tools/call", json!({"name": "ask"}))).await;
    let told = &told["result"];
    assert_eq!((&told["resultType"], &told["isError"]), (&json!("complete"), &json!(true)));
    let text = told["content"][0]["text"].as_str().unwrap();
    assert!(text.contains(&format!("`safeclaw approve {APPROVAL}`")) && text.contains("Nothing ran."), "{text}");
    assert_eq!(told["_meta"]["io.modelcontextprotocol/authorization"]["remediationHints"][0]["id"], json!(APPROVAL));
    assert_eq!(told["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], json!("safeclaw"));
    let refused = served.client.ask(modern(7, "tasks/get", json!({"taskId": APPROVAL}))).await;
    assert!(refused["error"].is_object(), "{refused}");
    served.finish().await;

    let mut old = Served::start();
    old.initialize().await;
    let told = old.client.ask(legacy(1, "tools/call", json!({"name": "ask", "arguments": {}}))).await;
    assert_eq!(told["result"]["isError"], json!(true), "{told}");
    assert!(told["result"]["content"][0]["text"].as_str().unwrap().contains("repeat the same call"));
    old.finish().await;
}

#[tokio::test]
async fn progress_comes_before_the_answer_and_logs_only_when_asked_for() {
    let mut served = Served::start();
    let params = json!({"name": "tell", "_meta": {"progressToken": "p"}});
    served.client.send(modern(1, "tools/call", params)).await;
    for step in 1..=3 {
        let note = served.client.receive().await;
        assert_eq!(note["method"], json!("notifications/progress"), "{note}");
        assert_eq!(note["params"]["progress"].as_f64(), Some(f64::from(step)));
        assert_eq!(note["params"]["progressToken"], json!("p"));
    }
    assert_eq!(served.client.receive().await["id"], json!(1));

    let meta = json!({"io.modelcontextprotocol/logLevel": "info"});
    served.client.send(modern(2, "tools/call", json!({"name": "tell", "_meta": meta}))).await;
    for _ in 1..=3 {
        assert_eq!(served.client.receive().await["method"], json!("notifications/message"));
    }
    assert_eq!(served.client.receive().await["id"], json!(2));
    served.finish().await;
}

#[tokio::test]
async fn a_legacy_client_sets_its_own_log_level() {
    let mut served = Served::start();
    served.initialize().await;
    let set = served.client.ask(legacy(1, "logging/setLevel", json!({"level": "error"}))).await;
    assert!(set.get("result").is_some(), "{set}");
    let answer = served.client.ask(legacy(2, "tools/call", json!({"name": "tell"}))).await;
    assert_eq!(answer["id"], json!(2), "{answer}");
    let set = served.client.ask(legacy(3, "logging/setLevel", json!({"level": "debug"}))).await;
    assert!(set.get("result").is_some(), "{set}");
    let note = served.client.ask(legacy(4, "tools/call", json!({"name": "tell"}))).await;
    assert_eq!(note["params"]["data"], json!("step 1"), "{note}");
    served.finish().await;
}

#[tokio::test]
async fn a_cancelled_call_is_cancelled_in_the_hub() {
    let mut served = Served::start();
    served.client.send(modern(1, "tools/call", json!({"name": "hang"}))).await;
    timeout(PATIENCE, served.hub.runs(1)).await.unwrap();
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    served.client.send(cancel).await;
    timeout(PATIENCE, served.hub.runs(0)).await.unwrap();
    assert_eq!(served.hub.cancelled.load(Ordering::SeqCst), 1);
    served.finish().await;
}

#[tokio::test]
async fn a_change_right_after_a_subscription_is_never_lost() {
    for _ in 0..50 {
        let mut served = Served::start();
        let wanted = json!({"notifications": {"toolsListChanged": true}});
        let acknowledged = served.client.ask(modern(1, "subscriptions/listen", wanted)).await;
        assert_eq!(acknowledged["method"], json!("notifications/subscriptions/acknowledged"));
        served.hub.change();
        let changed = served.client.receive().await;
        assert_eq!(changed["method"], json!("notifications/tools/list_changed"), "{changed}");
        let rest = served.finish().await;
        assert!(rest.iter().all(|message| message.get("error").is_none()), "{rest:?}");
    }
}

#[tokio::test]
async fn a_legacy_client_is_told_of_changes_once_however_often_it_initialises() {
    let mut served = Served::start();
    served.initialize().await;
    for id in 1..=20 {
        served.client.send(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        // The answer says that the notification before it was taken up.
        served.client.ask(legacy(id, "ping", json!({}))).await;
    }
    served.hub.change();
    let changed = served.client.receive().await;
    assert_eq!(changed["method"], json!("notifications/tools/list_changed"));
    assert_eq!(served.client.ask(legacy(99, "ping", json!({}))).await["id"], json!(99));
    assert_eq!(served.finish().await, Vec::<Value>::new());
}

#[tokio::test]
async fn the_end_of_the_input_is_no_error_whenever_it_comes() {
    // Before anything was said.
    assert!(Served::start().finish().await.is_empty());
    // After only asking what we are.
    let mut served = Served::start();
    served.client.ask(modern(1, "server/discover", json!({}))).await;
    served.finish().await;
    // With a subscription open: the library alone would wait five seconds for it.
    let mut served = Served::start();
    let wanted = json!({"notifications": {"toolsListChanged": true}});
    served.client.ask(modern(1, "subscriptions/listen", wanted)).await;
    let rest = served.finish().await;
    assert_eq!(rest.last().unwrap()["id"], json!(1), "the subscription ends with a result: {rest:?}");
}

#[tokio::test]
async fn a_call_that_runs_at_the_end_of_the_input_is_still_answered() {
    for _ in 0..20 {
        let mut served = Served::start();
        let params = json!({"name": "tell", "_meta": {"progressToken": "p"}});
        served.client.send(modern(1, "tools/call", params)).await;
        let rest = served.finish().await;
        assert_eq!(rest.last().unwrap()["result"]["content"][0]["text"], json!("told"), "{rest:?}");
    }
}

#[tokio::test]
async fn stop_ends_a_conversation_and_the_calls_in_it() {
    let mut served = Served::start();
    served.client.send(modern(1, "tools/call", json!({"name": "hang"}))).await;
    timeout(PATIENCE, served.hub.runs(1)).await.unwrap();
    served.stop.cancel();
    timeout(PATIENCE, served.server).await.unwrap().unwrap().unwrap();
    assert_eq!(served.hub.cancelled.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_line_of_too_many_values_is_dropped_and_the_next_one_is_read() {
    let mut served = Served::start();
    let many = json!({"a": vec![0; crate::bounds::VALUES]});
    served.client.send(modern(1, "tools/call", json!({"name": "echo", "arguments": many}))).await;
    // Commas in a string are no values.
    let text = json!({"a": ",[{\"".repeat(crate::bounds::VALUES)});
    let answer = served.client.ask(modern(2, "tools/call", json!({"name": "echo", "arguments": text}))).await;
    assert_eq!(answer["id"], json!(2));
    assert!(served.finish().await.is_empty());
}

#[tokio::test]
async fn a_line_without_an_end_is_not_kept_and_the_next_one_is_read() {
    let mut served = Served::start();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..6 {
        served.client.output.as_mut().unwrap().write_all(&piece).await.unwrap();
    }
    served.client.output.as_mut().unwrap().write_all(b"\n").await.unwrap();
    let answer = served.client.ask(modern(1, "tools/call", json!({"name": "echo"}))).await;
    assert_eq!(answer["result"]["content"][0]["text"], json!("a {}"));
    served.finish().await;
}

struct OnSocket {
    path: std::path::PathBuf,
    hub: FakeHub,
    stop: CancellationToken,
    server: JoinHandle<()>,
    _dir: tempfile::TempDir,
}

fn on_socket() -> OnSocket {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mcp.sock");
    let (hub, stop) = (FakeHub::new(), CancellationToken::new());
    let server = tokio::spawn(serve_socket(hub.clone(), bind(&path).unwrap(), stop.clone()));
    OnSocket { path, hub, stop, server, _dir: dir }
}

async fn greeted(path: &std::path::Path, greeting: &[u8]) -> String {
    let mut stream = UnixStream::connect(path).await.unwrap();
    stream.write_all(greeting).await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap()
}

#[tokio::test]
async fn a_bridge_without_a_known_token_is_refused() {
    let served = on_socket();
    assert_eq!(greeted(&served.path, b"safeclaw-mcp/1 wrong\n").await, "no: this token is not known");
    assert!(greeted(&served.path, b"GET / HTTP/1.1\r\n").await.starts_with("no: "));
    // As much as a greeting may have, and no line end: nothing more is read of it.
    assert!(greeted(&served.path, &[b'x'; greeting::MAX_LINE_BYTES]).await.starts_with("no: "));
    served.stop.cancel();
    timeout(PATIENCE, served.server).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_greeting_that_does_not_come_is_not_waited_for() {
    for half in [&b""[..], b"safeclaw-mcp/1 tok"] {
        let (mut ours, theirs) = tokio::io::duplex(1_024);
        let (input, output) = tokio::io::split(theirs);
        let began = tokio::time::Instant::now();
        let shares = Arc::new(Shares::new(MAX_PER_PRINCIPAL));
        tokio::spawn(serve_bridge(FakeHub::new(), input, output, shares, CancellationToken::new()));
        ours.write_all(half).await.unwrap();
        let said = timeout(PATIENCE, BufReader::new(ours).lines().next_line()).await.unwrap().unwrap();
        assert_eq!(said.unwrap(), "no: the greeting took too long");
        assert_eq!(began.elapsed().as_secs(), GREETING_TIME.as_secs());
    }
}

#[tokio::test]
async fn more_bridges_wait_until_another_ends() {
    let served = on_socket();
    // Two principals, since one has half of them at most.
    let greet = async |number: usize| {
        let mut stream = BufReader::new(UnixStream::connect(&served.path).await.unwrap());
        let token = if number % 2 == 0 { "token-a" } else { "token-b" };
        stream.write_all(format!("safeclaw-mcp/1 {token}\n").as_bytes()).await.unwrap();
        stream
    };
    let mut open = Vec::new();
    let mut said = String::new();
    for number in 0..MAX_BRIDGES {
        let mut stream = greet(number).await;
        said.clear();
        timeout(PATIENCE, stream.read_line(&mut said)).await.unwrap().unwrap();
        assert_eq!(said, "ok\n");
        open.push(stream);
    }
    let mut late = greet(MAX_BRIDGES - 1).await;
    said.clear();
    // However long this is waited for, it is right not to be answered.
    assert!(timeout(Duration::from_millis(200), late.read_line(&mut said)).await.is_err(), "{said}");
    drop(open.pop());
    timeout(PATIENCE, late.read_line(&mut said)).await.unwrap().unwrap();
    assert_eq!(said, "ok\n");
    drop((open, late));
    served.stop.cancel();
    timeout(PATIENCE, served.server).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_no_notification_gets_no_more_of_the_call() {
    // A pipe that is full after the first words.
    let (ours, theirs) = tokio::io::duplex(64);
    let (hub, stop) = (FakeHub::new(), CancellationToken::new());
    let (input, output) = tokio::io::split(theirs);
    let server = tokio::spawn(serve_stream(hub.clone(), caller("a"), input, output, stop.clone()));
    let (input, output) = tokio::io::split(ours);
    let mut client = Client { input: BufReader::new(input).lines(), output: Some(output) };
    client.send(modern(1, "tools/call", json!({"name": "tell", "_meta": {"progressToken": "p"}}))).await;
    // Nothing is read for longer than anybody waits; the call has ended by then all the same.
    tokio::time::sleep(PATIENCE).await;
    assert_eq!(*hub.running.borrow(), 0);
    let mut notified = 0;
    let answer = loop {
        let message = client.receive().await;
        if message.get("method").is_none() {
            break message;
        }
        notified += 1;
    };
    assert_eq!(answer["result"]["content"][0]["text"], json!("told"));
    assert!(notified < 3, "{notified} of 3");
    client.end().await;
    timeout(PATIENCE, server).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn two_bridges_are_two_callers() {
    let served = on_socket();
    for (token, who) in [("token-a", "a {}"), ("token-b", "b {}")] {
        let (input, mut output) = UnixStream::connect(&served.path).await.unwrap().into_split();
        // Greeting and first message in one piece: what follows the line belongs to MCP.
        let call = modern(1, "tools/call", json!({"name": "echo"}));
        output.write_all(format!("safeclaw-mcp/1 {token}\n{call}\n").as_bytes()).await.unwrap();
        let mut client = Client { input: BufReader::new(input).lines(), output: Some(output) };
        assert_eq!(client.input.next_line().await.unwrap().unwrap(), "ok");
        assert_eq!(client.receive().await["result"]["content"][0]["text"], json!(who));
        client.end().await;
    }
    served.stop.cancel();
    timeout(PATIENCE, served.server).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_bridge_carries_a_conversation_and_ends_with_it() {
    let served = on_socket();
    let call = format!("{}\n", modern(1, "tools/call", json!({"name": "echo"})));
    let path = served.path.clone();
    let said = tokio::task::spawn_blocking(move || {
        let mut said = Vec::new();
        bridge(&path, "token-a", std::io::Cursor::new(call), &mut said).map(|()| said)
    });
    let said = timeout(PATIENCE, said).await.unwrap().unwrap().unwrap();
    let answer: Value = serde_json::from_slice(&said).unwrap();
    assert_eq!(answer["result"]["content"][0]["text"], json!("a {}"));
    assert_eq!(*served.hub.running.borrow(), 0);
    served.stop.cancel();
    timeout(PATIENCE, served.server).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_bridge_says_why_it_does_not_stand() {
    let served = on_socket();
    let path = served.path.clone();
    let refused = tokio::task::spawn_blocking(move || bridge(&path, "wrong", std::io::empty(), Vec::new()));
    let error = timeout(PATIENCE, refused).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the hub refused: this token is not known");
    served.stop.cancel();
    let nobody = bridge(std::path::Path::new("/nonexistent/mcp.sock"), "t", std::io::empty(), Vec::new());
    assert!(nobody.unwrap_err().to_string().contains("safeclaw hub"));
}

#[tokio::test]
async fn a_revoked_token_ends_its_bridge() {
    let served = on_socket();
    let (input, mut output) = UnixStream::connect(&served.path).await.unwrap().into_split();
    output.write_all(b"safeclaw-mcp/1 token-a\n").await.unwrap();
    let mut client = Client { input: BufReader::new(input).lines(), output: Some(output) };
    assert_eq!(client.input.next_line().await.unwrap().unwrap(), "ok");
    client.ask(modern(1, "tools/call", json!({"name": "echo"}))).await;
    served.hub.revoked.store(true, Ordering::SeqCst);
    // Our side stays open: it is the hub that hangs up.
    let line = timeout(PATIENCE, client.input.next_line()).await.unwrap().unwrap();
    assert_eq!(line, None);
    served.stop.cancel();
    timeout(PATIENCE, served.server).await.unwrap().unwrap();
}

#[tokio::test]
async fn one_principal_cannot_take_every_bridge() {
    let served = on_socket();
    let mut open = Vec::new();
    let refused = loop {
        let mut lines = BufReader::new(UnixStream::connect(&served.path).await.unwrap());
        lines.write_all(b"safeclaw-mcp/1 token-a\n").await.unwrap();
        let mut said = String::new();
        timeout(PATIENCE, lines.read_line(&mut said)).await.unwrap().unwrap();
        match said.trim_end() {
            "ok" => open.push(lines),
            other => break other.to_owned(),
        }
    };
    assert_eq!(open.len(), MAX_PER_PRINCIPAL);
    assert_eq!(refused, "no: this principal has as many bridges as one may have");
    assert_eq!(greeted(&served.path, b"safeclaw-mcp/1 token-b\n").await, "ok");
    served.stop.cancel();
    drop(open);
    timeout(PATIENCE, served.server).await.unwrap().unwrap();
}
