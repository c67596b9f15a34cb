//! Every setting of the Wasm engine in one place, each with its reason. What compiles and what runs
//! must agree on all of [`code`], or an artefact does not load.

use wasmtime::{Config, Enabled, InstanceAllocationStrategy, ModuleVersionStrategy, PoolingAllocationConfig};

/// What artefacts are compiled for: x86-64-v2, which every x86-64 machine and hypervisor model in use
/// has. One artefact then serves the machine that compiled it and the one that runs it; v3 would gain
/// a few percent on SIMD and refuse the older half of the world.
#[cfg(feature = "compiler")]
const BASELINE: [&str; 6] = ["has_sse3", "has_ssse3", "has_sse41", "has_sse42", "has_popcnt", "has_cmpxchg16b"];

/// Names what can load an artefact: exact engine version, these settings, the processor baseline. The
/// number is raised whenever a setting changes that wasmtime does not compare by itself.
pub(crate) const COMPATIBILITY: &str = concat!(env!("WASMTIME_VERSION"), "+safeclaw-1-x86-64-v2");

/// The most Wasm stack a guest gets; deeper recursion is a limit of its own, not a host overflow.
pub const STACK_BYTES: usize = 512 << 10;

/// Core instances in one component: its own modules, adapters and shims. Large interpreters need 20.
pub(crate) const CORE_INSTANCES: u32 = 40;

/// Tables in one component.
pub(crate) const TABLES: u32 = 4;

/// Elements in one table: a CPython interpreter has 6 000, a JavaScript one 8 000.
const TABLE_ELEMENTS: usize = 20_000;

const PAGE: u64 = 64 << 10;

/// How large an engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Calls at once.
    pub slots: u32,
    /// The largest `memory_bytes` of any grant that will be prepared.
    pub max_memory_bytes: u64,
}

/// What an artefact depends on.
pub(crate) fn code() -> wasmtime::Result<Config> {
    let mut config = Config::new();
    config
        // Component-model async carried a 16 KB native stack overwrite this year and a dozen smaller
        // bugs; without it a call is also a quarter faster.
        .concurrency_support(false)
        // Garbage collection, exceptions and their heap: no tool that we know needs them, several
        // advisories do. The cargo features stay compiled in, since builds without them can be aborted.
        .gc_support(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        // Shared memory is unsound in parts, and a guest has one thread anyway.
        .wasm_threads(false)
        // 64-bit memories lose the bounds checks that guard pages make free, and widen the surface.
        .wasm_memory64(false)
        // One memory per module, so that the memory bound is one number.
        .wasm_multi_memory(false)
        // Results may differ between machines: not reproducible, not needed.
        .wasm_relaxed_simd(false)
        // The CPU budget: code looks at the epoch at every loop back-edge and function entry.
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES)
        // Host calls run on the same stack: half of it is theirs.
        .async_stack_size(2 * STACK_BYTES)
        // Reservation and guards make out-of-bounds accesses page faults instead of checks.
        .memory_reservation(4 << 30)
        .memory_guard_size(32 << 20)
        .guard_before_linear_memory(true)
        .memory_may_move(false)
        // A fresh instance maps its data copy-on-write instead of copying it.
        .memory_init_cow(true)
        // A trap's chain names guest functions; sixteen are enough to find the fault.
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16))
        // wasmtime itself compares only the major version: a code generation fix would never reach an
        // artefact that is already compiled.
        .module_version(ModuleVersionStrategy::Custom(COMPATIBILITY.to_owned()))?;
    #[cfg(feature = "compiler")]
    compiler_only(&mut config)?;
    Ok(config)
}

#[cfg(feature = "compiler")]
fn compiler_only(config: &mut Config) -> wasmtime::Result<()> {
    // Not Winch: four advisories this year, one an escape. Optimised: compiled once, run often.
    config.strategy(wasmtime::Strategy::Cranelift).cranelift_opt_level(wasmtime::OptLevel::Speed);
    // A named target switches off whatever this very processor has besides the baseline.
    config.target("x86_64-unknown-linux-gnu")?;
    for flag in BASELINE {
        set_flag(config, flag);
    }
    Ok(())
}

#[cfg(feature = "compiler")]
#[expect(
    unsafe_code,
    reason = "wasmtime marks every Cranelift flag unsafe, since some change semantics; \
    the six of BASELINE only allow instructions, and an artefact that uses one the processor lacks is refused at load"
)]
fn set_flag(config: &mut Config, flag: &str) {
    unsafe { config.cranelift_flag_enable(flag) };
}

/// The pool that fresh instances come from. `scan` says that the kernel can tell which pages of a slot
/// were written (`PAGEMAP_SCAN`).
pub(crate) fn pool(settings: &Settings, scan: bool) -> PoolingAllocationConfig {
    let slots = settings.slots.max(1);
    let memory = settings.max_memory_bytes.div_ceil(PAGE).saturating_mul(PAGE).clamp(PAGE, 4 << 30);
    let mut pool = PoolingAllocationConfig::new();
    // Totals follow from the slots; running out is a clean error, and the runner admits no more calls
    // than there are slots.
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(CORE_INSTANCES))
        .total_memories(slots)
        .total_tables(slots.saturating_mul(TABLES))
        .total_stacks(slots)
        .total_gc_heaps(0)
        // Per component, so that no single one can take the pool.
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(1)
        .max_memories_per_module(1)
        .max_tables_per_component(TABLES)
        .max_tables_per_module(TABLES)
        .table_elements(TABLE_ELEMENTS)
        .max_core_instance_size(2 << 20)
        .max_component_instance_size(4 << 20)
        .max_memory_size(usize::try_from(memory).unwrap_or(usize::MAX))
        .max_unused_warm_slots(slots);
    if scan {
        // Written pages are reset in place and stay mapped: no page faults in the next call. Only with
        // the scan: without it the whole megabyte would be rewritten each time, slower than nothing.
        pool.pagemap_scan(Enabled::Yes).linear_memory_keep_resident(1 << 20).table_keep_resident(64 << 10);
    } else {
        pool.pagemap_scan(Enabled::No).linear_memory_keep_resident(0).table_keep_resident(0).decommit_batch_size(16);
    }
    pool
}

/// Settings of the engine that runs calls.
pub(crate) fn pooled(settings: &Settings, scan: bool) -> wasmtime::Result<Config> {
    let mut config = code()?;
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(settings, scan)));
    Ok(config)
}
