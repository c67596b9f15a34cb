//! The hostile component through both walls: what each attack gets, and that the runner which hosted it
//! serves the next call as if nothing had happened. A tool of that component without a test here fails.

use hub::{CallEnd, CallOutcome, Caller};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tests::running::{failure, running, structured, text};

/// Attacks as a developer, in a session of its own, and shows afterwards that the session still works.
fn attack(tool: &str, arguments: Value) -> CallEnd {
    let caller = running().caller("developer");
    attack_as(&caller, tool, &arguments)
}

fn attack_as(caller: &Caller, tool: &str, arguments: &Value) -> CallEnd {
    let hub = running();
    let before = innocent(caller, tool);
    let end = hub.call_as(caller, tool, &arguments.to_string());
    assert_eq!(innocent(caller, tool), before, "{tool} cost its session a runner");
    end
}

/// Calls an innocent tool in each tier; gives the containers that serve the session.
fn innocent(caller: &Caller, tool: &str) -> BTreeSet<String> {
    let hub = running();
    for (name, arguments) in [
        ("files_stat", json!({"path": "README.md"})),
        ("files_write", json!({"path": "docs/innocent.txt", "content": "x", "mode": "overwrite"})),
    ] {
        let end = hub.call_as(caller, name, &arguments.to_string());
        assert!(matches!(&end.outcome, CallOutcome::Answer(a) if !a.is_error), "{name} beside {tool}: {end:?}");
    }
    let sessions = hub.hub.sessions();
    let session = sessions.iter().find(|session| session.id == caller.session).expect("the session lives");
    session.runners.iter().map(|runner| runner.container.to_string()).collect()
}

/// What was reached of a report whose attempts must all have failed.
fn reached(end: &CallEnd) -> Vec<Value> {
    let report = structured(end);
    let attempts = report["attempts"].as_array().expect("attempts").clone();
    assert!(!attempts.is_empty(), "something was tried");
    attempts.into_iter().filter(|a| a["reached"] == true).collect()
}

fn limit(end: &CallEnd) -> &str {
    match &end.outcome {
        CallOutcome::Limit { limit, .. } => limit,
        other => panic!("no limit: {other:?}"),
    }
}

fn broken(end: &CallEnd) {
    assert!(matches!(end.outcome, CallOutcome::Broken { .. }), "{end:?}");
}

#[test]
fn a_host_file_is_not_there() {
    let end = attack("attack_read_host_file", json!({}));
    assert_eq!(reached(&end), Vec::<Value>::new());
    assert!(!format!("{end:?}").contains("root:x:0"), "/etc/passwd came out");
}

#[test]
fn the_environment_is_what_the_manifest_says() {
    let seen = structured(&attack("attack_read_environment", json!({})));
    assert_eq!(seen["variables"], json!(["GREETING=hello"]));
    assert_eq!(seen["preopens"], json!([]));
    assert!(seen["arguments"].as_array().unwrap().len() <= 1, "{seen}");
}

#[test]
fn standard_input_is_not_the_hub() {
    assert_eq!(reached(&attack("attack_read_stdin", json!({}))), Vec::<Value>::new());
}

#[test]
fn clocks_that_are_not_granted_stand_still() {
    let seen = structured(&attack("attack_read_clocks", json!({})));
    assert_eq!(seen["wall_s"], 0);
    assert_eq!(seen["monotonic_ns"], seen["monotonic_later_ns"]);
}

#[test]
fn a_socket_traps() {
    // Its imports are listed in `trap_imports`; without that it would not even register.
    broken(&attack("attack_open_socket", json!({})));
}

#[test]
fn spinning_ends_at_the_cpu_budget() {
    assert_eq!(limit(&attack("attack_spin_forever", json!({}))), "cpu_ms");
    for call in ["clock", "random", "poll"] {
        let end = attack("attack_spin_with_host_calls", json!({ "call": call }));
        assert!(["cpu_ms", "deadline_ms"].contains(&limit(&end)), "{call}: {end:?}");
    }
}

#[test]
fn sleeping_ends_at_the_deadline() {
    assert_eq!(limit(&attack("attack_sleep_forever", json!({}))), "deadline_ms");
}

#[test]
fn memory_is_bounded_in_every_shape() {
    let big = structured(&attack("attack_allocate_memory", json!({"how": "big"})));
    assert_eq!((&big["bytes"], &big["refused"]), (&json!(0), &json!(true)));
    let small = structured(&attack("attack_allocate_memory", json!({"how": "small"})));
    assert_eq!(small["refused"], true);
    assert!(small["bytes"].as_u64().unwrap() < 64 << 20, "{small}");
    assert_eq!(limit(&attack("attack_allocate_memory", json!({"how": "abort"}))), "memory_bytes");
}

