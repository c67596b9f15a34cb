//! One request that a call wants to make of the outside, and that a person has to allow by itself.

use manifest::{CredentialName, Digest};
use serde::{Deserialize, Serialize};

/// What an approval of a request binds besides its call. A statement about one has these fields too.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestBinding {
    /// Its method.
    pub method: String,
    /// The whole URL, in its one form.
    pub url: String,
    /// The credential that the hub would add.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialName>,
    /// Digest of its body; of none where there is none.
    pub body_sha256: Digest,
}

impl RequestBinding {
    /// Its method, scheme, host and port: what the log has of it in clear.
    pub(crate) fn origin(&self) -> String {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("", &self.url));
        let authority = rest.split('/').next().unwrap_or_default();
        format!("{} {scheme}://{authority}", self.method)
    }
}
