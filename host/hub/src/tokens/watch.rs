//! The tokens that a running hub takes, as the store says at this moment.

use super::TokenError;
use super::key::TokenKey;
use super::ledger::stamp;
use super::reader::Reader;
use crate::api::{Caller, SessionId};
use crate::identity::{Header, Refused};
use crate::store::Location;
use crate::store::tokens::TokenRow;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What tells one state of the stamp from another: each rewrite has a new inode.
type Stamp = Option<(u64, i64, i64)>;

/// The hub's own tokens.
pub(crate) struct Tokens {
    key: TokenKey,
    reader: Reader,
    stamp: PathBuf,
    seen: Mutex<Stamp>,
}

impl Tokens {
    /// Opens the store. Where no token was made yet, nobody is let in.
    pub(crate) fn open(data: &Path, location: Location) -> Result<Self, TokenError> {
        let unknown = |error| TokenError::Identity(Box::new(error));
        let (hub_id, seed) = crate::data::identity(data).map_err(unknown)?;
        let stamp = stamp(data);
        // Before the first reading: what changes after it is then seen.
        let seen = Mutex::new(look(&stamp));
        Ok(Self { key: TokenKey::new(&hub_id, &seed), reader: Reader::start(location)?, stamp, seen })
    }

    /// Whether a token says that this hub signed it.
    pub(crate) fn are_of(&self, header: &Header) -> bool {
        self.key.is_of(header)
    }

    /// The caller behind a token that this hub signed, if the store still has it.
    pub(crate) fn authenticate(&self, token: &str, now: Timestamp) -> Result<Caller, Refused> {
        let claims = self.key.verify(token, now)?;
        self.renew();
        let table = self.reader.table.load();
        let table = table.as_ref().as_ref().ok_or(Refused::Store)?;
        let row = table.get(&claims.jti).ok_or(Refused::Revoked)?;
        // Both say the same, or somebody wrote into the store.
        if (&row.principal, &row.profile, row.scopes) != (&claims.sub, &claims.profile, claims.scope) {
            return Err(Refused::Revoked);
        }
        caller(row, now).ok_or(Refused::Expired)
    }

    /// The caller of a session, as the store says it now, if its token is still in force.
    pub(crate) fn caller(&self, session: &SessionId, now: Timestamp) -> Option<Caller> {
        self.renew();
        let table = self.reader.table.load();
        table.as_ref().as_ref()?.get(&session.0).and_then(|row| caller(row, now))
    }

    /// The sessions whose tokens are in force.
    pub(crate) fn sessions(&self, now: Timestamp) -> BTreeSet<SessionId> {
        self.renew();
        let table = self.reader.table.load();
        let rows = table.as_ref().as_ref().into_iter().flat_map(|table| table.values());
        rows.filter(|row| lives(row, now)).map(|row| SessionId(row.jti.clone())).collect()
    }

    /// What is wrong, for the operator.
    pub(crate) fn problem(&self) -> Option<String> {
        let readable = self.reader.table.load().is_some();
        (!readable)
            .then(|| "the store of tokens cannot be read, so nobody is let in; the hub's log says why".to_owned())
    }

    /// Reads the store again if somebody changed the tokens since.
    fn renew(&self) {
        let now = look(&self.stamp);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if now != *seen {
            // Under the lock: whoever comes meanwhile waits for the same answer.
            self.reader.read();
            *seen = now;
        }
    }
}

fn look(stamp: &Path) -> Stamp {
    let meta = stamp.symlink_metadata().ok()?;
    Some((meta.ino(), meta.ctime(), meta.ctime_nsec()))
}

fn lives(row: &TokenRow, now: Timestamp) -> bool {
    row.revoked.is_none() && row.expires.is_none_or(|end| now < end)
}

fn caller(row: &TokenRow, now: Timestamp) -> Option<Caller> {
    let caller = || Caller {
        session: SessionId(row.jti.clone()),
        principal: row.principal.clone(),
        profile: row.profile.clone(),
        scopes: row.scopes,
    };
    lives(row, now).then(caller)
}
