//! Tokens as an operator makes them: in the store of a hub that may be serving.

use hub::tokens;
use manifest::ProfileName;
use std::path::Path;
use tokio::runtime::{Handle, RuntimeFlavor};

/// A new one.
pub fn create(data: &Path, principal: &str, profile: &str) -> String {
    let profile = ProfileName::try_from(profile).expect("a profile");
    let create = || tokens::create(data, principal, &profile, None).expect("a token");
    // It waits for whoever writes the store; where each thread of a runtime waits so, that one is never woken.
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(create),
        _ => create(),
    }
}
