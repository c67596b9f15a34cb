//! Calls that are traced: what a collector gets, what it does not, and what it cannot do to a call.

use super::*;
use crate::traces::TraceContext;
use axum::extract::State;
use axum::routing::post;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use protocol::{Decoder, ToRunner};
use std::collections::BTreeMap;
use tokio::net::TcpListener;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "00f067aa0ba902b7";

type Requests = Arc<Mutex<Vec<bytes::Bytes>>>;

/// A collector, and the requests that it got.
async fn collector() -> (String, Requests) {
    async fn take(State(requests): State<Requests>, body: bytes::Bytes) {
        requests.lock().unwrap().push(body);
    }
    let requests = Requests::default();
    let router = axum::Router::new().route("/v1/traces", post(take)).with_state(requests.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, requests)
}

impl Bench {
    async fn call_within(&self, caller: &Caller, tool: &str, arguments: &str, within: Option<TraceContext>) -> CallEnd {
        let (notes, _listener) = mpsc::channel(1);
        self.hub.call_within(caller, tool, arguments.into(), notes, CancellationToken::new(), within).await
    }

    /// Every span that the collector has by now.
    async fn spans(&self, requests: &Requests) -> Vec<Span> {
        self.hub.0.traces.finish().await;
        let requests = requests.lock().unwrap().clone();
        let decoded = requests.iter().map(|body| ExportTraceServiceRequest::decode(body.clone()).unwrap());
        decoded.flat_map(|request| request.resource_spans).flat_map(|r| r.scope_spans).flat_map(|s| s.spans).collect()
    }

    fn spans_counted(&self, result: &str) -> f64 {
        let text = self.hub.metrics().unwrap();
        let exposed = crate::metrics::exposition::Exposition::read(&text).unwrap();
        exposed.value("safeclaw_trace_spans_total", &[("result", result)]).unwrap()
    }
}

fn within() -> Option<TraceContext> {
    let context = TraceContext::of(Some(&format!("00-{TRACE}-{SPAN}-01")), Some("vendor=abc"));
    assert!(context.is_some());
    context
}

fn attributes(span: &Span) -> BTreeMap<String, String> {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    let pairs = span.attributes.iter().map(|pair| match pair.value.clone().unwrap().value.unwrap() {
        Value::StringValue(text) => (pair.key.clone(), text),
        other => unreachable!("{other:?}"),
    });
    pairs.collect()
}

