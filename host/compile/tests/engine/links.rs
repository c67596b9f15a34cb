//! Symbolic links that stood in a workspace before: read through, never written through. And what changes
//! names: it acts on the last component of a path, which no link led to.

use crate::files::{CODE, NO_ENTRY, NOT_PERMITTED, OPEN, granted, tree};
use crate::harness::*;
use manifest::Access;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Changes what the path in its arguments names. The first character says how: `m`kdir, `d` removes a
/// directory, `u`nlinks, `t`ouches (`T` follows links), mo`v`es to the path behind `|`, links `s`ymbolically
/// from there, `o`pens a directory and makes the file behind `|` in it. Answers `eNN` or `fine`.
const CHANGE: Guest = Guest {
    imports: "(import \"wasi:filesystem/preopens@0.2.6\" \"get-directories\" (func $dirs (param i32)))
      (import \"wasi:filesystem/types@0.2.6\" \"[method]descriptor.open-at\" (func $open (param i32 i32 i32 i32 i32 i32 i32)))
      (import \"wasi:filesystem/types@0.2.6\" \"[method]descriptor.create-directory-at\" (func $mkdir (param i32 i32 i32 i32)))
      (import \"wasi:filesystem/types@0.2.6\" \"[method]descriptor.remove-directory-at\" (func $rmdir (param i32 i32 i32 i32)))
      (import \"wasi:filesystem/types@0.2.6\" \"[method]descriptor.unlink-file-at\" (func $unlink (param i32 i32 i32 i32)))
      (import \"wasi:filesystem/types@0.2.6\" \"[method]descriptor.symlink-at\" (func $symlink (param i32 i32 i32 i32 i32 i32)))
      (import \"wasi:filesystem/types@0.2.6\" \"[method]descriptor.rename-at\" (func $rename (param i32 i32 i32 i32 i32 i32 i32)))
      (import \"wasi:filesystem/types@0.2.6\" \"[method]descriptor.set-times-at\" (func $touch (param i32 i32 i32 i32 i32 i64 i32 i32 i64 i32 i32)))",
    items: CODE,
    call: "
      (local $how i32) (local $at i32) (local $fd i32) (local $to i32) (local $to-len i32)
      (call $dirs (i32.const 256))
      (local.set $fd (i32.load (i32.load (i32.const 256))))
      (local.set $how (i32.load8_u (local.get $args)))
      (local.set $at (i32.add (local.get $args) (i32.const 1)))
      (local.set $j (i32.sub (local.get $args-len) (i32.const 1)))
      (block $found
        (loop $more
          (br_if $found (i32.ge_u (local.get $i) (local.get $j)))
          (br_if $found (i32.eq (i32.const 124) (i32.load8_u (i32.add (local.get $at) (local.get $i)))))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br $more)))
      (local.set $to (i32.add (i32.add (local.get $at) (local.get $i)) (i32.const 1)))
      (if (i32.lt_u (local.get $i) (local.get $j))
        (then (local.set $to-len (i32.sub (i32.sub (local.get $j) (local.get $i)) (i32.const 1)))))
      (if (i32.eq (local.get $how) (i32.const 109))
        (then (call $mkdir (local.get $fd) (local.get $at) (local.get $i) (i32.const 272))))
      (if (i32.eq (local.get $how) (i32.const 100))
        (then (call $rmdir (local.get $fd) (local.get $at) (local.get $i) (i32.const 272))))
      (if (i32.eq (local.get $how) (i32.const 117))
        (then (call $unlink (local.get $fd) (local.get $at) (local.get $i) (i32.const 272))))
      (if (i32.eq (i32.or (local.get $how) (i32.const 32)) (i32.const 116))
        (then (call $touch (local.get $fd) (i32.eq (local.get $how) (i32.const 84)) (local.get $at) (local.get $i)
          (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 2) (i64.const 1000) (i32.const 0) (i32.const 272))))
      (if (i32.eq (local.get $how) (i32.const 118))
        (then (call $rename (local.get $fd) (local.get $at) (local.get $i)
          (local.get $fd) (local.get $to) (local.get $to-len) (i32.const 272))))
      (if (i32.eq (local.get $how) (i32.const 115))
        (then (call $symlink (local.get $fd) (local.get $to) (local.get $to-len)
          (local.get $at) (local.get $i) (i32.const 272))))
      (if (i32.eq (local.get $how) (i32.const 111))
        (then
          (call $open (local.get $fd) (i32.const 1) (local.get $at) (local.get $i) (i32.const 2) (i32.const 1) (i32.const 272))
          (if (i32.load8_u (i32.const 272)) (then (return (call $code (i32.load8_u (i32.const 276))))))
          (call $open (i32.load (i32.const 276)) (i32.const 1) (local.get $to) (local.get $to-len) (i32.const 1) (i32.const 2) (i32.const 272))
          (if (i32.load8_u (i32.const 272)) (then (return (call $code (i32.load8_u (i32.const 276))))))))
      (if (i32.load8_u (i32.const 272)) (then (return (call $code (i32.load8_u (i32.const 273))))))
      (call $say (i32.const 1024) (i32.const 4))",
    world: &["wasi:filesystem/preopens@0.2.6", "wasi:filesystem/types@0.2.6"],
};

const EXIST: &str = "e07";
const NOT_DIRECTORY: &str = "e24";
const NOT_EMPTY: &str = "e25";

/// [`tree`], with links that a hostile repository would bring.
fn linked_tree() -> tempfile::TempDir {
    let root = tree();
    let work = root.path().join("work");
    fs::create_dir_all(work.join("sub/.git/hooks")).unwrap();
    fs::write(work.join("sub/.git/hooks/sample"), "sample").unwrap();
    fs::create_dir(work.join("dir/empty")).unwrap();
    symlink(".envrc", work.join("notes.md")).unwrap();
    symlink("file", work.join("alias")).unwrap();
    symlink("dir", work.join("indir")).unwrap();
    symlink("sub/.git/hooks", work.join("scripts")).unwrap();
    root
}

/// Every path below a directory with its kind, content, link target and time of change.
fn listing(dir: &Path) -> std::collections::BTreeMap<std::path::PathBuf, String> {
    let mut all = std::collections::BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        let what = if meta.is_symlink() {
            fs::read_link(&path).unwrap().display().to_string()
        } else if meta.is_dir() {
            all.extend(listing(&path));
            "directory".to_owned()
        } else {
            fs::read_to_string(&path).unwrap()
        };
        all.insert(path, format!("{what} {:?}", meta.modified().unwrap()));
    }
    all
}

#[test]
fn through_a_link_that_stays_inside_is_read_and_nothing_is_written() {
    let root = linked_tree();
    let work = root.path().join("work");
    let before = listing(&work);
    let open = prepare(&OPEN, granted(&work, Access::Write));
    for (path, content) in
        [("alias", "content"), ("indir/inner", "inner"), ("scripts/sample", "sample"), ("notes.md", NO_ENTRY)]
    {
        assert_eq!(text(&call(&open, &format!("r{path}"))), content, "{path}");
    }
    for path in ["notes.md", "alias", "indir/inner", "indir/new", "scripts/sample", "scripts/new", "indir/../new"] {
        for how in ["w", "c"] {
            assert_eq!(text(&call(&open, &format!("{how}{path}"))), NOT_PERMITTED, "{how} {path}");
        }
    }
    let change = prepare(&CHANGE, granted(&work, Access::Write));
    for what in [
        "mindir/new",
        "mscripts/new",
        "dindir/empty",
        "uindir/inner",
        "uscripts/sample",
        "vindir/inner|stolen",
        "vfile|indir/new",
        "vfile|scripts/pre-commit",
        "tindir/inner",
        "Tindir/inner",
        "Talias",
        "oindir|new",
        "oindir|inner",
        "oscripts|pre-commit",
        "oindir/empty|new",
        // And without a link, what `paths` and `protected` refuse.
        "m.git",
        "vfile|.envrc",
        "usub/.git/hooks/sample",
        "tsub/.git/hooks/sample",
        "Tsub/.git/hooks/sample",
        "osub/.git/hooks|new",
        "mdir/../../new",
        "m/tmp/new",
        "tdir/..",
        "T../outside",
        "v../outside|mine",
        "vfile|../gone",
        "smore|file",
    ] {
        assert_eq!(text(&call(&change, what)), NOT_PERMITTED, "{what}");
    }
    assert_eq!(listing(&work), before);
    assert_eq!(fs::read_to_string(root.path().join("outside")).unwrap(), "secret");
}

#[test]
fn changes_act_on_the_name_itself() {
    let root = linked_tree();
    let work = root.path().join("work");
    let change = prepare(&CHANGE, granted(&work, Access::Write));
    let modified = |path: &str| fs::symlink_metadata(work.join(path)).unwrap().modified().unwrap();
    let touched = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000);
    for what in ["mdir/made/", "ddir/empty", "vfile|dir/moved", "tdir/inner", "odir|new", "T./dir/moved"] {
        assert_eq!(text(&call(&change, what)), "fine", "{what}");
    }
    assert!(work.join("dir/made").is_dir() && work.join("dir/new").is_file() && !work.join("dir/empty").exists());
    assert_eq!(fs::read_to_string(work.join("dir/moved")).unwrap(), "content");
    assert_eq!([modified("dir/inner"), modified("dir/moved")], [touched; 2]);
    // A link is removed, replaced, touched and moved as what it is.
    for what in ["tnotes.md", "uscripts", "vindir|sub/indir", "vdir/new|alias"] {
        assert_eq!(text(&call(&change, what)), "fine", "{what}");
    }
    assert_eq!(modified("notes.md"), touched);
    assert!(!work.join(".envrc").exists() && work.join("dir/inner").exists());
    assert!(work.join("sub/.git/hooks/sample").exists());
    assert!(fs::symlink_metadata(work.join("sub/indir")).unwrap().is_symlink());
    assert!(fs::symlink_metadata(work.join("alias")).unwrap().is_file());
    for (what, code) in [("udir/inner/", NOT_DIRECTORY), ("uabsent", NO_ENTRY), ("mdir", EXIST), ("ddir", NOT_EMPTY)] {
        assert_eq!(text(&call(&change, what)), code, "{what}");
    }
    let read_only = prepare(&CHANGE, granted(&work, Access::Read));
    let before = listing(&work);
    for what in ["mnew", "ddir/made", "udir/inner", "vdir/inner|x", "tdir/inner", "Tdir/inner", "odir|x"] {
        assert_eq!(text(&call(&read_only, what)), NOT_PERMITTED, "{what}");
    }
    assert_eq!(listing(&work), before);
}
