//! The Pingora service that the harness talks to.
//!
//! One process serves every *shape* of application on a loopback port of its own: the proxy with
//! several options, `HttpServer`, a bare `ServeHttp`, hand-written accept loops and applications
//! that treat their connection badly. Within a shape, request fields select the behaviour; their
//! grammar stands in [`fields`].
//!
//! The process prints one line of JSON when every port accepts,
//! `{"shapes":{NAME:ADDRESS},"capabilities":[NAME]}`. The line `shutdown` on its standard input
//! gives every service the signal of a graceful shutdown. It exits when its standard input closes,
//! so that it never outlives the harness. `RUST_LOG` switches on logging to standard error.

mod answer;
mod custom;
#[cfg(feature = "api-0-9")]
mod failing;
mod fields;
mod listen;
mod proxy;
mod serve;
mod shapes;

use std::io::BufRead;

use tokio::sync::watch;

fn main() -> std::io::Result<()> {
    env_logger::init();
    let mut arguments = std::env::args().skip(1);
    let origin = match (arguments.next().as_deref(), arguments.next()) {
        (Some("--origin"), Some(address)) => address,
        _ => {
            eprintln!("usage: subject --origin ADDRESS");
            std::process::exit(2);
        }
    };
    let (shutdown, signal) = listen::Shutdown::new();
    std::thread::spawn(move || obey_the_harness(&signal));

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let addresses = shapes::start_all(&origin, &shutdown)?;
        let ready = serde_json::json!({
            "shapes": addresses,
            "capabilities": shapes::CAPABILITIES,
        });
        println!("{ready}");
        std::future::pending::<()>().await;
        Ok(())
    })
}

/// Passes on the signal to shut down, and ends the process when standard input closes.
fn obey_the_harness(shutdown: &watch::Sender<bool>) {
    for line in std::io::stdin().lock().lines() {
        match line.as_deref() {
            Ok("shutdown") => {
                shutdown.send_replace(true);
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    std::process::exit(0);
}
