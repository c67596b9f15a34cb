//! Making, listing and revoking tokens: with and without a hub that runs, since the store takes more than one
//! writer. Synchronous, for commands; each works in a thread and a runtime of its own.

use super::TokenError;
use super::key::{Claims, TokenKey};
use crate::api::SessionId;
use crate::identity::Scopes;
use crate::manifests::Ledger as Versions;
use crate::store::tokens::{MOST_IN_FORCE, TokenRow};
use crate::store::{Location, Store};
use crate::{clean, data};
use jiff::Timestamp;
use manifest::{Manifest, ProfileName};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Rewritten after each change, so that a hub that runs sees it at its next call. Holds nothing that is read.
const STAMP: &str = "tokens.stamp";

/// A token to be made.
#[derive(Debug, Clone, Copy)]
pub struct New<'a> {
    /// Who will hold it.
    pub principal: &'a str,
    /// Which tools its holder may ever see; looked up in the manifest in force at each use.
    pub profile: &'a ProfileName,
    /// Which of them it lets call, by their tiers. They narrow the profile and never widen it.
    pub scopes: Scopes,
    /// How long it is good; `None` until it is revoked.
    pub ttl: Option<Duration>,
}

/// A token without what would let anyone in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenView {
    /// Its `jti`: names the token, and the session it stands for.
    pub session: SessionId,
    /// Whose it is.
    pub principal: String,
    /// Its profile.
    pub profile: ProfileName,
    /// What it may call of that.
    pub scopes: Scopes,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends; `None`: never.
    pub expires: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

impl TokenView {
    /// Whether it lets its holder in at this moment.
    #[must_use]
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|end| now < end)
    }
}

/// The tokens of one hub.
#[derive(Debug, Clone)]
pub struct Ledger {
    data: PathBuf,
    store: Location,
}

/// Makes a token with all scopes of its profile; see [`Ledger::create`].
///
/// # Errors
/// See [`TokenError`].
pub fn create(
    data: &Path,
    principal: &str,
    profile: &ProfileName,
    ttl: Option<Duration>,
) -> Result<String, TokenError> {
    Ledger::within(data).create(New { principal, profile, scopes: Scopes::all(), ttl })
}

/// The tokens that are neither revoked nor expired.
///
/// # Errors
/// See [`TokenError`].
pub fn list(data: &Path) -> Result<Vec<TokenView>, TokenError> {
    Ledger::within(data).list_in_force()
}

/// Revokes a token; see [`Ledger::revoke`].
///
/// # Errors
/// See [`TokenError`].
pub fn revoke(data: &Path, session: &SessionId) -> Result<bool, TokenError> {
    Ledger::within(data).revoke(session)
}

impl Ledger {
    /// Those of a data directory whose store is in it.
    #[must_use]
    pub fn within(data: &Path) -> Self {
        Self::at(data, Location::within(data))
    }

    /// Those of a data directory whose store is elsewhere.
    #[must_use]
    pub fn at(data: &Path, store: Location) -> Self {
        Self { data: data.to_owned(), store }
    }

