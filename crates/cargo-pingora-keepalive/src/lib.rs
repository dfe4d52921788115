//! `cargo pingora-keepalive` keeps a queue of patches over pristine Pingora crates, and puts them into
//! projects that depend on Pingora.
//!
//! `patches/VERSION/` holds the queue; [`materialize`] turns it into a git repository with one commit
//! a patch, in which one builds, edits and commits; [`refresh`] writes the queue back from those
//! commits; [`check`] proves that the queue is well formed. Upstream's source is never kept in this
//! project: it comes from the `.crate` files that cargo itself downloaded.
//!
//! ```text
//!   patches/0.9.1/{upstream.toml, manifest.toml, series, *.patch}      crates/pingora-keepalive
//!            |                                        ^                        |
//!            | materialize                            | refresh                | copied
//!            v                                        |                        v
//!   crates/patched/0.9.1/{pingora-core, pingora-proxy}: one base commit, then one commit a patch
//! ```
//!
//! Queue and engine are also [`embedded`] in the program: [`adopt`] makes the same tree from them, as
//! plain files, in somebody's project and leads cargo to it.
//!
//! [`export`] gives the queue back to upstream: as commits on the pristine crates or on a clone of its
//! repository.
//!
//! What the patches say is not decided here: this crate knows no HTTP.

pub mod adopt;
pub mod apply;
pub mod check;
pub mod cli;
pub mod download;
pub mod embedded;
pub mod engine;
pub mod export;
pub mod git;
pub mod manifest;
pub mod materialize;
pub mod package_files;
pub mod patch_file;
pub mod project;
pub mod queue;
pub mod refresh;
pub mod render;
pub mod series;
pub mod text;
pub mod trailers;
pub mod tree;
pub mod unpack;
pub mod upstream;
