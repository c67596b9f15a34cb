//! The hub is killed at every step of writing, signing and starting. Whatever was answered is there afterwards, the
//! log verifies as it lies, and the next start goes on with it.

use super::super::key_file;
use super::*;
use crate::failpoint::{answered, child, killed, run};
use std::collections::BTreeMap;
use std::fs;

const CHILD: &str = "audit::tests::kills::writes_and_signs";

/// Every step at which a child can be told to die.
const STEPS: [&str; 20] = [
    "append.all_but_the_feed",
    "append.begun",
    "append.half",
    "append.written",
    "head.appended",
    "head.chosen",
    "head.key_advanced",
    "head.log_synced",
    "head.signed",
    "key.created",
    "key.drafted",
    "key.forgotten",
    "key.half",
    "key.synced",
    "key.written",
    "room.filled",
    "room.released",
    "start.begun",
    "start.empty",
    "start.key_ready",
];
/// One more: only a start after a kill has a line to close.
const CLOSED: &str = "start.closed";

/// A hub's life: some records, a full disk in between, a clean stop.
#[test]
#[ignore = "the child of the tests below, which kill it"]
fn writes_and_signs() {
    let Some(dir) = child() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let settings = Settings { head_within: Duration::from_millis(5), ..BY_NUMBER };
        let audit = open_with(dir, settings);
        for n in 0..8 {
            let name = format!("{}-{n}", std::process::id());
            if n % 4 == 3 {
                audit.write_durable(entry(&name)).await.unwrap();
            } else {
                audit.write(entry(&name)).await.unwrap();
            }
            answered(&name);
        }
        let full = fs::File::options().append(true).open("/dev/full").unwrap();
        let log = audit.divert(full);
        audit.write(entry("nowhere")).await.unwrap_err();
        audit.divert(log);
        // There is room after all: the reserve comes back with the next look.
        while dir.join("audit.reserve").metadata().unwrap().len() == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        audit.write(entry("last")).await.unwrap();
        answered("last");
        audit.close().await;
    });
}

/// What must hold of a directory in which a hub was killed.
fn holds(dir: &Path, promised: &[String], at: &str) {
    let lost = |when: &str| {
        let there = hubs(dir);
        let lost: Vec<_> = promised.iter().filter(|name| !there.contains(name)).collect();
        assert!(lost.is_empty(), "killed at {at}, {when}: {lost:?} were answered and are not there");
    };
    if dir.join("audit.jsonl").exists() && !text(dir).is_empty() && text(dir).ends_with('\n') {
        sound(dir);
    }
    lost("as it lies");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let audit = open(dir);
        audit.write(entry("afterwards")).await.unwrap();
        audit.close().await;
    });
    lost("after the next start");
    let report = sound(dir);
    assert!(report.unsigned <= 1 && report.torn_tail_bytes == 0, "killed at {at}: {report:?}");
    assert!(hubs(dir).iter().any(|name| name == "afterwards"), "killed at {at}");
    // One secret, the newest: with an older one, what was signed could be signed again.
    let bytes = fs::read(dir.join("audit.key")).unwrap();
    let slots = bytes.chunks(4096).filter(|slot| slot.iter().any(|byte| *byte != 0)).count();
    assert_eq!((slots, key_file::newest(&bytes).is_some()), (1, true), "killed at {at}");
}

#[test]
fn killed_at_every_step_it_loses_no_answered_record_and_verifies() {
    let whole = tempfile::tempdir().unwrap();
    let passed = run(CHILD, whole.path());
    assert_eq!(passed.keys().map(String::as_str).collect::<Vec<_>>(), STEPS, "the steps of this test");
    sound(whole.path());
    let mut kills: BTreeMap<&str, usize> = BTreeMap::new();
    for (step, times) in &passed {
        for nth in 1..=*times {
            let dir = tempfile::tempdir().unwrap();
            // Two threads take their steps: the last ones may not come again.
            let Some(promised) = killed(CHILD, dir.path(), step, nth) else { continue };
            holds(dir.path(), &promised, &format!("{step}:{nth}"));
            *kills.entry(step).or_default() += 1;
        }
    }
    let (total, steps) = (kills.values().sum::<usize>(), kills.len());
    assert_eq!(steps, STEPS.len(), "{kills:?}");
    assert!(total >= 100, "{kills:?}");
    report("killed once", total, steps);
}

#[test]
fn killed_again_while_it_takes_up_what_a_killed_one_left() {
    let mut total = 0;
    let firsts = [
        ("append.half", 1),
        ("append.half", 3),
        ("append.all_but_the_feed", 4),
        ("append.written", 6),
        ("key.half", 2),
        ("key.written", 2),
        ("key.synced", 1),
        ("head.key_advanced", 2),
        ("start.begun", 1),
    ];
    let seconds = STEPS.iter().filter(|step| !matches!(**step, "key.created" | "key.drafted" | "start.empty"));
    for (first, nth) in firsts {
        for second in seconds.clone().chain([&CLOSED]) {
            let dir = tempfile::tempdir().unwrap();
            let Some(promised) = killed(CHILD, dir.path(), first, nth) else { continue };
            // The same step may be one that a start does not pass.
            let again = killed(CHILD, dir.path(), second, 1);
            total += 1 + usize::from(again.is_some());
            holds(dir.path(), &again.unwrap_or(promised), &format!("{first}:{nth}, then {second}"));
        }
    }
    assert!(total >= 200, "{total}");
    report("killed twice", total, STEPS.len() + 1);
}

/// Past the test harness, which keeps what a passing test prints.
fn report(what: &str, kills: usize, steps: usize) {
    use std::io::Write;
    let line = format!("audit log, {what}: {kills} kills at {steps} steps, 0 answered records lost\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
