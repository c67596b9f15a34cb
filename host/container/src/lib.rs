//! Wall 2: the posture renderer, and the launcher, the only part that touches a container engine.

#![cfg_attr(test, expect(clippy::indexing_slicing, reason = "a test fails by panicking"))]

pub mod class;
pub mod drift;
pub mod image;
pub mod launcher;
pub mod message;
pub mod mounts;
pub mod posture;

pub use class::{ClassSpec, MountSpec, Program, Size};
pub use image::{HUB_TITLE, HUB_USER, Image, ImageFile, ImageId, archive, archive_with, hub_archive};
pub use launcher::{
    Attached, Diagnostics, Launcher, LauncherConfig, LauncherError, Leftovers, Live, ProcessConfig, default_socket,
    live, load_image,
};
pub use message::*;
pub use mounts::{CheckedMount, Forbidden, MountError, MountWarning};
pub use posture::{Posture, PostureInputs, render};
