//! Changes bytes as a fuzzer does, from a seed, so that what failed once fails again.

/// Longer inputs find nothing that shorter ones do not, and take their time.
const LONGEST: usize = 4 << 10;
/// Bytes at the edges of numbers, and those that the formats here are made of.
const BYTES: &[u8] = b"\0\x01\x7f\x80\xff\"\\/.:=\n\r\t{}[](),-0 9aZ";

/// Makes inputs out of a corpus and words of a format.
pub(crate) struct Mutator<'c> {
    corpus: &'c [Vec<u8>],
    words: &'c [&'c [u8]],
    random: Random,
}

impl<'c> Mutator<'c> {
    pub(crate) fn new(corpus: &'c [Vec<u8>], words: &'c [&'c [u8]], seed: u64) -> Self {
        Self { corpus, words, random: Random(seed) }
    }

    /// An entry of the corpus with one to four changes.
    pub(crate) fn input(&mut self) -> Vec<u8> {
        let mut input = self.random.pick(self.corpus).clone();
        for _ in 0..=self.random.below(4) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.random.below(input.len() + 1);
        let end = (at + 1 + self.random.below(16)).min(input.len());
        let byte = *self.random.pick(BYTES);
        match (self.random.below(10), input.get_mut(at)) {
            (0, Some(old)) => *old ^= 1 << self.random.below(8),
            (1, Some(old)) => *old = byte,
            (2, Some(old)) => *old = old.wrapping_add(1 + (byte & 7)),
            (3, Some(_)) => drop(input.drain(at..end)),
            (4, Some(_)) => {
                let times = 1 + self.random.below(8);
                let again = input[at..end].repeat(times);
                input.splice(at..at, again);
            }
            (5, _) => input.insert(at, byte),
            (6, Some(_)) if !self.words.is_empty() => {
                let word = *self.random.pick(self.words);
                input.splice(at..end, word.iter().copied());
            }
            (7, _) => {
                let other = self.random.pick(self.corpus);
                let from = self.random.below(other.len() + 1);
                input.splice(at.., other[from..].iter().copied());
            }
            (8, Some(_)) if self.random.below(4) == 0 => input.truncate(at),
            _ if !self.words.is_empty() => {
                let word = *self.random.pick(self.words);
                input.splice(at..at, word.iter().copied());
            }
            _ => input.insert(at, byte),
        }
    }
}

/// SplitMix64: small, and the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap_or(0)
    }

    fn pick<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.below(list.len())]
    }
}
