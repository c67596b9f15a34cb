#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::config::Source;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use zeroize::Zeroizing;

const TOKEN: &str = "ghp_0123456789abcdefghijABCDEFGHIJ012345";

fn private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A directory with the file of a token, and a configuration that has one credential, with these lines more.
fn parsed(lines: &str) -> (tempfile::TempDir, Config) {
    let dir = tempfile::tempdir().unwrap();
    private(&dir.path().join("token"), &format!("{TOKEN}\n"));
    let lines = match lines.contains("add =") {
        true => lines.to_owned(),
        false => format!("{lines}\nadd = \"bearer\""),
    };
    let text = format!(
        "[credentials.github]\nsource = {{ file = \"token\" }}\nhosts = [\"api.github.com\"]\n\
         methods = [\"GET\", \"POST\"]\npaths = [\"/repos/*/*/issues\", \"/user\"]\ntiers = [\"user\", \"write\"]\n{lines}\n"
    );
    let config = Config::parse(&text, dir.path()).unwrap();
    (dir, config)
}

fn loaded(lines: &str) -> (tempfile::TempDir, Store) {
    let (dir, config) = parsed(lines);
    let store = Store::load(&config, &Environment::default()).unwrap();
    (dir, store)
}

fn github() -> CredentialName {
    CredentialName::try_from("github").unwrap()
}

fn ask(store: &Store, tier: Tier, method: Method, url: &str) -> Result<Arc<Secret>, NotGranted> {
    store.grant(&github(), tier, method, &Target::parse(url).unwrap())
}

fn value(text: &str) -> Result<Value, BadValue> {
    Value::new(Zeroizing::new(text.as_bytes().to_vec()))
}

const USER: &str = "https://api.github.com/user";

#[test]
fn a_request_that_is_covered_gets_it() {
    let (_dir, store) = loaded("");
    let secret = ask(&store, Tier::User, Method::Get, USER).unwrap();
    assert_eq!(secret.header(), http::header::AUTHORIZATION);
    assert_eq!(secret.value().to_str().unwrap(), format!("Bearer {TOKEN}"));
    assert!(secret.value().is_sensitive());
    assert!(ask(&store, Tier::Write, Method::Post, "https://api.github.com/repos/a/b/issues").is_ok());
}

#[test]
fn a_request_that_is_not_covered_gets_nothing_and_the_line_is_said() {
    let (_dir, store) = loaded("");
    for (tier, method, url, line) in [
        (Tier::Admin, Method::Get, USER, "\"admin\" in `tiers`"),
        (Tier::User, Method::Delete, USER, "\"DELETE\" in `methods`"),
        (Tier::User, Method::Get, "https://evil.example/user", "\"evil.example\" in `hosts`"),
        (Tier::User, Method::Get, "https://api.github.com.evil.example/user", "in `hosts`"),
        (Tier::User, Method::Get, "https://sub.api.github.com/user", "in `hosts`"),
        (Tier::User, Method::Get, "https://api.github.com:8443/user", "8443 in `ports`"),
        (Tier::User, Method::Get, "http://api.github.com/user", "`plain = true`"),
        (Tier::User, Method::Get, "https://api.github.com/user/keys", "`paths`"),
        (Tier::User, Method::Get, "https://api.github.com/", "`paths`"),
    ] {
        let refused = ask(&store, tier, method, url).unwrap_err().to_string();
        assert!(refused.contains(line) && refused.contains("[credentials.github]"), "{url}: {refused}");
    }
    let other = CredentialName::try_from("other").unwrap();
    let refused = store.grant(&other, Tier::User, Method::Get, &Target::parse(USER).unwrap()).unwrap_err();
    assert!(refused.to_string().contains("add [credentials.other]"), "{refused}");
    assert_eq!(store.list().first().unwrap().uses, 0);
}

