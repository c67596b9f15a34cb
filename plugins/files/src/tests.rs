//! Each test has a granted directory of its own and, beside it, a secret that no tool may reach by name.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::place::GRANTED;
use crate::{files_delete, files_edit, files_list, files_move, files_read, files_search, files_stat, files_write};
use safeclaw_sdk::serde_json::{Value, from_str, json};
use safeclaw_sdk::{Content, Tool, call};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

struct Place {
    _outer: tempfile::TempDir,
    root: PathBuf,
}

fn place() -> Place {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("workspace");
    fs::create_dir(&root).unwrap();
    fs::write(outer.path().join("secret"), "secret").unwrap();
    GRANTED.set(vec![root.clone()]);
    Place { _outer: outer, root }
}

fn ok<T: Tool>(arguments: Value) -> Value {
    let answer = call::<T>(&arguments.to_string());
    assert!(!answer.is_error, "{:?}", answer.content);
    assert!(answer.structured.as_ref().unwrap().len() < 500 << 10, "fits twice in a result");
    from_str(&answer.structured.unwrap()).unwrap()
}

/// The call fails, and says so with all of these words.
fn fails<T: Tool>(arguments: Value, words: &[&str]) {
    let answer = call::<T>(&arguments.to_string());
    assert!(answer.is_error, "{:?}", answer.content);
    let [Content::Text(text)] = answer.content.as_slice() else { panic!("one text") };
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text:?}");
    }
}

#[test]
fn paths_that_leave_are_refused_with_the_way_back() {
    let place = place();
    symlink("/etc", place.root.join("link")).unwrap();
    fails::<files_read>(json!({"path": "/etc/passwd"}), &["/etc/passwd is not granted", "workspace"]);
    fails::<files_read>(json!({"path": "../secret"}), &["`..` is not accepted"]);
    fails::<files_read>(json!({"path": "a/../../secret"}), &["`..` is not accepted"]);
    fails::<files_read>(json!({"path": place.root.with_file_name("workspace2")}), &["is not granted"]);
    fails::<files_read>(json!({"path": "a\0b"}), &["NUL"]);
    fails::<files_read>(json!({"path": "x".repeat(5000)}), &["4096"]);
    fails::<files_delete>(json!({"path": ".", "recursive": true}), &["granted directory itself"]);
    fails::<files_move>(json!({"from": place.root, "to": "b"}), &["granted directory itself"]);
    fails::<files_read>(json!({"path": "a", "pth": 1}), &["unknown field `pth`"]);
    let listing = ok::<files_list>(json!({"path": ".", "depth": 16}));
    assert_eq!(listing["entries"].as_array().unwrap().len(), 1, "a symlink is not entered");
    assert_eq!(ok::<files_stat>(json!({"path": "link"}))["kind"], "symlink");
    let found = ok::<files_search>(json!({"path": ".", "pattern": "root"}));
    assert_eq!(found["matches"], json!([]));
    fails::<files_write>(json!({"path": "link", "content": "", "mode": "overwrite"}), &["is a symlink"]);
    GRANTED.set(vec![]);
    fails::<files_list>(json!({"path": "."}), &["no directory is granted"]);
    GRANTED.set(vec!["/one".into(), "/two".into()]);
    fails::<files_list>(json!({"path": "."}), &["relative", "/one, /two"]);
}

#[test]
fn reading_ends_at_characters_and_continues_there() {
    let place = place();
    let text = "aä€😀\n".repeat(5000);
    fs::write(place.root.join("text"), &text).unwrap();
    let (mut offset, mut read) = (0, String::new());
    for _ in 0..100_000 {
        let part = ok::<files_read>(json!({"path": "text", "offset": offset, "max_bytes": 1001}));
        assert_eq!(part["offset"], json!(offset));
        read.push_str(part["content"].as_str().unwrap());
        let Some(next) = part["next_offset"].as_u64() else {
            break;
        };
        offset = next;
    }
    assert!(read == text);
    assert_eq!(ok::<files_read>(json!({"path": "text", "offset": 2}))["offset"], 3, "inside ä");
}

