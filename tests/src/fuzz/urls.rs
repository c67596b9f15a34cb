//! What a guest asks for, and what a grant covers: three lines are a URL, a pattern of paths and one of hosts.
//!
//! The attack: a URL that the check reads in one way and the server, or the library that asks, in another.

use hyper::Uri;
use manifest::http::{HostPattern, Name, PathPattern, Target};

/// A URL that is taken has one reading, and is matched by what it says.
pub fn check(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut lines = text.split('\n');
    let (url, pattern, host) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    let pattern = PathPattern::try_from(pattern.to_owned()).inspect(|read| assert_eq!(read.to_string(), pattern)).ok();
    let host = HostPattern::try_from(host.to_owned()).inspect(|read| assert_eq!(read.to_string(), host)).ok();
    let Ok(target) = Target::parse(url) else { return false };
    one_reading(url, &target);
    one_path(target.path());
    if let Some(pattern) = pattern {
        let (shown, matches) = (pattern.to_string(), pattern.matches(target.path()));
        assert_eq!(matches, naive(&pieces(&shown), &pieces(target.path())), "{shown} {}", target.path());
        // A path without a star is a pattern of itself alone.
        if let Ok(own) = PathPattern::try_from(target.path().to_owned())
            && !target.path().contains('*')
        {
            assert!(own.matches(target.path()));
            assert_eq!(pattern.covers(&own), matches, "{shown} {}", target.path());
            assert_eq!(pattern.overlaps(&own), matches, "{shown} {}", target.path());
        }
    }
    if let Some(host) = host {
        let own = target.name().to_string();
        let wanted = match host.to_string().strip_prefix("*.") {
            None => host.to_string() == own,
            Some(parent) => own.split('.').skip(1).eq(parent.split('.')),
        };
        assert_eq!(host.matches(target.name()), wanted, "{host} {own}");
    }
    // Wherever an answer points to, it is a URL like any other.
    if let Ok(led) = target.join(pattern_of(text)) {
        one_reading(&led.to_string(), &led);
    }
    true
}

fn pattern_of(text: &str) -> &str {
    text.split('\n').nth(1).unwrap_or("")
}

fn one_reading(url: &str, target: &Target) {
    // The library that asks.
    let other: Uri = url.parse().unwrap_or_else(|error| panic!("{url:?}: {error}"));
    assert_eq!(other.scheme_str(), Some(target.scheme().as_str()), "{url:?}");
    assert_eq!(other.host(), Some(target.name().to_string().as_str()), "{url:?}");
    assert_eq!(other.port_u16().unwrap_or(target.scheme().port()), target.port(), "{url:?}");
    assert_eq!((other.path(), other.query()), (target.path(), target.query()), "{url:?}");
    if let Name::Address(address) = target.name() {
        assert_eq!(address.to_canonical(), *address, "{url:?} has an address of two forms");
    }
    assert_eq!(Target::parse(&target.to_string()).as_ref(), Ok(target), "{url:?}");
    assert!(!url.contains(char::is_whitespace) && !url.contains(char::is_control), "{url:?}");
}

/// Decoded once or twice, cut at a `;` or not: it has the segments that it was matched by, and none that leads up.
fn one_path(path: &str) {
    for text in [decode(path), decode(&decode(path))] {
        assert_eq!(text.split('/').count(), path.split('/').count(), "{path:?}");
        assert!(!text.contains('\\') && !text.contains(char::is_control), "{path:?}");
        for segment in text.split('/') {
            let name = segment.split(';').next().unwrap_or("").trim();
            assert!(name != "." && name != "..", "{path:?}");
        }
    }
}

/// As a careless server does it: what is no escape stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = (*first == b'%').then(|| after.get(..2)).flatten().and_then(|two| std::str::from_utf8(two).ok());
        match digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => (bytes.push(byte), rest = &after[2..]).1,
            None => (bytes.push(*first), rest = after).1,
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

fn pieces(text: &str) -> Vec<&str> {
    match text {
        "/" => Vec::new(),
        text => text.strip_prefix('/').unwrap_or(text).split('/').collect(),
    }
}

fn naive(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([], []) | (["**"], _) => true,
        (["*", pattern @ ..], [piece, path @ ..]) => !piece.is_empty() && naive(pattern, path),
        ([wanted, pattern @ ..], [piece, path @ ..]) => wanted == piece && naive(pattern, path),
        _ => false,
    }
}
