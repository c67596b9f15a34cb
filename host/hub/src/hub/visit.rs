//! A caller for one request of the operator's.

use super::Hub;
use crate::api::{Caller, UnknownProfile};
use manifest::ProfileName;
use std::sync::PoisonError;

/// A local caller that is forgotten when this is dropped, its session and runners with it: a request that is
/// answered, or broken off, leaves nothing behind.
pub(crate) struct Visit {
    hub: Hub,
    caller: Caller,
}

impl Hub {
    /// Lets a local caller in for as long as the returned value lives.
    pub(crate) fn visit(&self, principal: &str, profile: &ProfileName) -> Result<Visit, UnknownProfile> {
        Ok(Visit { hub: self.clone(), caller: self.local_caller(principal, profile)? })
    }
}

impl Visit {
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let (hub, id) = (&self.hub.0, &self.caller.session);
        hub.local.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        hub.break_off(|session| session == id, "its request was answered");
    }
}
