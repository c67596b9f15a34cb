//! The launcher against a real engine. `SAFECLAW_TEST_ENGINE` names its socket; without it nothing here
//! runs, which is said in one line, and is a failure in CI. `examples/echo.rs` plays the runner.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod engine {
    mod attacks;
    mod fixture;
    mod frames;
    mod lifecycle;
    mod walls;
}
