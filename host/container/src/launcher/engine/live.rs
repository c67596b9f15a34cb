//! Every container that carries a hub's label, as the engine reports it: for whoever wants to know without
//! being that hub.

use super::connect::{self, asked, found};
use crate::launcher::LauncherError;
use crate::message::{ContainerName, HubId};
use crate::posture::{LABEL_CLASS, LABEL_CREATED, LABEL_HUB};
use bollard::query_parameters as query;
use manifest::ClassId;
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;

/// A container of a hub.
#[derive(Debug, Clone)]
pub struct Live {
    /// Its name.
    pub container: ContainerName,
    /// What its label says of its class.
    pub class: ClassId,
    /// What its label says of its creation, Unix seconds.
    pub created_unix_s: u64,
    /// All that the engine reports.
    pub inspected: Value,
}

/// The containers that carry this hub's label, ended ones too. One that goes away meanwhile is left out.
///
/// # Errors
/// The engine is refused (see [`crate::Launcher::connect`]), or refuses.
pub async fn live(socket: &Path, hub: &HubId) -> Result<Vec<Live>, LauncherError> {
    let docker = connect::connect(socket).await?.docker;
    let of_this_hub = HashMap::from([("label", vec![format!("{LABEL_HUB}={}", hub.0)])]);
    let options = query::ListContainersOptionsBuilder::default().all(true).filters(&of_this_hub).build();
    let mut all = Vec::new();
    for summary in asked("list containers", docker.list_containers(Some(options))).await? {
        let Some(id) = summary.id else { continue };
        let Some(seen) = found("inspect a container", docker.inspect_container(&id, None)).await? else { continue };
        let label = |name: &str| seen.config.as_ref()?.labels.as_ref()?.get(name).cloned();
        all.push(Live {
            container: ContainerName(seen.name.as_deref().unwrap_or(&id).trim_start_matches('/').to_owned()),
            class: ClassId(label(LABEL_CLASS).unwrap_or_default()),
            created_unix_s: label(LABEL_CREATED).and_then(|text| text.parse().ok()).unwrap_or_default(),
            inspected: serde_json::to_value(&seen).unwrap_or_default(),
        });
    }
    all.sort_by(|one, other| one.container.cmp(&other.container));
    Ok(all)
}
