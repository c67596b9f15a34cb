//! Logs that were tampered with, ten thousand times, by somebody who knows the format, can compute every hash, and may
//! have the hub's key as it is now. Each is found, or touches nothing but the records that verifying names as unsigned.

use super::super::chain::BEFORE_THE_FIRST;
use super::super::head::{Head, Secret};
use super::super::hex::{LineHash, PublicKey};
use super::super::key_file::{self, KeyState};
use super::super::lines::{Links, hash};
use super::super::verify::{Against, Expected, Report, What, verify};
use super::*;
use std::collections::BTreeMap;
use std::fs;

const TRIES: u64 = 10_000;
const SEED: u64 = 0x5afe_c1a3;

/// A log as it lies on a disk.
#[derive(Clone)]
struct Disk {
    log: Vec<u8>,
    key: Vec<u8>,
}

/// One that nobody has touched, with the states that its key file had before.
struct Honest {
    disk: Disk,
    public: PublicKey,
    older: Vec<Vec<u8>>,
    report: Report,
}

/// SplitMix64: the same tamperings on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most.max(1) as u64).unwrap()
    }
}

/// Some records with heads between them, two starts, and a few records that nothing vouches for.
async fn honest() -> Honest {
    let dir = tempfile::tempdir().unwrap();
    let read = |name: &str| fs::read(dir.path().join(name)).unwrap();
    let mut older = Vec::new();
    for round in 0..2 {
        let audit = open(dir.path());
        for n in 0..7 {
            audit.write(entry(&format!("{round}-{n}"))).await.unwrap();
        }
        audit.close().await;
        older.push(read("audit.key"));
    }
    let audit = open(dir.path());
    audit.write(entry("before the last head")).await.unwrap();
    audit.close().await;
    for n in 0..3 {
        audit.write(entry(&format!("unsigned {n}"))).await.unwrap();
    }
    let disk = Disk { log: read("audit.jsonl"), key: read("audit.key") };
    let public = String::from_utf8(read("audit.pub")).unwrap().trim().parse().unwrap();
    let mut honest = Honest { report: sound(dir.path()), disk, public, older };
    honest.report = look(&honest, &honest.disk).unwrap();
    assert_eq!((honest.report.faults.len(), honest.report.unsigned), (0, 4), "{:?}", honest.report);
    honest
}

/// What `safeclaw audit verify` sees of a directory; none for a key file that says nothing, which is found as well.
fn look(honest: &Honest, disk: &Disk) -> Option<Report> {
    look_for(honest, disk, BTreeSet::new())
}

fn look_for(honest: &Honest, disk: &Disk, expected: BTreeSet<Expected>) -> Option<Report> {
    let state = key_file::newest(&disk.key)?;
    let against = Against { key: Some(honest.public), state: Some(state.clone()), expected };
    let mut report = verify(disk.log.as_slice(), &against).unwrap();
    report.hold_against(&state);
    Some(report)
}

fn lines(log: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = log.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    lines.pop();
    lines
}

fn joined(lines: &[Vec<u8>]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_slice(), b"\n"].concat()).collect()
}

/// Gives every line from `from` on the number and the hash that it needs to follow the one before, and heads the
/// record that they stand behind. What only a key can do is `sign`'s.
fn rechain(lines: &mut [Vec<u8>], from: usize, sign: &dyn Fn(&Head, LineHash) -> Head) {
    let mut last: LineHash = from.checked_sub(1).map_or(BEFORE_THE_FIRST, |before| hash(&lines[before]));
    let mut hashes: BTreeMap<u64, LineHash> = BTreeMap::new();
    for (at, line) in lines.iter().take(from).enumerate() {
        hashes.insert(at as u64, hash(line));
    }
    for at in from..lines.len() {
        let Ok(mut record) = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&lines[at]) else {
            continue;
        };
        record.insert("seq".into(), at.into());
        record.insert("prev".into(), last.to_string().into());
        if let Ok(head) = serde_json::from_slice::<Head>(&lines[at])
            && let Some(now) = hashes.get(&head.upto)
        {
            let signed = serde_json::to_value(sign(&head, *now)).unwrap();
            record.extend(signed.as_object().unwrap().clone());
        }
        lines[at] = serde_json::to_vec(&record).unwrap();
        last = hash(&lines[at]);
        hashes.insert(at as u64, last);
    }
}

