//! The operator socket: sessions, components, health.
