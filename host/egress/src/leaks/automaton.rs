//! Every spelling of every value of a session in one automaton, made anew when a value joins. It is asked byte by
//! byte, so that a stream keeps its place in it between two pieces.

use super::formats::FORMATS;
use super::spellings::{self, Spelling};
use crate::credentials::Secret;
use aho_corasick::automaton::StateID;
use aho_corasick::{Anchored, BuildError, MatchKind, PatternID, StartKind, dfa, nfa};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// Patterns of so many bytes together get a table: the fastest, at up to half a KiB for each of them. A value of some
/// KiB, as a private key, gets what is slower and as large as itself.
const MOST_OF_A_TABLE: usize = 16 << 10;

/// The machine, and what its patterns mean. Its memory is not wiped: the values are in it as they are in the sockets'
/// buffers, for as long as the session lives.
pub(super) struct Automaton {
    secrets: Vec<Arc<Secret>>,
    /// By pattern.
    meaning: Vec<Meaning>,
    /// `None` if none could be built: then nothing passes.
    machine: Option<Machine>,
    start: StateID,
    /// How many of the bytes before it may be the beginning of a pattern, for each state that is not the first.
    depths: HashMap<StateID, usize>,
}

enum Machine {
    Table(dfa::DFA),
    Links(nfa::contiguous::NFA),
}

/// What was found if a pattern matches.
#[derive(Debug, Clone, Copy)]
pub(super) enum Meaning {
    /// A value, by its place in [`Automaton::secrets`].
    Secret(usize),
    /// The beginning of a token, by its place in [`FORMATS`].
    Format(usize),
}

/// Without any value.
pub(super) fn of_formats() -> Arc<Automaton> {
    static FIRST: LazyLock<Arc<Automaton>> = LazyLock::new(|| Arc::new(Automaton::build(Vec::new())));
    FIRST.clone()
}

impl Automaton {
    /// Another one, which knows this value too.
    pub(super) fn with(&self, secret: Arc<Secret>) -> Self {
        Self::build(self.secrets.iter().cloned().chain([secret]).collect())
    }

    pub(super) fn secrets(&self) -> &[Arc<Secret>] {
        &self.secrets
    }

    pub(super) fn knows(&self, secret: &Arc<Secret>) -> bool {
        self.secrets.iter().any(|known| Arc::ptr_eq(known, secret))
    }

    fn build(secrets: Vec<Arc<Secret>>) -> Self {
        let mut patterns: Vec<Spelling> = Vec::new();
        let mut meaning = Vec::new();
        for (place, secret) in secrets.iter().enumerate() {
            for text in secret.texts() {
                let more = spellings::of(&text);
                meaning.extend(more.iter().map(|_| Meaning::Secret(place)));
                patterns.extend(more);
            }
        }
        for (place, format) in FORMATS.iter().enumerate() {
            patterns.push(Spelling::new(format.prefix.as_bytes().to_vec()));
            meaning.push(Meaning::Format(place));
        }
        let machine = match Machine::build(&patterns) {
            Ok(machine) => Some(machine),
            Err(error) => {
                tracing::error!(%error, "no automaton for the credentials of a session: its egress ends");
                None
            }
        };
        let mut automaton = Self { secrets, meaning, machine, start: StateID::default(), depths: HashMap::new() };
        match &automaton.machine {
            Some(Machine::Table(table)) => (automaton.start, automaton.depths) = depths(table, &patterns),
            Some(Machine::Links(links)) => (automaton.start, automaton.depths) = depths(links, &patterns),
            None => {}
        }
        automaton
    }

    /// Where a stream begins.
    pub(super) fn start(&self) -> StateID {
        self.start
    }

    /// How many of the last bytes may be the beginning of a pattern, the longest.
    pub(super) fn depth(&self, state: StateID) -> usize {
        self.depths.get(&state).copied().unwrap_or(0)
    }

    /// Goes on from a state over bytes, and tells each match by its meaning, its end in `bytes`, and its length, which
    /// may reach back before them. Until `each` says so: what it says then is the answer.
    pub(super) fn walk<E>(
        &self,
        state: StateID,
        bytes: &[u8],
        each: impl FnMut(Meaning, usize, usize) -> Result<(), E>,
    ) -> Result<StateID, Walk<E>> {
        match &self.machine {
            Some(Machine::Table(table)) => self.walk_on(table, state, bytes, each),
            Some(Machine::Links(links)) => self.walk_on(links, state, bytes, each),
            None => return Err(Walk::Blind),
        }
        .map_err(Walk::Ended)
    }

    fn walk_on<M: aho_corasick::automaton::Automaton, E>(
        &self,
        machine: &M,
        mut state: StateID,
        bytes: &[u8],
        mut each: impl FnMut(Meaning, usize, usize) -> Result<(), E>,
    ) -> Result<StateID, E> {
        for (at, &byte) in bytes.iter().enumerate() {
            state = machine.next_state(Anchored::No, state, byte);
            if machine.is_special(state) && machine.is_match(state) {
                for nth in 0..machine.match_len(state) {
                    let pattern: PatternID = machine.match_pattern(state, nth);
                    if let Some(meaning) = self.meaning.get(pattern.as_usize()) {
                        each(*meaning, at + 1, machine.pattern_len(pattern))?;
                    }
                }
            }
        }
        Ok(state)
    }
}

/// Why a walk is not at its end.
pub(super) enum Walk<E> {
    /// It was ended.
    Ended(E),
    /// There is no machine.
    Blind,
}

impl Machine {
    fn build(patterns: &[Spelling]) -> Result<Self, BuildError> {
        // Of a value in upper case there is little left to guess; and one pattern stands for all mixtures of case in
        // hexadecimal digits.
        if patterns.iter().map(|pattern| pattern.len()).sum::<usize>() <= MOST_OF_A_TABLE {
            let mut builder = dfa::DFA::builder();
            builder.match_kind(MatchKind::Standard).start_kind(StartKind::Unanchored);
            builder.ascii_case_insensitive(true).prefilter(false);
            builder.build(patterns.iter().map(|pattern| pattern.as_slice())).map(Self::Table)
        } else {
            let mut builder = nfa::contiguous::NFA::builder();
            builder.match_kind(MatchKind::Standard).ascii_case_insensitive(true).prefilter(false);
            builder.build(patterns.iter().map(|pattern| pattern.as_slice())).map(Self::Links)
        }
    }
}

/// The state after each beginning of each pattern: a machine of this kind has one for every one of them.
fn depths(
    machine: &impl aho_corasick::automaton::Automaton,
    patterns: &[Spelling],
) -> (StateID, HashMap<StateID, usize>) {
    let start = machine.start_state(Anchored::No).unwrap_or_default();
    let mut depths = HashMap::new();
    for pattern in patterns {
        let mut state = start;
        for (at, &byte) in pattern.iter().enumerate() {
            state = machine.next_state(Anchored::No, state, byte);
            depths.insert(state, at + 1);
        }
    }
    (start, depths)
}
