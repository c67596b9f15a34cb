//! The runner's own list is minimal: the shipping runner code serves with one call less, and dies of it. As child
//! processes without a container: the list is the runner's own, whatever is around it.

use super::scenario::{self, Runner, key, shelf};
use manifest::Digest;
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use tests::handed;

/// Calls of the list, as it is written: with the values of an argument where it looks at one.
fn listed() -> Vec<String> {
    let output = Command::new(handed::program("probe")).arg("calls").output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// The rows of the list in the README.
fn kept() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(handed::repository().join("runner-image/README.md")).unwrap();
    let list = text.split("## Kept on the runner's own list").nth(1).expect("the list").split("\n## ").next().unwrap();
    super::profile::calls_and_reasons(list)
}

/// Serves, and describes, with this call taken off the list; the first step that fails.
fn missed(lacking: Option<&str>) -> Result<(), String> {
    let workspace = scenario::scratch();
    let workspace = workspace.path();
    for work in ["serve", "describe"] {
        let program = if lacking.is_some() { "probe" } else { "runner" };
        let posture = Digest::of(b"posture");
        let mut command = Command::new(handed::program(program));
        if let Some(call) = lacking {
            command.args(["serve", call]);
        }
        let mut child = command
            .args(["--hub-key", &key().public().to_string(), "--container", "box", "--posture", posture.as_str()])
            .arg("--artefacts")
            .arg(&shelf().artefacts)
            .arg("--mounts")
            .arg(workspace)
            .arg("--no-container")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let root = workspace.to_str().unwrap();
        let runner = Runner::new(&mut input, &mut output, "box".to_owned(), posture, root);
        let done = if work == "serve" { runner.serves() } else { runner.describes() };
        drop(input);
        if done.is_err() {
            let _ = child.kill();
        }
        let status = child.wait().unwrap();
        done.map_err(|why| format!("{work}: {why}, {status}"))?;
        if !status.success() {
            return Err(format!("{work}: end: {status}"));
        }
    }
    Ok(())
}

#[test]
fn each_call_of_the_runners_list_is_needed_or_kept_with_a_reason() {
    missed(None).expect("the whole list is enough");
    let (all, kept) = (listed(), kept());
    assert!(all.len() > 30, "{all:?}");
    let stale: Vec<&String> = kept.keys().filter(|name| !all.contains(name)).collect();
    assert!(stale.is_empty(), "kept, but not on the list: {stale:?}");

    let queue = Mutex::new(all.iter().filter(|name| !kept.contains_key(*name)).collect::<Vec<_>>());
    let unmissed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(call) = { queue.lock().unwrap().pop() } {
                    match missed(Some(call)) {
                        Ok(()) => unmissed.lock().unwrap().push(call),
                        Err(why) => println!("without {call}: {}", why.chars().take(200).collect::<String>()),
                    }
                }
            });
        }
    });
    let unmissed = unmissed.into_inner().unwrap();
    assert!(unmissed.is_empty(), "nothing misses these: remove them, or say in the README why they stay: {unmissed:?}");
}
