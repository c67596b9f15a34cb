//! A runner behind both walls, started and ended: the check that all the others stand for.

use crate::identity::Identity;
use crate::started::{self, HubIs, Whom};
use ::hub::operator::Client;
use ::hub::{CallOutcome, Hub, ListedTool, REQUEST_STATUS};
use anyhow::Context;
use container::{ClassSpec, Create, Launcher, LauncherConfig, Program, Size};
use manifest::{ClassId, Digest};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;

/// On a busy machine a container takes seconds.
const START_WITHIN: Duration = Duration::from_secs(60);

/// Gives what to say of it.
pub(super) async fn start(hub_is: &HubIs) -> anyhow::Result<String> {
    // A running hub holds the data directory, and knows better than we could find out.
    let running = Client::new(hub_is.data.directory()?.join("operator.sock"));
    if let Ok(health) = running.health().await {
        if !health.ok {
            anyhow::bail!("the running hub is not well: {}", health.problems.join("; "));
        }
        return Ok(format!(
            "a hub is running: {} tools, {} runners, {} parked",
            health.tools, health.runners, health.parked
        ));
    }
    let hub = hub_is.start(Whom::TheOperator, 1).await?;
    let result = tokio::time::timeout(START_WITHIN, first_runner(&hub, hub_is)).await;
    started::stop(&hub).await;
    result.unwrap_or_else(|_| anyhow::bail!("no runner was ready within {} s", START_WITHIN.as_secs()))
}

/// The first tool's runner, with a session of its own; without a component, one that knows nothing.
async fn first_runner(hub: &Hub, hub_is: &HubIs) -> anyhow::Result<String> {
    let began = Instant::now();
    let manifest = crate::manifests::read(&hub_is.manifest.directory()?)?.manifest;
    for profile in manifest.profiles.keys() {
        let caller = hub.local_caller("doctor", profile)?;
        // The hub's own tool has no runner.
        let runs = |tool: &ListedTool| !tool.needs_approval && tool.description.name != REQUEST_STATUS;
        let Some(tool) = hub.tools(&caller).into_iter().find(runs) else { continue };
        let name = tool.description.name;
        return match hub.posture(&caller, &name).await {
            Ok((inside, _)) => Ok(format!(
                "a session for {name} was ready behind both walls after {} ms; from inside, {} forbidden things failed",
                began.elapsed().as_millis(),
                inside.self_test.len()
            )),
            Err(end) => anyhow::bail!("the session for {name} did not start: {}", why(&end.outcome)),
        };
    }
    bare_runner(hub_is).await?;
    let ms = began.elapsed().as_millis();
    Ok(format!(
        "a runner was ready behind both walls after {ms} ms; no component is registered yet (`safeclaw tool add`)"
    ))
}

/// Without a tool to ask for: a runner that knows nothing. Its first byte is that of its hello, which it says
/// after it has tested the container and locked itself down.
async fn bare_runner(hub_is: &HubIs) -> anyhow::Result<()> {
    let class = ClassId("doctor".to_owned());
    let spec = ClassSpec {
        program: Program::Runner,
        size: Size::Small,
        runtime: manifest::Runtime::Runc,
        mounts: Vec::new(),
        artefacts: None,
        frames: None,
    };
    let data = hub_is.data.directory()?;
    let identity = Identity::read(&data)?.context("the hub has no key")?;
    let launcher = Launcher::connect(LauncherConfig {
        hub_id: identity.hub_id,
        socket: hub_is.engine.socket()?,
        image: hub_is.image.id(&data)?,
        hub_key: identity.hub_key,
        protected: Vec::new(),
        forbidden: Vec::new(),
    })
    .await?;
    let manifest = Digest::of(b"doctor");
    launcher.admit(manifest.clone(), BTreeMap::from([(class.clone(), spec)])).await?;
    let created = launcher.create(Create { manifest, class }).await?;
    let mut attached = launcher.attach(&created.container).await?;
    let first = attached.output.read_u8().await;
    launcher.kill(&created.container).await?;
    let said = attached.diagnostics.text();
    first.map(drop).with_context(|| format!("the runner ended before it was ready: {}", ::hub::clean::line(&said, 512)))
}

fn why(outcome: &CallOutcome) -> String {
    match outcome {
        CallOutcome::Denied { reason, .. } => format!("denied: {reason}"),
        CallOutcome::Limit { text, .. } => format!("limit: {text}"),
        CallOutcome::Broken { id } => format!("broken; the log says more about {id}"),
        CallOutcome::UnknownTool => "the tool is unknown".to_owned(),
        CallOutcome::Cancelled | CallOutcome::Answer(_) => "it was cancelled".to_owned(),
    }
}
