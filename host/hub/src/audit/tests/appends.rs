//! What a log holds after it was written to.

use super::super::record::{Decided, Decision, Entry};
use super::super::shared::AuditError;
use super::super::verify::{Expected, What, directory};
use super::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

#[tokio::test]
async fn records_are_whole_lines_in_the_order_they_were_written() {
    let dir = tempfile::tempdir().unwrap();
    let audit = open(dir.path());
    for n in 0..10 {
        audit.write(entry(&n.to_string())).await.unwrap();
        assert_eq!(hubs(dir.path()).len(), n + 1);
    }
    audit.write_durable(entry("10")).await.unwrap();
    assert_eq!(hubs(dir.path()), (0..11).map(|n| n.to_string()).collect::<Vec<_>>());
    let first: serde_json::Value = serde_json::from_str(text(dir.path()).lines().next().unwrap()).unwrap();
    assert_eq!((first["seq"].as_u64(), first["event"].as_str()), (Some(0), Some("log_begun")));
    assert_eq!(first["prev"], "0".repeat(64));
    assert_eq!(first["key"], fs::read_to_string(dir.path().join("audit.pub")).unwrap().trim());
}

#[tokio::test]
async fn many_at_once_are_all_there_and_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    let audit = open(dir.path());
    let writers: Vec<_> = (0..200)
        .map(|n| {
            let audit = audit.clone();
            tokio::spawn(async move {
                let entry = entry(&n.to_string());
                if n % 10 == 0 { audit.write_durable(entry).await } else { audit.write(entry).await }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    audit.close().await;
    assert_eq!(hubs(dir.path()).len(), 200);
    let report = sound(dir.path());
    // The head that vouches for all of them is what nothing vouches for yet.
    assert_eq!((report.unsigned, report.torn), (1, 0));
    assert_eq!(report.vouched.unwrap().seq + 1, report.records - 1);
}

#[tokio::test]
async fn a_start_goes_on_where_the_last_one_stopped_and_the_files_are_the_hubs_alone() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..5 {
        let audit = open(dir.path());
        audit.write(entry(&n.to_string())).await.unwrap();
        audit.close().await;
    }
    assert_eq!(hubs(dir.path()).len(), 5);
    assert_eq!(sound(dir.path()).vouched.map(|vouched| vouched.step >= 4), Some(true));
    for (file, mode) in [("audit.jsonl", 0o600), ("audit.key", 0o600), ("arguments.key", 0o600), ("audit.pub", 0o644)] {
        assert_eq!(dir.path().join(file).metadata().unwrap().permissions().mode() & 0o777, mode, "{file}");
    }
}

#[tokio::test]
async fn a_torn_line_swallows_nothing_and_is_told_from_one_that_was_changed() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("audit.jsonl");
    open(dir.path()).close().await;
    for (torn, count) in [("{\"event\":\"requ", 1), ("\0\0\0\0", 2)] {
        let whole = text(dir.path());
        fs::write(&log, format!("{whole}{torn}")).unwrap();
        assert_eq!(sound(dir.path()).torn_tail_bytes, torn.len() as u64);
        let audit = open(dir.path());
        audit.write(entry("after")).await.unwrap();
        audit.close().await;
        assert_eq!(sound(dir.path()).torn, count);
        let now = text(dir.path());
        assert!(now.starts_with(&format!("{whole}{torn}\n{{\"seq\":")), "{now}");
        // The same bytes in the middle of what was signed are no torn line.
        fs::write(&log, now.replacen(torn, "{\"event\":\"other", 1)).unwrap();
        let report = directory(dir.path(), BTreeSet::new()).unwrap();
        assert!(report.faults.iter().any(|fault| fault.what == What::NoRecord), "{:?}", report.faults);
        fs::write(&log, now).unwrap();
    }
}

#[tokio::test]
async fn a_log_that_was_cut_changed_or_robbed_of_its_key_is_not_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let (log, key) = (dir.path().join("audit.jsonl"), dir.path().join("audit.key"));
    let audit = open(dir.path());
    // The head of the first line comes before the next one: a start looks at the last line that a head vouches for,
    // and `verify` at all of them.
    audit.close().await;
    audit.write(entry("one")).await.unwrap();
    audit.close().await;
    drop(audit);
    let (whole, secret) = (text(dir.path()), fs::read(&key).unwrap());
    let refused = |what: &str| {
        let before = fs::read_to_string(dir.path().join("audit.jsonl")).unwrap_or_default();
        let opened = Audit::open(Place::in_directory(dir.path()), "test", None);
        let said = opened.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said.contains(what) && said.contains("elsewhere"), "{what}: {said}\n{whole}---\n{before}");
    };
    let lines: Vec<&str> = whole.lines().collect();
    fs::write(&log, format!("{}\n", lines[0])).unwrap();
    refused("was cut back or changed");
    fs::write(&log, whole.replace("\"hub\":\"one\"", "\"hub\":\"two\"")).unwrap();
    refused("was cut back or changed");
    fs::remove_file(&log).unwrap();
    refused("was cut back or changed");
    fs::write(&log, format!("{whole}{}\n", lines[0])).unwrap();
    refused("does not continue it");
    fs::write(&log, &whole).unwrap();
    fs::remove_file(&key).unwrap();
    refused("audit.key is missing");
    fs::write(&key, vec![0; 8192]).unwrap();
    refused("no secret");
    fs::write(&key, secret).unwrap();
    open(dir.path()).close().await;
    sound(dir.path());
}

