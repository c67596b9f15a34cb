#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use crate::config::{Config, Environment};
use crate::credentials::{Store, Value};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use manifest::http::{Method, Target};
use manifest::{CredentialName, Tier};
use proptest::prelude::*;
use std::ops::Range;
use zeroize::Zeroizing;

/// A credential with this value, and what happens where it is found.
fn secret(value: &str, add: &str, leaks: &str) -> Arc<Secret> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("value");
    std::fs::write(&path, "a-value-for-the-start").unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let text = format!(
        "[credentials.one]\nsource = {{ file = \"value\" }}\nhosts = [\"example.com\"]\nmethods = [\"GET\"]\n\
         paths = [\"/**\"]\ntiers = [\"user\"]\nadd = {add}\nleaks = \"{leaks}\"\n"
    );
    let store = Store::load(&Config::parse(&text, dir.path()).unwrap(), &Environment::default()).unwrap();
    let name = CredentialName::try_from("one").unwrap();
    store.put(store.fresh(&name, Value::new(Zeroizing::new(value.as_bytes().to_vec())).unwrap()).unwrap());
    store.grant(&name, Tier::User, Method::Get, &Target::parse("https://example.com/").unwrap()).unwrap()
}

fn seen(value: &str, leaks: &str) -> Seen {
    let seen = Seen::default();
    seen.used(&secret(value, "\"bearer\"", leaks));
    seen
}

/// All of a stream that comes in these pieces.
fn through(searcher: &mut Searcher, pieces: &[&[u8]]) -> Result<Vec<u8>, Leak> {
    let mut out = Vec::new();
    for piece in pieces {
        out.extend_from_slice(&searcher.push(piece)?);
    }
    out.extend_from_slice(&searcher.finish()?);
    Ok(out)
}

