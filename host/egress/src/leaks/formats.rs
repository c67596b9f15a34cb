//! What tokens of well-known services look like. Such a token is nobody's of this hub, so it is only told.

/// A beginning that is no accident, and how much of a token has to follow it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    /// What it is called in the audit log.
    pub(super) name: &'static str,
    /// How it begins, in this case.
    pub(super) prefix: &'static str,
    /// So many bytes of [`is_token`] follow.
    pub(super) then: u8,
}

const fn format(name: &'static str, prefix: &'static str, then: u8) -> Format {
    Format { name, prefix, then }
}

/// As their services document them.
pub(super) const FORMATS: [Format; 21] = [
    format("GitHub personal access token", "ghp_", 36),
    format("GitHub OAuth token", "gho_", 36),
    format("GitHub user token", "ghu_", 36),
    format("GitHub installation token", "ghs_", 36),
    format("GitHub refresh token", "ghr_", 36),
    format("GitHub fine-grained token", "github_pat_", 22),
    format("Anthropic key", "sk-ant-", 20),
    format("AWS access key", "AKIA", 16),
    format("AWS temporary access key", "ASIA", 16),
    format("Slack bot token", "xoxb-", 10),
    format("Slack user token", "xoxp-", 10),
    format("Slack app token", "xoxa-", 10),
    format("Slack refresh token", "xoxr-", 10),
    format("Slack workspace token", "xoxs-", 10),
    format("private key", "-----BEGIN PRIVATE KEY-----", 0),
    format("private key", "-----BEGIN RSA PRIVATE KEY-----", 0),
    format("private key", "-----BEGIN EC PRIVATE KEY-----", 0),
    format("private key", "-----BEGIN DSA PRIVATE KEY-----", 0),
    format("private key", "-----BEGIN OPENSSH PRIVATE KEY-----", 0),
    format("private key", "-----BEGIN ENCRYPTED PRIVATE KEY-----", 0),
    format("private key", "-----BEGIN PGP PRIVATE KEY BLOCK-----", 0),
];

/// What such tokens consist of.
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}
