//! A disk that fills up: nothing new is begun, what runs is recorded to its end, and the operator is told.

use super::super::log::AuditError;
use super::*;
use std::fs;
use std::process::Command;

fn begins() -> Entry {
    Entry::OperatorActed { who: "ada".into(), what: "began something".into() }
}

fn events(dir: &Path) -> Vec<String> {
    let text = text(dir);
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.map(|line| line["event"].as_str().unwrap().to_owned()).filter(|event| event != "head").collect()
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_the_log_goes_on_when_it_is_one_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { head_within: Duration::from_millis(5), ..BY_NUMBER };
    let audit = open_with(dir.path(), settings);
    let full = || fs::File::options().append(true).open("/dev/full").unwrap();
    let log = audit.divert(full());
    assert!(matches!(audit.write(begins()).await, Err(AuditError::Full { .. })));
    assert!(audit.write_durable(entry("end")).await.is_err());
    audit.divert(log);
    while audit.write(begins()).await.is_err() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    audit.close().await;
    assert!(events(dir.path()).iter().any(|event| event == "audit_writable"));
    sound(dir.path());
}

#[tokio::test]
async fn with_too_little_room_nothing_is_begun_and_everything_can_end() {
    let dir = tempfile::tempdir().unwrap();
    let audit = open_with(dir.path(), Settings { least_free_bytes: u64::MAX / 2, ..BY_NUMBER });
    let refused = audit.write(begins()).await.unwrap_err();
    assert!(matches!(&refused, AuditError::Full { .. }), "{refused}");
    let problems = audit.problems();
    assert!(problems[0].starts_with("calls are denied: the disk of the audit log has "), "{problems:?}");
    assert!(problems[0].ends_with("make room on the file system of the data directory"), "{problems:?}");
    audit.write(entry("end")).await.unwrap();
    audit.write_durable(entry("end")).await.unwrap();
    audit.close().await;
    assert_eq!(hubs(dir.path()).len(), 2);
    sound(dir.path());
}

const CHILD: &str = "audit::tests::full::fills_its_own_file_system";
const SMALL: &str = "SAFECLAW_SMALL_DISK";

/// On a file system of 3 MiB: filled to the brim by somebody else, and emptied again.
#[tokio::test]
#[ignore = "the child of the test below, which gives it a file system of its own"]
async fn fills_its_own_file_system() {
    let Some(dir) = std::env::var_os(SMALL).map(std::path::PathBuf::from) else { return };
    let settings = Settings { head_within: Duration::from_millis(20), least_free_bytes: 64 << 10, ..BY_NUMBER };
    let audit = open_with(&dir, settings);
    audit.write(begins()).await.unwrap();
    let hog = dir.join("hog");
    // Faster than anybody looks: the reserve is all that is left.
    let mut filled = fs::File::create(&hog).unwrap();
    while std::io::Write::write_all(&mut filled, &[0; 4096]).is_ok() {}
    // What was begun ends, many times over, and nothing new begins.
    for n in 0..500 {
        audit.write(entry(&n.to_string())).await.unwrap();
    }
    assert!(matches!(audit.write(begins()).await, Err(AuditError::Full { .. })));
    drop(filled);
    fs::remove_file(&hog).unwrap();
    while audit.write(begins()).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    audit.close().await;
    assert_eq!(hubs(&dir).len(), 500);
    let told = events(&dir);
    let of = |what: &str| told.iter().position(|event| event == what).unwrap();
    assert!(of("audit_full") < of("audit_writable"), "{told:?}");
    assert!(dir.join("audit.reserve").metadata().unwrap().len() >= 1 << 20);
    sound(&dir);
}

/// The kernel says that there is no room, not a stand-in for it. Needs a mount namespace, which not every machine
/// gives.
#[test]
fn a_real_file_system_that_is_filled_loses_no_end_of_what_was_begun() {
    use std::io::Write;
    let dir = tempfile::tempdir().unwrap();
    let mount = "mount -t tmpfs -o size=3m none \"$0\" || exit 77; exec \"$@\"";
    let mut own = Command::new("unshare");
    own.args(["--user", "--map-root-user", "--mount", "sh", "-c", mount]).arg(dir.path());
    own.arg(std::env::current_exe().unwrap()).args([CHILD, "--exact", "--ignored", "--test-threads=1"]);
    let Ok(done) = own.env(SMALL, dir.path()).output() else {
        return drop(std::io::stderr().write_all(b"not run: no `unshare` for a small file system\n"));
    };
    let said = String::from_utf8_lossy(&done.stdout);
    if !said.contains("running 1 test") {
        return drop(std::io::stderr().write_all(b"not run: this machine gives no mount namespace\n"));
    }
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
}
