//! The host's part: what lies in a workspace before an attack, and what changes in it meanwhile.

use super::stage::open_up;
use rustix::fs::{CWD, FileType, Mode, RenameFlags, makedev, mknodat, renameat_with};
use serde::Deserialize;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Something that an attacker, or a hostile repository, left in a workspace.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Plant {
    Directory {
        path: String,
    },
    File {
        path: String,
        text: String,
    },
    Link {
        path: String,
        to: String,
    },
    Hardlink {
        path: String,
        to: String,
    },
    Fifo {
        path: String,
    },
    Socket {
        path: String,
    },
    /// `/dev/zero` under another name.
    Device {
        path: String,
    },
    /// A file whose name is no UTF-8.
    Unspeakable {
        directory: String,
    },
}

impl Plant {
    pub(super) fn plant(&self, workspace: &Path) {
        let at = |path: &str| {
            let path = workspace.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            path
        };
        match self {
            Self::Directory { path } => fs::create_dir_all(at(path)).expect("a directory"),
            Self::File { path, text } => fs::write(at(path), text).expect("a file"),
            Self::Link { path, to } => symlink(to, at(path)).expect("a link"),
            Self::Hardlink { path, to } => fs::hard_link(workspace.join(to), at(path)).expect("a second name"),
            Self::Fifo { path } => {
                mknodat(CWD, at(path), FileType::Fifo, Mode::from_raw_mode(0o666), 0).expect("a FIFO");
            }
            // The file stays when its listener is gone.
            Self::Socket { path } => drop(UnixListener::bind(at(path)).expect("a socket")),
            Self::Device { path } => {
                let mode = Mode::from_raw_mode(0o666);
                mknodat(CWD, at(path), FileType::CharacterDevice, mode, makedev(1, 5)).expect("a device");
            }
            Self::Unspeakable { directory } => {
                let name = std::ffi::OsStr::from_bytes(b"\xff\xfe");
                fs::write(at(&format!("{directory}/x")).with_file_name(name), "").expect("a file");
            }
        }
    }
}

/// Opens what a file of rows planted to runners. What other files planted may be changing already.
pub(super) fn opened(workspace: &Path, theme: &str) {
    let planted = workspace.join(theme);
    if planted.is_dir() {
        open_up(&planted);
    }
}

/// What the host does again and again while a call runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Race {
    /// Two names change places, at once.
    Swap(String, String),
    /// A name is somewhere else and then here again.
    Move(String, String),
    /// A file is removed and made again, with this text.
    Remake(String, String),
}

impl Race {
    fn step(&self, workspace: &Path) {
        let at = |path: &str| workspace.join(path);
        match self {
            Self::Swap(a, b) => renameat_with(CWD, at(a), CWD, at(b), RenameFlags::EXCHANGE).expect("they swap"),
            Self::Move(here, there) => {
                fs::rename(at(here), at(there)).expect("it moves");
                fs::rename(at(there), at(here)).expect("it moves back");
            }
            Self::Remake(path, text) => {
                fs::remove_file(at(path)).expect("it goes");
                fs::write(at(path), text).expect("it is there again");
            }
        }
    }

    /// Runs beside `attack` and ends with it.
    pub(super) fn beside<T>(&self, workspace: &Path, attack: impl FnOnce() -> T) -> T {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    self.step(workspace);
                    thread::yield_now();
                }
            });
            let end = std::panic::catch_unwind(std::panic::AssertUnwindSafe(attack));
            over.store(true, Ordering::Relaxed);
            end.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}
