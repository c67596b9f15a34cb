//! This program, for an image in which there is nothing besides it: no loader, no library.

use anyhow::Context;

/// ELF: the type of the program header that names a loader.
const PT_INTERP: u32 = 3;

/// Its bytes. One that needs a loader is refused here: in an image without one it would end in "no such file".
pub(super) fn this() -> anyhow::Result<Vec<u8>> {
    // The file that runs, also when another one lies at its path by now.
    let bytes = std::fs::read("/proc/self/exe").context("this program cannot be read")?;
    match needs_loader(&bytes).context("this program is not a 64-bit ELF file")? {
        false => Ok(bytes),
        true => anyhow::bail!(
            "this `safeclaw` is linked dynamically and would not start in an image that has no loader: pack with the \
             one that was built for x86_64-unknown-linux-gnu with `-C target-feature=+crt-static`"
        ),
    }
}

/// Whether a 64-bit little-endian ELF file names a loader. `None`: it is no such file.
fn needs_loader(bytes: &[u8]) -> Option<bool> {
    let number = |at: usize, length: usize| {
        let field = bytes.get(at..at.checked_add(length)?)?;
        Some(field.iter().rev().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte)))
    };
    if bytes.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let table = usize::try_from(number(32, 8)?).ok()?;
    let (size, count) = (usize::try_from(number(54, 2)?).ok()?, usize::try_from(number(56, 2)?).ok()?);
    for index in 0..count {
        if number(table.checked_add(index.checked_mul(size)?)?, 4)? == u64::from(PT_INTERP) {
            return Some(true);
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header with two program headers, the second of this type.
    fn elf(second: u8) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01".to_vec();
        bytes.resize(32, 0);
        bytes.extend(64_u64.to_le_bytes());
        bytes.resize(54, 0);
        bytes.extend([56, 0, 2, 0]);
        bytes.resize(64, 0);
        bytes.push(1);
        bytes.resize(64 + 56, 0);
        bytes.push(second);
        bytes.resize(64 + 2 * 56, 0);
        bytes
    }

    #[test]
    fn a_program_with_a_loader_is_told_from_one_without() {
        assert_eq!(needs_loader(&elf(3)), Some(true));
        assert_eq!(needs_loader(&elf(1)), Some(false));
    }

    #[test]
    fn what_is_no_program_is_none() {
        for bytes in [b"".as_slice(), b"#!/bin/sh\n", b"\x7fELF\x01\x01", elf(3).get(..70).unwrap_or_default()] {
            assert_eq!(needs_loader(bytes), None);
        }
    }
}
