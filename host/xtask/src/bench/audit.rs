//! What the audit log takes of a call. The hub's threads write a record where they stand, so that no count of a
//! thread's time shows it: the records that the calls left are made and written once more, by a thread that does
//! nothing else, beside the log itself.

use anyhow::Context;
use hub::audit::lines::hash;
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How far the log went.
#[derive(Debug)]
pub(crate) struct Mark {
    log: PathBuf,
    bytes: u64,
}

impl Mark {
    /// Its end now.
    pub(crate) fn now(log: &Path) -> anyhow::Result<Self> {
        let bytes = log.metadata().with_context(|| format!("{} is missing", log.display()))?.len();
        Ok(Self { log: log.to_owned(), bytes })
    }

    /// Processor time for all records that were added since.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let (mut log, mut added) = (File::open(&self.log)?, String::new());
        log.seek(SeekFrom::Start(self.bytes))?;
        log.read_to_string(&mut added)?;
        let records = added.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>();
        let again = self.log.with_extension("again");
        let records = records.context("the audit log holds a line that is no record")?;
        let spent = write_all(&records, &again, |line| {
            std::hint::black_box(hash(line));
        })?;
        std::fs::remove_file(&again)?;
        // What the chain costs is told beside it: the same records as lines alone, in the same run.
        let alone = write_all(&records, &again, |_| ())?;
        std::fs::remove_file(&again)?;
        if !records.is_empty() {
            let ratio = spent.as_secs_f64() / alone.as_secs_f64().max(f64::EPSILON);
            eprintln!("audit: {} records, with the chain {ratio:.2} times what they take without", records.len());
        }
        Ok(spent)
    }
}

fn write_all(records: &[Value], path: &Path, chained: impl Fn(&[u8])) -> anyhow::Result<Duration> {
    let mut file = File::options().append(true).create_new(true).open(path)?;
    let began = thread_time();
    for record in records {
        let mut line = serde_json::to_vec(record)?;
        chained(&line);
        line.push(b'\n');
        file.write_all(&line)?;
    }
    Ok(thread_time().saturating_sub(began))
}

fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_added_counts_and_nothing_stays_behind() -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        let log = dir.path().join("audit.jsonl");
        std::fs::write(&log, "no record\n")?;
        let mark = Mark::now(&log)?;
        assert!(mark.cpu()? < Duration::from_secs(1));
        std::fs::write(&log, format!("no record\n{}", "{\"event\":\"executed\"}\n".repeat(1000)))?;
        assert!(mark.cpu()? > Duration::ZERO);
        assert_eq!(std::fs::read_dir(dir.path())?.count(), 1);
        Ok(())
    }
}