#[test]
fn reading_by_lines() {
    let place = place();
    fs::write(place.root.join("lines"), "one\ntwo\r\nthree").unwrap();
    fs::write(place.root.join("empty"), "").unwrap();
    let part = ok::<files_read>(json!({"path": "lines", "first_line": 2, "lines": 1}));
    assert_eq!((&part["content"], &part["next_line"]), (&json!("two\r\n"), &json!(3)));
    let last = ok::<files_read>(json!({"path": "lines", "first_line": 3, "lines": 9}));
    assert_eq!((&last["content"], &last["next_offset"]), (&json!("three"), &Value::Null));
    assert_eq!(ok::<files_read>(json!({"path": "empty"}))["content"], "");
    assert_eq!(ok::<files_read>(json!({"path": "empty", "lines": 3}))["content"], "");
    fails::<files_read>(json!({"path": "lines", "first_line": 5}), &["has only 3 lines"]);
    fails::<files_read>(json!({"path": "lines", "first_line": 0}), &["counted from 1"]);
    fails::<files_read>(json!({"path": "lines", "offset": 99}), &["only 14 bytes"]);
    fails::<files_read>(json!({"path": "lines", "offset": 1, "lines": 1}), &["not both"]);
    fails::<files_read>(json!({"path": "lines", "lines": 1, "encoding": "base64"}), &["base64"]);
}

#[test]
fn reading_what_is_no_text() {
    let place = place();
    fs::write(place.root.join("png"), b"\x89PNG\r\n\x1a\n\0").unwrap();
    fs::write(place.root.join("cut"), b"abc\xe2\x82").unwrap();
    fs::write(place.root.join("nul"), b"a\0b").unwrap();
    fs::write(place.root.join("bells"), vec![7; 128 << 10]).unwrap();
    fs::create_dir(place.root.join("dir")).unwrap();
    make_fifo(&place.root.join("fifo"));
    fails::<files_read>(json!({"path": "png"}), &["not text", "base64"]);
    fails::<files_read>(json!({"path": "cut"}), &["not text"]);
    fails::<files_read>(json!({"path": "nul"}), &["looks binary"]);
    fails::<files_read>(json!({"path": "dir"}), &["is a directory", "files_list"]);
    fails::<files_read>(json!({"path": "fifo"}), &["neither a file nor a directory"]);
    fails::<files_read>(json!({"path": "none"}), &["does not exist"]);
    assert_eq!(ok::<files_read>(json!({"path": "png", "encoding": "base64"}))["content"], "iVBORw0KGgoA");
    let bells = ok::<files_read>(json!({"path": "bells", "max_bytes": 1 << 20}));
    assert_eq!(bells["next_offset"], 64 << 10, "control characters grow, so fewer fit");
}