fn event(line: &[u8]) -> String {
    Links::of(line).map(|links| links.event.into_owned()).unwrap_or_default()
}

/// A tampering of one kind. Whoever does it has the disk, and the key that is on it.
fn tamper(kind: usize, honest: &Honest, other: &Honest, random: &mut Random) -> Disk {
    let mut disk = honest.disk.clone();
    let mut all = lines(&disk.log);
    let (one, two) = (random.below(all.len()), random.below(all.len()));
    let stolen = key_file::newest(&disk.key).unwrap();
    match kind {
        0 => {
            let at = random.below(disk.log.len());
            disk.log[at] = disk.log[at].wrapping_add(1 + u8::try_from(random.below(255)).unwrap());
            return disk;
        }
        1 => {
            all.remove(one);
        }
        2 => {
            let mut new = all[two].clone();
            let at = random.below(new.len());
            new[at] ^= 1;
            all.insert(one, new);
        }
        3 => {
            let again = all[two].clone();
            all.insert(one, again);
        }
        4 => all.swap(one, two),
        5 => {
            let at = random.below(disk.log.len());
            disk.log.truncate(at);
            return disk;
        }
        6 => {
            let others = lines(&other.disk.log);
            all.truncate(one);
            all.extend(others.into_iter().skip(if random.below(2) == 0 { one } else { two }));
        }
        7 => {
            // An older head in a later one's place, or after it, everything else in order.
            let heads: Vec<usize> = (0..all.len()).filter(|at| event(&all[*at]) == "head").collect();
            let (from, to) = (heads[random.below(heads.len())], heads[random.below(heads.len())]);
            let replayed = all[from].clone();
            if random.below(2) == 0 {
                all[to] = replayed
            } else {
                all.insert(to + 1, replayed)
            }
            rechain(&mut all, to, &|head, _| head.clone());
        }
        8 => {
            // A record is changed, every hash after it is right, and the heads are signed again: with a key of one's
            // own, or with that of the step that the hub is at.
            let own = Secret::of([random.next().to_le_bytes()[0]; 32]);
            let with = if random.below(2) == 0 { &own } else { &stolen.secret };
            rewrite(&mut all[one], random);
            rechain(&mut all, one, &|head, now| with.sign(head.log, head.step, head.upto, now));
        }
        9 => {
            // The same without a key: heads as they were, or none of them.
            rewrite(&mut all[one], random);
            if random.below(2) == 0 {
                let mut at = 0;
                all.retain(|line| {
                    at += 1;
                    at <= one || event(line) != "head"
                });
            }
            let from = one.min(all.len());
            rechain(&mut all, from, &|head, now| Head { hash: now, ..head.clone() });
        }
        10 => {
            let at = random.below(disk.key.len());
            disk.key[at] ^= 1 << random.below(8);
            return disk;
        }
        11 => {
            // The key file as it was, alone or with the log cut to fit.
            disk.key = honest.older[random.below(honest.older.len())].clone();
            let last = key_file::newest(&disk.key).unwrap().last.unwrap();
            if random.below(2) == 0 {
                disk.log.truncate(usize::try_from(last.end).unwrap() - random.below(2));
            }
            return disk;
        }
        _ => {
            // A key file of one's own making, for a log that is cut or changed.
            let secret = Secret::of([random.next().to_le_bytes()[0]; 32]);
            let last = stolen.last.clone().unwrap();
            let head = Head { next: secret.public(), ..last.head.clone() };
            let last = Some(key_file::Vouched { head, ..last });
            disk.key = key_file::slot(&KeyState { secret, last, ..stolen }).unwrap();
            if random.below(2) == 0 {
                all.truncate(one + 1);
            }
        }
    }
    disk.log = joined(&all);
    disk
}

