//! `apply`, `verify`, `remove` and `status`: the patches in somebody's project.
//!
//! ```text
//!   Cargo.toml      [patch.crates-io] pingora-core = { path = "vendor/pingora/pingora-core" } ...
//!   Cargo.lock      the same versions; those crates have no registry source any more
//!   vendor/pingora  a workspace of its own with the patched crates and the engine, plain files
//!     .pingora-keepalive.toml   what it was made from and how to take the rest back
//! ```
//!
//! Every change is planned before the first byte is written, and a failure half-way takes back what
//! was done.

pub mod applied;
pub mod apply;
pub mod edit;
pub mod lock;
pub mod locked;
pub mod nested;
pub mod overrides;
pub mod paths;
pub mod place;
pub mod remove;
pub mod report;
pub mod resolve;
pub mod root_manifest;
pub mod state;
pub mod status;
pub mod supported;
pub mod transaction;
pub mod vendored;
pub mod verify;
pub mod workspace;
