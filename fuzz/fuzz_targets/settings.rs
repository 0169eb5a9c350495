//! See `sim_tests::entries::settings`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sim_tests::entries::settings(input));
