//! A hub's containers as the engine has them, against the posture: rendered here from the manifest where one
//! is named, and otherwise as the running hub says that it asked for them.

use super::check::Check;
use super::governing;
use crate::commands::verify::Arguments;
use crate::identity::Identity;
use crate::manifests;
use ::hub::operator::Client;
use ::hub::{ContainerView, Health};
use anyhow::Context;
use container::drift::of_container;
use container::mounts;
use container::posture::Posture;
use container::{ClassSpec, Forbidden, HubId, ImageId, Launcher, LauncherConfig, Live, PostureInputs, live, render};
use manifest::{ClassId, Manifest};
use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

const CONTAINER: &str = "container";
const MANIFEST: &str = "manifest";
const IMAGE: &str = "image";
const HUB: &str = "hub";
const END_IT: &str = "end its session (safeclaw sessions, then --end ID), and find out who changed it";

/// A hub tells of a container a moment after the engine has it.
const TOLD_WITHIN: u32 = 20;
const TOLD_RETRY: Duration = Duration::from_millis(100);

/// What containers are compared with.
enum Wanted {
    /// Rendered here.
    Rendered(Box<Rendered>),
    /// As the running hub says.
    Said,
    /// Neither.
    Nothing,
}

struct Rendered {
    identity: Identity,
    image: ImageId,
    classes: BTreeMap<ClassId, ClassSpec>,
    forbidden: Forbidden,
    protected: Vec<String>,
}

/// The hub of a data directory that exists.
pub(super) async fn check(arguments: &Arguments, data: &Path) -> Vec<Check> {
    let identity = match Identity::read(data) {
        Ok(Some(identity)) => identity,
        Ok(None) => {
            let found = format!("none has ever run in {}, so no container is its own", data.display());
            return vec![Check::ok(HUB, found)];
        }
        Err(error) => return vec![Check::unknown(HUB, format!("{error:#}"), "run this as the hub's own user")],
    };
    let client = Client::new(data.join("operator.sock"));
    let health = client.health().await;
    let mut checks = Vec::new();
    let (image_check, image) = image(arguments, data).await;
    checks.push(image_check);
    let running = health.is_ok();
    match &health {
        Ok(health) if health.wall2 != "engine" => {
            checks.push(Check::differs(
                HUB,
                "it runs without containers: wall 2 is off",
                "start it without --no-container",
            ));
        }
        Ok(health) => {
            checks.push(Check::ok(HUB, format!("runs, with manifest {} {}", health.manifest, health.manifest_digest)));
            checks.extend(governing::check(health));
        }
        Err(::hub::operator::ClientError::NoHub { .. }) => checks.push(Check::ok(HUB, "does not run")),
        Err(error) => {
            checks.push(Check::unknown(HUB, format!("does not answer: {error}"), "safeclaw health says more"))
        }
    }
    let wanted = wanted(arguments, data, identity.clone(), image, health.ok().as_ref(), &mut checks);
    let socket = match arguments.hub.engine.socket() {
        Ok(socket) => socket,
        Err(error) => {
            checks.push(Check::unknown(CONTAINER, error.to_string(), "say --engine unix:///SOCKET"));
            return checks;
        }
    };
    match containers(&socket, &identity.hub_id, running.then_some(&client), &wanted).await {
        Ok(found) => checks.extend(found),
        Err(why) => checks.push(Check::unknown(CONTAINER, why, "start the engine, or say --engine unix:///SOCKET")),
    }
    checks
}

/// The recorded image, and whether the engine has it under that id.
async fn image(arguments: &Arguments, data: &Path) -> (Check, Option<ImageId>) {
    let remedy = "run: safeclaw image load FILE.tar";
    let id = match arguments.hub.image.id(data) {
        Ok(id) => id,
        Err(error) => return (Check::unknown(IMAGE, format!("{error:#}"), remedy), None),
    };
    let Ok(socket) = arguments.hub.engine.socket() else {
        return (Check::unknown(IMAGE, "the engine is on another machine", "say --engine unix:///SOCKET"), Some(id));
    };
    let config = LauncherConfig {
        hub_id: HubId("verify".to_owned()),
        socket,
        image: id.clone(),
        hub_key: String::new(),
        protected: Vec::new(),
        forbidden: Vec::new(),
    };
    let check = match Launcher::connect(config).await {
        Ok(_) => Check::ok(IMAGE, format!("{id} is recorded, and the engine has it")),
        Err(error @ (container::LauncherError::NoImage(_) | container::LauncherError::OtherImage(_))) => {
            Check::differs(IMAGE, error.to_string(), remedy)
        }
        Err(error) => Check::unknown(IMAGE, caused(&error), "start the engine, or say --engine unix:///SOCKET"),
    };
    (check, Some(id))
}

fn caused(error: &container::LauncherError) -> String {
    let cause = error.source().map(|cause| format!(" ({cause})")).unwrap_or_default();
    format!("{error}{cause}")
}

