//! Attacks on the check, each on a real directory.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

fn spec(source: &Path, access: Access) -> MountSpec {
    MountSpec { name: MountName::try_from("work").unwrap(), source: source.to_owned(), access }
}

fn check_one(source: &Path, forbidden: &[&Path], protected: &[&str]) -> Result<CheckedMount, MountError> {
    let forbidden = Forbidden::with(forbidden.iter().map(|path| path.to_path_buf()));
    let protected: Vec<_> = protected.iter().map(ToString::to_string).collect();
    check(&[spec(source, Access::Write)], &forbidden, &protected).map(|(mut mounts, _)| mounts.remove(0))
}

#[test]
fn a_mount_may_not_contain_lie_in_or_be_a_forbidden_directory() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("home/data");
    fs::create_dir_all(data.join("artefacts")).unwrap();
    for source in [dir.path().join("home"), data.clone(), data.join("artefacts"), data.join("artefacts/..")] {
        let refused = check_one(&source, &[&data], &[]).unwrap_err();
        assert!(matches!(refused, MountError::Forbidden { .. }), "{}: {refused}", source.display());
    }
    fs::create_dir(dir.path().join("home/database")).unwrap();
    check_one(&dir.path().join("home/database"), &[&data], &[]).unwrap();
}

#[test]
fn a_symbolic_link_to_a_forbidden_directory_is_that_directory() {
    let dir = tempfile::tempdir().unwrap();
    let (data, link) = (dir.path().join("data"), dir.path().join("innocent"));
    fs::create_dir(&data).unwrap();
    symlink(&data, &link).unwrap();
    assert!(matches!(check_one(&link, &[&data], &[]).unwrap_err(), MountError::Forbidden { .. }));
    // And the other way round: the hub was told its data directory by way of a link.
    assert!(matches!(check_one(&data, &[&link], &[]).unwrap_err(), MountError::Forbidden { .. }));
}

#[test]
fn the_machine_itself_is_never_mounted() {
    for source in ["/", "/proc", "/proc/self", "/sys", "/dev", "/run"] {
        let refused = check_one(Path::new(source), &[], &[]).unwrap_err();
        assert!(matches!(refused, MountError::Forbidden { .. }), "{source}: {refused}");
    }
}

#[test]
fn a_directory_that_does_not_exist_yet_is_already_forbidden() {
    let dir = tempfile::tempdir().unwrap();
    let later = dir.path().canonicalize().unwrap().join("later/keys");
    assert!(matches!(check_one(dir.path(), &[&later], &[]).unwrap_err(), MountError::Forbidden { .. }));
}

#[test]
fn a_source_must_be_an_existing_directory() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    assert!(matches!(check_one(&dir.path().join("file"), &[], &[]).unwrap_err(), MountError::NotADirectory { .. }));
    assert!(matches!(check_one(&dir.path().join("none"), &[], &[]).unwrap_err(), MountError::Source { .. }));
}

#[test]
fn existing_protected_paths_are_held_and_their_parents_pinned() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join(".git/hooks")).unwrap();
    fs::write(dir.path().join(".git/config"), "").unwrap();
    fs::create_dir_all(dir.path().join(".github/workflows")).unwrap();
    let mount =
        check_one(dir.path(), &[], &[".git/hooks", ".git/config", ".envrc", ".github", ".github/workflows"]).unwrap();
    assert_eq!(mount.protected, [".git/config", ".git/hooks", ".github"]);
    assert_eq!(mount.pinned, [".git"]);
}

#[test]
fn the_git_file_of_a_worktree_is_held_itself() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(".git"), "gitdir: elsewhere").unwrap();
    let mount = check_one(dir.path(), &[], &[".git/hooks", ".git/config"]).unwrap();
    assert_eq!((mount.protected, mount.pinned), (vec![".git".to_owned()], vec![]));
}

#[test]
fn a_protected_path_that_is_a_symbolic_link_is_refused_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    for link in [".git", ".git/hooks"] {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(link).parent().unwrap()).unwrap();
        symlink(outside.path(), dir.path().join(link)).unwrap();
        let refused = check_one(dir.path(), &[], &[".git/hooks"]).unwrap_err();
        assert!(matches!(&refused, MountError::ProtectedLink { path, .. } if path.ends_with(link)), "{refused}");
    }
}

#[test]
fn a_read_only_mount_needs_nothing_on_top() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join(".git/hooks")).unwrap();
    let (mounts, _) =
        check(&[spec(dir.path(), Access::Read)], &Forbidden::with([]), &[".git/hooks".to_owned()]).unwrap();
    assert!(mounts.iter().all(|mount| mount.protected.is_empty() && mount.pinned.is_empty()));
}

#[test]
fn an_operator_is_told_what_user_1000_cannot_do() {
    let dir = tempfile::tempdir().unwrap();
    let warned = |mode: u32, access: Access| {
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
        let (_, warnings) = check(&[spec(dir.path(), access)], &Forbidden::with([]), &[]).unwrap();
        let about = |wanted: fn(&MountWarning) -> bool| warnings.iter().any(wanted);
        (
            about(|w| matches!(w, MountWarning::NotReadable { .. })),
            about(|w| matches!(w, MountWarning::NotWritable { .. })),
        )
    };
    // Tests may run as user 1000 itself; then the owner's digit counts, which is the same here.
    assert_eq!(warned(0o000, Access::Read), (true, false));
    assert_eq!(warned(0o555, Access::Read), (false, false));
    assert_eq!(warned(0o555, Access::Write), (false, true));
    assert_eq!(warned(0o777, Access::Write), (false, false));
}
