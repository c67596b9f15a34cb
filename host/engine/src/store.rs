//! What belongs to one call: its WASI context, resources, bounds and voice. Made for the call, dropped
//! with it, never used again after a trap, a timeout or a cancellation.

use crate::cpu::Meter;
use crate::grant::Grant;
use crate::limits::{HOST_CALL_BYTES, Memory, RANDOM_BYTES};
use crate::wasi::clocks::Stopped;
use crate::wasi::filesystem::Fs;
use crate::wasi::filesystem::open_files::{OpenFiles, Shared};
use crate::wasi::http::{self, Outside};
use crate::wasi::output::{Standard, Stream, Voice};
use manifest::Clock;
use std::sync::Arc;
use wasmtime::component::ResourceTable;
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi::filesystem::{Dir, WasiFilesystemCtxView};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView};

/// The state behind one instance.
pub(crate) struct State {
    // Before the resources: it knows that they are about to go.
    outside: Outside,
    http: WasiHttpCtx,
    wasi: WasiCtx,
    table: ResourceTable,
    granted: Arc<[(Dir, String)]>,
    pub(crate) memory: Memory,
    pub(crate) open: OpenFiles,
    pub(crate) voice: Voice,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl State {
    /// `wasi:io` needs the resources alone.
    pub(crate) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    /// `wasi:http` as we serve it.
    pub(crate) fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outside, table: &mut self.table, ctx: &mut self.http }
    }

    /// `wasi:filesystem` as we serve it.
    pub(crate) fn fs(&mut self) -> Fs<'_> {
        let granted = Arc::clone(&self.granted);
        let inner = WasiFilesystemCtxView { ctx: self.wasi.filesystem(), table: &mut self.table };
        Fs { inner, granted, open: &mut self.open }
    }
}

/// A store for one call, with every bound set.
pub(crate) fn new(
    engine: &wasmtime::Engine,
    grant: &Grant,
    granted: &Arc<[(Dir, String)]>,
    voice: Voice,
    meter: Arc<Meter>,
    open_files: Arc<Shared>,
    outside: Outside,
) -> Store<State> {
    let limits = &grant.limits;
    let handles = limits.handles as usize;
    let mut table = ResourceTable::new();
    table.set_max_capacity(handles);
    let state = State {
        outside,
        http: http::context(),
        wasi: context(grant, &voice),
        table,
        granted: Arc::clone(granted),
        memory: Memory::new(limits.memory_bytes),
        open: OpenFiles::new(handles, open_files),
        voice,
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.memory);
    store.set_hostcall_fuel(usize::try_from(host_call_bytes(limits)).unwrap_or(usize::MAX));
    store.set_max_component_handles(handles);
    store.set_epoch_deadline(1);
    // Looks at the clock and at nothing of the store: mutating it here corrupts bulk operations that
    // are under way (RUSTSEC-2026-0223).
    store.epoch_deadline_callback(move |_| {
        meter.check()?;
        // Lets the runner's other calls, its frames and this call's deadline have the thread.
        Ok(UpdateDeadline::Yield(1))
    });
    store
}

/// What one host call may carry out of the guest; a result that is allowed must fit.
pub(crate) fn host_call_bytes(limits: &manifest::Limits) -> u64 {
    HOST_CALL_BYTES.max(u64::from(limits.result_bytes).saturating_add(1 << 20))
}

fn context(grant: &Grant, voice: &Voice) -> WasiCtx {
    let mut wasi = WasiCtx::builder();
    wasi.stdout(Stream { voice: voice.clone(), standard: Standard::Output });
    wasi.stderr(Stream { voice: voice.clone(), standard: Standard::Error });
    for (name, value) in &grant.env {
        wasi.env(name, value);
    }
    // One thread: file operations run where they stand. See `wasi/filesystem.rs` for why none waits.
    wasi.allow_blocking_current_thread(true);
    wasi.max_random_size(RANDOM_BYTES);
    if !grant.clocks.contains(&Clock::Wall) {
        wasi.wall_clock(Stopped);
    }
    if !grant.clocks.contains(&Clock::Monotonic) {
        wasi.monotonic_clock(Stopped);
    }
    // Nothing of `wasi:sockets` is linked; if that ever failed, nothing would be allowed either.
    wasi.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
    wasi.build()
}
