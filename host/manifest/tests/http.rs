//! URLs, hosts and paths: a corpus of hostile spellings, the matcher held against a second one that is naive, and the
//! parser against another's. What is written here knows nothing of the code that it judges.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "http/allow.rs"]
mod allow;
#[path = "http/ceilings.rs"]
mod ceilings;
#[path = "http/matcher.rs"]
mod matcher;

use manifest::http::{Name, Target};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    urls: Vec<Url>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Url {
    text: String,
    #[serde(default)]
    reads: Option<String>,
}

fn corpus() -> Vec<Url> {
    toml::from_str::<Corpus>(include_str!("http/urls.toml")).unwrap().urls
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}

fn shown(target: &Target) -> String {
    let query = target.query().map(|query| format!(" ?{query}")).unwrap_or_default();
    format!("{} {} {} {}{query}", target.scheme(), target.name(), target.port(), target.path())
}

#[test]
fn each_url_of_the_corpus_is_taken_for_what_it_is_or_refused() {
    let mut wrong = Vec::new();
    let (mut taken, mut refused) = (0, 0);
    for Url { text, reads } in corpus() {
        let read = Target::parse(&text).ok();
        if let Some(target) = &read {
            taken += 1;
            agrees(&text, target);
        } else {
            refused += 1;
        }
        let read = read.as_ref().map(shown);
        if read != reads {
            wrong.push(format!("{text:?} is {read:?} and should be {reads:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(taken >= 20 && refused >= 130, "{taken} taken, {refused} refused");
}

#[test]
fn a_url_has_a_greatest_length() {
    let url = |bytes: usize| format!("https://h.example/{}", "a".repeat(bytes - 18));
    assert!(Target::parse(&url(8 << 10)).is_ok());
    assert!(Target::parse(&url((8 << 10) + 1)).is_err());
}

/// The library that others use finds the same scheme, host, port and path in what is taken, and it leaves none of it
/// as it was not. Two readers of one text that differ are how a check is walked around.
fn agrees(text: &str, target: &Target) {
    let other = url::Url::parse(text).unwrap();
    assert_eq!(other.scheme(), target.scheme().as_str(), "{text:?}");
    assert_eq!(other.port_or_known_default(), Some(target.port()), "{text:?}");
    assert_eq!(other.path(), target.path(), "{text:?}");
    assert_eq!(other.host_str(), Some(target.name().to_string().as_str()), "{text:?}");
    let address = match other.host().unwrap() {
        url::Host::Domain(_) => None,
        url::Host::Ipv4(address) => Some(address.into()),
        url::Host::Ipv6(address) => Some(address.into()),
    };
    assert_eq!(matches!(target.name(), Name::Address(_)), address.is_some(), "{text:?}");
    assert!(address.is_none_or(|address: std::net::IpAddr| *target.name() == Name::Address(address)), "{text:?}");
    assert_eq!((other.username(), other.password(), other.fragment()), ("", None, None), "{text:?}");
    assert_eq!(Target::parse(&target.to_string()).as_ref(), Ok(target), "{text:?} and its own text");
}

/// URLs of the corpus with pieces of others put in.
fn mutated() -> impl Strategy<Value = String> {
    let texts: Vec<String> = corpus().into_iter().map(|url| url.text).collect();
    let pieces = vec![
        "",
        "/",
        "//",
        ".",
        "..",
        "%",
        "%2e",
        "%2F",
        "%7E",
        "%C3%A9",
        ":",
        ":80",
        "@",
        "?",
        "#",
        "\\",
        ";",
        "*",
        "[",
        "]",
        "a",
        "A",
        "-",
        "_",
        "0",
        "1",
        "xn--",
        "::1",
        "127.0.0.1",
        "h.example",
        "é",
        "\t",
        " ",
        "&_method=",
    ];
    let edit = (0..64usize, 0..4usize, prop::sample::select(pieces));
    (prop::sample::select(texts), prop::collection::vec(edit, 0..4)).prop_map(|(text, edits)| {
        let mut chars: Vec<char> = text.chars().collect();
        for (at, length, put) in edits {
            let at = at.min(chars.len());
            let end = (at + length).min(chars.len());
            chars.splice(at..end, put.chars());
        }
        chars.into_iter().collect()
    })
}

#[test]
fn what_is_taken_is_read_alike_by_another_parser_and_by_itself() {
    let (mut taken, mut refused) = (0u32, 0u32);
    let counts = std::cell::RefCell::new((&mut taken, &mut refused));
    runner(20_000)
        .run(&mutated(), |text| {
            let read = Target::parse(&text);
            let mut counts = counts.borrow_mut();
            match read {
                Ok(target) => {
                    agrees(&text, &target);
                    *counts.0 += 1;
                }
                Err(_) => *counts.1 += 1,
            }
            Ok(())
        })
        .unwrap();
    assert!(taken > 500 && refused > 500, "{taken} taken, {refused} refused");
}

/// What an answer points at is read like a URL of a guest's, from where it was asked.
#[test]
fn a_location_leads_where_another_reader_would_go_or_nowhere() {
    let here = Target::parse("https://h.example/a/b?c").unwrap();
    let cases = [
        ("/x", Some("https://h.example/x")),
        ("x", Some("https://h.example/a/x")),
        ("../x", Some("https://h.example/x")),
        ("//evil.example/x", Some("https://evil.example/x")),
        ("http://h.example/x", Some("http://h.example/x")),
        ("https://h.example:8443/x#y", Some("https://h.example:8443/x")),
        ("http://0x7f.1/", Some("http://127.0.0.1/")),
        ("https://user@h.example/", None),
        ("https://[::ffff:127.0.0.1]/", None),
        ("/a%2fb", None),
        ("/a//b", None),
        ("\\\\evil.example\\x", None),
        ("/a\tb", None),
        ("/é", None),
        ("javascript:alert(1)", None),
        ("file:///etc/passwd", None),
    ];
    for (location, wanted) in cases {
        let led = here.join(location).ok();
        assert_eq!(led, wanted.map(|url| Target::parse(url).unwrap()), "{location:?}");
    }
    assert!(here.join(&"a".repeat((8 << 10) + 1)).is_err());
    assert!(!here.same_origin(&Target::parse("http://h.example:443/").unwrap()));
    assert!(!here.same_origin(&Target::parse("https://h.example:444/").unwrap()));
    assert!(here.same_origin(&Target::parse("https://h.example:443/z").unwrap()));
}
