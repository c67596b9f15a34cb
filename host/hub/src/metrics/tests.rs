#![expect(clippy::unwrap_used, reason = "tests")]

use super::exposition::Exposition;
use super::*;
use crate::api::{CallEnd, CallOutcome};
use crate::runner::Why;
use manifest::{ClassId, Tier};
use std::collections::BTreeMap;
use std::time::Duration;

fn metrics() -> (Metrics, Parts) {
    let parts = Parts { audit: Arc::default(), runners: Arc::default(), spans: Arc::default() };
    (Metrics::new(&parts), parts)
}

fn read(metrics: &Metrics, standing: Standing) -> Exposition {
    let text = metrics.text(standing).unwrap();
    Exposition::read(&text).unwrap_or_else(|error| unreachable!("{error}\n{text}"))
}

fn standing() -> Standing {
    let parked = [(ClassId("user".into()), 2), (ClassId("call-wipe".into()), 0)].into();
    Standing {
        sessions: 3,
        calls: 1,
        runners: 4,
        parked,
        manifest_version: Some(7),
        tools: 12,
        healthy: true,
        problems: 0,
    }
}

#[test]
fn what_is_exposed_can_be_read_by_a_strict_reader() {
    let (metrics, parts) = metrics();
    parts.runners.started(Origin::Cold, Started::Ok, Duration::from_millis(80));
    parts.audit.wrote(1, 300);
    parts.audit.appended::<()>(&Ok(()), Duration::from_micros(12));
    parts.audit.appended(&Err(()), Duration::from_micros(12));
    parts.audit.set_unsigned(9);
    parts.spans.add(Fate::Dropped, 5);
    let exposed = read(&metrics, standing());
    for (name, labels, value) in [
        ("safeclaw_build_info", &[("version", env!("CARGO_PKG_VERSION"))][..], 1.0),
        ("safeclaw_sessions", &[], 3.0),
        ("safeclaw_calls_running", &[], 1.0),
        ("safeclaw_runners", &[], 4.0),
        ("safeclaw_runners_parked", &[("class", "user")], 2.0),
        ("safeclaw_runners_parked", &[("class", "call-wipe")], 0.0),
        ("safeclaw_manifest_version", &[], 7.0),
        ("safeclaw_healthy", &[], 1.0),
        ("safeclaw_problems", &[], 0.0),
        ("safeclaw_runner_starts_total", &[("for", "cold"), ("result", "ok")], 1.0),
        ("safeclaw_runner_start_duration_seconds_sum", &[("for", "cold")], 0.08),
        ("safeclaw_audit_records_total", &[], 1.0),
        ("safeclaw_audit_bytes_total", &[], 300.0),
        ("safeclaw_audit_failures_total", &[], 1.0),
        ("safeclaw_audit_append_duration_seconds_count", &[], 1.0),
        ("safeclaw_audit_unsigned_records", &[], 9.0),
        ("safeclaw_trace_spans_total", &[("result", "dropped")], 5.0),
    ] {
        assert_eq!(exposed.value(name, labels), Some(value), "{name} {labels:?}");
    }
    let started = exposed.value("process_start_time_seconds", &[]).unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!(started > 1.6e9 && started <= now);
}

