//! What wasmtime generates from `wit/`: the world of a component that offers tools.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "plugin",
    // Guests run on fibers, so that a deadline or a cancellation can drop them in the middle.
    exports: { default: async },
    imports: { default: trappable },
});