#[test]
fn recursion_ends_at_the_stack() {
    assert_eq!(limit(&attack("attack_recurse", json!({}))), "stack_bytes");
}

#[test]
fn a_trap_and_an_exit_end_the_instance_alone() {
    broken(&attack("attack_trap", json!({})));
    broken(&attack("attack_exit_process", json!({})));
    broken(&attack("attack_exit_process", json!({"code": 7})));
}

#[test]
fn handles_are_bounded() {
    for tool in ["attack_many_handles", "attack_many_timers"] {
        let end = attack(tool, json!({}));
        match &end.outcome {
            CallOutcome::Limit { limit, .. } => assert!(limit == "handles" || limit == "cpu_ms", "{tool}: {limit}"),
            CallOutcome::Answer(_) => {
                assert!(structured(&end)["opened"].as_u64().unwrap() <= 1000, "{tool}: {end:?}");
            }
            CallOutcome::Broken { .. } => {}
            other => panic!("{tool}: {other:?}"),
        }
    }
}

#[test]
fn random_bytes_are_bounded() {
    let end = attack("attack_huge_random", json!({}));
    assert!(matches!(end.outcome, CallOutcome::Broken { .. } | CallOutcome::Limit { .. }), "{end:?}");
}

#[test]
fn a_directory_granted_for_reading_cannot_be_changed() {
    let end = attack("attack_write_read_only", json!({"path": "/workspace/docs"}));
    assert_eq!(reached(&end), Vec::<Value>::new());
    let docs = running().workspace.join("docs");
    assert!(docs.join("data.json").is_file() && !docs.join(".attack").exists());
}

#[test]
fn a_pipe_does_not_hold_the_runner() {
    let end = attack("attack_open_fifo", json!({"path": "/workspace/planted/fifo"}));
    assert_eq!(reached(&end), Vec::<Value>::new());
}

#[test]
fn protected_paths_stay_as_they_are() {
    let hub = running();
    let hook = hub.workspace.join(".git/hooks/pre-commit");
    let before = std::fs::read(&hook).unwrap();
    let end = attack("attack_write_protected", json!({"path": "/workspace"}));
    let reached: BTreeSet<String> = reached(&end).iter().map(|a| a["what"].as_str().unwrap().to_owned()).collect();
    // These exist in the workspace, so both walls hold them.
    for what in ["write .git/hooks/pre-commit", "write .git/config", "remove .git/config", "move .git aside"] {
        assert!(!reached.contains(what), "{what} was reached: {reached:?}");
    }
    // These do not exist; a tool must not create them.
    for what in ["write .envrc", "write .mcp.json", "write .github/workflows/evil.yml", "write .vscode/tasks.json"] {
        assert!(!reached.contains(what), "{what} was reached: {reached:?}");
    }
    assert_eq!(std::fs::read(&hook).unwrap(), before);
    assert_eq!(std::fs::read(hub.workspace.join(".git/config")).unwrap(), b"[core]\n");
}

#[test]
fn a_file_that_grows_too_large_is_an_error_of_the_call() {
    let end = attack("attack_fill_directory", json!({"path": "/workspace/open", "max_bytes": 400 << 20}));
    for entry in std::fs::read_dir(running().workspace.join("open")).unwrap() {
        let _ = std::fs::remove_file(entry.unwrap().path());
    }
    let filled = structured(&end);
    assert_eq!(filled["bytes"], 256 << 20, "a small container's file ends at 256 MiB: {filled}");
    assert!(filled["error"].is_string(), "{filled}");
}

#[test]
fn nothing_leaks_from_one_call_to_the_next() {
    let caller = running().caller("developer");
    for round in 0..20 {
        let planted = attack_as(&caller, "attack_plant", &json!({"seed": round}));
        assert!(structured(&planted)["copies"].as_u64().is_some_and(|b| b > 0), "{planted:?}");
        let scanned = structured(&attack_as(&caller, "attack_scan", &json!({"seed": round})));
        assert_eq!((&scanned["found"], &scanned["not_zero"], &scanned["call"]), (&json!(0), &json!(0), &json!(1)));
    }
}

#[test]
fn floods_are_counted_not_kept() {
    let end = attack("attack_flood_log", json!({"n": 1 << 20}));
    let usage = end.usage.expect("figures");
    assert!(usage.log_dropped_bytes > 2 << 20, "{usage:?}");
    attack("attack_flood_progress", json!({"n": 20_000}));
}

