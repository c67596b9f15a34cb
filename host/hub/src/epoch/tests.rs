//! What a start makes of every state that a crash, a full disk or somebody's hand can leave the file in.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use proptest::prelude::*;
use std::fs;

fn pressed(epoch: u64) -> Decision {
    Decision::AllRevoked { epoch, sessions: false, panic: false, by: "ada".into() }
}

fn resumed(epoch: u64) -> Decision {
    Decision::Resumed { epoch, by: "ada".into() }
}

fn both(epoch: &Epoch) -> (u64, bool) {
    (epoch.now(), epoch.is_panic())
}

#[tokio::test]
async fn what_was_kept_is_there_after_a_restart_and_the_record_that_waits_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let epoch = Epoch::open(dir.path()).unwrap();
    assert_eq!(both(&epoch), (1, false));
    assert_eq!(epoch.raise(false, pressed), 2);
    assert_eq!(epoch.raise(true, pressed), 3);
    // A press without the flag takes no flag away.
    assert_eq!(epoch.raise(false, pressed), 4);
    epoch.keep().await.unwrap();
    let again = Epoch::open(dir.path()).unwrap();
    assert_eq!((both(&again), again.untold().0.len()), ((4, true), 3));
    assert!(again.stopped().unwrap().contains("safeclaw resume"));
    let first = again.untold().0[0].decision;
    again.told(first);
    again.keep().await.unwrap();
    assert_eq!(Epoch::open(dir.path()).unwrap().untold().0.len(), 2);
}

#[tokio::test]
async fn resume_ends_a_stop_and_nothing_else_and_holds_across_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let epoch = Epoch::open(dir.path()).unwrap();
    assert!(matches!(epoch.resume(resumed).await, Err(EpochError::NotStopped)));
    epoch.raise(true, pressed);
    epoch.keep().await.unwrap();
    assert_eq!(epoch.resume(resumed).await.unwrap(), 2);
    assert_eq!((both(&epoch), epoch.stopped()), ((2, false), None));
    assert_eq!(both(&Epoch::open(dir.path()).unwrap()), (2, false));
}

#[tokio::test]
async fn a_disk_that_takes_nothing_changes_nothing_in_memory_and_is_asked_again() {
    let dir = tempfile::tempdir().unwrap();
    let epoch = Epoch::open(dir.path()).unwrap();
    let file = epoch.divert(fs::File::options().write(true).open("/dev/full").unwrap());
    epoch.raise(true, pressed);
    assert!(matches!(epoch.keep().await, Err(EpochError::Write(_))));
    assert_eq!((both(&epoch), epoch.is_dirty()), ((2, true), true));
    // What could not be remembered as stopped is not resumed either.
    assert!(matches!(epoch.resume(resumed).await, Err(EpochError::Write(_))));
    assert!(epoch.is_panic());
    epoch.divert(file);
    epoch.keep().await.unwrap();
    assert_eq!(both(&Epoch::open(dir.path()).unwrap()), (2, true));
}

#[test]
fn a_file_that_is_gone_voids_what_was_issued() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("audit.jsonl"), b"").unwrap();
    let (now, panic) = both(&Epoch::open(dir.path()).unwrap());
    assert!(now > FAR && now < 1 << 53 && !panic, "{now}");
}

#[test]
fn what_lies_in_its_place_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
    assert!(Epoch::open(dir.path()).is_err());
    fs::remove_file(&path).unwrap();
    crate::testing::fifo(&path);
    assert!(Epoch::open(dir.path()).is_err());
    fs::remove_file(&path).unwrap();
    fs::write(&path, b"").unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    assert!(Epoch::open(dir.path()).is_err(), "others may read it");
}

/// Whatever one write could leave: the file as it was before, with some of the bytes of the next one.
#[test]
fn a_write_that_was_cut_short_stops_everything_and_voids_what_was_issued() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    let epoch = Epoch::open(dir.path()).unwrap();
    epoch.raise(false, pressed);
    runtime.block_on(epoch.keep()).unwrap();
    let before = fs::read(&path).unwrap();
    epoch.raise(false, pressed);
    runtime.block_on(epoch.keep()).unwrap();
    let after = fs::read(&path).unwrap();
    assert_eq!(before.len(), after.len(), "no room is needed");
    let changed: Vec<usize> = (0..after.len()).filter(|at| before[*at] != after[*at]).collect();
    for cut in &changed[1..] {
        let mut torn = before.clone();
        torn[..*cut].copy_from_slice(&after[..*cut]);
        fs::write(&path, &torn).unwrap();
        let found = Epoch::open(dir.path()).unwrap();
        assert_eq!(both(&found), (2 + FAR, true), "cut at {cut}");
        assert!(found.stopped().unwrap().contains("cut short"));
        // And it stays so, until somebody resumes.
        assert_eq!(both(&Epoch::open(dir.path()).unwrap()), (2 + FAR, true));
    }
    for nothing in [Vec::new(), vec![0; 8192], vec![7; 9000]] {
        fs::write(&path, &nothing).unwrap();
        let found = Epoch::open(dir.path()).unwrap();
        assert!(found.is_panic() && found.now() > 3 + FAR, "{}", found.now());
        assert!(found.stopped().unwrap().contains("cannot be read"));
        let again = Epoch::open(dir.path()).unwrap();
        assert_eq!(both(&again), both(&found));
    }
}

#[tokio::test]
async fn a_button_that_is_pressed_over_and_over_does_not_outgrow_its_slot() {
    let dir = tempfile::tempdir().unwrap();
    let epoch = Epoch::open(dir.path()).unwrap();
    // As no door lets it through: not even one of them fits.
    let long = "\"".repeat(2000);
    for _ in 0..50 {
        epoch.raise(true, |epoch| Decision::AllRevoked { epoch, sessions: true, panic: true, by: long.clone() });
        epoch.keep().await.unwrap();
    }
    let again = Epoch::open(dir.path()).unwrap();
    let (untold, forgotten) = again.untold();
    assert_eq!((both(&again), untold.len() as u64 + forgotten), ((51, true), 50));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    /// No bit of the file can be turned without its being seen, or being without effect.
    #[test]
    fn no_single_bit_makes_it_older_or_calm(at in 0_usize..8192, bit in 0_u8..8) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let epoch = Epoch::open(dir.path()).unwrap();
        epoch.raise(true, pressed);
        runtime.block_on(epoch.keep()).unwrap();
        let path = dir.path().join(FILE);
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 1 << bit;
        fs::write(&path, &bytes).unwrap();
        let (now, panic) = both(&Epoch::open(dir.path()).unwrap());
        prop_assert!(now >= 2 && panic, "{now} {panic}");
    }
}
