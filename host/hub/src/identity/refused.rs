//! Why a token is not taken: for the audit log and the operator. A caller learns only `invalid_token`.

use manifest::ProfileName;

/// Longest token that is looked at, in bytes: checked before anything of it is decoded, so that a stranger cannot
/// make the hub decode or hash more.
pub const MAX_TOKEN_BYTES: usize = 8 << 10;

/// Why a token is not taken. Holds no byte of the token: what a stranger sends gets into no log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too long to be one.
    #[error("the token is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    /// Not three parts of base64url, or a header or claims that are not the JSON they should be.
    #[error("the token is no JWT that is known here")]
    Malformed,
    /// An algorithm that its key is not for: `none`, HMAC with a public key, and all others.
    #[error("the token's algorithm is not its key's")]
    Algorithm,
    /// A JWT that was made for something else, such as a ticket or an ID token.
    #[error("the token's `typ` is not that of an access token")]
    Type,
    /// `crit` names what must be understood, and nothing of it is.
    #[error("the token wants extensions that are not known here (`crit`)")]
    Critical,
    /// No key of this id.
    #[error("the token's key is not known")]
    Key,
    /// The signature is not over this text.
    #[error("the token's signature is wrong")]
    Signature,
    /// Nobody that this hub trusts.
    #[error("the token's issuer is not trusted here")]
    Issuer,
    /// For another service.
    #[error("the token is for another audience")]
    Audience,
    /// Too late.
    #[error("the token has expired")]
    Expired,
    /// Too early.
    #[error("the token is not valid yet")]
    NotYet,
    /// A claim that is needed is missing, or is none.
    #[error("the token's claim `{0}` is missing or unusable")]
    Claim(String),
    /// Signed by this hub, and revoked, expired or of another store.
    #[error("the token is revoked, or the store does not know it")]
    Revoked,
    /// Nobody knows which tokens are revoked.
    #[error("the store of tokens cannot be read")]
    Store,
    /// The issuer could not be asked for its keys for too long.
    #[error("the keys of issuer `{0}` could not be fetched for too long")]
    Stale(String),
    /// The issuer's claims say nothing that the identity file maps to a profile.
    #[error("issuer `{0}` vouches for the caller, but no `profile` row of it in the identity file matches")]
    Unmapped(String),
    /// The manifest in force has no such profile.
    #[error("the manifest in force has no profile `{0}`: give its holder another token, or apply a manifest with it")]
    Profile(ProfileName),
    /// As many sessions of issuers as are kept.
    #[error("too many callers of issuers at once")]
    Many,
}
