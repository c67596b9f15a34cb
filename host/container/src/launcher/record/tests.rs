#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::class::{MountSpec, Program, Size};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

fn classes(source: &str) -> BTreeMap<ClassId, ClassSpec> {
    let mount =
        MountSpec { name: "work".try_into().unwrap(), source: PathBuf::from(source), access: manifest::Access::Read };
    let spec = ClassSpec {
        program: Program::Runner,
        size: Size::Small,
        runtime: manifest::Runtime::Runc,
        mounts: vec![mount],
        artefacts: None,
        frames: None,
    };
    BTreeMap::from([(ClassId("user".to_owned()), spec)])
}

fn digest(of: u8) -> Digest {
    Digest::of(&[of])
}

fn denied(answer: Result<(), LauncherError>) -> bool {
    matches!(answer, Err(LauncherError::NotAdmitted(_)))
}

/// A hub that is started on this manifest.
fn start(record: &Record, manifest: u8, source: &str) -> Result<(), LauncherError> {
    record.permits(&digest(manifest), &classes(source), false)?;
    record.in_force(&digest(manifest), &classes(source))
}

#[test]
fn the_first_manifest_is_believed_and_no_other_without_the_operator() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("data-launcher");
    let record = Record::open(&at).unwrap();
    // Not even the first, once agents can reach the hub.
    assert!(denied(record.permits(&digest(1), &classes("/a"), true)));
    start(&record, 1, "/a").unwrap();
    assert!(denied(start(&record, 2, "/a")));
    // The same manifest with other directories behind its mounts is another.
    assert!(denied(start(&record, 1, "/etc")));
    drop(record);

    let record = Record::open(&at).unwrap();
    start(&record, 1, "/a").unwrap();
    assert!(denied(start(&record, 2, "/a")));
    record.admit(digest(2), classes("/a")).unwrap();
    drop(record);
    start(&Record::open(&at).unwrap(), 2, "/a").unwrap();
}

#[test]
fn what_is_in_force_stays_however_many_are_admitted() {
    let folder = tempfile::tempdir().unwrap();
    let record = Record::open(&folder.path().join("record")).unwrap();
    start(&record, 0, "/a").unwrap();
    for other in 1..6 {
        record.admit(digest(other), classes("/a")).unwrap();
    }
    for (manifest, known) in [(0, true), (1, false), (2, false), (3, false), (4, true), (5, true)] {
        assert_eq!(record.permits(&digest(manifest), &classes("/a"), true).is_ok(), known, "{manifest}");
    }
}

#[test]
fn it_serves_one_hub_and_has_one_launcher() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("record");
    let record = Record::open(&at).unwrap();
    record.hub(&HubId("one".into())).unwrap();
    assert!(matches!(Record::open(&at), Err(LauncherError::Busy(_))));
    drop(record);
    let record = Record::open(&at).unwrap();
    record.hub(&HubId("one".into())).unwrap();
    assert!(matches!(record.hub(&HubId("two".into())), Err(LauncherError::OtherHub { .. })));
}

#[test]
fn what_others_can_write_or_nobody_can_read_is_not_used() {
    let refused = |prepare: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("record");
        start(&Record::open(&at).unwrap(), 1, "/a").unwrap();
        prepare(&at);
        matches!(Record::open(&at), Err(LauncherError::Record { .. }))
    };
    let permit = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    assert!(!refused(&|_| {}));
    assert!(refused(&|at| permit(at, 0o755)));
    assert!(refused(&|at| permit(&at.join(file::NAME), 0o660)));
    assert!(refused(&|at| fs::write(at.join(file::NAME), "{}{").unwrap()));
    assert!(refused(&|at| fs::write(at.join(file::NAME), r#"{"manifests":[],"more":1}"#).unwrap()));
    assert!(refused(&|at| fs::hard_link(at.join(file::NAME), at.join("second")).unwrap()));
    assert!(refused(&|at| {
        fs::rename(at.join(file::NAME), at.join("elsewhere")).unwrap();
        symlink("elsewhere", at.join(file::NAME)).unwrap();
    }));
}
