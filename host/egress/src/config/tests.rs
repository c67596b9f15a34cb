#![expect(clippy::unwrap_used, reason = "tests")]

use super::sources::command;
use super::*;
use crate::credentials::{ReadBy, Store};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

const TOKEN: &str = "a-token-of-24-bytes-long";

fn credential(source: &str) -> String {
    format!(
        "[credentials.one]\nsource = {source}\nhosts = [\"example.com\"]\nmethods = [\"GET\"]\npaths = [\"/**\"]\n\
         tiers = [\"user\"]\nadd = \"bearer\"\n"
    )
}

fn parse(text: &str) -> Result<Config, Vec<String>> {
    Config::parse(text, Path::new("/etc/safeclaw"))
}

fn source(text: &str) -> Source {
    let config = parse(&credential(text)).unwrap();
    config.credentials().values().next().unwrap().source.clone()
}

fn shell(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_empty_file_is_the_default() {
    let config = parse("").unwrap();
    assert!(config.roots().is_empty() && config.resolver().is_empty() && config.forbidden().is_empty());
    assert!(config.credentials().is_empty() && config.reads().is_empty() && config.variables().is_empty());
}

#[test]
fn what_is_written_is_what_holds() {
    let dir = tempfile::tempdir().unwrap();
    let ca = rcgen::CertificateParams::default().self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
    fs::write(dir.path().join("ca.pem"), ca.pem()).unwrap();
    let text = "[egress]\nroots = [\"ca.pem\"]\nresolver = [\"127.0.0.1:5353\", \"::1\"]\n\
                forbidden = [\"198.51.100.0/24\", \"2001:db8::1\"]\n";
    let config = Config::parse(text, dir.path()).unwrap();
    assert_eq!(config.roots(), [ca.der().clone()]);
    assert_eq!(config.resolver(), ["127.0.0.1:5353".parse().unwrap(), "[::1]:53".parse().unwrap()]);
    assert_eq!(config.forbidden(), ["198.51.100.0/24".parse().unwrap(), "2001:db8::1/128".parse().unwrap()]);
}

#[test]
fn every_source_is_known_and_who_reads_it_again() {
    for (text, kind, by) in [
        ("{ env = \"GITHUB_TOKEN\" }", "env", ReadBy::Nobody),
        ("{ file = \"token\" }", "file", ReadBy::Hub),
        ("{ keyring = \"user:github\" }", "keyring", ReadBy::Operator),
        ("{ command = [\"gh\", \"auth\", \"token\"] }", "command", ReadBy::Operator),
    ] {
        assert_eq!((source(text).kind(), source(text).read_by()), (kind, by));
    }
    assert_eq!(source("{ file = \"token\" }"), Source::File("/etc/safeclaw/token".into()));
    let config = parse(&credential("{ file = \"token\" }")).unwrap();
    assert_eq!(config.reads(), [PathBuf::from("/etc/safeclaw")]);
    let config = parse(&credential("{ env = \"GITHUB_TOKEN\" }")).unwrap();
    assert_eq!(config.variables(), ["GITHUB_TOKEN"]);
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_used() {
    let good = credential("{ file = \"token\" }");
    for (text, wanted) in [
        ("[egress]\ninsecure = true\n".to_owned(), "unknown field"),
        ("[egress]\nresolver = [\"dns.example\"]\n".to_owned(), "it is no address"),
        ("[egress]\nforbidden = [\"10.0.0.0/40\"]\n".to_owned(), "no range"),
        ("[egress]\nroots = [\"nowhere.pem\"]\n".to_owned(), "cannot be read as certificates"),
        (good.clone() + "value = \"inline\"\n", "unknown field"),
        (good.replace("credentials.one", "credentials.ONE"), "credential name"),
        (good.replace("example.com", "*.com"), "two labels"),
        (good.replace("example.com", "EXAMPLE.com"), "normal form"),
        (good.replace("\"/**\"", "\"/a/../b\""), "path pattern"),
        (good.replace("\"GET\"", "\"get\""), "methods are GET"),
        (good.replace("\"GET\"", "\"CONNECT\""), "methods are GET"),
        (good.replace("\"user\"", "\"root\""), "unknown variant"),
        (good.replace("[\"user\"]", "[]"), "tiers is empty"),
        (good.replace("[\"example.com\"]", "[]"), "hosts is empty"),
        (good.replace("[\"GET\"]", "[]"), "methods is empty"),
        (good.replace("[\"/**\"]", "[]"), "paths is empty"),
        (good.replace("hosts = [\"example.com\"]\n", ""), "missing field `hosts`"),
        (good.clone() + "ports = [0]\n", "0 is none"),
        (good.clone() + "leaks = \"ignore\"\n", "unknown variant"),
        (good.clone() + "format = \"any\"\n", "unknown variant"),
        (good.replace("\"bearer\"", "\"cookie\""), "add is"),
        (good.replace("\"bearer\"", "{ basic = \"a:b\" }"), "no `:`"),
        (good.replace("\"bearer\"", "{ basic = \"a\", header = \"b\" }"), "add is"),
        (good.replace("\"bearer\"", "{ header = \"a b\" }"), "is no header"),
        (good.replace("\"bearer\"", "{ header = \"Host\" }"), "the hub's own"),
        (good.replace("\"bearer\"", "{ header = \"Transfer-Encoding\" }"), "the hub's own"),
        (good.replace("\"bearer\"", "{ header = \"X-A\", prefix = \"a\\n\" }"), "prefix is visible"),
        (credential("{ env = \"PATH\" }"), "no variable for a secret"),
        (credential("{ env = \"A=B\" }"), "no variable for a secret"),
        (credential("{ keyring = \"logon:x\" }"), "user:DESCRIPTION"),
        (credential("{ command = [] }"), "a list of words"),
        (credential("{ command = \"gh auth token\" }"), "invalid type"),
        (credential("{ systemd = \"../x\" }"), "without a `/`"),
        (credential("{ file = \"a\", env = \"B\" }"), "wanted exactly 1"),
        (credential("{ vault = \"a\" }"), "unknown variant"),
    ] {
        let faults = parse(&text).unwrap_err().concat();
        assert!(faults.contains(wanted), "{text}\n{wanted}\n{faults}");
    }
    let two = parse(&good.replace("\"GET\"", "\"get\"").replace("example.com", "A")).unwrap_err();
    assert_eq!(two.len(), 2, "every fault at once: {two:?}");
}

#[test]
fn a_file_that_others_may_write_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("egress.toml");
    fs::write(&path, "").unwrap();
    for bad in [0o620, 0o602, 0o666] {
        mode(&path, bad);
        assert!(matches!(Config::read(&path), Err(BadConfig::Open { .. })), "{bad:o}");
    }
    mode(&path, 0o644);
    Config::read(&path).unwrap();
    assert!(matches!(Config::read(&dir.path().join("none")), Err(BadConfig::Io { .. })));
}

#[test]
fn a_secret_is_in_a_file_of_this_users_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    let read = |path: &Path| Source::File(path.to_owned()).read(&Environment::default());
    fs::write(&path, format!("{TOKEN}\n")).unwrap();
    for bad in [0o644, 0o640, 0o660, 0o604, 0o700] {
        mode(&path, bad);
        assert!(matches!(read(&path), Err(SourceError::NotPrivate { .. })), "{bad:o}");
    }
    for good in [0o600, 0o400] {
        mode(&path, good);
        assert_eq!(read(&path).unwrap().bytes(), TOKEN.as_bytes());
    }
    symlink(&path, dir.path().join("link")).unwrap();
    assert!(read(&dir.path().join("link")).unwrap_err().to_string().contains("symbolic link"));
    assert!(matches!(read(dir.path()), Err(SourceError::NotPrivate { .. })));
    assert!(matches!(read(&dir.path().join("none")), Err(SourceError::File { .. })));
    // Whoever reads a FIFO waits for ever.
    rustix::fs::mknodat(
        rustix::fs::CWD,
        dir.path().join("fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    assert!(matches!(read(&dir.path().join("fifo")), Err(SourceError::NotPrivate { .. })));
    fs::write(&path, "x1y2".repeat(4096)).unwrap();
    mode(&path, 0o600);
    assert!(matches!(read(&path), Err(SourceError::Value(_))), "longer than any secret");
}

#[test]
fn what_systemd_hands_over_may_be_roots() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("github");
    fs::write(&path, TOKEN).unwrap();
    let read = || Source::Systemd(path.clone()).read(&Environment::default());
    for good in [0o400, 0o440] {
        mode(&path, good);
        assert_eq!(read().unwrap().bytes(), TOKEN.as_bytes());
    }
    mode(&path, 0o444);
    assert!(matches!(read(), Err(SourceError::NotPrivate { .. })));
}

#[test]
fn a_variable_is_taken_from_what_was_handed_over() {
    let environment = Environment::of_block(format!("A=1\0TOKEN={TOKEN}=x\0").as_bytes());
    let read = |name: &str| Source::Env(name.to_owned()).read(&environment);
    assert_eq!(read("TOKEN").unwrap().bytes(), format!("{TOKEN}=x").as_bytes());
    assert!(matches!(read("SAFECLAW_NO_SUCH_VARIABLE"), Err(SourceError::Unset(_))));
    assert!(matches!(read("A"), Err(SourceError::Value(_))));
}

#[test]
fn a_program_prints_it_and_gets_no_environment_of_ours() {
    let run = |script: &str| Source::Command(shell(script)).read(&Environment::default());
    assert_eq!(run(&format!("echo {TOKEN}")).unwrap().bytes(), TOKEN.as_bytes());
    let seen =
        run("env | cut -d= -f1 | grep -vE '^(PATH|HOME|PWD|OLDPWD|SHLVL|_)$' | tr -d '\\n'; echo nothing-else-here");
    assert_eq!(seen.unwrap().bytes(), b"nothing-else-here");
    assert!(matches!(run("exit 3"), Err(SourceError::Failed { .. })));
    assert!(matches!(run(&format!("echo {TOKEN}; exit 1")), Err(SourceError::Failed { .. })));
    assert!(matches!(run("cat /dev/zero"), Err(SourceError::Failed { .. })), "output is bounded");
    let none = Source::Command(vec!["/nonexistent/program".to_owned()]).read(&Environment::default());
    assert!(matches!(none, Err(SourceError::Program { .. })));
    let said = run(&format!("echo {TOKEN} >&2; exit 1")).unwrap_err();
    assert!(!format!("{said} {said:?}").contains(TOKEN));
}

#[test]
fn a_program_that_does_not_end_is_ended_with_what_it_has_started() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let script = format!("sleep 1000 & echo $! > {}; wait", pid.display());
    // On a machine that is busy it may not come to its first line in time.
    let started = (1..=6).find_map(|doubled| {
        let read = command::read(&shell(&script), Duration::from_millis(500 << doubled));
        assert!(matches!(read, Err(SourceError::Failed { .. })));
        fs::read_to_string(&pid).ok().filter(|pid| pid.ends_with('\n'))
    });
    let pid = started.unwrap();
    // Gone, or dead and not waited for yet; a process that was killed may take a moment.
    let alive = || {
        let state = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_else(|_| "(sleep) Z".to_owned());
        !matches!(state.rsplit_once(") ").and_then(|(_, state)| state.chars().next()), Some('Z' | 'X'))
    };
    let give_up = std::time::Instant::now() + Duration::from_secs(60);
    while alive() && std::time::Instant::now() < give_up {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!alive());
}

#[test]
fn faults_of_every_credential_are_said_at_once() {
    let text = credential("{ file = \"/nonexistent/a\" }")
        + &credential("{ env = \"SAFECLAW_NO_SUCH_VARIABLE\" }").replace("one", "two");
    let faults = Store::load(&parse(&text).unwrap(), &Environment::default()).unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
}
