//! Whether the engine has what it was told: what it reports about a container, against what was sent.

use crate::drift::of_container;
use bollard::models::{ContainerCreateBody, ContainerInspectResponse};

/// Each setting that is reported differently, in words.
pub(super) fn differences(sent: &ContainerCreateBody, seen: &ContainerInspectResponse) -> Vec<String> {
    // What cannot be said in JSON differs from everything.
    let sent = serde_json::to_value(sent).unwrap_or_default();
    let seen = serde_json::to_value(seen).unwrap_or_default();
    of_container(&sent, &seen)
        .into_iter()
        .map(|it| format!("{}: {} was sent, {} is reported", it.setting, it.wanted, it.found))
        .collect()
}