#[tokio::test]
async fn a_collector_sees_the_steps_of_a_call_below_the_agents_span() {
    let bench = bench(|_| answer("hi")).await;
    let (url, requests) = collector().await;
    bench.hub.trace_to(&url.parse().unwrap()).unwrap();
    let caller = bench.caller("everyone");
    bench.call_within(&caller, "read", r#"{"a":"hush"}"#, within()).await;
    let spans = bench.spans(&requests).await;
    let call = spans.iter().find(|span| span.name == "mcp.tools/call").unwrap();
    assert_eq!((hex::encode(&call.trace_id), hex::encode(&call.parent_span_id)), (TRACE.into(), SPAN.into()));
    assert_eq!(call.trace_state, "vendor=abc");
    let session = caller.session.0.as_str();
    let expected = [
        ("safeclaw.outcome", "answered"),
        ("safeclaw.session", session),
        ("safeclaw.tier", "user"),
        ("safeclaw.tool", "read"),
    ];
    assert_eq!(attributes(call), expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    let mut steps: Vec<_> = spans.iter().filter(|span| span.span_id != call.span_id).collect();
    steps.sort_by_key(|step| step.start_time_unix_nano);
    let names: Vec<_> = steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["policy", "audit requested", "wait for a runner", "run", "audit executed"]);
    for step in steps {
        assert_eq!((&step.parent_span_id, &step.trace_id), (&call.span_id, &call.trace_id), "{}", step.name);
        assert!(attributes(step).is_empty(), "{}", step.name);
        assert!(step.start_time_unix_nano >= call.start_time_unix_nano, "{}", step.name);
        assert!(step.end_time_unix_nano <= call.end_time_unix_nano, "{}", step.name);
    }
    // Nothing of what was said, by whom, or under which profile.
    for body in requests.lock().unwrap().iter() {
        for secret in ["hush", "ada", "everyone"] {
            assert!(memchr::memmem::find(body, secret.as_bytes()).is_none(), "{secret}");
        }
    }
    assert_eq!(bench.spans_counted("exported"), 6.0);
}

#[tokio::test]
async fn without_a_trace_of_the_agents_each_call_is_one_of_its_own() {
    let bench = bench(|_| answer("hi")).await;
    let (url, requests) = collector().await;
    bench.hub.trace_to(&url.parse().unwrap()).unwrap();
    let caller = bench.caller("everyone");
    for _ in 0..2 {
        bench.call_within(&caller, "read", "{}", None).await;
    }
    // What an agent calls a tool is not passed on unless the manifest knows it.
    bench.call_within(&caller, "attacker-chosen", "{}", None).await;
    let spans = bench.spans(&requests).await;
    let calls: Vec<_> = spans.iter().filter(|span| span.name == "mcp.tools/call").collect();
    let traces: BTreeSet<_> = calls.iter().map(|call| call.trace_id.clone()).collect();
    assert_eq!((calls.len(), traces.len()), (3, 3));
    assert!(calls.iter().all(|call| call.parent_span_id.is_empty() && call.trace_state.is_empty()));
    assert!(requests.lock().unwrap().iter().all(|body| memchr::memmem::find(body, b"attacker-chosen").is_none()));
}

#[tokio::test]
async fn an_agent_cannot_switch_the_spans_of_its_calls_off() {
    let bench = bench(|_| answer("hi")).await;
    let (url, requests) = collector().await;
    bench.hub.trace_to(&url.parse().unwrap()).unwrap();
    let unsampled = TraceContext::of(Some(&format!("00-{TRACE}-{SPAN}-00")), None);
    assert!(unsampled.is_some());
    bench.call_within(&bench.caller("everyone"), "read", "{}", unsampled).await;
    assert_eq!(bench.spans(&requests).await.len(), 6);
}

#[tokio::test]
async fn nothing_of_a_trace_reaches_a_guest() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let tap: Tap = Arc::new({
        let heard = heard.clone();
        move |bytes| heard.lock().unwrap().extend_from_slice(bytes)
    });
    let data = tempfile::tempdir().unwrap();
    let force =
        InForce::fixed(manifest([tool("read", Tier::User)]), Default::default()).including(&registration(&["read"]));
    let act: Act = Arc::new(|_| answer("hi"));
    let (inner, starts) = hub_tapped(data.path(), force, act, Fate::default(), None, Some(tap)).await;
    let bench = Bench { hub: Hub(Arc::new(inner)), starts, data };
    let (url, requests) = collector().await;
    bench.hub.trace_to(&url.parse().unwrap()).unwrap();
    let end = bench.call_within(&bench.caller("everyone"), "read", r#"{"a":"heard"}"#, within()).await;
    assert!(matches!(end.outcome, CallOutcome::Answer(_)));
    let ours = bench.spans(&requests).await.iter().map(|span| hex::encode(&span.span_id)).collect::<Vec<_>>();
    assert_eq!(ours.len(), 6);

    let mut said = heard.lock().unwrap().clone();
    let mut decoder = Decoder::new();
    decoder.push(&said);
    let (mut tickets, mut calls) = (0, 0);
    while let Some(message) = decoder.next::<ToRunner>().unwrap() {
        match message {
            ToRunner::Ticket(jws) => {
                tickets += 1;
                // A ticket's parts are there in the clear, too.
                said.extend(jws.split('.').flat_map(|part| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()));
            }
            ToRunner::Call(call) => calls += usize::from(call.arguments.contains("heard")),
            _ => {}
        }
    }
    assert_eq!((tickets, calls), (1, 1));
    assert!(memchr::memmem::find(&said, b"\"read\"").is_some(), "the ticket was decoded");
    let ids = [TRACE, SPAN].map(str::to_owned).into_iter().chain(ours);
    for id in ids {
        for form in [id.clone().into_bytes(), hex::decode(&id).unwrap()] {
            assert!(memchr::memmem::find(&said, &form).is_none(), "{id}");
        }
    }
    assert!(memchr::memmem::find(&said, b"vendor").is_none() && memchr::memmem::find(&said, b"trace").is_none());
}

/// The collector of this test takes connections and never says a word: were a call to wait for it, the test would
/// never end.
#[tokio::test]
async fn a_collector_that_hangs_costs_spans_and_no_call() {
    let bench = bench(|_| answer("hi")).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    bench.hub.trace_to(&url.parse().unwrap()).unwrap();
    let caller = bench.caller("everyone");
    // Two spans each, until there are more than the queue and a batch hold.
    for _ in 0..100 {
        for _ in 0..500 {
            assert_eq!(bench.call(&caller, "nothing", "{}").await, CallOutcome::UnknownTool);
        }
        if bench.spans_counted("dropped") > 0.0 {
            break;
        }
    }
    assert!(bench.spans_counted("dropped") > 0.0);
    assert_eq!(bench.spans_counted("exported"), 0.0);
    assert!(matches!(bench.call(&caller, "read", "{}").await, CallOutcome::Answer(_)));
    bench.hub.drain(Duration::from_secs(1)).await;
    drop(silent);
}

#[tokio::test]
async fn a_collector_that_is_away_or_refuses_costs_spans_too() {
    let (url, _) = collector().await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    // Nobody listens; and somebody who has no such path.
    for address in [format!("http://{gone}"), format!("{url}/elsewhere")] {
        let bench = bench(|_| answer("hi")).await;
        bench.hub.trace_to(&address.parse().unwrap()).unwrap();
        assert!(matches!(bench.call(&bench.caller("everyone"), "read", "{}").await, CallOutcome::Answer(_)));
        bench.hub.0.traces.finish().await;
        assert_eq!((bench.spans_counted("failed"), bench.spans_counted("exported")), (6.0, 0.0), "{address}");
    }
}

#[tokio::test]
async fn there_is_one_collector_and_without_one_no_span() {
    let bench = bench(|_| answer("hi")).await;
    let trace = bench.hub.0.traces.call(within());
    assert!(trace.step("policy").is_none());
    let (url, _) = collector().await;
    bench.hub.trace_to(&url.parse().unwrap()).unwrap();
    assert!(bench.hub.trace_to(&url.parse().unwrap()).is_err());
}
