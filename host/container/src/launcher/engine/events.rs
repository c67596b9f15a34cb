//! What the engine says happened. With auto-remove this is the only place where the reason of a death is
//! seen: the container itself is gone some milliseconds later.

use super::Known;
use super::connect::asked;
use crate::launcher::ward::Wards;
use crate::message::{ContainerName, EventKind, HubId};
use crate::posture::LABEL_HUB;
use bollard::Docker;
use bollard::models::EventMessage;
use bollard::query_parameters as query;
use futures_util::StreamExt as _;
use std::collections::{BTreeSet, HashMap};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// Between two attempts at an engine that went away.
const PAUSE: Duration = Duration::from_millis(500);

/// Passes events on until it is aborted. It asks for those since a moment in the past, which the engine keeps
/// for a while, so that none is lost before the subscription stands or while it is renewed.
pub(super) async fn pump(docker: Docker, hub: HubId, wards: Arc<Wards<Known>>, mut since: Duration) {
    let of_hub = vec![format!("{LABEL_HUB}={}", hub.0)];
    let kinds = ["start", "oom", "die", "destroy"].map(str::to_owned).to_vec();
    let filters = HashMap::from([("type", vec!["container".to_owned()]), ("label", of_hub.clone()), ("event", kinds)]);
    loop {
        let from = format!("{}.{:09}", since.as_secs(), since.subsec_nanos());
        let options = query::EventsOptionsBuilder::default().since(&from).filters(&filters).build();
        let mut events = pin!(docker.events(Some(options)));
        let mut seen_any = false;
        while let Some(Ok(event)) = events.next().await {
            seen_any = true;
            if let Some(nanos) = event.time_nano.and_then(|nanos| u64::try_from(nanos).ok()) {
                since = since.max(Duration::from_nanos(nanos));
            }
            if let Some((name, what)) = read(event) {
                wards.happened(&name, what);
            }
        }
        if !seen_any {
            // What cannot be read now will not be readable next time.
            since = super::now();
        }
        tokio::time::sleep(PAUSE).await;
        drop_missing(&docker, &of_hub, &wards).await;
    }
}

/// After an interruption: what the engine no longer has, has been removed, whether or not it says so.
async fn drop_missing(docker: &Docker, of_hub: &[String], wards: &Wards<Known>) {
    let known: BTreeSet<ContainerName> = wards.lock().keys().cloned().collect();
    let filters = HashMap::from([("label", of_hub.to_vec())]);
    let options = query::ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let Ok(listed) = asked("list containers", docker.list_containers(Some(options))).await else { return };
    let there: BTreeSet<ContainerName> = listed
        .into_iter()
        .flat_map(|summary| summary.names.unwrap_or_default())
        .map(|name| ContainerName(name.trim_start_matches('/').to_owned()))
        .collect();
    for gone in known.difference(&there) {
        wards.happened(gone, EventKind::Removed);
    }
}

fn read(event: EventMessage) -> Option<(ContainerName, EventKind)> {
    let attributes = event.actor?.attributes?;
    let name = ContainerName(attributes.get("name")?.clone());
    let what = match event.action.as_deref()? {
        "start" => EventKind::Started,
        "oom" => EventKind::OutOfMemory,
        // An exit code that cannot be read is not 0.
        "die" => EventKind::Died(attributes.get("exitCode").and_then(|code| code.parse().ok()).unwrap_or(-1)),
        "destroy" => EventKind::Removed,
        _ => return None,
    };
    Some((name, what))
}
