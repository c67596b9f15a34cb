//! Nothing outlives its owner: what is left in the engine, in the process table, among the mounts and in the
//! data directory when a hub, a runner, a shim or the engine itself ends where it should not.

mod engine_away;
mod killed_hub;
mod killed_runner;
mod protected;
mod stuck;
mod two_hubs;
