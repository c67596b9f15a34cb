//! One way to read a secret, one file.

pub(super) mod command;
pub(super) mod file;
pub(super) mod keyring;

use crate::credentials::MAX_VALUE_BYTES;
use std::io::{self, Read};
use zeroize::Zeroizing;

/// So much is read: a value, the line feed at its end, and one more byte that says that it is too long.
const MOST: usize = MAX_VALUE_BYTES + 3;

/// Reads what there is, into memory that is not moved while it grows: what was moved away from is not wiped.
fn bounded(from: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST + 1));
    let mut from = from.take(MOST as u64);
    let mut block = Zeroizing::new([0; 1024]);
    loop {
        match from.read(&mut *block) {
            Ok(0) => return Ok(bytes),
            Ok(read) => bytes.extend_from_slice(block.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
