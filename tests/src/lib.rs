//! The harness that the tests of this package share: a hub in this process, its guests, and callers.
