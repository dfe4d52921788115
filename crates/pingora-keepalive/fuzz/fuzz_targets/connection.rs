//! Arbitrary reports to a connection, in any order and at any time, against the reference model.
#![no_main]

#[path = "../../tests/model/mod.rs"]
mod model;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use model::event::{Event, Setup};

#[derive(Arbitrary, Debug)]
struct Life {
    setup: Setup,
    events: Vec<Event>,
}

fuzz_target!(|life: Life| model::check(&life.setup, &life.events));
