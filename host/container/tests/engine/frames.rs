//! A runner's FIFOs: they carry, nothing can be done with their names, and they last as long as both ends.

use super::fixture::*;
use container::{ClassSpec, EventKind, Size};
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A class whose FIFOs are made in a directory of their own, and that directory.
fn with_frames() -> (TempDir, ClassSpec) {
    let dir = tempfile::tempdir().unwrap();
    let spec = ClassSpec { frames: Some(dir.path().to_owned()), ..class(Size::Small, Vec::new()) };
    (dir, spec)
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn the_names_go_when_the_runner_is_heard_and_the_pipes_with_either_end() {
    let Some(socket) = socket() else { return };
    let (dir, spec) = with_frames();
    let launcher = launcher(&socket, &random(), &[("user", spec)]).await;
    let mut events = launcher.events();
    let (name, mut attached) = start(&launcher, "user").await;
    assert_eq!(names(dir.path()), [name.0.clone()]);
    assert_eq!(launcher.differences(&name).await.unwrap(), Vec::<String>::new());
    assert_eq!(ask(&mut attached, "there").await, "there");
    assert_eq!(names(dir.path()), Vec::<String>::new());
    let long = "0123456789abcdef".repeat(20_000);
    let mut echoed = vec![0; long.len()];
    let (said, _) = tokio::join!(attached.input.write_all(long.as_bytes()), attached.output.read_exact(&mut echoed));
    said.unwrap();
    assert!(echoed == long.as_bytes(), "more than the pipe holds comes back whole");
    // The end of its input is the end of the program.
    drop(attached);
    assert_eq!(story(&mut events, &name).await, [EventKind::Started, EventKind::Died(0), EventKind::Removed]);

    let (name, mut attached) = start(&launcher, "user").await;
    assert_eq!(ask(&mut attached, "there").await, "there");
    launcher.kill(&name).await.unwrap();
    assert_eq!(attached.output.read(&mut [0; 8]).await.unwrap(), 0, "its end is the end of its output");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_nobody_hears_leaves_no_names() {
    let Some(socket) = socket() else { return };
    let (dir, spec) = with_frames();
    let launcher = launcher(&socket, &random(), &[("user", spec)]).await;
    let name = create(&launcher, "user").await;
    assert_eq!(names(&dir.path().join(&name.0)), ["in", "out"]);
    launcher.kill(&name).await.unwrap();
    assert_eq!(names(dir.path()), Vec::<String>::new());
    let (name, attached) = start(&launcher, "user").await;
    launcher.kill(&name).await.unwrap();
    drop(attached);
    assert_eq!(names(dir.path()), Vec::<String>::new());
}

/// Before it is heard it has the names, in a directory that it can do nothing with, and each FIFO one way only.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_can_be_done_with_the_names() {
    let Some(socket) = socket() else { return };
    let (_dir, spec) = with_frames();
    let launcher = launcher(&socket, &random(), &[("user", spec)]).await;
    let (_, mut neighbour) = start(&launcher, "user").await;
    let (read_only, not_there) = ("errno 30", "errno 2");
    let mut attacks = vec![
        ("!write /frames/file", read_only),
        ("!rename /frames/in /frames/other", read_only),
        ("!remove /frames", read_only),
        ("!read /frames/../frames/safeclaw", not_there),
    ];
    // Whoever runs this as user 1000 owns the FIFOs, and could open both ends of his own: no harm to anybody else.
    if !rustix::process::geteuid().is_root() {
        println!("not run: the other direction of a FIFO, which needs another user than the container's");
    } else {
        attacks.extend([("!write /frames/in", "errno 13"), ("!read /frames/out", "errno 13")]);
    }
    for (attack, answer) in attacks {
        let (name, mut attached) = start(&launcher, "user").await;
        assert_eq!(ask(&mut attached, attack).await, answer, "{attack}");
        launcher.kill(&name).await.unwrap();
    }
    assert_eq!(ask(&mut neighbour, "there").await, "there");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_on_its_standard_output_end_it() {
    let Some(socket) = socket() else { return };
    let (_dir, spec) = with_frames();
    let launcher = launcher(&socket, &random(), &[("user", spec)]).await;
    let (_, mut attached) = start(&launcher, "user").await;
    say(&mut attached, "!stdout").await;
    let error = attached.output.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::QuotaExceeded, "{error}");
}
