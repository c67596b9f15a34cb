//! `tests::fuzz::urls` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    tests::fuzz::urls::check(bytes);
});
