//! A data directory with two registered components, copied for each attack on what a hub finds there.

use crate::hostile_components::bench::{MANIFEST, named};
use crate::hostile_components::forge::{component, listed};
use hub::{CallEnd, CallOutcome, Hub, Registration, StartError};
use manifest::ProfileName;
use serde_json::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tests::own::Plan;
use tokio::sync::{OnceCell, mpsc};
use tokio_util::sync::CancellationToken;

/// What each attack starts from.
struct Ground {
    folder: TempDir,
    control: Registration,
    taken: Registration,
}

static GROUND: OnceCell<Ground> = OnceCell::const_new();

/// A data directory of an attack's own.
pub(crate) struct Place {
    pub(crate) data: PathBuf,
    /// The component that is attacked.
    pub(crate) control: Registration,
    /// Another one, which must go on.
    pub(crate) taken: Registration,
    _folder: TempDir,
}

async fn ground() -> Ground {
    let folder = tempfile::Builder::new().prefix("safeclaw-ground-").tempdir().unwrap();
    let mut plan = Plan::new(MANIFEST);
    for name in ["control", "taken"] {
        plan.components.push((name.to_owned(), component([listed(name)]).wasm()));
    }
    let hub = plan.start_in(&folder.path().join("data")).await.unwrap();
    let registered = |name: &str| hub.components().into_iter().find(|r| r.name == named(name)).unwrap();
    let (control, taken) = (registered("control"), registered("taken"));
    hub.drain(Duration::ZERO).await;
    Ground { folder, control, taken }
}

impl Place {
    /// A copy: the key, the two components and nothing else.
    pub(crate) async fn new() -> Self {
        let ground = GROUND.get_or_init(ground).await;
        let folder = tempfile::Builder::new().prefix("safeclaw-place-").tempdir().unwrap();
        let data = folder.path().join("data");
        let from = ground.folder.path().join("data");
        let place = Self { data, control: ground.control.clone(), taken: ground.taken.clone(), _folder: folder };
        for directory in ["", "components", "artefacts"] {
            fs::create_dir(place.data.join(directory)).unwrap();
        }
        let mut files = vec!["hub.key".to_owned()];
        for registration in [&place.control, &place.taken] {
            files.push(format!("components/{}.json", registration.name));
            files.push(format!("components/{}.wasm", registration.component));
            files.push(format!("artefacts/{}.cwasm", registration.artefact));
        }
        for file in files {
            fs::copy(from.join(&file), place.data.join(&file)).unwrap();
        }
        place
    }

    pub(crate) fn record(&self) -> PathBuf {
        self.data.join("components/control.json")
    }

    pub(crate) fn wasm(&self) -> PathBuf {
        self.data.join(format!("components/{}.wasm", self.control.component))
    }

    pub(crate) fn artefact(&self) -> PathBuf {
        self.artefact_of(&self.control)
    }

    pub(crate) fn artefact_of(&self, registration: &Registration) -> PathBuf {
        self.data.join(format!("artefacts/{}.cwasm", registration.artefact))
    }

    /// A hub on this directory, which registers nothing itself.
    pub(crate) async fn start(&self) -> Result<Hub, StartError> {
        Plan::new(MANIFEST).start_in(&self.data).await
    }

    pub(crate) fn audit(&self) -> Vec<Value> {
        let log = fs::read_to_string(self.data.join("audit.jsonl")).unwrap_or_default();
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Calls a tool in a session of its own.
pub(crate) async fn call(hub: &Hub, tool: &str) -> CallEnd {
    let profile = ProfileName::try_from("everyone").unwrap();
    let caller = hub.local_caller("tester", &profile).unwrap();
    let (notes, _unheard) = mpsc::channel(64);
    let end = hub.call(&caller, tool, "{}".to_owned(), notes, CancellationToken::new()).await;
    hub.end_session(&caller.session).await;
    end
}

/// What the agent got, in words.
pub(crate) fn got(end: &CallEnd) -> String {
    match &end.outcome {
        CallOutcome::Answer(answer) if !answer.is_error => format!("answered: {}", tests::running::text(answer)),
        CallOutcome::Answer(answer) => format!("failed: {}", tests::running::text(answer)),
        CallOutcome::UnknownTool => "no such tool".to_owned(),
        CallOutcome::Denied { reason, .. } => format!("denied: {reason}"),
        CallOutcome::Limit { text, .. } => format!("limit: {text}"),
        CallOutcome::Broken { .. } => "broken, with an id for the operator".to_owned(),
        CallOutcome::Cancelled => "cancelled".to_owned(),
    }
}

/// Puts other bytes in the place of a file that may be read-only, as an attacker with the hub's user can.
pub(crate) fn replace(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
    mode(path, 0o600);
}

/// The file with one bit of the byte at this place, in percent of its length, changed. The size stays.
pub(crate) fn bend(path: &Path, percent: usize) {
    let mut bytes = fs::read(path).unwrap();
    let at = bytes.len() * percent / 100;
    bytes[at] ^= 1;
    replace(path, &bytes);
}

pub(crate) fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

pub(crate) fn fifo(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::from(0o600), 0).unwrap();
}
