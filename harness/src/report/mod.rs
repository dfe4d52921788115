//! What a run shows: progress while it lasts, a matrix at its end, JSON on request.

pub mod findings;
pub mod json;
pub mod matrix;
pub mod progress;