    /// Makes a token and returns it: the only time that anyone sees it. A running hub takes it at once.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn create(&self, new: New<'_>) -> Result<String, TokenError> {
        let New { principal, profile, scopes, ttl } = new;
        if principal.is_empty() || principal.contains('/') || clean::line(principal, 64) != principal {
            return Err(TokenError::Principal);
        }
        if scopes.is_empty() {
            return Err(TokenError::NoScope);
        }
        let (hub_id, seed) = data::identity(&self.data).map_err(|error| TokenError::Identity(Box::new(error)))?;
        let key = TokenKey::new(&hub_id, &seed);
        let versions = |store: &Store| Versions::new(store.clone(), &seed, &self.data);
        if let Some(manifest) = self.with_store(async |store| in_force(&versions(store)).await)?
            && !manifest.profiles.contains_key(profile)
        {
            let known: Vec<_> = manifest.profiles.keys().map(ProfileName::as_str).collect();
            return Err(TokenError::Profile(profile.clone(), known.join(", ")));
        }
        let row = row(principal, profile, scopes, ttl)?;
        let token = key.sign(&claims(&key, &row)).map_err(|error| TokenError::Unmade(error.to_string()))?;
        if !self.with_store(async |store| store.add_token(&row).await)? {
            return Err(TokenError::Many(MOST_IN_FORCE));
        }
        self.stamp();
        Ok(token)
    }

    /// Every token that is remembered, oldest first: 30 days beyond its end.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn list(&self) -> Result<Vec<TokenView>, TokenError> {
        // Asking is no reason to make a store.
        if !self.store.path().exists() {
            return Ok(Vec::new());
        }
        let rows = self.with_store(async |store| store.tokens().await)?;
        Ok(rows.into_iter().map(view).collect())
    }

    /// Those of them that are neither revoked nor expired.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn list_in_force(&self) -> Result<Vec<TokenView>, TokenError> {
        let mut all = self.list()?;
        let now = Timestamp::now();
        all.retain(|token| token.is_in_force(now));
        Ok(all)
    }

    /// Revokes a token, by its `jti`; a running hub takes it no more from its next call on, and ends its session
    /// within a second. Says whether there was one that was not revoked yet.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn revoke(&self, session: &SessionId) -> Result<bool, TokenError> {
        if !self.store.path().exists() {
            return Ok(false);
        }
        let now = whole(Timestamp::now());
        let revoked = self.with_store(async |store| store.revoke_token(&session.0, now).await)?;
        if revoked {
            self.stamp();
        }
        Ok(revoked)
    }

    /// Opens the store for this one thing, and closes it.
    fn with_store<T: Send, E: Into<TokenError>>(
        &self,
        work: impl AsyncFnOnce(&Store) -> Result<T, E> + Send,
    ) -> Result<T, TokenError> {
        let unmade = |error: std::io::Error| TokenError::Unmade(error.to_string());
        let done = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("tokens".into()).spawn_scoped(scope, || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(unmade)?;
                runtime.block_on(async {
                    let store = Store::open(&self.store).await?;
                    let done = work(&store).await;
                    store.close().await;
                    done.map_err(Into::into)
                })
            });
            let lost = |_| TokenError::Unmade("its thread was lost".to_owned());
            thread.map_err(unmade)?.join().map_err(lost)?
        });
        done
    }

    /// As after a change that somebody else made.
    #[cfg(test)]
    pub(super) fn touch(&self) {
        self.stamp();
    }

    /// What is decided is decided: a hub that is not told now looks within a second.
    fn stamp(&self) {
        let path = stamp(&self.data);
        if let Err(error) = data::write_atomic(&path, b"", 0o600) {
            tracing::warn!(%error, path = %path.display(), "a running hub sees this change a second later");
        }
    }
}

/// The manifest in force, if one was ever applied. Read without the hub's lock, so nothing is written here.
async fn in_force(versions: &Versions) -> Result<Option<Manifest>, TokenError> {
    let number = versions.last_number().await?;
    if number == 0 {
        return Ok(None);
    }
    let version = versions.version(number).await?;
    // One that is not accepted any more is in force nowhere, and the hub says why.
    Ok(manifest::read(&version.content.files).ok().map(|read| read.manifest))
}

/// The file whose change says that the tokens have changed.
pub(super) fn stamp(data: &Path) -> PathBuf {
    data.join(STAMP)
}

fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn row(principal: &str, profile: &ProfileName, scopes: Scopes, ttl: Option<Duration>) -> Result<TokenRow, TokenError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| TokenError::Unmade(error.to_string()))?;
    let created = whole(Timestamp::now());
    Ok(TokenRow {
        jti: hex::encode(random),
        principal: principal.to_owned(),
        profile: profile.clone(),
        scopes,
        created,
        expires: ttl.map(|ttl| whole(created.checked_add(ttl).unwrap_or(Timestamp::MAX))),
        revoked: None,
    })
}

fn claims(key: &TokenKey, row: &TokenRow) -> Claims {
    Claims {
        iss: key.issuer().to_owned(),
        aud: key.audience().to_owned(),
        sub: row.principal.clone(),
        jti: row.jti.clone(),
        iat: row.created.as_second(),
        nbf: row.created.as_second(),
        exp: row.expires.map(Timestamp::as_second),
        profile: row.profile.clone(),
        scope: row.scopes,
    }
}

fn view(row: TokenRow) -> TokenView {
    let TokenRow { jti, principal, profile, scopes, created, expires, revoked } = row;
    TokenView { session: SessionId(jti), principal, profile, scopes, created, expires, revoked }
}
