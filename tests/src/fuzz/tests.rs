//! Each body with its corpus and 100 000 mutations of it.

use super::run::{Body, corpus, root, run};
use super::{clean, doors, frame, json, manifest, paths, ticket, urls};

#[test]
fn frames() {
    const WORDS: &[&[u8]] =
        &[b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\x80\0", b"\x80\x80\x80\x80\x01", b"\xff\xff\x7f"];
    run(&Body { name: "frame", check: frame::check, words: WORDS });
}

#[test]
fn manifests() {
    const WORDS: &[&[u8]] = &[
        b"\n[tools.b]\n",
        b"\n[mounts.b]\npath = \"/b\"\nreason = \"r\"\n",
        b"fs = [",
        b"{ mount = \"work\", access = \"write\" }",
        b"env = { A = \"b\" }\n",
        b"clocks = [\"wall\"]\n",
        b"runner = \"call\"\n",
        b"size = \"large\"\n",
        b"tier = \"admin\"\n",
        b"\"\"\"",
        b"'''",
        b"1GiB",
        b"10ms",
        b"\xe2\x80\xae",
        b"\xe2\x80\x8b",
        b"\\u202e",
        b"# ",
        b" = ",
        b"..",
        b"18446744073709551616",
    ];
    run(&Body { name: "manifest", check: manifest::check, words: WORDS });
}

#[test]
fn paths_of_every_kind() {
    const WORDS: &[&[u8]] = &[
        b"..",
        b"../",
        b"/",
        b"//",
        b"./",
        b".",
        b"\0",
        b"in/",
        b"up/",
        b"out/",
        b"etc/",
        b"round",
        b"dir/up/",
        b"dir/",
        b".git",
        b".GIT",
        b"hooks",
        b"/proc",
        b"/dev/",
        b"self/root/",
        b"%2e%2e/",
        b"..\\",
        b"\xef\xbc\x8f",
        b"secret",
    ];
    run(&Body { name: "path", check: paths::check, words: WORDS });
}

#[test]
fn tickets() {
    const WORDS: &[&[u8]] = &[
        b".",
        b"eyJ",
        b"none",
        b"=",
        b"==",
        b"-",
        b"_",
        b"\"alg\":\"none\"",
        b"\"epoch\":4,",
        b"\"box\"",
        b"null",
        b"true",
        b"18446744073709551615",
        b"\\u0000",
        b"wall",
        b"write",
    ];
    run(&Body { name: "ticket", check: ticket::check, words: WORDS });
}

#[test]
fn json_within_bounds() {
    const WORDS: &[&[u8]] = &[
        b"[[[[",
        b"]]]]",
        b"{\"a\":",
        b"}",
        b"\"",
        b"\\\"",
        b"\\",
        b"\\u",
        b"\\ud83d",
        b"1e999",
        b"-0",
        b"null",
        b"[]",
        b"{}",
        b",0,0",
        b"\\u0022",
        b"\xef\xbb\xbf",
        b"\"a\":1,",
    ];
    run(&Body { name: "json", check: json::check, words: WORDS });
}

#[test]
fn text_is_cleaned() {
    const WORDS: &[&[u8]] = &[
        b"\x1b[2J",
        b"\x1b]0;",
        b"\xe2\x80\xae",
        b"\xe2\x80\x8b",
        b"\xef\xbb\xbf",
        b"\xef\xb8\x8f",
        b"\xe2\x98\x80",
        b"\xf3\xa0\x81\x81",
        b"\r\n",
        b"\r",
        b"\t",
        b"\\u202e",
        b"\\ud83d\\ude00",
        b"\\u{1b}",
        b"\"",
        b"\\n",
        b"\xc2\x9b",
        b"\xe2\x81\xa6",
        b"\xf4\x8f\xbf\xbf",
    ];
    run(&Body { name: "clean", check: clean::check, words: WORDS });
}

#[test]
fn doors_of_the_hub() {
    const WORDS: &[&[u8]] = &[
        b"localhost:4000",
        b"127.0.0.1:4000",
        b"[::1]:4000",
        b"host: ",
        b"origin: http://",
        b"\r\n",
        b"@",
        b"?",
        b"#",
        b"evil.example",
        b"authorization: Bearer ",
        b"mcp-session-id: 1\r\n",
        b"safeclaw-mcp/1 ",
        b":4000",
        b":04000",
        b"%",
        b" ",
        b"/mcp",
        b"http://",
    ];
    run(&Body { name: "door", check: doors::check, words: WORDS });
}

#[test]
fn urls_and_what_covers_them() {
    const WORDS: &[&[u8]] = &[
        b"https://",
        b"http://",
        b"\n",
        b"/",
        b"//",
        b"..",
        b"..;",
        b"%2e",
        b"%2F",
        b"%7E",
        b"%C3%A9",
        b"%C0%AF",
        b"*",
        b"*.",
        b"**",
        b"/**",
        b":80",
        b"@",
        b"?",
        b"#",
        b"\\",
        b"[::1]",
        b"[::ffff:127.0.0.1]",
        b"0x7f.1",
        b"2130706433",
        b"xn--",
        b".example.com",
        b"GET",
        b"\xef\xbc\x8e",
        b"_method=",
    ];
    run(&Body { name: "url", check: urls::check, words: WORDS });
}

/// Frames and tickets are no text that a person could write down; `UPDATE_GOLDEN=1` writes them anew.
#[test]
fn the_corpus_speaks_the_protocol_of_today() {
    for (name, seeds) in [("frame", frame::seeds()), ("ticket", ticket::seeds())] {
        let folder = root().join("tests/fuzz/corpus").join(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(&folder).expect("a folder");
            for (file, bytes) in &seeds {
                std::fs::write(folder.join(file), bytes).expect("a file of the corpus");
            }
        }
        let there = corpus(name);
        for (file, bytes) in seeds {
            assert!(there.contains(&bytes), "{name}/{file} is another today; UPDATE_GOLDEN=1 writes it anew");
        }
    }
}
