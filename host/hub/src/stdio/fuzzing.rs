//! The readers of this face that see a stranger's bytes, for tests outside of this crate that throw any
//! number of them; nothing else uses these.

use super::greeting;
use super::values::FewValues;

/// The token of a bridge's greeting, its line end included.
#[must_use]
pub fn greeting(line: &[u8]) -> Option<&str> {
    greeting::token(line).ok()
}

/// What comes through of some lines of MCP: those of too many values are blank from there on.
#[must_use]
pub fn few_values(lines: &[u8]) -> Vec<u8> {
    let mut bytes = lines.to_vec();
    FewValues::new(()).blank(&mut bytes);
    bytes
}
