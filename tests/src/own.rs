//! A hub of a test's own: another manifest, another engine, a data directory that the test may tamper with.
//! What one such hub compiled the next one finds, since all of this process share one key and one image.

use crate::{handed, running};
use hub::identity::Config;
use hub::{CallEnd, Caller, Governed, Hub, HubConfig, PoolConfig, Registration, StartError, Wall2};
use manifest::{ComponentName, Digest, Manifest, MountName, SourceFile};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What a hub is to be started with.
pub struct Plan {
    pub manifest: Manifest,
    /// Registered under these names: the component's bytes.
    pub components: Vec<(String, Vec<u8>)>,
    /// Found on the disk when it starts, if another hub of this process compiled them, and else not there: for a
    /// manifest that would refuse them.
    pub compiled: Vec<(String, Vec<u8>)>,
    pub mounts: BTreeMap<String, PathBuf>,
    pub wall2: Wall2,
    pub pool: PoolConfig,
    /// The issuers that it trusts.
    pub identity: Config,
    /// What its operator says of the outside.
    pub outside: egress::Declared,
}

impl Plan {
    /// A hub with this manifest in the engine that was handed over, with no parked runner and no component.
    pub fn new(manifest: &str) -> Self {
        let file = SourceFile { name: "test.toml".to_owned(), text: manifest.to_owned() };
        let read = manifest::read(&[file]).unwrap_or_else(|errors| panic!("{errors}"));
        Self::of(read.manifest)
    }

    /// The same, with a manifest that has been read.
    pub fn of(manifest: Manifest) -> Self {
        Self {
            manifest,
            components: Vec::new(),
            compiled: Vec::new(),
            mounts: BTreeMap::new(),
            wall2: Wall2::Engine { socket: handed::engine(), image: handed::image() },
            pool: PoolConfig { per_class: 0, total: 0 },
            identity: Config::default(),
            outside: egress::Declared::default(),
        }
    }

    /// A built guest, registered under the name of its package.
    #[must_use]
    pub fn guest(mut self, name: &str) -> Self {
        self.components.push((name.to_owned(), handed::guest(name)));
        self
    }

    /// A built guest that another hub registered under the name of its package.
    #[must_use]
    pub fn compiled(mut self, name: &str) -> Self {
        self.compiled.push((name.to_owned(), handed::guest(name)));
        self
    }

    /// What its operator says of the outside, in this file.
    #[must_use]
    pub fn outside(mut self, file: &Path) -> Self {
        let environment = egress::config::Environment::of_block(&[]);
        self.outside = egress::Declared::read(file, &environment).unwrap_or_else(|error| panic!("{error}"));
        self
    }

    /// A directory behind a mount of the manifest.
    #[must_use]
    pub fn mount(mut self, name: &str, directory: &Path) -> Self {
        self.mounts.insert(name.to_owned(), directory.to_owned());
        self
    }

    /// Starts it in a new data directory.
    pub async fn start(self) -> Own {
        let folder = tempfile::Builder::new().prefix("safeclaw-own-").tempdir().expect("a folder");
        let data = folder.path().join("data");
        match self.start_in(&data).await {
            Ok(hub) => Own { hub, data, _folder: folder },
            Err(error) => panic!("the hub starts: {error:?}"),
        }
    }

    /// Starts it in a data directory that is the test's.
    ///
    /// # Errors
    /// What the hub says.
    pub async fn start_in(self, data: &Path) -> Result<Hub, StartError> {
        prepare(data, self.components.iter().chain(&self.compiled));
        let mount =
            |(name, directory): (String, PathBuf)| (MountName::try_from(name.as_str()).expect("a name"), directory);
        let hub = Hub::start(HubConfig {
            data: data.to_owned(),
            store: None,
            governed: Governed::Fixed {
                manifest: Box::new(self.manifest),
                mounts: self.mounts.into_iter().map(mount).collect(),
            },
            wall2: self.wall2,
            denied_tiers: BTreeSet::new(),
            pool: self.pool,
            private: Vec::new(),
            identity: self.identity,
            audit_heads: None,
            egress: self.outside,
        })
        .await?;
        for (name, wasm) in self.components {
            let name = ComponentName::try_from(name.as_str()).expect("a name");
            let digest = Digest::of(&wasm);
            if hub.components().iter().any(|known| known.name == name && known.component == digest) {
                continue;
            }
            let added = hub.add_component(&name, wasm).await;
            keep(data, &added.unwrap_or_else(|error| panic!("{name} registers: {error:?}")));
        }
        Ok(hub)
    }
}