/// No character that a terminal or a reader of text obeys is in it.
fn is_clean(text: &str) -> bool {
    !text.chars().any(|c| {
        matches!(c, '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{200b}'..='\u{200f}')
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
    })
}

#[test]
fn text_that_would_hurt_is_shown_and_not_obeyed() {
    let end = attack("attack_escape_text", json!({}));
    let CallOutcome::Answer(answer) = &end.outcome else { panic!("{end:?}") };
    for content in &answer.content {
        let texts = match content {
            protocol::Content::Text(t) => vec![t.clone()],
            protocol::Content::Image(_, mime) | protocol::Content::Audio(_, mime) => vec![mime.clone()],
            protocol::Content::Resource(r) => {
                let protocol::ResourceBody::Text(body) = &r.body else { panic!("{r:?}") };
                vec![r.uri.clone(), r.mime_type.clone().unwrap_or_default(), body.clone()]
            }
        };
        for text in texts {
            assert!(is_clean(&text), "{text:?}");
        }
    }
    let structured: Value = serde_json::from_str(answer.structured.as_deref().unwrap_or("{}")).unwrap();
    for (key, value) in structured.as_object().unwrap() {
        assert!(is_clean(key) && is_clean(value.as_str().unwrap()), "{structured:?}");
    }
}

#[test]
fn forged_frames_on_standard_output_are_text() {
    let end = attack("attack_forge_protocol", json!({}));
    let CallOutcome::Answer(answer) = &end.outcome else { panic!("{end:?}") };
    assert!(text(answer).ends_with("and more"), "the call's own answer arrives: {answer:?}");
}

#[test]
fn results_are_bounded_in_size_number_and_depth() {
    for (tool, n) in [("attack_huge_result", 8 << 20), ("attack_many_blocks", 1_000_000)] {
        let end = attack(tool, json!({ "n": n }));
        let named = limit(&end);
        assert!(["result_bytes", "memory_bytes", "host_call_bytes"].contains(&named), "{tool}: {named}");
    }
    let deep = attack("attack_deep_json", json!({}));
    assert!(!matches!(&deep.outcome, CallOutcome::Answer(a) if !a.is_error), "{deep:?}");
    for kind in ["nonsense", "array", "twice", "trailing"] {
        let end = attack("attack_broken_structured", json!({ "kind": kind }));
        let accepted = matches!(&end.outcome, CallOutcome::Answer(a) if !a.is_error);
        // An array is any JSON value, which MCP allows; of a key that stands twice, one reading is passed on.
        assert!(!accepted || kind == "twice" || kind == "array", "{kind}: {end:?}");
    }
}

#[test]
fn a_description_is_stored_once() {
    let hub = running();
    let caller = hub.caller("developer");
    let describe = || {
        let tools = hub.hub.tools(&caller);
        tools.into_iter().find(|t| t.description.name == "attack_list_changes").expect("listed").description.description
    };
    let before = describe();
    hub.call_as(&caller, "attack_list_changes", "{}");
    assert_eq!(describe(), before);
}

#[test]
fn arguments_are_checked_before_the_guest_sees_them() {
    let hub = running();
    let end = hub.call("developer", "files_read", r#"{"path":7}"#);
    assert!(failure(&end).contains("path"), "{end:?}");
    let deep = format!("{{\"path\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    let end = hub.call("developer", "files_read", &deep);
    assert!(!matches!(&end.outcome, CallOutcome::Answer(a) if !a.is_error), "{end:?}");
    let long = json!({"path": "x".repeat(300 << 10)}).to_string();
    assert_eq!(limit(&hub.call("developer", "files_read", &long)), "arguments_bytes");
}

#[test]
fn admin_and_critical_are_denied_before_anything_runs() {
    let hub = running();
    let caller = hub.caller("admin");
    for (tool, arguments) in [("greet", r#"{"name":"x"}"#), ("time_difference", "{}")] {
        let listed = hub.hub.tools(&caller).into_iter().find(|t| t.description.name == tool).expect("listed");
        assert!(listed.needs_approval);
        let end = hub.call_as(&caller, tool, arguments);
        let CallOutcome::Denied { reason, .. } = &end.outcome else { panic!("{end:?}") };
        assert!(reason.contains("escalation not available"), "{reason}");
        assert!(end.usage.is_none(), "nothing ran");
    }
}

/// A hostile tool that nobody tests would be a promise that nobody keeps.
#[test]
fn every_attack_has_a_test() {
    let source = include_str!("hostile.rs");
    let caller = running().caller("developer");
    for tool in running().hub.tools(&caller) {
        let name = tool.description.name;
        if name.starts_with("attack_") {
            assert!(source.contains(&format!("\"{name}\"")), "{name} has no test");
        }
    }
}
