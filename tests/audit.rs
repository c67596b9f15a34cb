//! The audit log as an operator has it: written by `safeclaw hub` behind both walls, read by `safeclaw audit` with the
//! hub at work, after it was killed, and after somebody was at the file.

use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use tests::handed;
use tests::hubs::{HubProcess, Place, call};

/// `safeclaw audit …`: its exit code, what it said, and its errors.
fn audit(arguments: &[&str]) -> (i32, String, String) {
    let done = Command::new(handed::program("safeclaw")).arg("audit").args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.code().unwrap(), text(&done.stdout), text(&done.stderr))
}

fn verify(data: &Path, more: &[&str]) -> (i32, String) {
    let (code, said, errors) = audit(&[&["verify", "--data", data.to_str().unwrap()], more].concat());
    (code, said + &errors)
}

fn lines(data: &Path) -> Vec<Value> {
    let text = fs::read_to_string(data.join("audit.jsonl")).unwrap();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_can_believe_the_log_and_see_where_not() {
    let place = Place::new().await;
    let heads = place.data().join("heads.copied");
    let copies = format!("file:{}", heads.display());
    let (data, heads) = (place.data(), heads.to_str().unwrap().to_owned());

    // At work, killed, and started again.
    let mut hub = HubProcess::spawn_with(&place, &handed::engine(), 1, |command| {
        command.args(["--audit-heads", &copies]);
    });
    hub.ready().await.unwrap_or_else(|status| panic!("{status}: {}", place.said()));
    let token = place.token();
    for _ in 0..3 {
        call(hub.mcp.unwrap(), &token, "files_stat", json!({"path": "/workspace/README.md"})).await.unwrap();
        let (code, said) = verify(&data, &[]);
        assert_eq!(code, 0, "while the hub is at work: {said}");
    }
    hub.kill().await;
    let (code, said) = verify(&data, &["--expect", &heads]);
    assert_eq!(code, 0, "killed: {said}");
    let mut hub = HubProcess::spawn_with(&place, &handed::engine(), 1, |command| {
        command.args(["--audit-heads", &copies]);
    });
    hub.ready().await.unwrap_or_else(|status| panic!("{status}: {}", place.said()));
    call(hub.mcp.unwrap(), &token, "files_list", json!({"path": "/workspace"})).await.unwrap();
    assert!(hub.stop().await.success(), "{}", place.said());

    // Every head that was copied is in the log, and the last one vouches for all but itself.
    let (code, said) = verify(&data, &["--expect", &heads]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("\nunsigned  1 record after that") && said.ends_with("\nok\n"), "{said}");
    assert!(fs::read_to_string(&heads).unwrap().lines().count() >= 2);

    story(&data);
    let exported = export(&data);
    tampered(&data, &heads, &exported);
}

/// One call, whole.
fn story(data: &Path) {
    let executed = lines(data).into_iter().rfind(|line| line["event"] == "executed").unwrap();
    let id = executed["call"].as_str().unwrap();
    let (code, said, errors) = audit(&["show", id, "--data", data.to_str().unwrap()]);
    assert_eq!(code, 0, "{errors}");
    for part in [
        "who       tester",
        "tool      files_list",
        "tier      user",
        "outcome   answered",
        "arguments hmac-sha256:",
        "(measured by the hub)",
        "(reported by the runner)",
        "runner_started",
        "runner_assigned",
        "runner_ended",
        "session_begun",
        "session_ended",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(said.contains(executed["posture"].as_str().unwrap()), "{said}");
    assert!(said.lines().count() <= 30, "more than a screen: {said}");
    let (_, tail, _) = audit(&["tail", "-n", "2", "--data", data.to_str().unwrap()]);
    let last: Vec<&str> = tail.lines().collect();
    assert_eq!(last.len(), 2, "{tail}");
    assert!(last[1].contains("hub_stopped"), "{tail}");
    let (code, _, errors) = audit(&["show", "no such call", "--data", data.to_str().unwrap()]);
    assert!(code == 1 && errors.contains("there is no call no such call in "), "{errors}");
}

/// The export is the log, and verifies elsewhere with the public key alone.
fn export(data: &Path) -> String {
    let (code, exported, errors) = audit(&["export", "--format", "jsonl", "--data", data.to_str().unwrap()]);
    assert_eq!((code, errors.contains("error")), (0, false), "{errors}");
    let elsewhere = data.join("elsewhere.jsonl");
    fs::write(&elsewhere, &exported).unwrap();
    let (file, key) = (elsewhere.to_str().unwrap(), data.join("audit.pub"));
    let (code, said, errors) = audit(&["verify", file, "--key", key.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}{errors}");
    assert!(said.contains("without the hub's key file nothing shows"), "{said}");
    let last = lines(data).last().unwrap()["time"].as_str().unwrap().to_owned();
    let (_, since, _) = audit(&["export", "--since", &last, "--data", data.to_str().unwrap()]);
    assert!(!since.is_empty() && since.lines().count() < exported.lines().count(), "{since}");
    exported
}

/// What an operator is told of each kind of change.
fn tampered(data: &Path, heads: &str, whole: &str) {
    let log = data.join("audit.jsonl");
    let lines: Vec<&str> = whole.lines().collect();
    let joined = |lines: &[&str]| format!("{}\n", lines.join("\n"));
    let mut removed = lines.clone();
    removed.remove(4);
    let mut swapped = lines.clone();
    swapped.swap(4, 5);
    let cases = [
        ("changed", whole.replacen("\"tool\":\"files_stat\"", "\"tool\":\"files_read\"", 1), "was changed"),
        ("removed", joined(&removed), "which was before it, was removed"),
        ("swapped", joined(&swapped), "it was put there, repeated or moved"),
        ("cut", joined(&lines[..lines.len() - 4]), "it was cut off"),
        ("empty", String::new(), "has no first record"),
    ];
    for (name, text, says) in cases {
        fs::write(&log, text).unwrap();
        let (code, said) = verify(data, &["--expect", heads]);
        assert!(code == 1 && said.contains("TAMPERED  line ") && said.contains(says), "{name}: {code} {said}");
    }
    fs::remove_file(&log).unwrap();
    assert_eq!(verify(data, &[]).0, 2);
    fs::write(&log, whole).unwrap();
    assert_eq!(verify(data, &["--expect", "nonsense"]).0, 2);
    assert_eq!(verify(data, &["--expect", heads]).0, 0);
}
