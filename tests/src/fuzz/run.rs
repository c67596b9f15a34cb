//! One run of a body: its corpus as it is, then mutations of it. An input that fails is written to
//! `target/fuzz/` and printed.

use super::mutate::Mutator;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Inputs of one run, besides the corpus.
const MUTATIONS: u32 = 100_000;
/// Fixed: a run that passes today passes tomorrow. libFuzzer looks further.
const SEED: u64 = 0x5afe_c1a3;
/// Of the mutations, so many are taken and so many refused at least: a body of which one answer is never
/// heard checks nothing.
const OF_EACH_ANSWER: u32 = MUTATIONS / 200;

/// A body, and what its inputs are made of.
pub(crate) struct Body {
    /// Of the folder with its corpus, and of its libFuzzer target.
    pub(crate) name: &'static str,
    /// Panics where a promise is broken; says whether the input was taken.
    pub(crate) check: fn(&[u8]) -> bool,
    /// Pieces of its format.
    pub(crate) words: &'static [&'static [u8]],
}

/// Runs it.
pub(crate) fn run(body: &Body) {
    let corpus = corpus(body.name);
    for input in &corpus {
        attempt(body, None, input);
    }
    let mut mutator = Mutator::new(&corpus, body.words, SEED);
    let mut taken = 0;
    for round in 0..MUTATIONS {
        taken += u32::from(attempt(body, Some(round), &mutator.input()));
    }
    let both = OF_EACH_ANSWER..=MUTATIONS - OF_EACH_ANSWER;
    assert!(
        both.contains(&taken),
        "{}: {taken} of {MUTATIONS} inputs were taken; renew its corpus, it reaches nothing",
        body.name
    );
}

/// What a run starts from, in the order of the files' names.
pub(crate) fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = root().join("tests/fuzz/corpus").join(name);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.iter().map(|file| fs::read(file).expect("a file of the corpus")).collect()
}

/// The clone.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().find(|folder| folder.join("ARCHITECTURE.md").is_file()).expect("the root of the clone")
}

fn attempt(body: &Body, round: Option<u32>, input: &[u8]) -> bool {
    let panic = match catch_unwind(AssertUnwindSafe(|| (body.check)(input))) {
        Ok(taken) => return taken,
        Err(panic) => panic,
    };
    let why = panic.downcast_ref::<String>().cloned();
    let why = why.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default();
    let folder = root().join("target/fuzz");
    let file = folder.join(format!("{}.failed", body.name));
    let _ = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, input));
    let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
    panic!("{}: seed {SEED:#x}, round {round:?}, {} (hex {hex}): {why}", body.name, file.display());
}