#[tokio::test]
async fn what_somebody_kept_elsewhere_shows_a_log_that_was_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let audit = open(dir.path());
    audit.write(entry("one")).await.unwrap();
    audit.close().await;
    let vouched = sound(dir.path()).vouched.unwrap();
    let kept = Expected { seq: vouched.seq, hash: vouched.hash };
    assert_eq!(directory(dir.path(), [kept].into()).unwrap().faults, []);
    let what = |expected: Expected| {
        let report = directory(dir.path(), [kept, expected].into()).unwrap();
        report.faults.into_iter().map(|fault| fault.what).collect::<Vec<_>>()
    };
    let other = Expected { hash: super::super::hex::Hex([1; 32]), ..kept };
    assert_eq!(what(other), [What::NotAsExpected { seq: kept.seq }]);
    let later = Expected { seq: 1000, ..kept };
    assert_eq!(what(later), [What::CutOff { seq: 1000 }]);
}

#[tokio::test]
async fn a_record_that_is_too_long_is_refused_and_harms_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let audit = open(dir.path());
    let long = audit.write(entry(&"x".repeat(64 << 10))).await;
    assert!(matches!(&long, Err(AuditError::Write(why)) if why.contains("longer")), "{long:?}");
    audit.write(entry("short")).await.unwrap();
    audit.close().await;
    assert_eq!(hubs(dir.path()), ["short"]);
    sound(dir.path());
}

/// Every kind of record is a line that can be read again, and says what it is.
#[tokio::test]
async fn what_others_write_down_is_told_by_its_event() {
    let dir = tempfile::tempdir().unwrap();
    let audit = open(dir.path());
    let ana = || manifest::ApproverName::try_from("ana").unwrap();
    let (digest, by) = (manifest::Digest::of(b"manifest"), || "ada".to_owned());
    let decided = |what| Entry::Decided(Decided { decision: uuid::Uuid::new_v4(), what });
    let entries = [
        decided(Decision::ManifestApplied {
            version: 2,
            digest: digest.clone(),
            commit: None,
            widened: true,
            by: by(),
            approver: Some((ana(), "SHA256:x".into())),
        }),
        decided(Decision::ManifestRolledBack { version: 3, of: 1, digest, by: by(), approver: None }),
        Entry::ManifestRefused { reason: "its signature".into() },
        decided(Decision::TokenMade { jti: "j".into(), principal: by(), profile: "reader".into(), expires: None }),
        decided(Decision::TokenRevoked { jti: "j".into(), principal: by() }),
        decided(Decision::AllRevoked { epoch: 2, sessions: true, panic: true, by: by() }),
        decided(Decision::Resumed { epoch: 2, by: by() }),
        decided(Decision::ApproverAdded {
            approver: ana(),
            key: "SHA256:x".into(),
            principals: Default::default(),
            passphrase: true,
            by: None,
            by_key: None,
        }),
        decided(Decision::ApproverRevoked {
            approver: ana(),
            key: "SHA256:x".into(),
            by: ana(),
            by_key: "SHA256:x".into(),
        }),
        decided(Decision::ApproversReset { forgotten: 1, by: by() }),
        Entry::OperatorActed { who: by(), what: "ended a session".into() },
        Entry::Refused { door: "operator", reason: "a bad signature".into(), unwritten: 2 },
    ];
    for entry in entries {
        audit.write_durable(entry).await.unwrap();
    }
    audit.close().await;
    let text = text(dir.path());
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let events: Vec<String> = lines.map(|line| line["event"].as_str().unwrap().to_owned()).collect();
    for event in [
        "manifest_applied",
        "manifest_rolled_back",
        "manifest_refused",
        "token_made",
        "token_revoked",
        "all_revoked",
        "resumed",
        "approver_added",
        "approver_revoked",
        "approvers_reset",
        "operator_acted",
        "refused",
    ] {
        assert!(events.iter().any(|found| found == event), "{event}: {events:?}");
    }
    assert!(dir.path().join("audit.reserve").metadata().unwrap().blocks() > 0);
}
