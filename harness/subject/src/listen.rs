//! Starts services on loopback ports that the system chooses, and beside each on a port for TLS and
//! on a Unix socket.
//!
//! A Pingora service takes an address, not a listener, so a port that the system chose would stay
//! unknown. The table of listeners that a graceful upgrade hands over solves it: the listener is
//! bound here and the service finds it in the table. From the accept on, everything is Pingora's.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::IntoRawFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pingora::apps::ServerApp;
use pingora::listeners::tls::TlsSettings;
use pingora::server::{Fds, ListenFds, ShutdownWatch};
use pingora::services::listening::Service;
use pingora::services::Service as _;
use tokio::sync::watch;

/// What every service in the process is started with: the shutdown signal, and where to listen
/// beside its port.
pub struct Shutdown {
    watch: ShutdownWatch,
    beside: Beside,
    endpoints: Mutex<BTreeMap<SocketAddr, Endpoints>>,
}

/// What a service is given to listen on more than its port.
#[derive(Debug, Default)]
pub struct Beside {
    /// Files with the certificate and its key, in PEM.
    pub tls: Option<(String, String)>,
    /// The directory for Unix sockets.
    pub sockets: Option<PathBuf>,
}

/// Where a service listens beside its port.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// The port for TLS.
    pub tls: Option<SocketAddr>,
    /// The Unix socket.
    pub unix: Option<PathBuf>,
}

impl Shutdown {
    /// A signal that is not given, and the end that gives it.
    pub fn new(beside: Beside) -> (Shutdown, watch::Sender<bool>) {
        let (signal, watch) = watch::channel(false);
        let shutdown = Shutdown {
            watch,
            beside,
            endpoints: Mutex::default(),
        };
        (shutdown, signal)
    }

    /// What services watch.
    pub fn watch(&self) -> ShutdownWatch {
        self.watch.clone()
    }

    /// Where else the service listens that has this port.
    pub fn beside(&self, port: &SocketAddr) -> Endpoints {
        self.endpoints().get(port).cloned().unwrap_or_default()
    }

    fn endpoints(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Endpoints>> {
        self.endpoints
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Binds a loopback port.
pub fn bind() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Starts `service` on a port of its own, in Pingora's accept loop, and on the same terms over TLS
/// and on a Unix socket. The address is that of the port.
pub fn start<A>(service: Service<A>, shutdown: &Shutdown) -> io::Result<SocketAddr>
where
    A: ServerApp + Send + Sync + 'static,
{
    start_with(service, shutdown, |_| {})
}

/// The same with TLS handshakes in a thread of their own.
#[cfg(feature = "api-0-9")]
pub fn start_offloaded<A>(service: Service<A>, shutdown: &Shutdown) -> io::Result<SocketAddr>
where
    A: ServerApp + Send + Sync + 'static,
{
    start_with(service, shutdown, |_settings| {
        #[cfg(feature = "tls")]
        _settings.set_offload_threadpool(1, 1);
    })
}

fn start_with<A>(
    mut service: Service<A>,
    shutdown: &Shutdown,
    set: impl FnOnce(&mut TlsSettings),
) -> io::Result<SocketAddr>
where
    A: ServerApp + Send + Sync + 'static,
{
    let mut inherited = Fds::new();
    let mut inherit = |listener: TcpListener, address: &SocketAddr| {
        inherited.add(address.to_string(), listener.into_raw_fd());
    };
    let (listener, address) = bind()?;
    inherit(listener, &address);
    service.add_tcp(&address.to_string());

    let mut endpoints = Endpoints::default();
    if let Some((certificate, key)) = &shutdown.beside.tls {
        let (listener, address) = bind()?;
        inherit(listener, &address);
        let mut settings = TlsSettings::intermediate(certificate, key)
            .map_err(|error| io::Error::other(error.to_string()))?;
        set(&mut settings);
        service.add_tls_with_settings(&address.to_string(), None, settings);
        endpoints.tls = Some(address);
    }
    if let Some(directory) = &shutdown.beside.sockets {
        let path = directory.join(format!("{}.sock", address.port()));
        service.add_uds(&path.display().to_string(), None);
        endpoints.unix = Some(path);
    }
    shutdown.endpoints().insert(address, endpoints);

    let inherited: ListenFds = Arc::new(inherited.into());
    let watch = shutdown.watch();
    tokio::spawn(async move {
        #[cfg(feature = "api-0-9")]
        service.start_service(Some(inherited), watch, 1).await;
        #[cfg(not(feature = "api-0-9"))]
        service.start_service(Some(inherited), watch).await;
    });
    Ok(address)
}
