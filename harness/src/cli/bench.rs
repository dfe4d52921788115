//! `harness bench`.

use anyhow::{anyhow, Context as _, Result};
use harness::bench::{expire_together, BOUND};
use harness::origin::Origin;
use harness::report::progress::Progress;
use harness::subject::{build, Subject, Variant};

/// Builds an optimized subject, has its connections expire together, and says how late they were
/// closed; whether all is within the bound.
pub(super) fn bench(variants: &[Variant], connections: usize) -> Result<bool> {
    let progress = Progress::new();
    let variant = variants.first().context("no subject")?;
    build::materialize(variants, &progress)?;
    let built = build::build_optimized(variant, &progress)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let expiry = runtime.block_on(async {
        // The subject inherits the limit.
        let _ = rlimit::increase_nofile_limit(u64::MAX);
        let origin = Origin::start().await?;
        let subject = Subject::start(&built, origin.address(), "bench").await?;
        let expiry = expire_together(&subject, connections).await;
        expiry.map_err(|failure| anyhow!("{failure}"))
    })?;
    println!("{}: {expiry}", variant.name);
    if let Err(failure) = expiry.is_complete() {
        println!("{failure}");
        return Ok(false);
    }
    let seen = expiry.percentile(99);
    let kept = seen <= BOUND;
    let verdict = if kept { "within" } else { "NOT within" };
    println!("99 % of the closes within {seen:?} of their deadline: {verdict} {BOUND:?}");
    Ok(kept)
}
