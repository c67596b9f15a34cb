#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::*;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("safeclaw-beneath-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `granted` with files, directories and every kind of link; `secret` beside it.
fn tree() -> (Folder, File) {
    let base = Folder::new();
    let granted = base.0.join("granted");
    fs::create_dir_all(granted.join("a/b/c")).unwrap();
    fs::write(base.0.join("secret"), "secret").unwrap();
    fs::write(granted.join("file"), "file").unwrap();
    fs::write(granted.join("a/deep"), "deep").unwrap();
    for (target, link) in [
        ("file", "to-file"),
        ("a", "to-a"),
        ("a/", "to-a-slash"),
        ("to-a/b/../deep", "through"),
        ("../secret", "out"),
        ("a/../../secret", "out-deep"),
        ("/etc/passwd", "absolute"),
        ("/", "root"),
        ("absent", "dangling"),
        ("circle-2", "circle-1"),
        ("circle-1", "circle-2"),
        (".", "self"),
        ("..", "up"),
        ("../a/deep", "a/back"),
        ("../../secret", "a/out"),
        ("/proc/self/root/etc/passwd", "magic"),
    ] {
        symlink(target, granted.join(link)).unwrap();
    }
    let mut next = "file".to_owned();
    for number in 0..45 {
        let link = format!("chain-{number}");
        symlink(&next, granted.join(&link)).unwrap();
        next = link;
    }
    let dir = File::open(&granted).unwrap();
    (base, dir)
}

const PATHS: [&str; 62] = [
    "",
    ".",
    "./",
    "..",
    "../",
    "/",
    "//",
    "/etc/passwd",
    "file",
    "file/",
    "file/.",
    "file/..",
    "file/x",
    "./file",
    ".//file",
    "a",
    "a/",
    "a/.",
    "a/..",
    "a/../file",
    "a/../..",
    "a/../../secret",
    "a/b/c/../../../../secret",
    "a/b/../deep",
    "a//b///c",
    "a/b/c/../../../file",
    "absent",
    "absent/",
    "absent/x",
    "absent/..",
    "to-file",
    "to-file/",
    "to-file/x",
    "to-a",
    "to-a/",
    "to-a/deep",
    "to-a/../file",
    "to-a-slash",
    "to-a-slash/deep",
    "through",
    "out",
    "out/",
    "out-deep",
    "absolute",
    "root",
    "root/etc/passwd",
    "dangling",
    "dangling/",
    "dangling/x",
    "circle-1",
    "self",
    "self/self/file",
    "up",
    "up/secret",
    "a/back",
    "a/out",
    "magic",
    "chain-30",
    "chain-39",
    "chain-40",
    "chain-44",
    "to-a/b/c/../../../..",
];

fn flags() -> Vec<OFlags> {
    let (read, write) = (OFlags::RDONLY | OFlags::NONBLOCK, OFlags::RDWR | OFlags::NONBLOCK);
    vec![
        read,
        read | OFlags::NOFOLLOW,
        read | OFlags::DIRECTORY,
        read | OFlags::DIRECTORY | OFlags::NOFOLLOW,
        OFlags::PATH,
        OFlags::PATH | OFlags::NOFOLLOW,
        OFlags::PATH | OFlags::DIRECTORY,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW,
        write,
        write | OFlags::NOFOLLOW,
        write | OFlags::TRUNC,
        write | OFlags::CREATE,
        write | OFlags::CREATE | OFlags::NOFOLLOW,
        write | OFlags::CREATE | OFlags::EXCL,
    ]
}

type Way = fn(BorrowedFd<'_>, &str, OFlags, Mode, Links) -> Result<OwnedFd, Errno>;

/// What was opened, by what it is called beneath the tree, or the error.
fn opened(way: Way, tree: &(Folder, File), path: &str, flags: OFlags, links: Links) -> String {
    let (base, dir) = tree;
    let mode = if flags.contains(OFlags::CREATE) { Mode::from_raw_mode(0o600) } else { Mode::empty() };
    match way(dir.as_fd(), path, flags | OFlags::CLOEXEC, mode, links) {
        Err(error) => error.to_string(),
        Ok(fd) => {
            let link = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&fd));
            let whole = fs::read_link(link).unwrap();
            whole.strip_prefix(&base.0).map_or_else(|_| whole.display().to_string(), |p| p.display().to_string())
        }
    }
}

/// The kernel says `AGAIN` when anything anywhere was renamed while it looked for `..`.
fn patiently(dir: BorrowedFd<'_>, path: &str, flags: OFlags, mode: Mode, links: Links) -> Result<OwnedFd, Errno> {
    loop {
        match at_once(dir, path, flags, mode, links) {
            Err(Errno::AGAIN) => std::thread::yield_now(),
            answer => return answer,
        }
    }
}

/// One of these tests renames without a pause, which keeps the kernel from answering the other one.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn both_ways_open_the_same_and_refuse_alike() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (_base, dir) = tree();
    let kernel = at_once(dir.as_fd(), ".", OFlags::RDONLY, Mode::empty(), Links::Follow);
    if kernel.as_ref().err() == Some(&Errno::NOSYS) {
        println!("not run: this kernel has no openat2 to compare with");
        return;
    }
    let mut compared = 0;
    // What may have made a file leaves its tree to nobody else.
    let trees = || (tree(), tree());
    let (mut theirs, mut mine) = trees();
    for flags in flags() {
        for path in PATHS {
            for links in [Links::Follow, Links::Refuse] {
                let kernel = opened(patiently, &theirs, path, flags, links);
                let ours = opened(step_by_step, &mine, path, flags, links);
                assert_eq!(kernel, ours, "{path:?} {flags:?} {links:?}");
                if flags.contains(OFlags::CREATE) && kernel.contains("granted") {
                    (theirs, mine) = trees();
                }
                assert!(!ours.contains("secret") && !ours.contains("passwd"), "{path:?} {flags:?}: {ours}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 62 * 14 * 2);
}

/// A directory is swapped for a link that leads out, all the time, while a file below it is opened.
#[test]
fn a_directory_that_is_swapped_for_a_link_leads_nowhere() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (base, dir) = tree();
    let granted = base.0.join("granted");
    fs::create_dir(base.0.join("outside")).unwrap();
    fs::write(base.0.join("outside/deep"), "secret").unwrap();
    symlink("../outside", granted.join("trap")).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let swap = || {
            while !stop.load(Ordering::Relaxed) {
                exchange(&granted.join("a"), &granted.join("trap"));
            }
        };
        scope.spawn(swap);
        let (mut real, mut refused) = (0, 0);
        for round in 0..5_000 {
            let links = if round % 2 == 0 { Links::Follow } else { Links::Refuse };
            match step_by_step(dir.as_fd(), "a/deep", OFlags::RDONLY, Mode::empty(), links) {
                Err(Errno::XDEV | Errno::LOOP | Errno::NOENT) => refused += 1,
                Err(error) => panic!("{error:?}"),
                Ok(fd) => {
                    let mut text = String::new();
                    File::from(fd).read_to_string(&mut text).unwrap();
                    assert_eq!(text, "deep", "it led out of the directory");
                    real += 1;
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert_eq!(real + refused, 5_000);
    });
}

fn exchange(one: &Path, other: &Path) {
    let flags = rustix::fs::RenameFlags::EXCHANGE;
    rustix::fs::renameat_with(rustix::fs::CWD, one, rustix::fs::CWD, other, flags).unwrap();
}
