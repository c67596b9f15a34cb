//! The posture as the engine reports it, and as a program inside finds it.

use super::fixture::*;
use container::{ClassSpec, LauncherError, MountError, Size};
use manifest::Access;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

fn open_to_all(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_reports_the_posture_that_was_rendered() {
    let Some(socket) = socket() else { return };
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join(".git/hooks")).unwrap();
    let mounts = vec![mount("work", dir.path(), Access::Write), mount("docs", dir.path(), Access::Read)];
    let with_artefacts = ClassSpec { artefacts: Some(dir.path().to_owned()), ..class(Size::Large, mounts) };
    let classes = [
        ("user", class(Size::Small, Vec::new())),
        ("write-large", with_artefacts),
        ("build", class(Size::Build, Vec::new())),
    ];
    let launcher = launcher(&socket, &random(), &classes).await;
    for (name, _) in &classes {
        let container = create(&launcher, name).await;
        assert_eq!(launcher.differences(&container).await.unwrap(), Vec::<String>::new(), "{name}, created");
        let mut attached = launcher.attach(&container).await.unwrap();
        assert_eq!(launcher.differences(&container).await.unwrap(), Vec::<String>::new(), "{name}, running");
        // It runs at all: also with no file allowed to grow, as the compiler has it.
        assert_eq!(ask(&mut attached, "there").await, "there", "{name}");
        launcher.kill(&container).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn protected_paths_hold_against_writing_removing_and_moving_away() {
    let Some(socket) = socket() else { return };
    let dir = tempfile::tempdir().unwrap();
    for made in ["work/.git/hooks", "work/.git/objects", "docs"] {
        fs::create_dir_all(dir.path().join(made)).unwrap();
    }
    fs::write(dir.path().join("work/.git/config"), "").unwrap();
    for open in ["work", "work/.git", "work/.git/hooks", "work/.git/objects", "work/.git/config", "docs"] {
        open_to_all(&dir.path().join(open));
    }
    let mounts = vec![
        mount("work", &dir.path().join("work"), Access::Write),
        mount("docs", &dir.path().join("docs"), Access::Read),
    ];
    let launcher = launcher(&socket, &random(), &[("write", class(Size::Small, mounts))]).await;
    let (name, mut attached) = start(&launcher, "write").await;
    let (read_only, busy) = ("errno 30", "errno 16");
    for (request, answer) in [
        ("!write /mnt/work/file", "done"),
        ("!write /mnt/work/.git/objects/file", "done"),
        ("!write /mnt/work/.git/hooks/pre-commit", read_only),
        ("!write /mnt/work/.git/config", read_only),
        ("!rename /mnt/work/.git /mnt/work/moved", busy),
        ("!rename /mnt/work/.git/hooks /mnt/work/.git/moved", busy),
        ("!rename /mnt/work/.git/hooks /mnt/work/moved", "errno 18"),
        ("!rename /mnt/work/file /mnt/work/.git/config", "errno 18"),
        ("!remove /mnt/work/.git/hooks", busy),
        ("!write /mnt/docs/file", read_only),
        ("!write /runner", read_only),
        ("!write /file", read_only),
        ("!write /tmp/file", "done"),
        ("!write /run/file", "done"),
        ("!read /dev/shm/x", "errno 2"),
    ] {
        assert_eq!(ask(&mut attached, request).await, answer, "{request}");
    }
    launcher.kill(&name).await.unwrap();
    assert!(!dir.path().join("work/.git/hooks/pre-commit").exists());
    assert_eq!(fs::read_to_string(dir.path().join("work/file")).unwrap(), "written from inside");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_is_checked_again_for_each_container() {
    let Some(socket) = socket() else { return };
    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    let launcher =
        launcher(&socket, &random(), &[("write", class(Size::Small, vec![mount("work", dir.path(), Access::Write)]))])
            .await;
    // A hook folder that appeared since is held.
    fs::create_dir_all(dir.path().join(".git/hooks")).unwrap();
    open_to_all(&dir.path().join(".git/hooks"));
    let (name, mut attached) = start(&launcher, "write").await;
    assert_eq!(ask(&mut attached, "!write /mnt/work/.git/hooks/x").await, "errno 30");
    launcher.kill(&name).await.unwrap();
    // A link that was put there leads nowhere.
    symlink("/etc", dir.path().join(".envrc")).unwrap();
    let refused = launcher.create(super::fixture::of("write")).await.unwrap_err();
    assert!(matches!(refused, LauncherError::Mount(MountError::ProtectedLink { .. })), "{refused}");
    assert_eq!(launcher.list().await.unwrap(), []);
}
