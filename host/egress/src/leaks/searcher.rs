//! One stream, piece by piece. What may be the beginning of a value stays here until it is known to be none; all else
//! goes on at once, so that an event of a server's is not kept waiting for the next one.

use super::automaton::{Automaton, Meaning, Walk};
use super::formats::{FORMATS, is_token};
use super::{Found, Leak, OnLeak, Seen};
use aho_corasick::automaton::StateID;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;

/// What stands in place of each byte of a value.
const MASK: u8 = b'*';

/// Looks for values in one stream. Holds at most one byte less than the longest spelling.
pub struct Searcher {
    seen: Seen,
    automaton: Arc<Automaton>,
    state: StateID,
    place: &'static str,
    /// What has come and was not passed on, masked where something was found.
    pub(super) held: Vec<u8>,
    /// Beginnings of tokens that are not long enough yet: the format, and how many bytes more.
    begun: Vec<(usize, u8)>,
    found: Vec<Found>,
    told: Vec<String>,
    ended: Option<Leak>,
}

impl fmt::Debug for Searcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Searcher").field("place", &self.place).field("held", &self.held.len()).finish_non_exhaustive()
    }
}

impl Searcher {
    pub(super) fn new(seen: Seen, place: &'static str) -> Self {
        let automaton = seen.now();
        let state = automaton.start();
        let (held, begun, found, told) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { seen, automaton, state, place, held, begun, found, told, ended: None }
    }

    /// Takes a piece, and gives back what can be passed on now.
    ///
    /// # Errors
    /// A value that ends the exchange; from then on nothing passes.
    pub fn push(&mut self, piece: &[u8]) -> Result<Bytes, Leak> {
        if let Some(leak) = &self.ended {
            return Err(leak.clone());
        }
        self.join()?;
        let before = self.held.len();
        self.held.extend_from_slice(piece);
        self.search(before)?;
        let keep = self.automaton.depth(self.state).min(self.held.len());
        let kept = self.held.split_off(self.held.len() - keep);
        Ok(std::mem::replace(&mut self.held, kept).into())
    }

    /// The rest, when the stream has ended.
    ///
    /// # Errors
    /// As of [`Searcher::push`].
    pub fn finish(&mut self) -> Result<Bytes, Leak> {
        match &self.ended {
            Some(leak) => Err(leak.clone()),
            None => {
                self.state = self.automaton.start();
                self.begun.clear();
                Ok(std::mem::take(&mut self.held).into())
            }
        }
    }

    /// What was found since this was asked last, each name once for a stream: a server that repeats one a million
    /// times fills no log.
    pub fn found(&mut self) -> Vec<Found> {
        std::mem::take(&mut self.found)
    }

    /// Takes over what the session has used since the stream began. What is held is gone over again.
    fn join(&mut self) -> Result<(), Leak> {
        let now = self.seen.now();
        if Arc::ptr_eq(&now, &self.automaton) {
            return Ok(());
        }
        (self.state, self.automaton) = (now.start(), now);
        self.begun.clear();
        self.search(0)
    }

    /// Searches what is held from `from` on, where the automaton stands.
    fn search(&mut self, from: usize) -> Result<(), Leak> {
        let automaton = self.automaton.clone();
        let mut hits = Vec::new();
        let piece = self.held.get(from..).unwrap_or_default();
        follow(&mut self.begun, piece, |format| hits.push((Meaning::Format(format), 0, 0)));
        let walked = automaton.walk(self.state, piece, |meaning, end, length| match meaning {
            Meaning::Secret(place) => {
                let ends = automaton.secrets().get(place).is_none_or(|secret| secret.on_leak() == OnLeak::Block);
                hits.push((meaning, from + end, length));
                if ends { Err(place) } else { Ok(()) }
            }
            Meaning::Format(_) => {
                hits.push((meaning, from + end, length));
                Ok(())
            }
        });
        match walked {
            Ok(state) => self.state = state,
            Err(Walk::Ended(place)) => {
                let of = automaton.secrets().get(place).map(|secret| secret.name().to_string()).unwrap_or_default();
                return Err(self.end(of));
            }
            Err(Walk::Blind) => return Err(self.end("any credential: it cannot be searched".to_owned())),
        }
        // Beginnings of tokens are compared before anything is masked.
        for &(meaning, end, length) in &hits {
            if let Meaning::Format(format) = meaning {
                self.token(format, end, length);
            }
        }
        for (meaning, end, length) in hits {
            if let Meaning::Secret(place) = meaning {
                if let Some(value) = self.held.get_mut(end.saturating_sub(length)..end) {
                    value.fill(MASK);
                }
                let name = automaton.secrets().get(place).map(|secret| secret.name().to_string());
                self.tell(name.unwrap_or_default(), "removed");
            }
        }
        Ok(())
    }

    /// The beginning of a token ends at `end`; 0 says that all of it was there.
    fn token(&mut self, format: usize, end: usize, length: usize) {
        let Some(known) = FORMATS.get(format) else { return };
        if end == 0 {
            return self.tell(known.name.to_owned(), "warned");
        }
        // The automaton does not tell cases apart.
        if self.held.get(end.saturating_sub(length)..end) != Some(known.prefix.as_bytes()) {
            return;
        }
        let mut begun = vec![(format, known.then)];
        let mut whole = known.then == 0;
        follow(&mut begun, self.held.get(end..).unwrap_or_default(), |_| whole = true);
        if whole {
            self.tell(known.name.to_owned(), "warned");
        } else if let Some(begun) = begun.pop().filter(|_| self.begun.len() < FORMATS.len()) {
            self.begun.push(begun);
        }
    }

    fn tell(&mut self, of: String, done: &'static str) {
        if !self.told.contains(&of) {
            self.told.push(of.clone());
            self.found.push(Found { of, place: self.place, done });
        }
    }

    fn end(&mut self, of: String) -> Leak {
        self.held.clear();
        let leak = Leak(Found { of, place: self.place, done: "ended" });
        self.ended = Some(leak.clone());
        leak
    }
}

/// Goes on with tokens that have begun: those that are whole now are told, those that are none are forgotten.
fn follow(begun: &mut Vec<(usize, u8)>, bytes: &[u8], mut whole: impl FnMut(usize)) {
    begun.retain_mut(|(format, wanted)| {
        let come = bytes.iter().take(usize::from(*wanted)).take_while(|byte| is_token(**byte)).count();
        *wanted = wanted.saturating_sub(u8::try_from(come).unwrap_or(u8::MAX));
        if *wanted == 0 {
            whole(*format);
        }
        // Everything that came was of it: the rest may follow.
        *wanted > 0 && come == bytes.len()
    });
}
