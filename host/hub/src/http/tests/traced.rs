//! What a request says of a trace, and what a log says of a request.

use super::*;
use crate::traces::TraceContext;
use std::io::Write;
use std::sync::{Arc, Mutex};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";

/// Both ways that a modern call can go, and the one of a legacy call.
#[tokio::test]
async fn a_requests_trace_reaches_the_hub_whichever_way_the_call_goes() {
    let served = Served::start().await;
    let said = async |meta: Value| {
        let (headers, mut message) = modern_call("echo");
        let all = message["params"]["_meta"].as_object_mut().unwrap();
        all.extend(meta.as_object().unwrap().clone());
        let answer = served.mcp("token-a", &borrowed(&headers), &message).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        // What the tool was told is as without a trace.
        assert!(answer.body.contains("a {}") && !answer.body.contains("0af765"), "{}", answer.body);
        served.hub.within.lock().unwrap().pop().unwrap()
    };
    let context = |state| TraceContext::of(Some(PARENT), state);
    let direct = json!({"traceparent": PARENT, "tracestate": "vendor=a", "baggage": "user=a"});
    assert_eq!(said(direct.clone()).await, context(Some("vendor=a")));
    let mut library = direct;
    library["progressToken"] = json!(7);
    assert_eq!(said(library).await, context(Some("vendor=a")));
    for none in
        [json!({}), json!({"traceparent": "00-0-0-00"}), json!({"tracestate": "vendor=a"}), json!({"traceparent": 7})]
    {
        assert_eq!(said(none.clone()).await, None, "{none}");
    }
    let session = served.initialize("token-a").await;
    let mut message = legacy_call("echo");
    message["params"]["_meta"] = json!({"traceparent": PARENT});
    served.mcp("token-a", &[("mcp-session-id", &session)], &message).await;
    assert_eq!(served.hub.within.lock().unwrap().pop().unwrap(), context(None));
    served.end().await;
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// With every event of every library, which is more than anybody asks for.
#[tokio::test]
async fn no_log_line_has_the_token_of_a_request() {
    let written = Written::default();
    let writer = written.clone();
    let format = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).json();
    let subscriber = format.flatten_event(true).with_writer(move || writer.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let served = Served::start().await;
    let (headers, message) = modern_call("echo");
    assert_eq!(served.mcp("token-a", &borrowed(&headers), &message).await.status, 200);
    let session = served.initialize("token-a").await;
    served.mcp("token-a", &[("mcp-session-id", &session)], &legacy_call("tell")).await;
    assert_eq!(served.mcp("mallory-token", &borrowed(&headers), &message).await.status, 401);
    tracing::info!("the test's own line");
    served.end().await;
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["message"] == "the test's own line"), "nothing was logged");
    assert!(lines.iter().any(|line| line["target"].as_str().unwrap().starts_with("rmcp")), "libraries are heard");
    for line in text.lines() {
        assert!(!line.contains("mallory-token") && !line.contains("token-a") && !line.contains("Bearer"), "{line}");
    }
}
