//! Subjects: variants of the service under test, how they are built and how one is run.

pub mod build;
pub mod lock;
pub mod process;
pub mod variants;

pub use process::Subject;
pub use variants::Variant;