/// A running hub; it ends when this is dropped, and its runners with it.
pub struct Own {
    pub hub: Hub,
    pub data: PathBuf,
    _folder: TempDir,
}

impl Own {
    /// A fresh session of a principal that has no other.
    pub fn caller(&self, profile: &str) -> Caller {
        self.hub.authenticate(&self.token(profile)).expect("the token is known at once")
    }

    /// A fresh token.
    pub fn token(&self, profile: &str) -> String {
        static PRINCIPALS: AtomicUsize = AtomicUsize::new(0);
        let principal = format!("tester-{}", PRINCIPALS.fetch_add(1, Ordering::Relaxed));
        crate::token::create(&self.data, &principal, profile)
    }

    /// Calls a tool; what it notes on its way is dropped.
    pub async fn call(&self, caller: &Caller, tool: &str, arguments: &str) -> CallEnd {
        let (notes, mut noted) = mpsc::channel(64);
        tokio::spawn(async move { while noted.recv().await.is_some() {} });
        self.hub.call(caller, tool, arguments.to_owned(), notes, CancellationToken::new()).await
    }

    /// Serves MCP over HTTP on loopback, as long as the runtime lives.
    pub async fn http(&self) -> SocketAddr {
        let listener = hub::http::bind("127.0.0.1:0".parse().expect("an address")).await.expect("a port");
        let address = listener.address();
        tokio::spawn(hub::http::serve(self.hub.clone(), listener, CancellationToken::new()));
        address
    }

    /// The lines of the audit log.
    pub fn audit(&self) -> Vec<serde_json::Value> {
        running::audit_of(&self.data)
    }

    /// Ends it and waits until its containers are gone.
    pub async fn end(self) {
        self.hub.drain(Duration::ZERO).await;
    }
}

/// What the hubs of this process have compiled: a folder for each name and component, with the files that a data
/// directory has for it.
static KEPT: LazyLock<Mutex<TempDir>> =
    LazyLock::new(|| Mutex::new(tempfile::Builder::new().prefix("safeclaw-kept-").tempdir().expect("a folder")));

fn place(kept: &Path, name: &str, component: &Digest) -> PathBuf {
    kept.join(format!("{name}-{component}").replace(':', "-"))
}

/// A new data directory gets the key of this process, and those of its components that have been compiled.
fn prepare<'c>(data: &Path, components: impl Iterator<Item = &'c (String, Vec<u8>)>) {
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if data.join("hub.key").exists() {
        return;
    }
    fs::create_dir_all(data).expect("a data directory");
    let key = kept.path().join("hub.key");
    if !key.exists() {
        let seed = Digest::of(format!("{:?}", kept.path()).as_bytes()).to_string();
        fs::write(&key, seed.get(8..40).expect("32 characters")).expect("a key");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("a key of ours alone");
    }
    copy(&key, &data.join("hub.key"));
    for (name, wasm) in components {
        let from = place(kept.path(), name, &Digest::of(wasm));
        for folder in ["components", "artefacts"] {
            let Ok(entries) = fs::read_dir(from.join(folder)) else { continue };
            fs::create_dir_all(data.join(folder)).expect("a directory");
            for entry in entries {
                let entry = entry.expect("an entry");
                copy(&entry.path(), &data.join(folder).join(entry.file_name()));
            }
        }
    }
}

/// What a hub has compiled is there for the next one.
fn keep(data: &Path, added: &Registration) {
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let to = place(kept.path(), added.name.as_str(), &added.component);
    for (folder, file) in [
        ("artefacts", format!("{}.cwasm", added.artefact)),
        ("components", format!("{}.wasm", added.component)),
        ("components", format!("{}.json", added.name)),
    ] {
        fs::create_dir_all(to.join(folder)).expect("a directory");
        copy(&data.join(folder).join(&file), &to.join(folder).join(file));
    }
}

fn copy(from: &Path, to: &Path) {
    // A new file: what is there may be read-only, and a hub may be reading it.
    let _ = fs::remove_file(to);
    fs::copy(from, to).unwrap_or_else(|error| panic!("{} is copied: {error}", from.display()));
}
