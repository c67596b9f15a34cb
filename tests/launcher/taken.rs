//! What a hub that was taken over tries, each with the rights of one that serves and, for comparison, with those of
//! its user: an attack that fails both times proves nothing.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use tests::handed;

/// What an attempt has to end in, confined; and whether it must go through where nothing is confined.
type Row = (&'static str, &'static [&'static str], Free);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Free {
    /// It goes through.
    Goes,
    /// The machine or its kernel may refuse it to everybody: then it is no comparison, and the wall's own answer
    /// still has to be seen.
    MayNot,
}
use Free::{Goes, MayNot};

const DONE: &[&str] = &["done"];
const FILTER: &[&str] = &["EPERM"];
const FILES: &[&str] = &["EACCES"];
/// Which of both answers first is the kernel's choice.
const EITHER: &[&str] = &["EACCES", "EPERM"];

/// Landlock's own word where a file would come to lie where more is allowed.
const LINKED: &[&str] = &["EXDEV"];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("keep its own data",                         DONE,   Goes),
    ("start a thread",                            DONE,   Goes),
    ("connect to the network",                    DONE,   Goes),
    ("connect to the container engine",           FILTER, Goes),
    ("connect to the launcher's operator socket", FILTER, Goes),
    ("write the launcher's record",               FILES,  Goes),
    ("read the launcher's record",                FILES,  Goes),
    ("put another record in its place",           EITHER, Goes),
    ("read the launcher's memory",                EITHER, MayNot),
    ("list the launcher's descriptors",           EITHER, MayNot),
    ("trace the launcher",                        FILTER, MayNot),
    ("signal the launcher",                       FILTER, Goes),
    ("take a descriptor of the launcher's",       FILTER, MayNot),
    ("read a file of its user's",                 FILES,  Goes),
    ("read the machine's passwords",              FILES,  MayNot),
    ("write a file of its user's",                FILES,  Goes),
    ("list its user's home",                      FILES,  Goes),
    ("link its user's file into its data",        LINKED, Goes),
    ("lead its data to its user's file",          FILES,  Goes),
    ("run a program",                             FILTER, Goes),
    ("run a program of its own",                  EITHER, Goes),
    ("fork",                                      FILTER, Goes),
    ("open a door of its own",                    FILTER, Goes),
    ("open a Unix socket of its own",             FILTER, Goes),
    ("talk to the kernel (netlink)",              FILTER, MayNot),
    ("a user namespace",                          FILTER, MayNot),
    ("io_uring",                                  FILTER, MayNot),
    ("a keyring",                                 FILTER, MayNot),
    ("memory without a file",                     FILTER, Goes),
    ("run a program by its x32 number",           FILTER, MayNot),
    ("a Unix socket by its x32 number",           FILTER, MayNot),
];

/// The attempts of one intruder, by name.
fn tried(rights: &str) -> Vec<(String, String)> {
    let folder = tempfile::Builder::new().prefix("safeclaw-taken-").tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for directory in ["data", "home"] {
        fs::create_dir(at(directory)).unwrap();
    }
    fs::write(at("home/secret"), "a key of the user's").unwrap();
    let record = container::launcher::Record::open(&at("record")).unwrap();
    record.admit(manifest::Digest::of(b"1"), Default::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _operators = runtime.block_on(async { container::launcher::operator::bind(&record) }).unwrap();
    // In the launcher's place: of the same user, and there before.
    let mut launcher = Command::new("/bin/sleep").arg("600").spawn().unwrap();
    let said = Command::new(handed::program("examples/taken_hub"))
        .arg(rights)
        .args([at("data").as_path(), handed::engine().as_path(), record.directory()])
        .arg(launcher.id().to_string())
        .arg(at("home"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    launcher.kill().unwrap();
    launcher.wait().unwrap();
    assert!(said.status.success(), "{rights}: {:?}", said.status);
    assert_eq!(fs::read(Path::new(&at("home/secret"))).unwrap(), b"a key of the user's");
    let text = String::from_utf8(said.stdout).unwrap();
    text.lines().map(|line| line.rsplit_once(": ").unwrap()).map(|(n, f)| (n.to_owned(), f.to_owned())).collect()
}

#[test]
fn a_hub_that_was_taken_over_has_less_than_its_user() {
    let (confined, free) = (tried("confined"), tried("free"));
    let names = |tried: &[(String, String)]| tried.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let wanted: Vec<_> = ROWS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    // Every row is tried and every attempt has a row.
    assert_eq!(names(&confined), wanted);
    assert_eq!(names(&free), wanted);
    let mut wrong = Vec::new();
    for (((name, walls, goes), (_, confined)), (_, free)) in ROWS.iter().zip(&confined).zip(&free) {
        if !walls.contains(&confined.as_str()) {
            wrong.push(format!("{name}: {confined}, and it has to end in {walls:?}"));
        }
        if free != "done" && *goes == Goes {
            wrong.push(format!("{name}: {free} where nothing is confined, so it proves nothing"));
        } else if free != "done" {
            println!("{name}: {free} on this machine for everybody; confined {confined}");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
