//! What differs between two machines that run the services: in a compose file a variable, elsewhere a value.

use anyhow::Context;
use container::ImageId;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Where the directories of the services are, unless somebody says otherwise.
const HOME: &str = "/srv/safeclaw";
const ENGINE: &str = "/var/run/docker.sock";

/// Values; each is a place holder in a file that an operator fills in.
#[derive(Debug, clap::Args)]
pub(crate) struct Said {
    /// The directory of the services: data, data-launcher, run, manifest, workspace, tools, tls, secrets [default: /srv/safeclaw]
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// The hub image's id, as `safeclaw image pack --hub` prints it
    #[arg(long, value_name = "sha256:ID")]
    hub_image: Option<ImageId>,
    /// The runner image's id, as `safeclaw image pack` prints it
    #[arg(long, value_name = "sha256:ID")]
    runner_image: Option<ImageId>,
    /// The container engine's socket [default: /var/run/docker.sock]
    #[arg(long, value_name = "PATH")]
    engine_socket: Option<PathBuf>,
    /// The group that may use it [default: the socket's]
    #[arg(long, value_name = "GID")]
    engine_gid: Option<u32>,
    /// The name by which agents reach the hub, such as https://hub.example:7300
    #[arg(long, value_name = "URL")]
    governor_url: Option<String>,
    /// The hub's store, sqlite:///ABSOLUTE/PATH [default: hub.db in the data directory]
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

/// The same as texts, for the services.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(super) home: String,
    pub(super) hub_image: String,
    pub(super) runner_image: String,
    pub(super) engine_socket: String,
    pub(super) engine_gid: String,
    pub(super) governor_url: String,
    /// Empty: in the data directory.
    pub(super) database: String,
}

impl Settings {
    /// For a compose file: each is filled in from the environment or `.env`, and what has no default must be there.
    pub(super) fn variables() -> Self {
        let default = |name: &str, value: &str| format!("${{{name}:-{value}}}");
        let needed = |name: &str, what: &str| format!("${{{name}:?{what}}}");
        Self {
            home: default("SAFECLAW_HOME", HOME),
            hub_image: needed("SAFECLAW_HUB_IMAGE", "the id that safeclaw image pack --hub prints"),
            runner_image: needed("SAFECLAW_RUNNER_IMAGE", "the id that safeclaw image pack prints"),
            engine_socket: default("SAFECLAW_ENGINE_SOCKET", ENGINE),
            engine_gid: needed("SAFECLAW_ENGINE_GID", "the group of the engine's socket"),
            governor_url: needed("SAFECLAW_GOVERNOR_URL", "the https URL by which agents reach the hub"),
            database: default("MANIFEST_DATABASE_URL", ""),
        }
    }
}

impl Said {
    /// Whether there is anything: a compose file takes its values from elsewhere.
    pub(super) fn nothing(&self) -> bool {
        let Self { home, hub_image, runner_image, engine_socket, engine_gid, governor_url, database } = self;
        home.is_none()
            && hub_image.is_none()
            && runner_image.is_none()
            && engine_socket.is_none()
            && engine_gid.is_none()
            && governor_url.is_none()
            && database.is_none()
    }

    /// Everything, or what is missing.
    pub(super) fn settings(&self) -> anyhow::Result<Settings> {
        let socket = text(self.engine_socket.as_deref().unwrap_or(Path::new(ENGINE)), "--engine-socket")?;
        let gid = match self.engine_gid {
            Some(gid) => gid,
            None => Path::new(&socket)
                .metadata()
                .with_context(|| {
                    format!("{socket} cannot be looked at: say --engine-gid GID, the group that may use it")
                })?
                .gid(),
        };
        let needed = |id: &Option<ImageId>, option| {
            id.as_ref().map(ToString::to_string).with_context(|| format!("which image? say {option} sha256:ID"))
        };
        Ok(Settings {
            home: text(self.home.as_deref().unwrap_or(Path::new(HOME)), "--home")?,
            hub_image: needed(&self.hub_image, "--hub-image")?,
            runner_image: needed(&self.runner_image, "--runner-image")?,
            engine_gid: gid.to_string(),
            engine_socket: socket,
            governor_url: self.governor_url.clone().context("how do agents reach the hub? say --governor-url URL")?,
            database: self.database.clone().unwrap_or_default(),
        })
    }
}

/// A path that means the same to the engine, which has another working directory.
fn text(path: &Path, option: &str) -> anyhow::Result<String> {
    let text = path.to_str().with_context(|| format!("{option}: {} is not valid UTF-8", path.display()))?;
    // Engines take `SOURCE:TARGET` in places.
    let plain = path.is_absolute() && !text.contains([':', ',', '\n']);
    anyhow::ensure!(plain, "{option}: {text} must be an absolute path without colons, commas and line feeds");
    Ok(text.trim_end_matches('/').to_owned())
}
