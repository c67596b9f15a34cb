//! The token file: read, and rewritten as a whole under a lock.

use super::{PREFIX, TokenError, session_of};
use crate::api::SessionId;
use crate::{clean, data};
use base64::Engine as _;
use jiff::Timestamp;
use manifest::{Digest, ProfileName};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// More than this is no token file of ours.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The file's text, as it is.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenFile {
    #[serde(default)]
    pub(super) token: Vec<Entry>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) sha256: Digest,
    pub(super) principal: String,
    pub(super) profile: ProfileName,
    pub(super) created: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<Timestamp>,
}

/// A token without what would let anyone in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenView {
    /// Names the token, and the session it stands for.
    pub session: SessionId,
    /// Whose it is.
    pub principal: String,
    /// Its profile.
    pub profile: ProfileName,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Option<Timestamp>,
}

/// Makes a token and returns it: the only time that anyone sees it. A running hub takes it at once.
///
/// # Errors
/// When the file cannot be rewritten.
pub fn create(
    data: &Path,
    principal: &str,
    profile: &ProfileName,
    ttl: Option<Duration>,
) -> Result<String, TokenError> {
    if principal.is_empty() || clean::line(principal, 64) != principal {
        return Err(TokenError::Principal);
    }
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|e| io_error(&path(data))(e.into()))?;
    let token = format!("{PREFIX}{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random));
    let created = Timestamp::now();
    let entry = Entry {
        sha256: Digest::of(token.as_bytes()),
        principal: principal.to_owned(),
        profile: profile.clone(),
        created,
        expires: ttl.map(|ttl| created.checked_add(ttl).unwrap_or(Timestamp::MAX)),
    };
    rewrite(data, |file| file.token.push(entry))?;
    Ok(token)
}

/// The tokens there are.
///
/// # Errors
/// When the file cannot be read.
pub fn list(data: &Path) -> Result<Vec<TokenView>, TokenError> {
    let (file, _) = read(&path(data))?;
    Ok(file.token.iter().map(view).collect())
}

/// Removes a token; a running hub ends its session. Says whether there was one.
///
/// # Errors
/// When the file cannot be rewritten.
pub fn revoke(data: &Path, session: &SessionId) -> Result<bool, TokenError> {
    let mut found = false;
    rewrite(data, |file| {
        let before = file.token.len();
        file.token.retain(|entry| view(entry).session != *session);
        found = file.token.len() < before;
    })?;
    Ok(found)
}

fn view(entry: &Entry) -> TokenView {
    TokenView {
        session: session_of(&entry.sha256),
        principal: entry.principal.clone(),
        profile: entry.profile.clone(),
        created: entry.created,
        expires: entry.expires,
    }
}

pub(super) fn path(data: &Path) -> PathBuf {
    data.join("tokens.toml")
}

/// What tells one state of the file from another: an atomic rewrite always has a new inode.
pub(super) type Stamp = Option<(u64, i64, i64, u64)>;

pub(super) fn stamp(path: &Path) -> Stamp {
    let meta = path.metadata().ok()?;
    Some((meta.ino(), meta.ctime(), meta.ctime_nsec(), meta.len()))
}

/// The file and the stamp of what was read; no file is no token.
pub(super) fn read(path: &Path) -> Result<(TokenFile, Stamp), TokenError> {
    let before = stamp(path);
    let opened =
        OpenOptions::new().read(true).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()).open(path);
    let file = match opened {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok((TokenFile::default(), None)),
        other => other.map_err(io_error(path))?,
    };
    if file.metadata().map_err(io_error(path))?.permissions().mode() & 0o077 != 0 {
        return Err(TokenError::Open { path: path.to_owned() });
    }
    let mut text = String::new();
    file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(io_error(path))?;
    if text.len() as u64 > MAX_FILE_BYTES {
        // Cut, it might still read, and whoever rewrites it would lose the tokens behind the cut.
        let what = format!("more than {MAX_FILE_BYTES} bytes");
        return Err(TokenError::Damaged { path: path.to_owned(), what });
    }
    let parsed = toml::from_str(&text);
    let damaged = |e: toml::de::Error| TokenError::Damaged { path: path.to_owned(), what: e.message().to_owned() };
    Ok((parsed.map_err(damaged)?, before))
}

fn rewrite(data: &Path, change: impl FnOnce(&mut TokenFile)) -> Result<(), TokenError> {
    let path = path(data);
    std::fs::create_dir_all(data).map_err(io_error(data))?;
    let lock_path = data.join("tokens.lock");
    // Two commands at once must not lose each other's token.
    let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&lock_path);
    let lock: File = lock.map_err(io_error(&lock_path))?;
    lock.lock().map_err(io_error(&lock_path))?;
    let (mut file, _) = read(&path)?;
    change(&mut file);
    let damaged = |e: toml::ser::Error| TokenError::Damaged { path: path.clone(), what: e.to_string() };
    let text = toml::to_string(&file).map_err(damaged)?;
    data::write_atomic(&path, text.as_bytes(), 0o600).map_err(io_error(&path))
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> TokenError + use<> {
    let path = path.to_owned();
    move |source| TokenError::Io { path, source }
}
