//! The container engine and the runner image, asked by the launcher that a hub uses.

use super::finding::Finding;
use crate::started::HubIs;
use container::{HubId, ImageId, Launcher, LauncherConfig, LauncherError};
use std::error::Error;

const ENGINE: &str = "engine";
const IMAGE: &str = "image";
const BUILD_AND_LOAD: &str = "run: cargo xtask image, then: safeclaw image load target/image/runner.tar";

pub(super) async fn check(hub: &HubIs) -> (Finding, Finding) {
    let socket = match hub.engine.socket() {
        Ok(socket) => socket,
        Err(error) => return (Finding::failed(ENGINE, error.to_string(), "say --engine unix:///SOCKET"), skipped()),
    };
    let image = hub.data.directory().and_then(|data| hub.image.id(&data));
    let nothing = || ImageId::try_from("0".repeat(64));
    // Without an id the engine is asked all the same, for one that it cannot have.
    let asked_for = match image.as_ref().map_or_else(|_| nothing(), |id| Ok(id.clone())) {
        Ok(id) => id,
        Err(error) => return (Finding::failed(ENGINE, error.to_string(), "report this"), skipped()),
    };
    let config = LauncherConfig {
        hub_id: HubId("doctor".to_owned()),
        socket: socket.clone(),
        image: asked_for,
        hub_key: String::new(),
        protected: Vec::new(),
        forbidden: Vec::new(),
    };
    let engine = Finding::well(
        ENGINE,
        format!("answers at {}, and can enforce every limit that a runner's container has", socket.display()),
    );
    match (Launcher::connect(config).await, image) {
        (Ok(_), Ok(id)) => (engine, Finding::well(IMAGE, id.to_string())),
        (Err(error @ (LauncherError::NoImage(_) | LauncherError::OtherImage(_))), image) => {
            let found = image.map_or_else(|error| format!("{error:#}"), |_| error.to_string());
            (engine, Finding::failed(IMAGE, found, BUILD_AND_LOAD))
        }
        (Ok(_), Err(error)) => (engine, Finding::failed(IMAGE, format!("{error:#}"), BUILD_AND_LOAD)),
        (Err(error), _) => {
            let cause = error.source().map(|cause| format!(" ({cause})")).unwrap_or_default();
            let remedy = "start Docker 20.10 or newer; --engine unix:///SOCKET names another socket. If permission is \
                denied, run this as root or as a member of the socket's group";
            (Finding::failed(ENGINE, format!("{error}{cause}"), remedy), skipped())
        }
    }
}

fn skipped() -> Finding {
    Finding::skipped(IMAGE, "not looked for, since no engine answered; mend that first")
}
