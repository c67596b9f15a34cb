//! The matcher of hosts and paths, held against one that is as plain as can be.

use super::runner;
use manifest::http::{HostPattern, PathPattern, Target};
use proptest::prelude::*;
use proptest::sample::select;

/// One piece after the other, from the front.
fn naive(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([], []) | (["**"], _) => true,
        (["*", pattern @ ..], [piece, path @ ..]) => !piece.is_empty() && naive(pattern, path),
        ([wanted, pattern @ ..], [piece, path @ ..]) => wanted == piece && naive(pattern, path),
        _ => false,
    }
}

fn pieces(text: &str) -> Vec<&str> {
    match text {
        "/" => Vec::new(),
        text => text.strip_prefix('/').unwrap_or(text).split('/').collect(),
    }
}

/// Few pieces, so that they meet; an empty one only at the end, where it is a slash.
fn path(last: &'static [&'static str]) -> impl Strategy<Value = String> {
    let piece = select(vec!["a", "b", "a.b", "A", "a%20b"]);
    (prop::collection::vec(piece, 0..4), select(last.to_vec())).prop_map(|(pieces, last)| {
        let text = pieces.into_iter().map(|piece| format!("/{piece}")).collect::<String>() + last;
        if text.is_empty() { "/".to_owned() } else { text }
    })
}

fn pattern() -> impl Strategy<Value = String> {
    let piece = select(vec!["a", "b", "a.b", "*", "*", "A"]);
    (prop::collection::vec(piece, 0..4), select(vec!["", "", "/", "/**", "/**"])).prop_map(|(pieces, last)| {
        let text = pieces.into_iter().map(|piece| format!("/{piece}")).collect::<String>() + last;
        if text.is_empty() { "/".to_owned() } else { text }
    })
}

#[test]
fn a_pattern_matches_what_a_naive_one_matches() {
    let mut matched = 0u32;
    let count = std::cell::RefCell::new(&mut matched);
    runner(20_000)
        .run(&(pattern(), path(&["", "", "/"])), |(pattern, path)| {
            let read = PathPattern::try_from(pattern.clone()).unwrap();
            assert_eq!(read.to_string(), pattern);
            // Only what the parser lets through is ever matched.
            let target = Target::parse(&format!("https://h.example{path}")).unwrap();
            let matches = read.matches(target.path());
            assert_eq!(matches, naive(&pieces(&pattern), &pieces(&path)), "{pattern} {path}");
            **count.borrow_mut() += u32::from(matches);
            Ok(())
        })
        .unwrap();
    assert!(matched > 500, "{matched} matched");
}

/// All paths of up to four pieces of three: enough to tell apart any two patterns of up to three.
fn all_paths() -> Vec<String> {
    let mut paths = vec![String::new()];
    let mut level = vec![String::new()];
    for _ in 0..4 {
        level = level.iter().flat_map(|path| ["a", "b", "z"].map(|piece| format!("{path}/{piece}"))).collect();
        paths.extend(level.clone());
    }
    let mut all: Vec<String> = paths.iter().filter(|path| !path.is_empty()).cloned().collect();
    all.extend(all.clone().iter().map(|path| format!("{path}/")));
    all.push("/".to_owned());
    all
}

fn few_patterns() -> impl Strategy<Value = String> {
    let piece = select(vec!["a", "b", "*"]);
    (prop::collection::vec(piece, 0..3), select(vec!["", "/", "/**"])).prop_map(|(pieces, last)| {
        let text = pieces.into_iter().map(|piece| format!("/{piece}")).collect::<String>() + last;
        if text.is_empty() { "/".to_owned() } else { text }
    })
}

