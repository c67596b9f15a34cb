//! One file per command.
pub(crate) mod approvals;
pub(crate) mod approver;
pub(crate) mod audit;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod health;
pub(crate) mod hub;
pub(crate) mod image;
pub(crate) mod launcher;
pub(crate) mod leases;
pub(crate) mod manifest;
pub(crate) mod mcp;
pub(crate) mod posture;
pub(crate) mod sessions;
pub(crate) mod token;
pub(crate) mod tool;
pub(crate) mod verify;
