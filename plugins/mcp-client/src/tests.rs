//! The client against scripted servers of both eras.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use crate::{call, list_tools};
use safeclaw_sdk::http::testing::{Served, serve};
use safeclaw_sdk::http::{Error, Request, Response};
use safeclaw_sdk::serde_json::{Value, from_slice, from_str, json};
use safeclaw_sdk::{Answer, Content, call as run};
use std::cell::RefCell;
use std::rc::Rc;

type Log = Rc<RefCell<Vec<Request>>>;

/// A server; what it was asked is in the log.
fn server(mut answer: impl FnMut(&str, &Value, &Request) -> Response + 'static) -> (Log, Served) {
    let log = Log::default();
    let mine = log.clone();
    let served = serve(move |request| {
        mine.borrow_mut().push(request.clone());
        let body: Value = request.body_bytes().map_or(Value::Null, |bytes| from_slice(bytes).unwrap());
        let method = body["method"].as_str().unwrap_or(request.method()).to_owned();
        Ok(answer(&method, &body, request))
    });
    (log, served)
}

fn json_answer(body: &Value, result: Value) -> Response {
    let message = json!({ "jsonrpc": "2.0", "id": body["id"], "result": result });
    Response::new(200).with_header("content-type", "application/json; charset=utf-8").with_body(message.to_string())
}

fn methods(log: &Log) -> Vec<String> {
    let of = |request: &Request| match request.body_bytes() {
        Some(bytes) => from_slice::<Value>(bytes).unwrap()["method"].as_str().unwrap_or("answer").to_owned(),
        None => request.method().to_owned(),
    };
    log.borrow().iter().map(of).collect()
}

fn text(answer: &Answer) -> &str {
    let Content::Text(text) = &answer.content[0] else { panic!("text") };
    text
}

const CALL: &str = r#"{"url":"https://mcp.example/mcp","tool":"add","arguments":{"a":1}}"#;

