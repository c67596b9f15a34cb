//! Ends of calls in the words that rows use.

use hub::{CallEnd, CallNote, CallOutcome};
use protocol::LogSource;
use serde_json::Value;

/// What the hub reports.
pub(super) fn hub(outcome: &CallOutcome) -> String {
    match outcome {
        CallOutcome::Answer(answer) if answer.is_error => "failed".to_owned(),
        CallOutcome::Answer(_) => "answered".to_owned(),
        CallOutcome::UnknownTool => "unknown tool".to_owned(),
        CallOutcome::Denied { reason, approvable: true } => format!("denied, approvable: {reason}"),
        CallOutcome::Denied { reason, approvable: false } => format!("denied: {reason}"),
        CallOutcome::Limit { limit, value, .. } => format!("limit {limit} = {value}"),
        CallOutcome::Broken { .. } => "broken".to_owned(),
        CallOutcome::Cancelled => "cancelled".to_owned(),
    }
}

/// What the audit log says, or what is wrong with it.
pub(super) fn audit(lines: &[Value], session: &str, sent: &str) -> Result<String, String> {
    let event = |line: &Value| line["event"].as_str().unwrap_or_default().to_owned();
    let wrong = |why: &str| Err(format!("{why} in the audit log: {lines:#?}"));
    if lines.iter().any(|line| line["session"] != session) {
        return wrong("another session");
    }
    match lines {
        [denied] if event(denied) == "denied" => {
            Ok(format!("denied: {}", denied["reason"].as_str().unwrap_or_default()))
        }
        [requested, executed] if event(requested) == "requested" && event(executed) == "executed" => {
            // A digest that nobody can guess from: not that of the arguments alone.
            let digest = requested["arguments"].as_str().unwrap_or_default();
            let keyed = digest.strip_prefix("hmac-sha256:").is_some_and(|digits| digits.len() == 64);
            if !keyed
                || digest.contains(manifest::Digest::of(sent.as_bytes()).as_str())
                || requested["arguments_bytes"] != sent.len()
            {
                return wrong("other arguments");
            }
            let outcome = executed["outcome"].as_str().unwrap_or_default();
            if outcome != "answered" && outcome != "failed" && executed["usage"]["hub"]["result_bytes"] != 0 {
                return wrong("a result of a call without one");
            }
            Ok(match outcome {
                "limit" => format!("limit {} = {}", executed["limit"].as_str().unwrap_or_default(), executed["value"]),
                other => other.to_owned(),
            })
        }
        _ => wrong("neither one denial, nor one request and one end"),
    }
}

/// What the tool told: its structured result, or its text.
pub(super) fn told(end: &CallEnd) -> Option<Value> {
    let CallOutcome::Answer(answer) = &end.outcome else { return None };
    match &answer.structured {
        Some(structured) if answer.content.iter().any(|c| *c == protocol::Content::Text(structured.clone())) => {
            Some(serde_json::from_str(structured).unwrap_or_else(|e| panic!("{structured}: {e}")))
        }
        // What has a text of its own is told by it: the structured part is what the attack is about.
        _ => Some(Value::String(crate::running::text(answer))),
    }
}

/// Whether that is what the row says.
pub(super) fn is(told: &Value, wanted: &toml::Value) -> bool {
    let wanted = serde_json::to_value(wanted).expect("TOML is JSON");
    match (&wanted, told) {
        (Value::String(text), Value::Object(result)) => result.get("outcome") == Some(&Value::String(text.clone())),
        (Value::Object(some), Value::Object(all)) => some.iter().all(|(key, value)| all.get(key) == Some(value)),
        _ => wanted == *told,
    }
}

/// A note in one line.
pub(super) fn note(note: &CallNote) -> String {
    match note {
        CallNote::Log(log) => {
            let source = match log.source {
                LogSource::Stdout => "stdout",
                LogSource::Stderr => "stderr",
                LogSource::Message(0) => "trace",
                LogSource::Message(1) => "debug",
                LogSource::Message(2) => "info",
                LogSource::Message(3) => "warn",
                LogSource::Message(_) => "error",
            };
            format!("{source}: {}", log.text)
        }
        CallNote::Progress(progress) => {
            let total = progress.total.map(|total| format!(" of {total}")).unwrap_or_default();
            format!("progress {}{total}: {}", progress.progress, progress.message.as_deref().unwrap_or_default())
        }
    }
}
