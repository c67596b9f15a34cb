//! Static tokens: who may call, kept as digests in a file.

/// Why the token file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TokenError(pub String);