/// What the first proxy called `clone`, `pull`, `push`, `create_pr`, `comment` and `read`.
#[test]
fn every_operation_of_github_is_a_method_and_a_path() {
    let dir = tempfile::tempdir().unwrap();
    private(&dir.path().join("token"), TOKEN);
    let read = "methods = [\"GET\"]\npaths = [\"/octo/repo/info/refs\", \"/repos/octo/*/contents/**\"]";
    let write = "methods = [\"POST\"]\npaths = [\"/octo/repo/git-upload-pack\", \"/octo/repo/git-receive-pack\", \
                 \"/repos/octo/*/pulls\", \"/repos/octo/*/issues/*/comments\"]";
    let one = |name: &str, lines: &str| {
        format!(
            "[credentials.{name}]\nsource = {{ file = \"token\" }}\nhosts = [\"github.com\", \"api.github.com\"]\n{lines}\n\
             tiers = [\"user\", \"write\"]\nadd = {{ basic = \"x-access-token\" }}\nformat = \"github\"\n"
        )
    };
    let config = Config::parse(&(one("read", read) + &one("write", write)), dir.path()).unwrap();
    let store = Store::load(&config, &Environment::default()).unwrap();
    let ask = |name: &str, method, url: &str| {
        let (name, target) = (CredentialName::try_from(name).unwrap(), Target::parse(url).unwrap());
        store.grant(&name, Tier::Write, method, &target).is_ok()
    };
    for (name, method, url) in [
        ("read", Method::Get, "https://github.com/octo/repo/info/refs?service=git-upload-pack"),
        ("write", Method::Post, "https://github.com/octo/repo/git-upload-pack"),
        ("write", Method::Post, "https://github.com/octo/repo/git-receive-pack"),
        ("write", Method::Post, "https://api.github.com/repos/octo/repo/pulls"),
        ("write", Method::Post, "https://api.github.com/repos/octo/repo/issues/7/comments"),
        ("read", Method::Get, "https://api.github.com/repos/octo/repo/contents/src/main.rs"),
    ] {
        assert!(ask(name, method, url), "{method} {url}");
        let other = if name == "read" { "write" } else { "read" };
        assert!(!ask(other, method, url), "{other} is not for {method} {url}");
        assert!(!ask(name, method, &url.replace("octo", "another")), "another owner's");
    }
}

#[test]
fn ports_and_plain_are_said_and_then_hold() {
    let (_dir, store) = loaded("ports = [8443, 80]\nplain = true");
    assert!(ask(&store, Tier::User, Method::Get, "https://api.github.com:8443/user").is_ok());
    assert!(ask(&store, Tier::User, Method::Get, "http://api.github.com/user").is_ok());
    assert!(ask(&store, Tier::User, Method::Get, USER).is_err(), "443 is not named any more");
}

#[test]
fn each_way_to_add_it_makes_its_own_header() {
    let (_dir, store) = loaded("add = { basic = \"me\" }");
    let secret = ask(&store, Tier::User, Method::Get, USER).unwrap();
    let wanted = format!("Basic {}", base64::Engine::encode(&base64::prelude::BASE64_STANDARD, format!("me:{TOKEN}")));
    assert_eq!((secret.header().as_str(), secret.value().to_str().unwrap()), ("authorization", wanted.as_str()));
    let (_dir, store) = loaded("add = { header = \"X-Api-Key\" }");
    let secret = ask(&store, Tier::User, Method::Get, USER).unwrap();
    assert_eq!((secret.header().as_str(), secret.value().to_str().unwrap()), ("x-api-key", TOKEN));
    let (_dir, store) = loaded("add = { header = \"Authorization\", prefix = \"token \" }");
    let secret = ask(&store, Tier::User, Method::Get, USER).unwrap();
    assert_eq!(secret.value().to_str().unwrap(), format!("token {TOKEN}"));
}

