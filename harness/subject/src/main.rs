//! The Pingora service that the harness talks to.
//!
//! One process serves every *shape* of application on a loopback port of its own: the proxy with
//! several options, `HttpServer`, a bare `ServeHttp`, hand-written accept loops and applications
//! that treat their connection badly. Every shape in an accept loop of Pingora is there over TLS
//! and on a Unix socket as well. Within a shape, request fields select the behaviour; their grammar
//! stands in [`fields`].
//!
//! The process prints one line of JSON when every port accepts,
//! `{"shapes":{NAME:ADDRESS},"tls":{NAME:ADDRESS},"unix":{NAME:PATH},"capabilities":[NAME]}`. The
//! line `shutdown` on its standard input gives every service the signal of a graceful shutdown; the
//! line `stats` is answered with `{"tasks":NUMBER}`, the tasks that are alive. It exits when its
//! standard input closes, so that it never outlives the harness. `RUST_LOG` switches on logging to
//! standard error.

mod answer;
mod capabilities;
mod custom;
#[cfg(feature = "api-0-9")]
mod failing;
mod fields;
mod listen;
mod old_apps;
mod options;
mod proxy;
mod serve;
mod shapes;

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::PathBuf;

use tokio::runtime::Handle;
use tokio::sync::watch;

const USAGE: &str =
    "usage: subject --origin ADDRESS [--certificate FILE --key FILE] [--sockets DIRECTORY]";

fn main() -> std::io::Result<()> {
    env_logger::init();
    let Some((origin, beside)) = arguments() else {
        eprintln!("{USAGE}");
        std::process::exit(2);
    };
    let (shutdown, signal) = listen::Shutdown::new(beside);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let handle = runtime.handle().clone();
    std::thread::spawn(move || obey_the_harness(&signal, &handle));
    runtime.block_on(async {
        let addresses = shapes::start_all(&origin, &shutdown)?;
        let mut tls = BTreeMap::new();
        let mut unix = BTreeMap::new();
        for (name, address) in &addresses {
            let beside = shutdown.beside(address);
            tls.extend(beside.tls.map(|address| (name, address)));
            unix.extend(beside.unix.map(|path| (name, path)));
        }
        await_sockets(unix.values()).await;
        let ready = serde_json::json!({
            "shapes": addresses,
            "tls": tls,
            "unix": unix,
            "capabilities": capabilities::ALL,
        });
        println!("{ready}");
        std::future::pending::<()>().await;
        Ok(())
    })
}

/// The origin, and where to listen beside ports.
fn arguments() -> Option<(String, listen::Beside)> {
    let mut values = BTreeMap::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        values.insert(name, arguments.next()?);
    }
    let origin = values.remove("--origin")?;
    let certificate = values.remove("--certificate");
    let tls = certificate.zip(values.remove("--key"));
    let beside = listen::Beside {
        tls: tls.filter(|_| cfg!(feature = "tls")),
        sockets: values.remove("--sockets").map(PathBuf::from),
    };
    values.is_empty().then_some((origin, beside))
}

/// Waits until each service has made its Unix socket. Ports were bound before the services
/// started; a Unix socket only the service itself makes.
async fn await_sockets(paths: impl Iterator<Item = &PathBuf>) {
    for path in paths {
        while tokio::net::UnixStream::connect(path).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

/// Passes on the signal to shut down, counts tasks, and ends the process when standard input closes.
fn obey_the_harness(shutdown: &watch::Sender<bool>, runtime: &Handle) {
    for line in std::io::stdin().lock().lines() {
        match line.as_deref() {
            Ok("shutdown") => {
                shutdown.send_replace(true);
            }
            Ok("stats") => {
                // Every service runs on this runtime: those of Pingora's are spawned there too.
                let stats = serde_json::json!({ "tasks": runtime.metrics().num_alive_tasks() });
                println!("{stats}");
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    std::process::exit(0);
}
