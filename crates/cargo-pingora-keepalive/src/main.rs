//! Placeholder replaced by the tool.
fn main() {}
