//! Connections that are kept for the next request. A server may tie what it knows of somebody to a connection, and may
//! leave an answer on it that the next one to ask would get: so each has one owner.
//!
//! An address that was checked when a connection was made need not be permitted now, and need not be the name's any
//! more. A key has the address, and only keys of addresses that were resolved and checked for this very request are
//! looked up; the table of addresses has no state, so what it says of a new connection it says of a kept one.

use super::connect::Connection;
use manifest::CredentialName;
use manifest::http::{Name, Scheme, Target};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Kept of one key.
const PER_KEY: usize = 4;
/// Kept of all keys: each is a descriptor and a buffer of the hub's.
const ALL: usize = 64;

/// Whose a connection is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Owner {
    /// For whom.
    pub(crate) principal: String,
    /// The credential that goes over it, or none.
    pub(crate) credential: Option<CredentialName>,
}

/// What has to be the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    owner: Owner,
    scheme: Scheme,
    name: Name,
    port: u16,
    pub(super) address: SocketAddr,
}

impl Key {
    pub(super) fn new(owner: &Owner, target: &Target, address: SocketAddr) -> Self {
        let name = target.name().clone();
        Self { owner: owner.clone(), scheme: target.scheme(), name, port: target.port(), address }
    }
}

/// All that are kept. Each closes itself after a while (see `connect`).
#[derive(Default)]
pub(super) struct Pool {
    idle: Mutex<HashMap<Key, Vec<Connection>>>,
}

impl Pool {
    /// The one that was used last.
    pub(super) fn take(&self, key: &Key) -> Option<Connection> {
        let mut idle = self.lock();
        let kept = idle.get_mut(key)?;
        let mut found = None;
        while let Some(connection) = kept.pop() {
            if connection.is_ready() && !connection.is_closed() {
                connection.wake();
                found = Some(connection);
                break;
            }
        }
        if kept.is_empty() {
            idle.remove(key);
        }
        found
    }

    /// Keeps one, if there is room.
    pub(super) fn put(&self, key: Key, connection: Connection) {
        if connection.is_closed() {
            return;
        }
        let mut idle = self.lock();
        idle.retain(|_, kept| {
            kept.retain(|connection| !connection.is_closed());
            !kept.is_empty()
        });
        let all: usize = idle.values().map(Vec::len).sum();
        let kept = idle.get(&key).map_or(0, Vec::len);
        if all < ALL && kept < PER_KEY {
            connection.rest();
            idle.entry(key).or_default().push(connection);
        }
    }

    /// Closes those of a principal.
    pub(super) fn forget(&self, principal: &str) {
        self.lock().retain(|key, _| key.owner.principal != principal);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Vec<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