#[test]
fn what_is_no_secret_is_refused() {
    for (text, wanted) in [
        ("short", BadValue::Short { found: 5 }),
        ("eleven-byte\n", BadValue::Short { found: 11 }),
        ("000000000000", BadValue::Variety),
        ("abcabcabcabcabc", BadValue::Variety),
        ("two\nlines-of-it", BadValue::Control),
        ("two line feeds at the end\n\n", BadValue::Control),
        ("a tab\tis-in-here", BadValue::Control),
        (" begins-with-space", BadValue::Space),
    ] {
        assert_eq!(value(text).unwrap_err(), wanted, "{text:?}");
    }
    assert_eq!(value(&"abcdefgh".repeat(1025)).unwrap_err(), BadValue::Long);
    assert_eq!(value("twelve-bytes").unwrap().bytes(), b"twelve-bytes");
    assert_eq!(value("twelve-bytes\r\n").unwrap().bytes(), b"twelve-bytes");
    // A password may be in any alphabet, and goes in base64; a token is in a header as it is.
    let (_dir, store) = loaded("add = { basic = \"me\" }");
    store.put(store.fresh(&github(), value("pässwörter-überall").unwrap()).unwrap());
    let (_dir, store) = loaded("");
    let refused = store.fresh(&github(), value("pässwörter-überall").unwrap()).unwrap_err();
    assert!(matches!(refused, NotReplaced::Value { source: BadValue::NotAscii, .. }));
}

#[test]
fn a_value_of_the_wrong_kind_is_no_credential() {
    let (dir, config) = parsed("format = \"github\"");
    let store = Store::load(&config, &Environment::default()).unwrap();
    for prefix in ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"] {
        store.put(store.fresh(&github(), value(&format!("{prefix}0123456789abcdef")).unwrap()).unwrap());
    }
    let refused = store.fresh(&github(), value("sk-ant-0123456789abcdef").unwrap()).unwrap_err();
    assert!(crate::chain(&refused).contains("does not look like a token of GitHub's"), "{refused}");
    private(&dir.path().join("token"), "sk-ant-0123456789abcdef");
    let faults = Store::load(&config, &Environment::default()).unwrap_err();
    assert!(faults.iter().all(|fault| fault.starts_with("[credentials.github]: ")), "{faults:?}");
    let (_dir, store) = {
        let (dir, config) = parsed("");
        (dir, Store::load(&config, &Environment::default()).unwrap())
    };
    store.put(store.fresh(&github(), value("any-prefix-at-all-0123").unwrap()).unwrap());
}

#[test]
fn an_anthropic_key_is_taken_where_one_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    private(&dir.path().join("key"), "sk-ant-0123456789abcdefghij");
    let text = "[credentials.anthropic]\nsource = { file = \"key\" }\nhosts = [\"api.anthropic.com\"]\nmethods = [\"POST\"]\n\
                paths = [\"/v1/messages\"]\ntiers = [\"user\"]\nadd = { header = \"x-api-key\" }\nformat = \"anthropic\"\n";
    let store = Store::load(&Config::parse(text, dir.path()).unwrap(), &Environment::default()).unwrap();
    let name = CredentialName::try_from("anthropic").unwrap();
    let ask = |method, url| store.grant(&name, Tier::User, method, &Target::parse(url).unwrap());
    assert_eq!(ask(Method::Post, "https://api.anthropic.com/v1/messages").unwrap().header().as_str(), "x-api-key");
    assert!(ask(Method::Get, "https://api.anthropic.com/v1/messages").is_err());
    assert!(ask(Method::Post, "https://api.anthropic.com/v1/models").is_err());
}

#[test]
fn a_missing_source_keeps_the_hub_from_starting() {
    let (dir, config) = parsed("");
    fs::remove_file(dir.path().join("token")).unwrap();
    let faults = Store::load(&config, &Environment::default()).unwrap_err();
    assert!(faults.len() == 1 && faults.concat().contains("cannot be read"), "{faults:?}");
}

#[test]
fn a_rotation_leaves_requests_theirs_and_the_next_get_the_new_one() {
    let (dir, store) = loaded("");
    let before = ask(&store, Tier::User, Method::Get, USER).unwrap();
    private(&dir.path().join("token"), "another-token-0123456789");
    store.put(store.read_again(&github()).unwrap());
    let after = ask(&store, Tier::User, Method::Get, USER).unwrap();
    assert_eq!(before.value().to_str().unwrap(), format!("Bearer {TOKEN}"));
    assert_eq!(after.value().to_str().unwrap(), "Bearer another-token-0123456789");
    assert_eq!(store.list().first().unwrap().uses, 2, "what was counted goes on");
}

