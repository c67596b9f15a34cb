//! Versions of the manifest.