#[test]
fn the_reader_is_strict() {
    let good = "# HELP a_x Help.\n# TYPE a_x counter\na_x_total{k=\"v\"} 1\n# EOF\n";
    assert!(Exposition::read(good).is_ok());
    for (from, to) in [
        ("# EOF\n", ""),
        ("counter", "summary"),
        ("# TYPE a_x counter\n", ""),
        ("a_x_total{", "a_x{"),
        ("a_x_total{", "b_total{"),
        ("} 1", "} one"),
        ("} 1", "} -1"),
        ("} 1", "} NaN"),
        ("k=\"v\"", "k=v"),
        ("k=\"v\"", "k=\"v\",k=\"w\""),
        ("k=\"v\"", "k=\"v"),
        ("k=\"v\"", "k=\"\\x\""),
        ("# HELP a_x", "# HELP a-x"),
        ("# EOF", "a_x_total{k=\"v\"} 2\n# EOF"),
        ("# EOF", "# HELP a_x Again.\n# EOF"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert!(bad != good && Exposition::read(&bad).is_err(), "{bad}");
    }
    let histogram = "# HELP h Help.\n# TYPE h histogram\nh_sum 1.0\nh_count 2\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2\n# EOF\n";
    assert!(Exposition::read(histogram).is_ok());
    for (from, to) in [("h_count 2", "h_count 3"), ("\"1.0\"} 1", "\"1.0\"} 3"), ("h_bucket{le=\"+Inf\"} 2\n", "")] {
        assert!(Exposition::read(&histogram.replacen(from, to, 1)).is_err(), "{to}");
    }
}

#[test]
fn every_cause_of_an_end_has_its_own_count() {
    let (metrics, parts) = metrics();
    let text = || String::from("words of a runner's");
    let causes = [
        (Why::Released, "released"),
        (Why::Violation(text()), "violation"),
        (Why::Deadline, "deadline"),
        (Why::NoHello, "no_hello"),
        (Why::NotReady, "not_ready"),
        (Why::Refused(text()), "refused"),
        (Why::StreamEnded, "stream_ended"),
        (Why::Stream(text()), "stream"),
        (Why::Fault(text()), "fault"),
    ];
    for (why, cause) in causes {
        parts.runners.ended(&why);
        let exposed = read(&metrics, Standing::default());
        assert_eq!(exposed.value("safeclaw_runner_ends_total", &[("cause", cause)]), Some(1.0), "{why}");
    }
    assert!(!metrics.text(Standing::default()).unwrap().contains("words"));
}

#[test]
fn every_limit_has_its_own_name() {
    let (metrics, _) = metrics();
    let limit = |name: &str| CallOutcome::Limit { limit: name.into(), value: 1, text: String::new() };
    for name in ["cpu_ms", "result_values", "container_memory_bytes", "a name of tomorrow's"] {
        let end = CallEnd {
            outcome: limit(name),
            usage: None,
            wall_us: 700,
            call_id: uuid::Uuid::nil(),
            begun: false,
            approval: None,
        };
        metrics.calls.ended(Seen { tier: Some(Tier::Write), denied: None }, &end);
    }
    let exposed = read(&metrics, Standing::default());
    let expected = ["container_memory_bytes 1", "cpu_ms 1", "other 1", "result_values 1"];
    assert_eq!(exposed.counted("safeclaw_limits"), expected);
    assert_eq!(
        exposed.value("safeclaw_call_duration_seconds_bucket", &[("tier", "write"), ("le", "0.001")]),
        Some(4.0)
    );
    assert_eq!(
        exposed.value("safeclaw_call_duration_seconds_bucket", &[("tier", "write"), ("le", "0.0005")]),
        Some(0.0)
    );
}

/// The table of `docs/observability.md`, by name: type, labels.
fn documented() -> BTreeMap<String, (String, String)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/observability.md");
    let text = std::fs::read_to_string(path).unwrap();
    let table = text.lines().filter(|line| line.starts_with("| `")).filter_map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', ""));
        let (name, kind, labels) = (cells.next()?, cells.next()?, cells.next()?);
        ["counter", "gauge", "histogram", "info"].contains(&kind.as_str()).then_some((name, (kind, labels)))
    });
    table.collect()
}

#[test]
fn the_document_says_what_is_exposed() {
    let (metrics, _) = metrics();
    let exposed = read(&metrics, standing());
    let suffix = |kind: &str| match kind {
        "counter" => "_total",
        "info" => "_info",
        _ => "",
    };
    let exposed: BTreeMap<String, (String, String)> = exposed
        .0
        .iter()
        .map(|family| {
            let labels = family.labels().into_iter().collect::<Vec<_>>().join(", ");
            (format!("{}{}", family.name, suffix(&family.kind)), (family.kind.clone(), labels))
        })
        .collect();
    assert_eq!(documented(), exposed);
}
