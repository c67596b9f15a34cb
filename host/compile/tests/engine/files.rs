//! Granted directories: what is in them can be used as granted, nothing else can be reached, and
//! nothing that waits can be opened.

use crate::harness::*;
use engine::{Grant, LimitKind};
use manifest::Access;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// `$code` answers a number as `eNN`.
pub(crate) const CODE: &str = "(data (i32.const 1040) \"none\")
    (func $code (param $n i32) (result i32)
      (i32.store8 (i32.const 128) (i32.const 101))
      (i32.store8 (i32.const 129) (i32.add (i32.const 48) (i32.div_u (local.get $n) (i32.const 10))))
      (i32.store8 (i32.const 130) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
      (call $say (i32.const 128) (i32.const 3)))";

/// Opens the path in its arguments below the first granted directory. The first character of the
/// arguments says how: `r`ead, `w`rite, `c`reate and truncate; `n` reads without following links.
/// Answers `eNN`, the error code, or the first bytes.
pub(crate) const OPEN: Guest = Guest {
    imports: "(import \"wasi:filesystem/preopens@0.2.6\" \"get-directories\" (func $dirs (param i32)))
      (import \"wasi:filesystem/types@0.2.6\" \"[method]descriptor.open-at\" (func $open (param i32 i32 i32 i32 i32 i32 i32)))
      (import \"wasi:filesystem/types@0.2.6\" \"[method]descriptor.read-via-stream\" (func $stream (param i32 i64 i32)))
      (import \"wasi:filesystem/types@0.2.6\" \"[method]descriptor.append-via-stream\" (func $append (param i32 i32)))
      (import \"wasi:io/streams@0.2.6\" \"[method]input-stream.blocking-read\" (func $read (param i32 i64 i32)))
      (import \"wasi:io/streams@0.2.6\" \"[method]output-stream.blocking-write-and-flush\" (func $write (param i32 i32 i32 i32)))",
    items: CODE,
    call: "
      (local $how i32)
      (call $dirs (i32.const 256))
      (if (i32.eqz (i32.load (i32.const 260))) (then (return (call $say (i32.const 1040) (i32.const 4)))))
      (local.set $how (i32.load8_u (local.get $args)))
      (call $open (i32.load (i32.load (i32.const 256)))
        (i32.ne (local.get $how) (i32.const 110))
        (i32.add (local.get $args) (i32.const 1)) (i32.sub (local.get $args-len) (i32.const 1))
        (select (i32.const 9) (i32.const 0) (i32.eq (local.get $how) (i32.const 99)))
        (select (i32.const 2) (i32.const 1) (i32.or (i32.eq (local.get $how) (i32.const 99)) (i32.eq (local.get $how) (i32.const 119))))
        (i32.const 272))
      (if (i32.load8_u (i32.const 272)) (then (return (call $code (i32.load8_u (i32.const 276))))))
      (local.set $i (i32.load (i32.const 276)))
      (if (i32.or (i32.eq (local.get $how) (i32.const 99)) (i32.eq (local.get $how) (i32.const 119)))
        (then
          (call $append (local.get $i) (i32.const 288))
          (if (i32.load8_u (i32.const 288)) (then (return (call $code (i32.load8_u (i32.const 292))))))
          (call $write (i32.load (i32.const 292)) (i32.const 1024) (i32.const 4) (i32.const 304))
          (return (call $say (i32.const 1024) (i32.const 4)))))
      (call $stream (local.get $i) (i64.const 0) (i32.const 288))
      (if (i32.load8_u (i32.const 288)) (then (return (call $code (i32.load8_u (i32.const 292))))))
      (call $read (i32.load (i32.const 292)) (i64.const 100) (i32.const 304))
      (if (i32.load8_u (i32.const 304)) (then (return (call $say (i32.const 0) (i32.const 0)))))
      (call $say (i32.load (i32.const 308)) (i32.load (i32.const 312)))",
    world: &["wasi:filesystem/preopens@0.2.6", "wasi:filesystem/types@0.2.6"],
};

const IS_DIRECTORY: &str = "e14";
pub(crate) const NO_ENTRY: &str = "e20";
const LOOP: &str = "e15";
pub(crate) const NOT_PERMITTED: &str = "e31";

pub(crate) fn granted(path: &Path, access: Access) -> Grant {
    let mut grant = grant();
    grant.dirs.push(granted_dir(path, "/work", access));
    grant
}

/// `outside` and `work`, with `work/file`, `work/dir/inner`.
pub(crate) fn tree() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("work/dir")).unwrap();
    fs::write(root.path().join("outside"), "secret").unwrap();
    fs::write(root.path().join("work/file"), "content").unwrap();
    fs::write(root.path().join("work/dir/inner"), "inner").unwrap();
    root
}

#[test]
fn without_a_granted_directory_there_is_none() {
    assert_eq!(text(&call(&prepare(&OPEN, grant()), "rfile")), "none");
}

#[test]
fn files_are_read_where_they_are_granted() {
    let root = tree();
    let prepared = prepare(&OPEN, granted(&root.path().join("work"), Access::Read));
    assert_eq!(text(&call(&prepared, "rfile")), "content");
    assert_eq!(text(&call(&prepared, "rdir/inner")), "inner");
    assert_eq!(text(&call(&prepared, "rdir/../file")), "content");
    assert_eq!(text(&call(&prepared, "rmissing")), NO_ENTRY);
    assert_eq!(text(&call(&prepared, "rdir")), IS_DIRECTORY);
    assert_eq!(text(&call(&prepared, "r")), NO_ENTRY);
}

#[test]
fn no_path_leads_out() {
    let root = tree();
    let work = root.path().join("work");
    symlink("../outside", work.join("relative")).unwrap();
    symlink(root.path().join("outside"), work.join("absolute")).unwrap();
    symlink("..", work.join("up")).unwrap();
    symlink("/proc/self/environ", work.join("proc")).unwrap();
    symlink("/proc/self/root", work.join("root")).unwrap();
    symlink("file", work.join("inside")).unwrap();
    symlink("self", work.join("self")).unwrap();
    let prepared = prepare(&OPEN, granted(&work, Access::Write));
    for path in [
        "../outside",
        "dir/../../outside",
        "./../outside",
        "relative",
        "absolute",
        "up/outside",
        "proc",
        "root/etc/hostname",
        "/etc/hostname",
        "/proc/self/environ",
        "dir/../..",
        "..",
    ] {
        for how in ["r", "w", "c"] {
            assert_eq!(text(&call(&prepared, &format!("{how}{path}"))), NOT_PERMITTED, "{how} {path}");
        }
    }
    // A slash at the end asks for what a link points to; some resolvers followed it out.
    for path in ["rproc/", "wproc/", "rabsolute/", "nabsolute/", "nup/outside"] {
        assert_eq!(text(&call(&prepared, path)), NOT_PERMITTED, "{path}");
    }
    assert_eq!(fs::read_to_string(root.path().join("outside")).unwrap(), "secret");
    assert_eq!(text(&call(&prepared, "rinside")), "content", "a link that stays inside is a link");
    assert_eq!(text(&call(&prepared, "ninside")), LOOP);
    assert_eq!(text(&call(&prepared, "rself")), LOOP);
}

#[test]
fn a_read_only_directory_is_not_written() {
    let root = tree();
    let work = root.path().join("work");
    let prepared = prepare(&OPEN, granted(&work, Access::Read));
    for path in ["wfile", "cfile", "cnew", "wdir/inner"] {
        assert_eq!(text(&call(&prepared, path)), NOT_PERMITTED, "{path}");
    }
    assert_eq!(fs::read_to_string(work.join("file")).unwrap(), "content");
    assert!(!work.join("new").exists());
}

#[test]
fn a_writable_directory_is_written() {
    let root = tree();
    let work = root.path().join("work");
    let prepared = prepare(&OPEN, granted(&work, Access::Write));
    assert_eq!(text(&call(&prepared, "wfile")), "fine");
    assert_eq!(fs::read_to_string(work.join("file")).unwrap(), "contentfine");
    assert_eq!(text(&call(&prepared, "cfile")), "fine");
    assert_eq!(fs::read_to_string(work.join("file")).unwrap(), "fine");
    assert_eq!(text(&call(&prepared, "cdir/new")), "fine");
    assert_eq!(fs::read_to_string(work.join("dir/new")).unwrap(), "fine");
}

/// Opens `file` as often as its arguments are long. They start with `k` to keep the descriptors, `c` to
/// close them, `s` to close them with a stream on each that stays.
const HOARD: Guest = Guest {
    imports: "(import \"wasi:filesystem/preopens@0.2.6\" \"get-directories\" (func $dirs (param i32)))
      (import \"wasi:filesystem/types@0.2.6\" \"[method]descriptor.open-at\" (func $open (param i32 i32 i32 i32 i32 i32 i32)))
      (import \"wasi:filesystem/types@0.2.6\" \"[method]descriptor.read-via-stream\" (func $stream (param i32 i64 i32)))
      (import \"wasi:filesystem/types@0.2.6\" \"[resource-drop]descriptor\" (func $close (param i32)))",
    items: "(data (i32.const 1040) \"file\")",
    call: "
      (call $dirs (i32.const 256))
      (local.set $j (i32.load (i32.load (i32.const 256))))
      (loop $more
        (call $open (local.get $j) (i32.const 0) (i32.const 1040) (i32.const 4) (i32.const 0) (i32.const 1) (i32.const 272))
        (if (i32.load8_u (i32.const 272)) (then unreachable))
        (if (i32.eq (i32.load8_u (local.get $args)) (i32.const 115))
          (then (call $stream (i32.load (i32.const 276)) (i64.const 0) (i32.const 288))))
        (if (i32.ne (i32.load8_u (local.get $args)) (i32.const 107))
          (then (call $close (i32.load (i32.const 276)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $more (i32.lt_u (local.get $i) (local.get $args-len))))
      (call $say (i32.const 1024) (i32.const 4))",
    world: &["wasi:filesystem/preopens@0.2.6", "wasi:filesystem/types@0.2.6"],
};

#[test]
fn a_call_with_many_handles_cannot_take_all_files() {
    let root = tree();
    let mut grant = granted(&root.path().join("work"), Access::Read);
    grant.limits.handles = 5_000;
    let prepared = prepare(&HOARD, grant);
    let times = |how: &str, count: usize| how.repeat(count);
    for how in ["k", "s"] {
        assert_eq!(text(&call(&prepared, &times(how, 200))), "fine", "{how}");
        assert_limit(&call(&prepared, &times(how, 201)), LimitKind::Handles, 200);
    }
    assert_eq!(text(&call(&prepared, &times("c", 1_000))), "fine", "what is closed does not count");
}

#[test]
fn a_fifo_a_socket_and_a_device_are_denied_without_waiting() {
    let root = tree();
    let work = root.path().join("work");
    make_fifo(&work.join("fifo"));
    symlink("fifo", work.join("link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(work.join("socket")).unwrap();
    let prepared = prepare(&OPEN, granted(&work, Access::Write));
    for how in ["r", "w", "c"] {
        for name in ["fifo", "link", "socket"] {
            assert_eq!(text(&call(&prepared, &format!("{how}{name}"))), NOT_PERMITTED, "{how} {name}");
        }
    }
    let devices = prepare(&OPEN, granted(Path::new("/dev"), Access::Read));
    assert_eq!(text(&call(&devices, "rzero")), NOT_PERMITTED);
}

#[test]
fn a_directory_that_is_replaced_after_it_was_granted_stays_the_one_that_was() {
    let root = tree();
    let work = root.path().join("work");
    let prepared = prepare(&OPEN, granted(&work, Access::Read));
    fs::rename(&work, root.path().join("moved")).unwrap();
    symlink("/", &work).unwrap();
    assert_eq!(text(&call(&prepared, "rfile")), "content");
    assert_eq!(text(&call(&prepared, "retc/hostname")), NO_ENTRY);
}
