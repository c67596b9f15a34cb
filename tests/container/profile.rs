//! The container's seccomp profile is minimal: the shipping runner and the shipping compile program are started
//! under it with one rule taken away, and miss it. What is kept though nothing here needs it, since another C
//! library or container runtime makes the call, is a list with reasons in `runner-image/README.md`.

use super::altered::{self, Altered};
use super::boxes::{Boxes, Plan};
use super::scenario::{self, Runner, key, shelf};
use protocol::{Decoder, FromCompile, ToCompile, encode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Mutex;
use tests::handed;

/// One call of one rule of the profile.
#[derive(Debug, Clone, PartialEq)]
struct Rule {
    call: String,
    at: usize,
}

impl Rule {
    /// `mmap`, or `mmap 2`: which of several rules for one call, from 0.
    fn name(&self, all: &[Rule]) -> String {
        let same: Vec<&Rule> = all.iter().filter(|other| other.call == self.call).collect();
        match same.iter().position(|other| *other == self) {
            Some(which) if same.len() > 1 => format!("{} {which}", self.call),
            _ => self.call.clone(),
        }
    }

    /// What the call then gets is the profile's default: `EPERM`.
    fn remove(&self, profile: &mut Value) {
        let names = profile["syscalls"][self.at]["names"].as_array_mut().expect("names");
        names.retain(|name| *name != json!(self.call));
        if names.is_empty() {
            profile["syscalls"].as_array_mut().expect("rules").remove(self.at);
        }
    }
}

fn rules() -> Vec<Rule> {
    let text = std::fs::read_to_string(handed::repository().join("runner-image/seccomp.json")).unwrap();
    let profile: Value = serde_json::from_str(&text).unwrap();
    let rules = profile["syscalls"].as_array().unwrap();
    rules
        .iter()
        .enumerate()
        .flat_map(|(at, rule)| {
            assert!(rule["comment"].as_str().is_some_and(|why| why.len() > 10), "a reason beside each rule: {rule}");
            let names = rule["names"].as_array().unwrap();
            names.iter().map(move |name| Rule { call: name.as_str().unwrap().to_owned(), at })
        })
        .collect()
}

/// The rows `| CALL | kept since |` of the list.
fn kept() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(handed::repository().join("runner-image/README.md")).unwrap();
    let list =
        text.split("## Kept though no scenario needs it").nth(1).expect("the list").split("\n## ").next().unwrap();
    calls_and_reasons(list)
}

/// The rows of a list in the README: calls, between commas, and why they stay.
pub(super) fn calls_and_reasons(list: &str) -> BTreeMap<String, String> {
    list.lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| ")?.trim_end_matches(" |").split(" | ");
            let (calls, why) = (cells.next()?, cells.next()?);
            calls.starts_with('`').then(|| (calls.to_owned(), why.to_owned()))
        })
        .flat_map(|(calls, why)| {
            let names: Vec<String> = calls.split(", ").map(|name| name.trim_matches('`').to_owned()).collect();
            names.into_iter().map(move |name| (name, why.clone()))
        })
        .collect()
}

/// Everything there is to do under a profile; the first step that fails.
fn missed(boxes: &Boxes, change: impl Fn(&mut Value)) -> Result<(), String> {
    for work in ["serve", "describe"] {
        let (like, posture) = boxes.create("large");
        let done = altered::start(&like, &change).and_then(|mut container| {
            let (input, output) = (&mut container.input, &mut container.output);
            let runner = Runner::new(input, output, like.0.clone(), posture, "/mnt/work");
            if work == "serve" { runner.serves() } else { runner.describes() }?;
            ended(container)
        });
        super::boxes::block_on(boxes.launcher.kill(&like)).unwrap();
        done.map_err(|why| format!("{work}: {why}"))?;
    }
    let (like, _) = boxes.create("compile");
    let done = altered::start(&like, &change).and_then(|mut container| {
        compiles(&mut container)?;
        ended(container)
    });
    super::boxes::block_on(boxes.launcher.kill(&like)).unwrap();
    done.map_err(|why| format!("compile: {why}"))
}

fn ended(container: Altered) -> Result<(), String> {
    match container.end() {
        Some(0) => Ok(()),
        code => Err(format!("end: exit code {code:?}")),
    }
}

/// Compiles a small component.
fn compiles(container: &mut Altered) -> Result<(), String> {
    let wasm = handed::guest("hello");
    let begin = ToCompile::Begin { bytes: wasm.len() as u64, trap_imports: Vec::new(), http: false };
    let chunks = wasm.chunks(1 << 20).map(|chunk| ToCompile::Chunk(chunk.to_vec()));
    for message in std::iter::once(begin).chain(chunks) {
        let mut bytes = Vec::new();
        encode(&message, &mut bytes).unwrap();
        container.input.write_all(&bytes).map_err(|error| error.to_string())?;
    }
    let mut decoder = Decoder::new();
    let mut left = None;
    let mut chunk = vec![0; 64 << 10];
    while left != Some(0) {
        while let Some(message) = decoder.next().map_err(|error| error.to_string())? {
            match (message, &mut left) {
                (FromCompile::Compiled(header), None) => left = Some(header.bytes),
                (FromCompile::Chunk(bytes), Some(left)) => *left -= bytes.len() as u64,
                (other, _) => return Err(format!("{other:?}")),
            }
        }
        if left != Some(0) {
            match container.output.read(&mut chunk).map_err(|error| error.to_string())? {
                0 => return Err("it ended".to_owned()),
                count => decoder.push(&chunk[..count]),
            }
        }
    }
    Ok(())
}

fn boxes(workspace: &Path) -> Boxes {
    Boxes::new(Plan {
        image: handed::image(),
        hub_key: key().public().to_string(),
        mount: Some(workspace),
        artefacts: Some(&shelf().artefacts),
    })
}

#[test]
fn each_rule_of_the_profile_is_needed_or_kept_with_a_reason() {
    let workspace = scenario::scratch();
    let boxes = boxes(workspace.path());
    missed(&boxes, |_| {}).expect("the whole profile is enough");

    let (all, kept) = (rules(), kept());
    let names: Vec<String> = all.iter().map(|rule| rule.name(&all)).collect();
    let stale: Vec<&String> = kept.keys().filter(|name| !names.contains(*name)).collect();
    assert!(stale.is_empty(), "kept, but in no rule: {stale:?}");
    assert!(kept.values().all(|why| why.len() > 10), "a reason beside each: {kept:?}");

    // Two at a time: most of a start is waiting.
    let queue = Mutex::new(all.iter().filter(|rule| !kept.contains_key(&rule.name(&all))).collect::<Vec<_>>());
    let unmissed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(rule) = { queue.lock().unwrap().pop() } {
                    match missed(&boxes, |profile| rule.remove(profile)) {
                        Ok(()) => unmissed.lock().unwrap().push(rule.name(&all)),
                        Err(why) => {
                            println!("without {}: {}", rule.name(&all), why.chars().take(200).collect::<String>())
                        }
                    }
                }
            });
        }
    });
    let unmissed = unmissed.into_inner().unwrap();
    assert!(unmissed.is_empty(), "nothing misses these: remove them, or say in the README why they stay: {unmissed:?}");
}