/// Which manifest counts, and what it renders.
fn wanted(
    arguments: &Arguments,
    data: &Path,
    identity: Identity,
    image: Option<ImageId>,
    health: Option<&Health>,
    checks: &mut Vec<Check>,
) -> Wanted {
    let otherwise = if health.is_some() { Wanted::Said } else { Wanted::Nothing };
    if !arguments.hub.manifest.is_said() {
        return otherwise;
    }
    let read =
        arguments.hub.manifest.directory().and_then(|directory| Ok((manifests::read(&directory)?.manifest, directory)));
    let (manifest, directory) = match read {
        Ok(read) => read,
        Err(error) => {
            checks.push(Check::differs(MANIFEST, format!("{error:#}"), "safeclaw manifest check DIR"));
            return otherwise;
        }
    };
    let digest = manifest.digest();
    if let Some(health) = health.filter(|health| health.manifest_digest != digest) {
        let found = format!(
            "the hub runs another manifest ({} {}) than {} ({digest}); its containers are compared with its own",
            health.manifest,
            health.manifest_digest,
            directory.display()
        );
        checks.push(Check::differs(MANIFEST, found, "restart the hub, or say the --manifest that it runs"));
        return otherwise;
    }
    match rendered(arguments, data, &manifest, &directory, identity, image) {
        Ok(rendered) => {
            let whose =
                if health.is_some() { "is the one that the hub runs" } else { "is read; no hub runs that has one" };
            checks.push(Check::ok(MANIFEST, format!("{} {digest} {whose}", directory.display())));
            Wanted::Rendered(Box::new(rendered))
        }
        Err(error) => {
            let remedy = "say --mount NAME=DIR as the hub was told";
            checks.push(Check::unknown(MANIFEST, format!("nothing can be rendered from it: {error:#}"), remedy));
            otherwise
        }
    }
}

fn rendered(
    arguments: &Arguments,
    data: &Path,
    manifest: &Manifest,
    directory: &Path,
    identity: Identity,
    image: Option<ImageId>,
) -> anyhow::Result<Rendered> {
    let sources = arguments.hub.manifest.mount_sources()?;
    Ok(Rendered {
        identity,
        image: image.context("which image is not known")?,
        classes: ::hub::classes(manifest, &sources, data)?,
        forbidden: Forbidden::with([data.to_owned(), directory.to_owned(), arguments.hub.engine.socket()?]),
        protected: manifest::protected_paths().into_iter().map(|protected| protected.path).collect(),
    })
}

impl Rendered {
    /// The postures of a class as they are rendered now, either of which is good: a launcher's, whose containers
    /// have FIFOs, and the printed one's, which whoever starts it attaches to. A text says why there is none.
    fn postures(&self, class: &ClassId) -> Result<[Posture; 2], String> {
        let spec = self.classes.get(class).ok_or_else(|| format!("the manifest has no class `{class}`"))?;
        let (mounts, _) =
            mounts::check(&spec.mounts, &self.forbidden, &self.protected).map_err(|error| error.to_string())?;
        let inputs = PostureInputs {
            hub_id: &self.identity.hub_id,
            hub_key: &self.identity.hub_key,
            image: &self.image,
            class,
            mounts: &mounts,
        };
        Ok([render(spec, &inputs), render(&ClassSpec { frames: None, ..spec.clone() }, &inputs)])
    }
}

/// Each container of this hub.
async fn containers(
    socket: &Path,
    hub: &HubId,
    client: Option<&Client>,
    wanted: &Wanted,
) -> Result<Vec<Check>, String> {
    let found = live(socket, hub).await.map_err(|error| caused(&error))?;
    if found.is_empty() {
        return Ok(vec![Check::ok(CONTAINER, format!("none of hub {} is there", hub.0))]);
    }
    let said = match client {
        Some(client) => said(client, &found).await?,
        None => Vec::new(),
    };
    // One that ended meanwhile is nobody's any more.
    let mut still = Vec::new();
    for one in live(socket, hub).await.map_err(|error| caused(&error))? {
        if found.iter().any(|before| before.container == one.container) {
            still.push(one);
        }
    }
    if still.is_empty() {
        return Ok(vec![Check::ok(CONTAINER, format!("none of hub {} is left", hub.0))]);
    }
    Ok(still.iter().map(|one| container(one, client.is_some(), &said, wanted)).collect())
}

/// What the hub says of its containers, asked until it knows all of these or had time to.
async fn said(client: &Client, found: &[Live]) -> Result<Vec<ContainerView>, String> {
    let mut said = Vec::new();
    for _ in 0..TOLD_WITHIN {
        said = client.containers().await.map_err(|error| format!("the hub does not tell its containers: {error}"))?;
        if found.iter().all(|one| said.iter().any(|view: &ContainerView| view.container == one.container)) {
            break;
        }
        tokio::time::sleep(TOLD_RETRY).await;
    }
    Ok(said)
}

fn container(one: &Live, running: bool, said: &[ContainerView], wanted: &Wanted) -> Check {
    let named = format!("{} (class {})", one.container, one.class);
    let by_hub = said.iter().find(|view| view.container == one.container);
    if running && by_hub.is_none() {
        let found = format!("{named}: the running hub did not make it, and it carries its label");
        return Check::differs(CONTAINER, found, format!("docker rm --force {}", one.container));
    }
    let bodies: Vec<Value> = match wanted {
        Wanted::Rendered(rendered) => match rendered.postures(&one.class) {
            Ok(postures) => postures.map(|posture| posture.body(&one.container, one.created_unix_s)).into(),
            Err(why) => return Check::differs(CONTAINER, format!("{named}: {why}"), END_IT),
        },
        Wanted::Said => vec![by_hub.map(|view| view.body.clone()).unwrap_or_default()],
        Wanted::Nothing => {
            let found = format!("{named}: no hub runs that could say what it asked for");
            let remedy = "say --manifest DIR and --mount NAME=DIR; or start the hub, which removes what is left over";
            return Check::unknown(CONTAINER, found, remedy);
        }
    };
    let compared = bodies.iter().map(|body| of_container(body, &one.inspected));
    match compared.min_by_key(Vec::len).unwrap_or_default() {
        differences if differences.is_empty() => Check::ok(CONTAINER, format!("{named}: as rendered")),
        differences => {
            let found = format!("{named}: {} settings are not as rendered", differences.len());
            Check::differs(CONTAINER, found, END_IT).with(differences)
        }
    }
}

/// The data directory as the hub names it to the engine.
pub(super) fn canonical(data: PathBuf) -> PathBuf {
    data.canonicalize().unwrap_or(data)
}
