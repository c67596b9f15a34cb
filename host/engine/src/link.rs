//! What a component is connected to: interface by interface, from its grant. An import that is not
//! here does not link, and the component is refused before anything of it runs.

use crate::artefact::LoadedComponent;
use crate::bindings::{PluginPre, safeclaw};
use crate::engine::Engine;
use crate::grant::Grant;
use crate::store::State;
use crate::wasi::filesystem::{self, Filesystem};
use crate::wasi::http::errors;
use std::collections::BTreeSet;
use std::sync::Arc;
use wasmtime::component::{Component, HasData, HasSelf, Linker, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::filesystem::Dir;
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem as wasi_fs, random};
use wasmtime_wasi::random::{WasiRandom, WasiRandomView};
use wasmtime_wasi_http::WasiHttp;
use wasmtime_wasi_http::p2::bindings::http::{outgoing_handler, types as http_types};
use wasmtime_wasi_io::bindings::wasi::io;

pub(crate) mod import;
mod trap;

/// A component linked with a grant, ready to be instantiated once per call.
#[derive(Clone)]
pub struct Prepared {
    pub(crate) engine: Engine,
    pub(crate) plugin: PluginPre<State>,
    pub(crate) grant: Arc<Grant>,
    pub(crate) granted: Arc<[(Dir, String)]>,
}

/// Imports that a grant links besides those of every grant.
#[derive(Debug, Clone, Copy)]
pub struct Imports<'a> {
    /// Those that link to a trap.
    pub traps: &'a BTreeSet<String>,
    /// Whether `wasi:http` does, to ask and not to serve.
    pub http: bool,
}

/// Traps and no HTTP.
impl<'a> From<&'a BTreeSet<String>> for Imports<'a> {
    fn from(traps: &'a BTreeSet<String>) -> Self {
        Self { traps, http: false }
    }
}

/// Why a component does not link with a grant.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Imports that nothing here provides.
    #[error("{}", import::refusal(.0))]
    NotGranted(Vec<String>),
    /// An import or export that has another type than its name promises.
    #[error("it does not fit `safeclaw:tool`: {0}")]
    Shape(String),
    /// The grant allows more memory than this engine has per call.
    #[error("the grant's memory_bytes is {wanted}, this engine has {most} for a call")]
    Memory {
        /// What was asked.
        wanted: u64,
        /// What there is.
        most: u64,
    },
    /// A granted directory cannot be opened.
    #[error("the directory granted as `{guest}` cannot be opened")]
    Directory {
        /// Its name in the guest.
        guest: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Links a component with a grant.
///
/// # Errors
/// [`LinkError`]; nothing of the component ran.
pub fn prepare(engine: &Engine, loaded: &LoadedComponent, grant: Grant) -> Result<Prepared, LinkError> {
    if grant.limits.memory_bytes > engine.max_memory_bytes {
        return Err(LinkError::Memory { wanted: grant.limits.memory_bytes, most: engine.max_memory_bytes });
    }
    let plugin = link(&engine.inner, &loaded.component, grant.imports())?;
    let granted = grant
        .dirs
        .iter()
        .map(|dir| match filesystem::directory(&*dir.dir, dir.access) {
            Ok(opened) => Ok((opened, dir.guest.clone())),
            Err(source) => Err(LinkError::Directory { guest: dir.guest.clone(), source }),
        })
        .collect::<Result<_, _>>()?;
    Ok(Prepared { engine: engine.clone(), plugin, grant: Arc::new(grant), granted })
}

/// Checks imports and exports; what the compile program does without an instance.
pub(crate) fn link(
    engine: &wasmtime::Engine,
    component: &Component,
    granted: Imports<'_>,
) -> Result<PluginPre<State>, LinkError> {
    let imports = import::names(engine, component);
    let links = |name: &str| import::known(name, granted.http) || import::listed(name, granted.traps);
    let refused: Vec<String> = imports.into_iter().filter(|name| !links(name)).collect();
    if !refused.is_empty() {
        return Err(LinkError::NotGranted(refused));
    }
    let shape = |error: wasmtime::Error| LinkError::Shape(format!("{error:#}").chars().take(512).collect());
    let mut linker = Linker::new(engine);
    interfaces(&mut linker).map_err(shape)?;
    if granted.http {
        http(&mut linker).map_err(shape)?;
    }
    trap::define(engine, &mut linker, component, granted).map_err(shape)?;
    let instance = linker.instantiate_pre(component).map_err(shape)?;
    PluginPre::new(instance).map_err(shape)
}

/// Everything that any grant has. What differs between grants is behind the interfaces: no directory, a
/// clock that stands still, no environment. A guest's standard library imports all of these by itself.
fn interfaces(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let l = linker;
    io::error::add_to_linker::<State, Io>(l, State::table)?;
    io::poll::add_to_linker::<State, Io>(l, State::table)?;
    io::streams::add_to_linker::<State, Io>(l, State::table)?;

    cli::environment::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::exit::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;

    clocks::monotonic_clock::add_to_linker::<State, WasiClocks>(l, State::clocks)?;
    clocks::wall_clock::add_to_linker::<State, WasiClocks>(l, State::clocks)?;

    random::random::add_to_linker::<State, WasiRandom>(l, State::random)?;
    random::insecure::add_to_linker::<State, WasiRandom>(l, State::random)?;
    random::insecure_seed::add_to_linker::<State, WasiRandom>(l, State::random)?;

    wasi_fs::types::add_to_linker::<State, Filesystem>(l, State::fs)?;
    wasi_fs::preopens::add_to_linker::<State, Filesystem>(l, State::fs)?;

    safeclaw::tool::types::add_to_linker::<State, HasSelf<State>>(l, |state| state)?;
    safeclaw::tool::host::add_to_linker::<State, HasSelf<State>>(l, |state| state)
}

/// What a grant of HTTP adds: to ask, and not to serve.
fn http(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    http_types::add_to_linker::<State, WasiHttp>(linker, &http_types::LinkOptions::default(), State::http)?;
    outgoing_handler::add_to_linker::<State, WasiHttp>(linker, State::http)?;
    errors::tell(linker)
}

struct Io;

impl HasData for Io {
    type Data<'a> = &'a mut ResourceTable;
}