/// Another word in a record, which stays one.
fn rewrite(line: &mut Vec<u8>, random: &mut Random) {
    let Ok(mut record) = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(line) else { return };
    record.insert("hub".into(), format!("rewritten {}", random.next()).into());
    *line = serde_json::to_vec(&record).unwrap();
}

/// What came of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    Found,
    /// The whole disk is an older one: found by whoever has a copy of a later head, and by nobody else.
    FoundByCopy,
    /// Only in what verifying calls unsigned.
    Unsigned,
    /// Nothing was changed by it, such as a line put in its own place.
    Same,
}

fn judge(honest: &Honest, disk: &Disk) -> Result<Came, String> {
    if disk.log == honest.disk.log && disk.key == honest.disk.key {
        return Ok(Came::Same);
    }
    let Some(report) = look(honest, disk) else { return Ok(Came::Found) };
    if !report.faults.is_empty() {
        return Ok(Came::Found);
    }
    let vouched = report.vouched.ok_or("it vouches for nothing")?;
    let wanted = honest.report.vouched.unwrap();
    let end = usize::try_from(wanted.end).unwrap();
    let same = disk.log.get(..end) == honest.disk.log.get(..end);
    let head = (vouched.step, vouched.seq, vouched.hash, vouched.end);
    if same && head == (wanted.step, wanted.seq, wanted.hash, wanted.end) {
        return Ok(Came::Unsigned);
    }
    let copied = Expected { seq: wanted.seq, hash: wanted.hash };
    let with_copy = look_for(honest, disk, [copied].into()).ok_or("it has no key")?;
    if honest.older.contains(&disk.key)
        && with_copy.faults.iter().any(|fault| fault.what == What::CutOff { seq: wanted.seq })
    {
        return Ok(Came::FoundByCopy);
    }
    Err(format!("vouched for {vouched:?}, not {wanted:?}"))
}

#[tokio::test]
async fn ten_thousand_tamperings_are_found_or_are_in_the_unsigned_tail() {
    const KINDS: [&str; 13] = [
        "a byte is changed",
        "a record is removed",
        "a record is put in",
        "a record is repeated",
        "two records are swapped",
        "the log is cut at a byte",
        "two logs are spliced",
        "an older head is replayed",
        "history is rewritten and signed with another key",
        "history is rewritten and not signed",
        "the key file is changed",
        "the key file is replaced by an older one",
        "the key file is replaced by one's own",
    ];
    let (honest, other) = (honest().await, honest().await);
    let mut random = Random(SEED);
    let mut tally: BTreeMap<(usize, Came), u64> = BTreeMap::new();
    for number in 0..TRIES {
        let kind = usize::try_from(number).unwrap() % KINDS.len();
        let disk = tamper(kind, &honest, &other, &mut random);
        match judge(&honest, &disk) {
            Ok(came) => *tally.entry((kind, came)).or_default() += 1,
            Err(why) => unreachable!("{number}, {}: {why}\n{}", KINDS[kind], String::from_utf8_lossy(&disk.log)),
        }
    }
    let sum = |came: Came| tally.iter().filter(|((_, found), _)| *found == came).map(|(_, count)| count).sum::<u64>();
    let mut said = format!(
        "audit log: tamperings tried {TRIES} / found {} / found by a copied head {} / in the unsigned tail, as verify says {} / nothing changed {}\n",
        sum(Came::Found),
        sum(Came::FoundByCopy),
        sum(Came::Unsigned),
        sum(Came::Same)
    );
    for (kind, name) in KINDS.iter().enumerate() {
        let of = |came| tally.get(&(kind, came)).copied().unwrap_or_default();
        let (found, unsigned) = (of(Came::Found), of(Came::Unsigned));
        said += &format!("  {name}: found {found}, unsigned {unsigned}\n");
        assert!(found > 0, "{name} was never found");
    }
    std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()).unwrap();
    assert_eq!(sum(Came::Found) + sum(Came::FoundByCopy) + sum(Came::Unsigned) + sum(Came::Same), TRIES);
}