/// `covers` is that every path of one is a path of the other, and `overlaps` that some path is.
#[test]
fn covering_and_overlapping_are_what_they_are_of_all_paths() {
    let paths = all_paths();
    let mut seen = [0u32; 4];
    let counts = std::cell::RefCell::new(&mut seen);
    runner(4_000)
        .run(&(few_patterns(), few_patterns()), |(one, other)| {
            let (one_read, other_read) =
                (PathPattern::try_from(one.clone()).unwrap(), PathPattern::try_from(other.clone()).unwrap());
            let matches = |pattern: &str, path: &String| naive(&pieces(pattern), &pieces(path));
            let covers = paths.iter().filter(|path| matches(&other, path)).all(|path| matches(&one, path));
            let overlaps = paths.iter().any(|path| matches(&one, path) && matches(&other, path));
            assert_eq!(one_read.covers(&other_read), covers, "{one} covers {other}");
            assert_eq!(one_read.overlaps(&other_read), overlaps, "{one} and {other}");
            assert_eq!(other_read.overlaps(&one_read), overlaps, "{other} and {one}");
            let mut counts = counts.borrow_mut();
            counts[usize::from(covers)] += 1;
            counts[2 + usize::from(overlaps)] += 1;
            Ok(())
        })
        .unwrap();
    assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
}

#[test]
fn a_host_pattern_covers_one_host_or_one_label() {
    let hosts = [
        "a.example.com",
        "b.a.example.com",
        "example.com",
        "com",
        "xexample.com",
        "a.example.org",
        "127.0.0.1",
        "[::1]",
    ];
    let patterns = ["a.example.com", "*.example.com", "*.a.example.com", "example.com", "127.0.0.1", "[::1]"];
    let naive = |pattern: &str, host: &str| match pattern.strip_prefix("*.") {
        None => pattern == host,
        Some(parent) => host.split('.').skip(1).eq(parent.split('.')),
    };
    for pattern in patterns {
        let read = HostPattern::try_from(pattern.to_owned()).unwrap();
        assert_eq!(read.to_string(), pattern);
        for host in hosts {
            let target = Target::parse(&format!("https://{host}/")).unwrap();
            assert_eq!(read.matches(target.name()), naive(pattern, host), "{pattern} {host}");
        }
        for other in patterns {
            let other_read = HostPattern::try_from(other.to_owned()).unwrap();
            // A label that no pattern names stands for all.
            let one = other.replacen('*', "zz", 1);
            assert_eq!(read.covers(&other_read), pattern == other || naive(pattern, &one), "{pattern} covers {other}");
        }
    }
}

#[test]
fn what_is_no_host_is_no_pattern() {
    let wrong = [
        "",
        "*",
        "*.",
        "*.com",
        "**.example.com",
        "*.*.example.com",
        "a.*.example.com",
        "*a.example.com",
        "*.127.0.0.1",
        "*.[::1]",
        "Example.com",
        "example.com.",
        "example.com:443",
        "https://example.com",
        "example.com/",
        "user@example.com",
        "exa mple.com",
        "0x7f.1",
        "2130706433",
        "::1",
        "[::ffff:127.0.0.1]",
        "[fe80::1%25eth0]",
        "bücher.example",
        "%65xample.com",
        "-a.example.com",
        "a..example.com",
        ".example.com",
    ];
    for text in wrong {
        assert!(HostPattern::try_from(text.to_owned()).is_err(), "{text:?}");
    }
    let long = format!("{}.example", "a.".repeat(130));
    assert!(HostPattern::try_from(long).is_err());
}

#[test]
fn what_is_no_path_is_no_pattern() {
    let wrong = [
        "", "*", "**", "a", "//", "/a//b", "/a//**", "/.", "/../a", "/a/..", "/**/a", "/a*", "/*a", "/a/***", "/a/**b",
        "/%2e", "/a%2Fb", "/a%00", "/%7E", "/%3a", "/a?b", "/a#b", "/a b", "/a;b", "/..%3B", "/é", "/a\\b", "/a%",
    ];
    for text in wrong {
        assert!(PathPattern::try_from(text.to_owned()).is_err(), "{text:?}");
    }
    assert!(PathPattern::try_from(format!("/{}", "a".repeat(1_023))).is_ok());
    assert!(PathPattern::try_from(format!("/{}", "a".repeat(1_024))).is_err());
}