fn make_fifo(path: &std::path::Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn searching_is_bounded_and_continues() {
    let place = place();
    fs::create_dir(place.root.join("a")).unwrap();
    for name in ["a/1.txt", "a/2.txt", "a.txt", "z.rs"] {
        fs::write(place.root.join(name), "nothing\nNeedle one\nneedle two\n").unwrap();
    }
    fs::write(place.root.join("binary"), b"needle\0").unwrap();
    fs::write(place.root.join("long"), format!("{}needle{}", "ä".repeat(9999), "ö".repeat(9999))).unwrap();
    fs::write(place.root.join("huge"), vec![b'x'; (4 << 20) + 1]).unwrap();
    let all = ok::<files_search>(json!({"path": ".", "pattern": "needle", "ignore_case": true}));
    assert_eq!(all["matches"].as_array().unwrap().len(), 9);
    assert_eq!((&all["binary_skipped"], &all["truncated"]), (&json!(1), &json!(false)));
    assert!(all["skipped"][0].as_str().unwrap().contains("too large"));
    let mut after = Value::Null;
    let mut found = vec![];
    for _ in 0..9 {
        let arguments = json!({"path": ".", "pattern": "needle", "files": r"\.txt$", "max_matches": 1, "after": after});
        let part = ok::<files_search>(arguments);
        found.extend(part["matches"].as_array().unwrap().iter().map(|m| m["path"].as_str().unwrap().to_owned()));
        if part["next"].is_null() {
            break;
        }
        after = part["next"].clone();
    }
    let expected = ["a/1.txt", "a/2.txt", "a.txt"].map(|p| place.root.join(p).to_string_lossy().into_owned());
    assert_eq!(found, expected);
    assert_eq!(ok::<files_search>(json!({"path": "z.rs", "pattern": "^N"}))["matches"][0]["line"], 2);
    fails::<files_search>(json!({"path": ".", "pattern": "("}), &["the pattern", "unclosed group"]);
    fails::<files_search>(json!({"path": ".", "pattern": r"(\w{100}){100}"}), &["the pattern"]);
    fails::<files_search>(json!({"path": "none", "pattern": "x"}), &["does not exist"]);
}

#[test]
fn listing_is_bounded_and_continues() {
    let place = place();
    for n in 0..1500 {
        fs::write(place.root.join(format!("{n:04}")), "").unwrap();
    }
    let first = ok::<files_list>(json!({"path": "."}));
    let second = ok::<files_list>(json!({"path": ".", "after": first["next"]}));
    let names = |part: &Value| part["entries"].as_array().unwrap().len();
    assert_eq!((names(&first), names(&second), &second["next"]), (1000, 500, &Value::Null));
    fails::<files_list>(json!({"path": "0000"}), &["is not a directory"]);
}

#[test]
fn writing() {
    let place = place();
    let read = |name: &str| fs::read_to_string(place.root.join(name)).unwrap();
    assert_eq!(ok::<files_write>(json!({"path": "new", "content": "äb"}))["size"], 3);
    fails::<files_write>(json!({"path": "new", "content": "b"}), &["exists already"]);
    ok::<files_write>(json!({"path": "new", "content": "c", "mode": "append"}));
    assert_eq!(read("new"), "äbc");
    ok::<files_write>(json!({"path": "new", "content": "AAE=", "encoding": "base64", "mode": "overwrite"}));
    assert_eq!(read("new"), "\0\u{1}");
    fails::<files_write>(json!({"path": "n", "content": "A", "encoding": "base64"}), &["not base64"]);
    fails::<files_write>(json!({"path": "x/y", "content": ""}), &["does not exist"]);
    ok::<files_write>(json!({"path": "x/y", "content": "", "parents": true}));
    fails::<files_write>(json!({"path": "x", "content": "", "mode": "overwrite"}), &["is a directory"]);
    fails::<files_write>(json!({"path": "new/y", "content": ""}), &["part of its path is a file"]);
    fs::set_permissions(place.root.join("new"), fs::Permissions::from_mode(0o755)).unwrap();
    ok::<files_write>(json!({"path": "new", "content": "", "mode": "overwrite"}));
    assert_eq!(place.root.join("new").metadata().unwrap().permissions().mode() & 0o777, 0o755);
}

#[test]
fn editing() {
    let place = place();
    fs::write(place.root.join("f"), "one two two\r\n").unwrap();
    fs::write(place.root.join("b"), b"\xff").unwrap();
    fails::<files_edit>(json!({"path": "f", "old": "two", "new": "2"}), &["2 times", "`all`"]);
    fails::<files_edit>(json!({"path": "f", "old": "three", "new": "2"}), &["does not have that text", "\\r\\n"]);
    fails::<files_edit>(json!({"path": "f", "old": "", "new": "2"}), &["empty"]);
    fails::<files_edit>(json!({"path": "f", "old": "a", "new": "a"}), &["the same"]);
    fails::<files_edit>(json!({"path": "b", "old": "a", "new": "b"}), &["not text"]);
    assert_eq!(ok::<files_edit>(json!({"path": "f", "old": "two", "new": "2", "all": true}))["replaced"], 2);
    assert_eq!(fs::read_to_string(place.root.join("f")).unwrap(), "one 2 2\r\n");
}

#[test]
fn moving_and_deleting() {
    let place = place();
    fs::create_dir_all(place.root.join("d/e")).unwrap();
    fs::write(place.root.join("f"), "f").unwrap();
    fs::write(place.root.join("g"), "g").unwrap();
    symlink(place.root.join("d"), place.root.join("link")).unwrap();
    fails::<files_move>(json!({"from": "f", "to": "g"}), &["g exists already", "`overwrite`"]);
    fails::<files_move>(json!({"from": "f", "to": "d"}), &["d is a directory"]);
    fails::<files_move>(json!({"from": "d", "to": "d/e/f"}), &["lies in"]);
    fails::<files_move>(json!({"from": "none", "to": "h"}), &["none does not exist"]);
    fails::<files_move>(json!({"from": "f", "to": "none/h"}), &["none does not exist"]);
    ok::<files_move>(json!({"from": "f", "to": "g", "overwrite": true}));
    assert_eq!(fs::read_to_string(place.root.join("g")).unwrap(), "f");
    fails::<files_delete>(json!({"path": "d"}), &["something in it", "`recursive`"]);
    ok::<files_delete>(json!({"path": "link", "recursive": true}));
    assert!(place.root.join("d/e").exists(), "a symlink is deleted itself");
    ok::<files_delete>(json!({"path": "d", "recursive": true}));
    fails::<files_delete>(json!({"path": "d"}), &["does not exist"]);
}