fn legacy(method: &str, body: &Value) -> Response {
    match method {
        "initialize" => json_answer(
            body,
            json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": { "name": "old", "version": "1" } }),
        )
        .with_header("Mcp-Session-Id", "s-1"),
        "notifications/initialized" => Response::new(202),
        "DELETE" => Response::new(405),
        "tools/call" => json_answer(body, json!({ "content": [{ "type": "text", "text": "2" }] })),
        _ => Response::new(400).with_body(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no session"}}"#),
    }
}

#[test]
fn an_older_server_gets_a_session_that_is_closed() {
    let (log, _served) = server(|method, body, _| legacy(method, body));
    let answer = run::<call>(CALL);
    assert_eq!((text(&answer), answer.is_error), ("2", false));
    assert_eq!(methods(&log), ["server/discover", "initialize", "notifications/initialized", "tools/call", "DELETE"]);
    let log = log.borrow();
    assert_eq!(log[1].header_value("mcp-protocol-version"), None, "none is agreed yet");
    for request in &log[2..] {
        assert_eq!(request.header_value("mcp-session-id"), Some("s-1"));
        assert_eq!(request.header_value("mcp-protocol-version"), Some("2025-06-18"));
    }
    let body: Value = from_slice(log[3].body_bytes().unwrap()).unwrap();
    assert_eq!(body["params"]["arguments"], json!({ "a": 1 }));
    assert_eq!(log[3].header_value("mcp-method"), None);
}

#[test]
fn a_session_is_closed_after_a_call_that_failed() {
    let (log, _served) = server(|method, body, _| match method {
        "tools/call" => Response::new(500),
        other => legacy(other, body),
    });
    assert!(run::<call>(CALL).is_error);
    assert_eq!(methods(&log).last().unwrap(), "DELETE");
}

#[test]
fn a_newer_server_needs_no_session() {
    let (log, _served) = server(|method, body, _| match method {
        "server/discover" => {
            json_answer(body, json!({ "supportedVersions": ["2026-07-28"], "resultType": "complete" }))
        }
        _ => json_answer(
            body,
            json!({ "resultType": "complete", "content": [{ "type": "text", "text": "2" }], "structuredContent": { "sum": 2 } }),
        ),
    });
    let answer = run::<call>(CALL);
    assert_eq!(answer.structured.as_deref(), Some(r#"{"sum":2}"#));
    assert_eq!(methods(&log), ["server/discover", "tools/call"]);
    let log = log.borrow();
    assert_eq!(log[1].header_value("mcp-method"), Some("tools/call"));
    assert_eq!(log[1].header_value("mcp-name"), Some("add"));
    assert_eq!(log[1].header_value("mcp-protocol-version"), Some("2026-07-28"));
    let body: Value = from_slice(log[1].body_bytes().unwrap()).unwrap();
    assert_eq!(body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
    assert_eq!(body["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"], json!({}));
    assert!(log.iter().all(|request| request.header_value("authorization").is_none()));
}

#[test]
fn an_answer_on_a_stream_is_found_among_what_else_is_said() {
    let (log, _served) = server(|method, body, _| match method {
        "tools/call" => {
            let stream = [
                json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": { "progressToken": 1, "progress": 1 } }),
                json!({ "jsonrpc": "2.0", "id": 7, "method": "ping" }),
                json!({ "jsonrpc": "2.0", "id": body["id"], "method": "sampling/createMessage", "params": {} }),
                json!({ "jsonrpc": "2.0", "id": 99, "result": { "content": [{ "type": "text", "text": "another's" }] } }),
                json!({ "jsonrpc": "2.0", "id": body["id"], "result": { "content": [{ "type": "text", "text": "ours" }] } }),
            ];
            let text: String = stream.iter().map(|m| format!("event: message\ndata: {m}\n\n")).collect();
            let pieces = text.as_bytes().chunks(7).map(<[u8]>::to_vec).collect();
            Response::new(200).with_header("content-type", "text/event-stream").with_pieces(pieces)
        }
        "" | "POST" => Response::new(202),
        other => legacy(other, body),
    });
    assert_eq!(text(&run::<call>(CALL)), "ours");
    let log = log.borrow();
    let answers: Vec<Value> =
        log[4..6].iter().map(|request| from_slice(request.body_bytes().unwrap()).unwrap()).collect();
    assert_eq!(answers[0], json!({ "jsonrpc": "2.0", "id": 7, "result": {} }));
    assert_eq!(answers[1]["error"]["code"], -32601, "a model of ours is not lent out");
}

#[test]
fn what_a_hostile_server_says_ends_in_an_error() {
    let cases: Vec<(&str, Response, &str)> = vec![
        ("no json", Response::new(200).with_header("content-type", "application/json").with_body("<"), "is not JSON"),
        ("no type", Response::new(200).with_body("{}"), "no answer in MCP"),
        (
            "deep",
            Response::new(200).with_header("content-type", "application/json").with_body("[".repeat(100_000)),
            "is not JSON",
        ),
        (
            "large",
            Response::new(200).with_header("content-type", "application/json").with_body(vec![b' '; 3 << 20]),
            "the answer has more than",
        ),
        (
            "a stream without an answer",
            Response::new(200).with_header("content-type", "text/event-stream").with_body("data: {}\n\n"),
            "without an answer",
        ),
        (
            "another's answer",
            Response::new(200)
                .with_header("content-type", "application/json")
                .with_body(r#"{"jsonrpc":"2.0","id":77,"result":{}}"#),
            "to another request",
        ),
        ("elsewhere", Response::new(307).with_header("location", "https://evil.example/"), "has moved"),
        ("not let in", Response::new(401), "wants a credential"),
    ];
    for (name, response, words) in cases {
        let mut response = Some(response);
        let (_, _served) = server(move |method, body, _| match method {
            "server/discover" => json_answer(body, json!({})),
            _ => response.take().unwrap_or_else(|| Response::new(500)),
        });
        let answer = run::<call>(CALL);
        assert!(answer.is_error && text(&answer).contains(words), "{name}: {}", text(&answer));
    }
}

#[test]
fn a_session_id_that_is_none_is_not_sent_back() {
    for id in ["a\u{e9}", "a b", &"a".repeat(2000)] {
        let id = id.to_owned();
        let (log, _served) = server(move |method, body, _| match method {
            "initialize" => {
                json_answer(body, json!({ "protocolVersion": "2025-11-25" })).with_header("mcp-session-id", &id)
            }
            other => legacy(other, body),
        });
        assert!(text(&run::<call>(CALL)).contains("session id"));
        assert_eq!(methods(&log), ["server/discover", "initialize"]);
    }
}

#[test]
fn results_that_need_more_than_an_answer_are_refused() {
    for (kind, words) in [("input_required", "ask its user"), ("task", "as a task"), ("new", "not known here")] {
        let (_, _served) = server(move |_, body, _| json_answer(body, json!({ "resultType": kind })));
        assert!(text(&run::<call>(CALL)).contains(words));
    }
}

#[test]
fn a_denied_request_is_told_as_one() {
    let _served = serve(|_| Err(Error::failed("HTTP-request-denied")));
    let answer = run::<call>(CALL);
    assert!(answer.is_error && text(&answer).contains("Only its operator can grant it"));
}

#[test]
fn tools_are_listed_page_by_page() {
    let (log, _served) = server(|_, body, _| {
        json_answer(
            body,
            json!({
                "_meta": { "io.modelcontextprotocol/serverInfo": { "name": "new", "version": "1" } },
                "supportedVersions": ["2026-07-28", "2025-11-25"],
                "tools": [{ "name": "add", "inputSchema": { "type": "object" } }, { "no": "name" }],
                "nextCursor": "2",
            }),
        )
    });
    let answer = run::<list_tools>(r#"{"url":"https://mcp.example/mcp","cursor":"1"}"#);
    let offer: Value = from_str(answer.structured.as_deref().unwrap()).unwrap();
    let add = json!({ "name": "add", "description": "", "input_schema": { "type": "object" } });
    let expected = json!({ "protocol_version": "2026-07-28", "server": "new", "tools": [add], "next_cursor": "2" });
    assert_eq!(offer, expected);
    let body: Value = from_slice(log.borrow()[1].body_bytes().unwrap()).unwrap();
    assert_eq!(body["params"]["cursor"], "1");
}
