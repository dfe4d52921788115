//! Starts services on loopback ports that the system chooses.
//!
//! A Pingora service takes an address, not a listener, so a port that the system chose would stay
//! unknown. The table of listeners that a graceful upgrade hands over solves it: the listener is
//! bound here and the service finds it in the table. From the accept on, everything is Pingora's.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::IntoRawFd;
use std::sync::Arc;

use pingora::apps::ServerApp;
use pingora::server::{Fds, ListenFds, ShutdownWatch};
use pingora::services::listening::Service;
use pingora::services::Service as _;
use tokio::sync::watch;

/// The shutdown signal of every service in the process.
pub struct Shutdown {
    watch: ShutdownWatch,
}

impl Shutdown {
    /// A signal that is not given, and the end that gives it.
    pub fn new() -> (Shutdown, watch::Sender<bool>) {
        let (signal, watch) = watch::channel(false);
        (Shutdown { watch }, signal)
    }

    /// What services watch.
    pub fn watch(&self) -> ShutdownWatch {
        self.watch.clone()
    }
}

/// Binds a loopback port.
pub fn bind() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Starts `service` on a port of its own, in Pingora's accept loop.
pub fn start<A>(mut service: Service<A>, shutdown: &Shutdown) -> io::Result<SocketAddr>
where
    A: ServerApp + Send + Sync + 'static,
{
    let (listener, address) = bind()?;
    let mut inherited = Fds::new();
    inherited.add(address.to_string(), listener.into_raw_fd());
    let inherited: ListenFds = Arc::new(inherited.into());
    service.add_tcp(&address.to_string());
    let watch = shutdown.watch();
    tokio::spawn(async move {
        #[cfg(feature = "api-0-9")]
        service.start_service(Some(inherited), watch, 1).await;
        #[cfg(not(feature = "api-0-9"))]
        service.start_service(Some(inherited), watch).await;
    });
    Ok(address)
}