fn cut<'a>(text: &'a [u8], at: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = at.iter().map(|index| index.index(text.len() + 1)).collect();
    places.extend([0, text.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

fn has(text: &[u8], part: &[u8]) -> bool {
    let (text, part) = (text.to_ascii_lowercase(), part.to_ascii_lowercase());
    text.windows(part.len()).any(|window| window == part)
}

/// Spellings by other means than those that are tested: what a program would put out, and where in it nothing may come
/// through.
fn spelled(value: &str, how: usize) -> (Vec<u8>, Range<usize>) {
    let bytes = value.as_bytes();
    let whole = |text: String| (text.clone().into_bytes(), 0..text.len());
    let each = |one: fn(u8) -> String| whole(bytes.iter().map(|byte| one(*byte)).collect());
    // Characters that have a bit of a neighbour's in them are not the value's.
    let before = how % 5;
    let within = |text: String| (text.into_bytes(), (before * 8).div_ceil(6)..(before + bytes.len()) * 8 / 6);
    let mut around: Vec<u8> = b"user:"[..before].to_vec();
    around.extend_from_slice(bytes);
    around.extend_from_slice(&b"@@"[..how % 3]);
    match how {
        0 => whole(value.to_owned()),
        1 => each(|byte| format!("{byte:02x}")),
        2 => each(|byte| format!("{byte:02X}")),
        3 => each(|byte| format!("%{byte:02x}")),
        4 => each(|byte| format!("%{byte:02X}")),
        5 => each(|byte| format!("\\u{byte:04x}")),
        6 => each(|byte| format!("\\u{byte:04X}")),
        7 => whole(url::form_urlencoded::byte_serialize(bytes).collect()),
        8 => whole(value.replace('\\', "\\\\").replace('"', "\\\"").replace('/', "\\/")),
        9 => whole(value.to_ascii_uppercase()),
        10..15 => within(STANDARD.encode(&around)),
        15..20 => within(URL_SAFE.encode(&around)),
        20..25 => within(STANDARD_NO_PAD.encode(&around)),
        25..30 => within(URL_SAFE_NO_PAD.encode(&around)),
        _ => {
            let text = STANDARD.encode(bytes);
            whole(url::form_urlencoded::byte_serialize(text.trim_end_matches('=').as_bytes()).collect())
        }
    }
}

const WAYS: usize = 31;

/// A form turns a space into `+`, and a value has one nowhere else that matters.
fn value() -> impl Strategy<Value = String> {
    "[!-~]{12,70}".prop_filter("variety", |text| text.bytes().collect::<std::collections::BTreeSet<_>>().len() >= 4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn no_spelling_comes_through_wherever_it_is_cut(
        value in value(), how in 0..WAYS, before in prop::collection::vec(any::<u8>(), 0..90),
        after in prop::collection::vec(any::<u8>(), 0..90), at in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let (text, hidden) = spelled(&value, how);
        let all = [before.clone(), text.clone(), after.clone()].concat();
        let mut searcher = seen(&value, "remove").searcher("answer body");
        let out = through(&mut searcher, &cut(&all, &at)).unwrap();
        prop_assert_eq!(out.len(), all.len());
        let place = before.len() + hidden.start..before.len() + hidden.end;
        prop_assert!(out[place].iter().all(|byte| *byte == b'*'), "{how}: {:?}", String::from_utf8_lossy(&out));
        prop_assert!(out.iter().zip(&all).all(|(new, old)| new == old || *new == b'*'));
        prop_assert!(searcher.found().iter().any(|found| found.of == "one" && found.done == "removed"));

        let mut searcher = seen(&value, "block").searcher("answer body");
        let mut passed = Vec::new();
        let ended = cut(&all, &at).into_iter().any(|piece| match searcher.push(piece) {
            Ok(bytes) => { passed.extend_from_slice(&bytes); false }
            Err(leak) => leak.0.done == "ended",
        });
        prop_assert!(ended);
        // What went before it may have passed, and of the value no character.
        prop_assert!(passed.len() <= before.len() + hidden.start);
        prop_assert!(searcher.push(b"more").is_err() && searcher.finish().is_err());
    }

    #[test]
    fn what_has_no_value_in_it_is_as_it_was(
        value in value(), text in prop::collection::vec(any::<u8>(), 0..400),
        at in prop::collection::vec(any::<prop::sample::Index>(), 0..12), start in 0..70_usize,
    ) {
        // A beginning of it is the hardest: it is held back and has to come out.
        let text = [&text[..], &value.as_bytes()[..start.min(value.len() - 1)]].concat();
        prop_assume!(!has(&text, value.as_bytes()));
        let mut searcher = seen(&value, "remove").searcher("answer body");
        prop_assert_eq!(through(&mut searcher, &cut(&text, &at)).unwrap(), text);
    }

    #[test]
    fn of_several_values_none_comes_through_where_they_overlap(
        left in value(), right in value(), shared in "[!-~]{1,11}", at in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let (one, two) = (format!("{left}{shared}"), format!("{shared}{right}"));
        let seen = seen(&one, "remove");
        seen.used(&secret(&two, "\"bearer\"", "remove"));
        let all = format!("{left}{shared}{right}");
        let out = through(&mut seen.searcher("answer body"), &cut(all.as_bytes(), &at)).unwrap();
        prop_assert_eq!(out, vec![b'*'; all.len()]);
    }
}

const TOKEN: &str = "tok-9f8e7d6c5b4a3210";

#[test]
fn one_byte_at_a_time_is_no_way_through() {
    let text = format!("before {TOKEN} between {TOKEN}{TOKEN} after");
    let pieces: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
    let out = through(&mut seen(TOKEN, "remove").searcher("answer body"), &pieces).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), text.replace(TOKEN, &"*".repeat(TOKEN.len())));
}

#[test]
fn nothing_waits_that_cannot_be_a_beginning() {
    let mut searcher = seen(TOKEN, "remove").searcher("answer body");
    let event = b"data: {\"jsonrpc\":\"2.0\"}\n\n";
    assert_eq!(searcher.push(event).unwrap(), &event[..]);
    assert_eq!(searcher.push(b"data: tok-9f").unwrap(), &b"data: "[..]);
    assert_eq!(searcher.push(b"8e no").unwrap(), &b"tok-9f8e no"[..]);
}

#[test]
fn what_is_held_back_is_bounded() {
    let mut searcher = seen(TOKEN, "remove").searcher("answer body");
    // The beginnings of what would be longest, for ever.
    let piece = "\\u0074\\u006f\\u006b\\u002d".repeat(1000);
    for _ in 0..20 {
        searcher.push(piece.as_bytes()).unwrap();
        assert!(searcher.held.len() < TOKEN.len() * 6);
    }
}

#[test]
fn a_password_is_found_with_its_user_and_without() {
    let seen = Seen::default();
    seen.used(&secret("correct horse battery", "{ basic = \"me\" }", "remove"));
    for text in ["correct horse battery".to_owned(), STANDARD.encode("me:correct horse battery")] {
        let (clean, found) = seen.text("result", &text).unwrap();
        assert_eq!((clean.into_owned(), found.len()), ("*".repeat(text.len()), 1), "{text}");
    }
}

#[test]
fn a_value_that_was_replaced_is_looked_for_still() {
    let seen = seen(TOKEN, "block");
    seen.used(&secret("another-value-0123", "\"bearer\"", "block"));
    assert!(seen.text("result", TOKEN).is_err());
    assert!(seen.text("result", "another-value-0123").is_err());
    assert!(matches!(seen.text("result", "neither"), Ok((Cow::Borrowed("neither"), found)) if found.is_empty()));
}

#[test]
fn a_stream_that_has_begun_looks_for_what_joins() {
    let seen = Seen::default();
    let mut searcher = seen.searcher("answer body");
    assert!(seen.is_empty());
    searcher.push(b"before").unwrap();
    seen.used(&secret(TOKEN, "\"bearer\"", "block"));
    assert!(!seen.is_empty());
    assert!(searcher.push(TOKEN.as_bytes()).is_err());
}

#[test]
fn text_stays_text() {
    let text = format!("ü{TOKEN}ü");
    let (clean, found) = seen(TOKEN, "remove").text("result", &text).unwrap();
    assert_eq!(clean, format!("ü{}ü", "*".repeat(TOKEN.len())));
    assert_eq!(found, [Found { of: "one".to_owned(), place: "result", done: "removed" }]);
}

#[test]
fn a_long_value_is_found_too() {
    let value: String = (0..7_000_u32).map(|n| char::from(b'!' + u8::try_from(n * n % 89).unwrap())).collect();
    let text = format!("{value}{}", STANDARD.encode(&value));
    let pieces: Vec<&[u8]> = text.as_bytes().chunks(100).collect();
    let out = through(&mut seen(&value, "remove").searcher("answer body"), &pieces).unwrap();
    assert_eq!(out[..value.len()], vec![b'*'; value.len()]);
    assert!(out[value.len()..].iter().filter(|byte| **byte != b'*').count() < 4);
}

#[test]
fn tokens_of_others_are_told_and_let_through() {
    let tokens = [
        format!("ghp_{}", "a1".repeat(18)),
        format!("github_pat_{}", "B_".repeat(11)),
        format!("sk-ant-{}", "x-".repeat(10)),
        format!("AKIA{}", "Z".repeat(16)),
        "xoxb-1234567890".to_owned(),
        "-----BEGIN OPENSSH PRIVATE KEY-----".to_owned(),
    ];
    for token in tokens {
        for size in [1, 7, 1000] {
            let text = format!("<{token}>");
            let mut searcher = Seen::default().searcher("answer body");
            let out = through(&mut searcher, &text.as_bytes().chunks(size).collect::<Vec<_>>()).unwrap();
            assert_eq!(out, text.as_bytes());
            let found = searcher.found();
            assert!(found.len() == 1 && found[0].done == "warned", "{token} in pieces of {size}: {found:?}");
        }
    }
    for text in ["ghp_ghp_short", "GHP_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "AKIA and more", "sk-ant-"] {
        assert!(Seen::default().text("result", text).unwrap().1.is_empty(), "{text}");
    }
}

#[test]
fn a_server_that_repeats_itself_fills_no_log() {
    let mut searcher = seen(TOKEN, "remove").searcher("answer body");
    let text = format!("{TOKEN} AKIA{} ", "Z".repeat(16)).repeat(500);
    through(&mut searcher, &[text.as_bytes()]).unwrap();
    assert_eq!(searcher.found().len(), 2);
}

#[test]
fn it_shows_no_value() {
    let seen = seen(TOKEN, "block");
    let leak = seen.text("result", TOKEN).unwrap_err();
    let shown = format!("{seen:?} {:?} {leak} {leak:?}", seen.searcher("log"));
    assert!(!shown.contains(TOKEN) && shown.contains("one"), "{shown}");
}
