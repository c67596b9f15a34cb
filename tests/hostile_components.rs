//! Attacks by a component file, an artefact or the hub's own data directory. Each is a row: what it does, and
//! what the operator or the agent sees, the hub reports and the audit log says. The rows are compared with
//! `docs/attacks-registration.md`, word by word.

mod bench;
mod bombs;
mod files;
mod forge;
mod lists;
mod place;
mod schemas;
mod stored;
mod table;
mod texts;
mod underway;
