//! Variables that were taken out of a process's environment before it began to serve.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStringExt;
use zeroize::Zeroizing;

/// What was taken out; for what is not in it, the process's environment.
///
/// What stands in an environment stays there, for everybody who may read `/proc/PID/environ`, whatever the process does
/// afterwards. So it is handed to the process that serves on another way, in the form that an environment has.
#[derive(Default)]
pub struct Environment(BTreeMap<Vec<u8>, Zeroizing<Vec<u8>>>);

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("variables", &self.0.len()).finish_non_exhaustive()
    }
}

impl Environment {
    /// Reads `NAME=value`, each ended by a zero byte.
    #[must_use]
    pub fn of_block(block: &[u8]) -> Self {
        let pairs = block.split(|byte| *byte == 0).filter_map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=')?;
            let (name, value) = (pair.get(..at)?, pair.get(at + 1..)?);
            Some((name.to_vec(), Zeroizing::new(value.to_vec())))
        });
        Self(pairs.collect())
    }

    /// One variable, by the name that it had.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<Zeroizing<Vec<u8>>> {
        let handed = self.0.get(name.as_bytes()).cloned();
        handed.or_else(|| std::env::var_os(OsStr::new(name)).map(|value| Zeroizing::new(value.into_vec())))
    }
}
