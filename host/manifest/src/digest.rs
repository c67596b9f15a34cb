//! The digest that names one state of a manifest: what it means, not how it is laid out in files.

use crate::model::{Manifest, Tool};
use crate::names::Digest;
use serde::Serialize;

/// Keeps this digest apart from every other use of sha-256, and from other versions of the model.
const DOMAIN: &[u8] = b"safeclaw manifest 1\n";
const TOOL: &[u8] = b"safeclaw tool 1\n";

impl Manifest {
    /// Sha-256 over its canonical form: JSON without spaces, fields in the model's order, maps and sets
    /// sorted. Comments, order and files do not change it; whatever changes a grant does.
    #[must_use]
    pub fn digest(&self) -> Digest {
        canonical(DOMAIN, self)
    }
}

impl Tool {
    /// The same of one tool: its tier, its effective grants and its limits, wherever they were written.
    #[must_use]
    pub fn digest(&self) -> Digest {
        canonical(TOOL, self)
    }
}

fn canonical(domain: &[u8], value: &impl Serialize) -> Digest {
    let mut canonical = domain.to_vec();
    #[expect(
        clippy::expect_used,
        reason = "strings, integers and string-keyed maps into memory: cannot fail, and a digest of less would not name the manifest"
    )]
    serde_json::to_writer(&mut canonical, value).expect("a manifest serialises");
    Digest::of(&canonical)
}
