//! Every path that decides something: in a manifest, on top of a mount, and from a guest.
//!
//! The attack: a path that looks as if it stayed where it is granted and leads elsewhere.

use super::engine;
use super::ground::GROUND;
use container::{Forbidden, MountSpec, mounts};
use manifest::{Access, MountName, SourceFile};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Component, Path, PathBuf};
use std::sync::LazyLock;

/// A path that is taken stays where it is granted.
pub fn check(bytes: &[u8]) -> bool {
    let Ok(path) = std::str::from_utf8(bytes) else { return false };
    let opened = from_a_guest(path);
    // These read text and ask the kernel many times: for some of the inputs each.
    if bytes.len().is_multiple_of(8) {
        on_top_of_a_mount(path);
    }
    (bytes.len() % 4 == 1 && in_a_manifest(path)) || opened
}

/// A manifest's paths are compared and joined as text: plain components and nothing else.
fn in_a_manifest(path: &str) -> bool {
    let quoted = serde_json::to_string(path).expect("a string");
    let manifest = |directory: &str, mount: &str| {
        let text = MANIFEST.replace("DIRECTORY", directory).replace("MOUNT", mount);
        manifest::read(&[SourceFile { name: "m.toml".to_owned(), text }]).ok().map(|read| read.manifest)
    };
    let mut taken = false;
    if let Some(manifest) = manifest(&quoted, "\"/work\"") {
        let grants: Vec<&str> =
            manifest.tools.values().flat_map(|tool| &tool.grants.fs).map(|grant| grant.path.as_str()).collect();
        assert_eq!(grants, [path], "a path is taken as it is written or not at all");
        assert!(path == "." || plain(path), "{path:?} is no plain path");
        taken = true;
    }
    if let Some(manifest) = manifest("\".\"", &quoted) {
        assert!(manifest.mounts.values().all(|mount| mount.path == path));
        assert!(path.strip_prefix('/').is_some_and(plain), "{path:?} is no plain path");
        for forbidden in ["/proc", "/sys", "/dev"] {
            assert!(!Path::new(path).starts_with(forbidden), "{path:?} lies in {forbidden}");
        }
        taken = true;
    }
    taken
}

fn plain(path: &str) -> bool {
    !path.contains('\0')
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
        && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

/// What would be mounted on top of a writable mount lies in it, and is no link.
fn on_top_of_a_mount(path: &str) {
    let source = GROUND.join("granted");
    let mount = MountSpec { name: MountName::try_from("work").expect("a name"), source, access: Access::Write };
    let Ok((checked, _)) = mounts::check(&[mount], &NOWHERE, &[path.to_owned()]) else { return };
    for mount in checked {
        for held in mount.protected.iter().chain(&mount.pinned) {
            assert!(plain(held), "{held:?} would be mounted for {path:?}");
            let place = mount.source.join(held);
            assert_eq!(place.canonicalize().ok().as_ref(), Some(&place), "{held:?} goes through a link");
        }
    }
}

static NOWHERE: LazyLock<Forbidden> = LazyLock::new(|| Forbidden::with([]));
static GRANTED: LazyLock<File> = LazyLock::new(|| File::open(GROUND.join("granted")).expect("the granted directory"));

/// Whatever the kernel opens for a guest lies in what it was granted.
fn from_a_guest(path: &str) -> bool {
    let mut opened = false;
    for follow in [true, false] {
        if let Ok(file) = engine::open(&GRANTED, path, follow) {
            within(&file, path);
            opened = true;
        }
    }
    if let Ok((directory, name)) = engine::parent(&GRANTED, path) {
        within(&directory, path);
        assert!(!name.contains('/') && name != "..", "{path:?} changes {name:?}");
    }
    // Names differ only in case on some file systems of hosts.
    let names = path.split('/').any(|part| PROTECTED.iter().any(|name| name.eq_ignore_ascii_case(part)));
    assert!(!names || engine::is_protected(path), "{path:?} is not protected");
    opened
}

/// The first components of the paths that ship as protected.
static PROTECTED: LazyLock<Vec<String>> = LazyLock::new(|| {
    let first = |path: String| path.split('/').next().expect("a component").to_owned();
    manifest::protected_paths().into_iter().map(|protected| first(protected.path)).collect()
});

fn within(file: impl AsFd, path: &str) {
    let link = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    let place: PathBuf = std::fs::read_link(link).expect("the kernel knows where it is");
    assert!(place.starts_with(GROUND.join("granted")), "{path:?} leads to {}", place.display());
}

const MANIFEST: &str = r#"
name = "m"
[mounts.work]
path = MOUNT
reason = "r"
[components.c]
[tiers.user]
concurrent_calls = 1
calls_per_hour = 1
idle = "15min"
[tiers.user.ceiling]
fs = [{ mount = "work", access = "read" }]
limits = { memory = "1MiB", cpu = "1s", deadline = "2s", arguments = "1KiB", result = "1KiB", log = "1KiB", handles = 16 }
[tools.t]
component = "c"
tier = "user"
reason = "r"
fs = [{ mount = "work", path = DIRECTORY, access = "read" }]
"#;
