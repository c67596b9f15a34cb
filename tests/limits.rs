//! Bounds that hold by their values alone: one crate's number against another's.

use container::Size;
use container::posture::Resources;
use manifest::bounds::{MAX_CONCURRENT_CALLS, MAX_DEADLINE_MS, MAX_PAYLOAD_BYTES};

fn ulimit(size: Size, name: &str) -> u64 {
    let found = Resources::of(size).ulimits.into_iter().find(|ulimit| ulimit.name == name);
    found.unwrap_or_else(|| panic!("no ulimit {name}")).value
}

/// Else one call that is within its own bound would take the runner, and every other call in it, along.
#[test]
fn one_call_cannot_use_up_its_containers_cpu_time() {
    for size in [Size::Small, Size::Large] {
        assert!(MAX_DEADLINE_MS < ulimit(size, "cpu") * 1_000, "{size:?}");
    }
}

#[test]
fn arguments_and_a_result_fit_a_frame_with_what_goes_along() {
    assert!(2 * MAX_PAYLOAD_BYTES <= protocol::MAX_FRAME_BYTES as u64);
}

/// Each call may have 200 files open, and a runner has descriptors of its own.
#[test]
fn a_runners_descriptors_do_not_run_out_at_once() {
    assert!(ulimit(Size::Small, "nofile") > 200 + MAX_CONCURRENT_CALLS);
    assert!(ulimit(Size::Large, "nofile") > 200 + MAX_CONCURRENT_CALLS);
}

#[test]
fn swap_adds_nothing_to_memory() {
    for size in [Size::Small, Size::Large, Size::Build] {
        let resources = Resources::of(size);
        assert_eq!(resources.memory_bytes, resources.memory_swap_bytes, "{size:?}");
        assert_eq!(ulimit(size, "core"), 0, "{size:?}");
    }
}
