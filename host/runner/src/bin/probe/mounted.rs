//! A writable directory of the host, with protected paths in it, in the hands of whoever broke through wall 1:
//! he makes system calls, and no list of names stands in his way. What exists is held by the kernel.

use crate::files::{make_directory, remove};
use crate::{Attempt, exec, mapping, system_call, verdict};
use rustix::fs::{AtFlags, CWD};
use std::ffi::{CStr, CString};
use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::time::SystemTime;

/// Where the test mounts it.
const AT: &str = "/mnt/work/";
/// `RENAME_EXCHANGE`.
const EXCHANGE: usize = 2;

pub(crate) const ATTEMPTS: &[Attempt] = &[
    ("write a document", |lock| write("document.txt", lock)),
    ("write .git/hooks/pre-commit", |lock| write(".git/hooks/pre-commit", lock)),
    ("write .git/config", |lock| write(".git/config", lock)),
    ("write .git/info/attributes", |lock| write(".git/info/attributes", lock)),
    ("write .envrc", |lock| write(".envrc", lock)),
    ("write .mcp.json", |lock| write(".mcp.json", lock)),
    ("write .github/workflows/ci.yml", |lock| write(".github/workflows/ci.yml", lock)),
    ("write .vscode/tasks.json", |lock| write(".vscode/tasks.json", lock)),
    ("write .idea/workspace.xml", |lock| write(".idea/workspace.xml", lock)),
    ("write through `..`", |lock| write(".git/../.git/hooks/../config", lock)),
    ("truncate .git/config", |lock| {
        at(".git/config", lock, |path| OpenOptions::new().write(true).truncate(true).open(path))
    }),
    ("append to .envrc", |lock| at(".envrc", lock, |path| OpenOptions::new().append(true).open(path))),
    ("write a descriptor opened before", |lock| {
        let file = OpenOptions::new().read(true).write(true).open(path(".git/config"));
        lock();
        verdict(file.and_then(|mut file| file.write_all(b"x")))
    }),
    ("reopen for writing by /proc/self/fd", |lock| {
        let file = File::open(path(".git/config"));
        lock();
        verdict(
            file.and_then(|file| OpenOptions::new().write(true).open(format!("/proc/self/fd/{}", file.as_raw_fd()))),
        )
    }),
    ("map .git/config shared and writable", |lock| {
        let file = File::open(path(".git/config"));
        lock();
        verdict(file.and_then(|file| {
            let (protection, shared) = ((libc::PROT_READ | libc::PROT_WRITE) as usize, libc::MAP_SHARED as usize);
            system_call(libc::SYS_mmap, [0, 4096, protection, shared, file.as_raw_fd() as usize, 0])
        }))
    }),
    ("make a hook", |lock| write(".git/hooks/post-checkout", lock)),
    ("make a workflow", |lock| write(".github/workflows/evil.yml", lock)),
    ("make an unnamed file among the hooks", |lock| {
        at(".git/hooks", lock, |path| OpenOptions::new().write(true).custom_flags(libc::O_TMPFILE).open(path))
    }),
    ("mkdir in .vscode", |lock| at(".vscode/extra", lock, |path| make_directory(&path))),
    ("remove .git/hooks/pre-commit", |lock| at(".git/hooks/pre-commit", lock, |path| remove(&path))),
    ("remove .envrc", |lock| at(".envrc", lock, |path| remove(&path))),
    ("remove .git/config", |lock| at(".git/config", lock, |path| remove(&path))),
    ("rmdir .git/hooks", |lock| at(".git/hooks", lock, remove_directory)),
    ("rmdir .git", |lock| at(".git", lock, remove_directory)),
    ("move .git aside", |lock| rename(".git", ".git-old", 0, lock)),
    ("move .git/hooks aside", |lock| rename(".git/hooks", ".git/hooks-old", 0, lock)),
    ("move .git/hooks out", |lock| rename(".git/hooks", "hooks", 0, lock)),
    ("move .envrc aside", |lock| rename(".envrc", "envrc-old", 0, lock)),
    ("move .github aside", |lock| rename(".github", "github-old", 0, lock)),
    ("move a hook out", |lock| rename(".git/hooks/pre-commit", "pre-commit", 0, lock)),
    ("move a file over .envrc", |lock| rename("document.txt", ".envrc", 0, lock)),
    ("move a file over .git/config", |lock| rename("document.txt", ".git/config", 0, lock)),
    ("move a directory over .git/hooks", |lock| rename("folder", ".git/hooks", 0, lock)),
    ("move a file among the hooks", |lock| rename("document.txt", ".git/hooks/post-merge", 0, lock)),
    ("exchange .git and a directory", |lock| rename(".git", "folder", EXCHANGE, lock)),
    ("exchange .envrc and a file", |lock| rename(".envrc", "document.txt", EXCHANGE, lock)),
    ("exchange .git/hooks and a directory", |lock| rename(".git/hooks", "folder", EXCHANGE, lock)),
    ("link .git/config to another name", |lock| {
        at(".git/config", lock, |from| fs::hard_link(from, path("second-name")))
    }),
    ("link a file into the hooks", |lock| {
        at("document.txt", lock, |from| fs::hard_link(from, path(".git/hooks/post-merge")))
    }),
    ("link over .envrc", |lock| at("document.txt", lock, |from| fs::hard_link(from, path(".envrc")))),
    ("symlink among the hooks", |lock| at(".git/hooks/post-merge", lock, |to| planted("/tmp/x", to))),
    ("symlink in the workspace", |lock| at("planted", lock, |to| planted("/etc/passwd", to))),
    ("bind over .git/hooks", |lock| {
        let [from, to] = [c"/mnt/work/folder", c"/mnt/work/.git/hooks"].map(CStr::as_ptr);
        lock();
        verdict(system_call(libc::SYS_mount, [from as usize, to as usize, 0, libc::MS_BIND as usize, 0, 0]))
    }),
    ("unmount .git/hooks", |lock| {
        lock();
        let detach = libc::MNT_DETACH as usize;
        verdict(system_call(libc::SYS_umount2, [c"/mnt/work/.git/hooks".as_ptr() as usize, detach, 0, 0, 0, 0]))
    }),
    ("chmod a hook", |lock| {
        lock();
        let path = c"/mnt/work/.git/hooks/pre-commit".as_ptr() as usize;
        verdict(system_call(libc::SYS_chmod, [path, 0o777, 0, 0, 0, 0]))
    }),
    ("set the times of a hook", |lock| {
        let file = File::open(path(".git/hooks/pre-commit"));
        lock();
        verdict(file.and_then(|file| file.set_times(FileTimes::new().set_modified(SystemTime::UNIX_EPOCH))))
    }),
    ("make .GIT/hooks", |lock| {
        let made = at(".GIT", lock, |path| make_directory(&path));
        let _ = remove_directory(path(".GIT"));
        made
    }),
    ("make an object of git", |lock| made(".git/objects/probe", lock)),
    ("make .gitlab-ci.yml", |lock| made(".gitlab-ci.yml", lock)),
    ("make sub/.envrc", |lock| made("folder/.envrc", lock)),
    ("make a device in the workspace", |lock| node(0o020_666, lock)),
    ("make a FIFO in the workspace", |lock| node(0o010_666, lock)),
    ("make a socket in the workspace", |lock| node(0o140_666, lock)),
    ("make a setuid file in the workspace", |lock| {
        let made = at("setuid", lock, |path| OpenOptions::new().write(true).create(true).mode(0o4755).open(path));
        let _ = remove(&path("setuid"));
        made
    }),
    ("exec from the workspace", |lock| exec::copied("/mnt/work", lock)),
    ("mmap file of the workspace executable", |lock| {
        mapping::of_file("/mnt/work/probe-map", libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE, lock)
    }),
    ("leave the workspace by `..`", |lock| at("../../../../etc/shadow", lock, File::open)),
    ("leave the workspace by a planted link", |lock| at("link-to-passwd", lock, File::open)),
];

