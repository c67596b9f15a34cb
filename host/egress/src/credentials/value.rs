//! The bytes of a secret, before it is anybody's.

use std::collections::BTreeSet;
use std::fmt;
use zeroize::Zeroizing;

/// The shortest secret. A shorter one stands in texts by accident, and would be looked for there.
pub const MIN_VALUE_BYTES: usize = 12;
/// The longest one: a key of RSA's with 4 096 bits is written in 3 200.
pub const MAX_VALUE_BYTES: usize = 8 << 10;
/// So many different bytes: `000000000000` stands in every body, and whatever is looked for is taken out.
const MIN_VARIETY: usize = 4;

/// A secret. It leaves memory when it is dropped, and has no way into a text.
pub struct Value(Zeroizing<Vec<u8>>);

/// Why bytes are no secret of ours; never the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadValue {
    /// Too short.
    #[error("the secret has {found} bytes, and needs at least {MIN_VALUE_BYTES} to be told from other text")]
    Short {
        /// How many it has.
        found: usize,
    },
    /// Too long.
    #[error("the secret has more than {MAX_VALUE_BYTES} bytes")]
    Long,
    /// Too little in it.
    #[error("the secret is made of fewer than {MIN_VARIETY} different bytes: any text could have it")]
    Variety,
    /// It would be more than one line of a request.
    #[error("the secret has a line feed or another control byte in it; one line feed at its end is cut off")]
    Control,
    /// HTTP cuts it off.
    #[error("the secret begins or ends with a space")]
    Space,
    /// What a header cannot hold.
    #[error("the secret is not ASCII, and a header has nothing else")]
    NotAscii,
    /// Another kind of secret, perhaps.
    #[error("the secret does not look like {0}: see `format` in docs/credentials.md")]
    Format(&'static str),
}

impl Value {
    /// Takes the bytes as they are, but for one line feed at their end.
    ///
    /// # Errors
    /// See [`BadValue`].
    pub fn new(mut bytes: Zeroizing<Vec<u8>>) -> Result<Self, BadValue> {
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        if bytes.len() < MIN_VALUE_BYTES {
            return Err(BadValue::Short { found: bytes.len() });
        }
        if bytes.len() > MAX_VALUE_BYTES {
            return Err(BadValue::Long);
        }
        if bytes.iter().any(u8::is_ascii_control) {
            return Err(BadValue::Control);
        }
        if [bytes.first(), bytes.last()].contains(&Some(&b' ')) {
            return Err(BadValue::Space);
        }
        if bytes.iter().collect::<BTreeSet<_>>().len() < MIN_VARIETY {
            return Err(BadValue::Variety);
        }
        Ok(Self(bytes))
    }

    /// The same from a copy.
    ///
    /// # Errors
    /// See [`BadValue`].
    pub fn copied(bytes: &[u8]) -> Result<Self, BadValue> {
        Self::new(Zeroizing::new(bytes.to_vec()))
    }

    /// For whoever sends it or looks for it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(…)")
    }
}
