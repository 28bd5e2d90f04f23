#![no_main]

#[path = "../checks/oip_proto.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::check(input));