fn remove_directory(path: String) -> io::Result<()> {
    Ok(rustix::fs::unlinkat(CWD, path, AtFlags::REMOVEDIR)?)
}

fn planted(target: &str, at: String) -> io::Result<()> {
    Ok(rustix::fs::symlinkat(target, CWD, at)?)
}

fn path(below: &str) -> String {
    format!("{AT}{below}")
}

fn at<T>(below: &str, lock: &dyn Fn(), attempt: impl FnOnce(String) -> io::Result<T>) -> String {
    lock();
    verdict(attempt(path(below)))
}

/// Opens for writing, and makes what is not there. Writes nothing: what gives way stays as it was.
fn write(below: &str, lock: &dyn Fn()) -> String {
    at(below, lock, |path| OpenOptions::new().append(true).create(true).open(path))
}

/// The same, and removes what was made.
fn made(below: &str, lock: &dyn Fn()) -> String {
    let said = write(below, lock);
    let _ = remove(&path(below));
    said
}

/// One that succeeds is taken back, so that the next attempt finds what this one found.
fn rename(from: &str, to: &str, flags: usize, lock: &dyn Fn()) -> String {
    let [Ok(from), Ok(to)] = [from, to].map(|below| CString::new(path(below))) else { return "bad path".to_owned() };
    let here = libc::AT_FDCWD as usize;
    let call = |from: &CStr, to: &CStr| {
        // The profile has no call that exchanges; this is a refusal before the file system is asked.
        let number = if flags == 0 { libc::SYS_renameat } else { libc::SYS_renameat2 };
        system_call(number, [here, from.as_ptr() as usize, here, to.as_ptr() as usize, flags, 0])
    };
    lock();
    let said = verdict(call(&from, &to));
    if said == "allowed" {
        let _ = call(&to, &from);
    }
    said
}

fn node(mode: usize, lock: &dyn Fn()) -> String {
    lock();
    let path = c"/mnt/work/probe-node".as_ptr() as usize;
    verdict(system_call(libc::SYS_mknod, [path, mode, 0x0101, 0, 0, 0]))
}
