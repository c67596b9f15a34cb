//! A secret and the header that it is sent in.

use super::rule::{Add, Rule};
use super::value::{BadValue, Value};
use crate::leaks::OnLeak;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue};
use manifest::CredentialName;
use std::fmt;
use zeroize::Zeroizing;

/// A secret in force, or one that was. There is one of it, so that it leaves memory when the last request and the last
/// session that used it are gone.
pub struct Secret {
    name: CredentialName,
    header: HeaderName,
    value: Value,
    /// What stands before it in base64, for `basic`.
    pair: Option<Zeroizing<Vec<u8>>>,
    sent: HeaderValue,
    on_leak: OnLeak,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    pub(super) fn new(name: &CredentialName, rule: &Rule, value: Value) -> Result<Self, BadValue> {
        if let Some(format) = rule.format {
            format.check(value.bytes())?;
        }
        let (header, pair, text) = match &rule.add {
            Add::Bearer => (http::header::AUTHORIZATION, None, joined(b"Bearer ", value.bytes())),
            Add::Basic { user } => {
                let pair = joined(format!("{user}:").as_bytes(), value.bytes());
                let encoded = Zeroizing::new(STANDARD.encode(&*pair));
                (http::header::AUTHORIZATION, Some(pair), joined(b"Basic ", encoded.as_bytes()))
            }
            Add::Header { header, prefix } => (header.clone(), None, joined(prefix.as_bytes(), value.bytes())),
        };
        if !text.is_ascii() {
            return Err(BadValue::NotAscii);
        }
        let mut sent = HeaderValue::from_bytes(&text).map_err(|_| BadValue::Control)?;
        sent.set_sensitive(true);
        Ok(Self { name: name.clone(), header, value, pair, sent, on_leak: rule.on_leak })
    }

    /// Its name in the configuration.
    #[must_use]
    pub fn name(&self) -> &CredentialName {
        &self.name
    }

    /// The header that it is sent in. A guest that sets it itself is refused.
    #[must_use]
    pub fn header(&self) -> &HeaderName {
        &self.header
    }

    /// What is sent there. `Debug` of it prints nothing.
    #[must_use]
    pub fn value(&self) -> HeaderValue {
        self.sent.clone()
    }

    /// What becomes of an exchange that has it where it must not be.
    #[must_use]
    pub fn on_leak(&self) -> OnLeak {
        self.on_leak
    }

    /// What is looked for: the secret, and user and password together.
    pub(crate) fn texts(&self) -> Vec<Zeroizing<Vec<u8>>> {
        let value = Zeroizing::new(self.value.bytes().to_vec());
        std::iter::once(value).chain(self.pair.clone()).collect()
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        self.name == other.name && self.value.bytes() == other.value.bytes()
    }
}

fn joined(before: &[u8], value: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([before, value].concat())
}
