//! `harness serve`.

use anyhow::{Context as _, Result};
use harness::origin::Origin;
use harness::report::progress::Progress;
use harness::subject::{build, Subject, Variant};
use harness::wire::{Endpoint, Transport};

/// What to ask a proxy for, and what is to be seen.
const EXAMPLES: [(&str, &str); 8] = [
    (
        "-H 'X-Local: length' -H 'X-Keepalive: 0'",
        "set_keepalive(Some(0))",
    ),
    (
        "-H 'X-Local: bare' -H 'X-Keepalive: 0'",
        "the same, without a length",
    ),
    (
        "-H 'X-Local: length' -H 'X-Keepalive: none'",
        "set_keepalive(None)",
    ),
    (
        "-H 'X-Local: length' -H 'X-Keepalive: 2'",
        "2 s idle, then closed",
    ),
    ("-H 'X-Local: 103-first'", "a 103 first"),
    ("-H 'X-Local: nothing'", "no response at all"),
    (
        "--http1.0 -H 'X-Local: length' -H 'X-Keepalive: 60'",
        "HTTP/1.0 does not persist",
    ),
    (
        "-H 'Connection: keep-alive' -H 'Keep-Alive: timeout=2'",
        "the client's own wish",
    ),
];

/// Builds and starts a subject, says how to talk to it, and waits to be interrupted.
pub(super) fn serve(variants: &[Variant]) -> Result<()> {
    let progress = Progress::new();
    let built = build::prepare(variants, &progress)?;
    let built = built.first().context("no subject")?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let origin = Origin::start().await?;
        let subject = Subject::start(built, origin.address(), "serve").await?;
        println!(
            "{} is listening; the origin behind it at {}\n",
            subject.name(),
            origin.address()
        );
        for (shape, address) in subject.shapes() {
            println!("  {shape:20} http://{address}/");
        }
        println!("\nThe same with TLS (curl -k) and on a Unix socket (curl --unix-socket):\n");
        for (shape, _) in subject.shapes() {
            if let Some(Endpoint::Tls(address)) = subject.endpoint(shape, Transport::Tls) {
                println!("  {shape:20} https://{address}/");
            }
            if let Some(Endpoint::Unix(path)) = subject.endpoint(shape, Transport::Unix) {
                println!("  {shape:20} {}", path.display());
            }
        }
        if let Some(proxy) = subject.address("proxy") {
            println!("\nThe connection after a response shows with -v; try:\n");
            for (arguments, shows) in EXAMPLES {
                println!("  # {shows}\n  curl -v --max-time 5 {arguments} http://{proxy}/length");
            }
            println!(
                "\nEvery field: harness/subject/src/fields.rs. Every path: harness/src/origin.rs."
            );
        }
        println!("\nCtrl-C ends it.");
        tokio::signal::ctrl_c().await?;
        Ok(())
    })
}