#[test]
fn a_rotation_that_fails_leaves_what_is_in_force() {
    let (dir, store) = loaded("");
    private(&dir.path().join("token"), "short");
    assert!(matches!(store.read_again(&github()), Err(NotReplaced::Source { .. })));
    fs::remove_file(dir.path().join("token")).unwrap();
    assert!(matches!(store.read_again(&github()), Err(NotReplaced::Source { .. })));
    let secret = ask(&store, Tier::User, Method::Get, USER).unwrap();
    assert_eq!(secret.value().to_str().unwrap(), format!("Bearer {TOKEN}"));
    let unknown = CredentialName::try_from("nobody").unwrap();
    assert!(matches!(store.read_again(&unknown), Err(NotReplaced::Unknown(_))));
    assert!(matches!(store.fresh(&unknown, value(TOKEN).unwrap()), Err(NotReplaced::Unknown(_))));
}

#[test]
fn the_same_value_again_is_the_same_secret() {
    let (_dir, store) = loaded("");
    let before = ask(&store, Tier::User, Method::Get, USER).unwrap();
    store.put(store.read_again(&github()).unwrap());
    assert!(Arc::ptr_eq(&before, &ask(&store, Tier::User, Method::Get, USER).unwrap()));
}

#[test]
fn credentials_do_not_share_what_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    private(&dir.path().join("token"), TOKEN);
    let one = |name: &str| {
        format!(
            "[credentials.{name}]\nsource = {{ file = \"token\" }}\nhosts = [\"{name}.example\"]\nmethods = [\"GET\"]\n\
             paths = [\"/**\"]\ntiers = [\"user\"]\nadd = \"bearer\"\n"
        )
    };
    let text = format!("{}{}", one("left"), one("right"));
    let store = Store::load(&Config::parse(&text, dir.path()).unwrap(), &Environment::default()).unwrap();
    let name = CredentialName::try_from("left").unwrap();
    let ask = |url| store.grant(&name, Tier::User, Method::Get, &Target::parse(url).unwrap());
    assert!(ask("https://left.example/").is_ok());
    assert!(ask("https://right.example/").is_err(), "the other one's host is not its own");
    let uses: Vec<_> = store.list().into_iter().map(|view| (view.name.to_string(), view.uses)).collect();
    assert_eq!(uses, [("left".to_owned(), 1), ("right".to_owned(), 0)]);
}

#[test]
fn nothing_that_is_shown_has_the_value_in_it() {
    let (dir, config) = parsed("format = \"github\"");
    let store = Store::load(&config, &Environment::default()).unwrap();
    let secret = ask(&store, Tier::User, Method::Get, USER).unwrap();
    let source = Source::File(dir.path().join("token"));
    let read = source.read(&Environment::default()).unwrap();
    let block = format!("GITHUB_TOKEN={TOKEN}\0");
    let mut shown = vec![
        format!("{store:?} {store:#?}"),
        format!("{secret:?} {secret:#?} {:?}", secret.value()),
        format!("{config:?} {read:?} {:?}", Environment::of_block(block.as_bytes())),
        format!("{:?} {}", store.list(), serde_json_like(&store)),
    ];
    // Every error that had a value in its hands.
    let wrong = ["sk-ant-SECRETSECRET-1", "SECRET\nSECRET-12345", "SEC", " SECRET-SECRET-SECRET"];
    for text in wrong {
        private(&dir.path().join("token"), text);
        shown.push(format!("{:?}", Store::load(&config, &Environment::default()).unwrap_err()));
        let error = store.read_again(&github()).unwrap_err();
        shown.push(format!("{error} {error:?} {}", crate::chain(&error)));
    }
    for text in shown {
        assert!(!text.contains(TOKEN) && !text.contains("SECRET") && !text.contains("SEC\""), "{text}");
        assert!(!text.contains(&hex::encode(TOKEN)), "{text}");
    }
}

/// As an answer has it: whatever `Serialize` writes.
fn serde_json_like(store: &Store) -> String {
    store.list().into_iter().map(|view| toml::to_string(&view).unwrap()).collect()
}
