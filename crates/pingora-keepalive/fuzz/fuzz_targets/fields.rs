//! Arbitrary field lines to the parsers. A line feed in the input begins another line, so that the
//! seeds are text.
#![no_main]

#[path = "../../tests/fields/mod.rs"]
mod fields;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let lines: Vec<_> = input
        .split(|&byte| byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    fields::check(&lines);
});
