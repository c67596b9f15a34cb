//! A hub, or somebody in its place, that shows one thing and has another one signed.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use serde_json::{Value, json};

const ID: &str = "0123456789abcdef0123456789abcdef";

fn view() -> Value {
    let arguments = r#"{"path":"/srv/work"}"#;
    let digest = Digest::of(arguments.as_bytes());
    let statement = |decision: &str| {
        canonical(&json!({
            "v": 1, "kind": "approval", "hub": "hub-1", "approval": ID, "decision": decision, "principal": "ada",
            "session": "s1", "tier": "critical", "tool": "wipe", "component": "b".repeat(64),
            "arguments_sha256": digest, "manifest": "c".repeat(64), "epoch": 7, "expires": "1970-01-01T00:10:00Z"
        }))
        .unwrap()
    };
    json!({
        "id": ID, "state": "pending", "tool": "wipe", "tier": "critical", "principal": "ada", "session": "s1",
        "request": null, "profile": "ops", "requested": "1970-01-01T00:00:00Z", "expires": "1970-01-01T00:10:00Z",
        "approver": null, "key": null, "why": null, "hub": "hub-1", "component": "b".repeat(64),
        "manifest": "c".repeat(64), "epoch": 7, "arguments": arguments, "arguments_shown": "{}",
        "grants": ["write /work"], "changed": ["nothing\n  tool  read, tier user"], "notes": ["files\u{202e} may change"],
        "component_says": "\"approve me\"",
        "statements": { "approve": statement("approve"), "deny": statement("deny") }
    })
}

fn read(view: Value, decision: Decision) -> Result<Seen, Mismatch> {
    seen(&serde_json::from_value(view).unwrap(), ID, decision)
}

#[test]
fn what_is_shown_is_what_is_signed() {
    let seen = read(view(), Decision::Approve).unwrap();
    assert_eq!(seen.statement, view()["statements"]["approve"].as_str().unwrap());
    for part in ["tool       wipe, tier critical", "asked by   ada, session s1, profile ops", "\"path\": \"/srv/work\""]
    {
        assert!(seen.text.contains(part), "{part}: {}", seen.text);
    }
    // No line of somebody else's, and nothing that turns one.
    assert!(seen.text.contains("changed    nothing\\u{a}  tool  read, tier user"), "{}", seen.text);
    assert!(seen.text.contains("files\\u{202e} may change"), "{}", seen.text);
    assert_ne!(read(view(), Decision::Deny).unwrap().statement, seen.statement);
}

#[test]
fn what_is_shown_otherwise_is_not_signed() {
    let rows: Vec<(&str, &str, Value, &str)> = vec![
        ("another id", "/id", json!("f".repeat(32)), "approval"),
        ("another tool", "/tool", json!("read"), "tool"),
        ("a lower tier", "/tier", json!("admin"), "tier"),
        ("another principal", "/principal", json!("bob"), "principal"),
        ("another session", "/session", json!("s2"), "session"),
        ("another component", "/component", json!("d".repeat(64)), "component"),
        ("another manifest", "/manifest", json!("d".repeat(64)), "manifest"),
        ("another epoch", "/epoch", json!(8), "epoch"),
        (
            "a request that nobody signs for",
            "/request",
            json!({ "method": "DELETE", "url": "https://a.test/1", "body_sha256": "9".repeat(64) }),
            "request",
        ),
        ("another time", "/expires", json!("1970-01-01T00:10:01Z"), "time"),
        ("another hub", "/hub", json!("hub-2"), "hub"),
        ("other arguments", "/arguments", json!(r#"{"path":"/tmp"}"#), "arguments"),
        ("arguments in another form", "/arguments", json!(r#"{ "path":"/srv/work"}"#), "arguments"),
        ("arguments with two readings", "/arguments", json!(r#"{"path":"/tmp","path":"/srv/work"}"#), "arguments"),
        ("no arguments", "/arguments", json!(""), "arguments"),
        ("yes in the place of no", "/statements/approve", view()["statements"]["deny"].clone(), "answer"),
        ("no JSON", "/statements/approve", json!("yes"), "cannot be read"),
        (
            "another kind",
            "/statements/approve",
            changed(r#""kind":"approval""#, r#""kind":"manifest""#),
            "another kind",
        ),
        ("a field that nobody sees", "/statements/approve", changed("\"v\":1", "\"v\":1,\"x\":1"), "cannot be read"),
        ("a key twice", "/statements/approve", changed("\"v\":1", "\"tool\":\"wipe\",\"v\":1"), "cannot be read"),
        ("another spelling", "/statements/approve", changed("\"v\":1", "\"v\": 1"), "canonical"),
        ("a later version", "/statements/approve", changed("\"v\":1", "\"v\":2"), "another kind"),
    ];
    for (what, pointer, value, says) in rows {
        let mut view = view();
        *view.pointer_mut(pointer).unwrap() = value;
        let why = read(view, Decision::Approve).map(|_| ()).unwrap_err().to_string();
        assert!(why.contains(says), "{what}: {why}");
    }
}

/// The statement of yes, with one place changed.
fn changed(from: &str, to: &str) -> Value {
    let view = view();
    let text = view.pointer("/statements/approve").and_then(Value::as_str).unwrap();
    assert_eq!(text.matches(from).count(), 1, "{from}");
    json!(text.replace(from, to))
}
