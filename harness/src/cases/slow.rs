//! slowhttptest, the program that people try servers with: many connections, each as slow as it
//! dares to be. The service is to stay available and to be rid of them when their time is over.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{millis, secs};
use crate::case::{Case, Context, Failure, Found};
use crate::clients::slowhttptest::{self, Attack, Mode};
use crate::clients::Client;

/// How long after the end of a test the last socket may go.
const SETTLE: Duration = Duration::from_secs(4);

pub(super) fn cases() -> Vec<Case> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect();
    vec![
        attacked(
            "slow.headers",
            "Slow headers end at the header timeout: none is left, and others are served.",
            "proxy-impatient",
            Attack {
                mode: Mode::Headers,
                connections: 50,
                length: secs(25),
                arguments: words("-i 1 -p 10"),
                path: "/length",
            },
        ),
        attacked(
            "slow.body",
            "Slow bodies end at the read timeout: none is left, and others are served.",
            "proxy-impatient",
            Attack {
                mode: Mode::Body,
                connections: 50,
                length: secs(25),
                // Slower than the 2 s of the shape.
                arguments: words("-i 3 -p 10 -s 8192"),
                path: "/length",
            },
        ),
        attacked(
            "slow.read",
            "Responses that are no longer read end at the write timeout: none is left, and others \
             are served.",
            "proxy-impatient",
            Attack {
                mode: Mode::Read,
                connections: 20,
                length: secs(25),
                // What has come, then nothing for longer than the 2 s of the shape. A client that
                // leaves bytes in its buffer does not notice the reset behind them.
                arguments: words("-n 6 -z 65536 -w 512 -y 1024 -p 10"),
                path: "/big/8388608",
            },
        ),
        attacked(
            "slow.drip-read",
            "Responses that are hardly read end below the minimum send rate: none is left, and \
             others are served.",
            "proxy-hurried",
            Attack {
                mode: Mode::Read,
                connections: 20,
                length: secs(25),
                // A few KiB a second: progress, of which there is always some within a timeout.
                arguments: words("-n 1 -z 4096 -w 512 -y 1024 -p 10"),
                path: "/big/8388608",
            },
        ),
    ]
}

fn attacked(id: &'static str, sentence: &'static str, shape: &'static str, attack: Attack) -> Case {
    let steps = move |context: Context| {
        let attack = attack.clone();
        async move { withstands(&context, id, &attack).await }
    };
    Case::new(id, sentence, "design 4", shape, steps)
        .clients(&[Client::SlowHttpTest])
        .needs("idle-timeout")
        .bound(secs(45))
}

async fn withstands(context: &Context, id: &str, attack: &Attack) -> Found {
    let broken = |error: anyhow::Error| Failure::wrong("a subject", format!("{error:#}"));
    let subject = context.another_subject(id).await?;
    let target = subject
        .address(context.shape())
        .ok_or_else(|| Failure::wrong(context.shape(), "a subject without it"))?;
    let verdict = slowhttptest::run(context, target, attack).await?;
    let said = format!("{verdict:?}");
    if verdict.status != "No open connections left" {
        return Err(Failure::hang("the server to close every connection", said));
    }
    if !verdict.available {
        return Err(Failure::wrong("the service available throughout", said));
    }
    context.measured(format!(
        "slowhttptest with {} connections: {}; the service available throughout",
        attack.connections, verdict.status
    ));
    let end = Instant::now();
    loop {
        let open = subject.open_connections().map_err(broken)?;
        if open == 0 {
            return Ok(());
        }
        if end.elapsed() > SETTLE {
            let seen = format!("{open} held");
            return Err(Failure::hang("no socket left behind", seen));
        }
        sleep(millis(50)).await;
    }
}
