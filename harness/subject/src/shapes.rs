//! Every shape of application, each on a port of its own.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use pingora::apps::http_app::HttpServer;
use pingora::apps::HttpServerOptions;
use pingora::proxy::http_proxy_service;
use pingora::server::configuration::ServerConf;
use pingora::services::listening::Service;

use crate::custom;
use crate::listen::{self, Shutdown};
use crate::old_apps;
use crate::options;
use crate::proxy::Proxy;
use crate::serve::Serve;

/// Starts every shape and says where it listens.
pub fn start_all(
    origin: &str,
    shutdown: &Shutdown,
) -> io::Result<BTreeMap<&'static str, SocketAddr>> {
    let conf = Arc::new(ServerConf::default());
    let app = Proxy {
        origin: origin.to_owned(),
        io_timeout: None,
        min_send_rate: None,
    };
    let proxy = |options: Option<HttpServerOptions>| {
        let mut service = http_proxy_service(&conf, app.clone());
        if let Some(proxy) = service.app_logic_mut() {
            proxy.server_options = options;
        }
        listen::start(service, shutdown)
    };

    let mut addresses = BTreeMap::new();
    // No options at all, as most applications.
    addresses.insert("proxy", proxy(None)?);
    // A keepalive time of 2 s and a header time of 3 s, where the variant has them.
    addresses.insert("proxy-short", proxy(Some(options::short()))?);
    // A pool of upstream connections that does not run over.
    addresses.insert("proxy-pool", {
        let mut conf = ServerConf::default();
        conf.upstream_keepalive_pool_size = 1024;
        listen::start(http_proxy_service(&Arc::new(conf), app.clone()), shutdown)?
    });
    // HTTP/2 without TLS; a handshake time of 2 s, where the variant has it.
    addresses.insert("proxy-h2c", proxy(Some(options::h2c()))?);
    #[cfg(feature = "api-0-9")]
    {
        // CONNECT goes on to the origin.
        addresses.insert("proxy-connect", proxy(Some(options::connect()))?);
        addresses.insert("proxy-limit", proxy(Some(options::limited(3)))?);
        addresses.insert("proxy-limit-one", proxy(Some(options::limited(1)))?);
        addresses.insert("proxy-limit-zero", proxy(Some(options::limited(0)))?);
    }
    // The `Keep-Alive` field not written, not read; the idle time as in `proxy-short`.
    #[cfg(feature = "response-keep-alive")]
    addresses.insert("proxy-no-advertise", proxy(Some(options::no_advertise()))?);
    #[cfg(feature = "request-keep-alive")]
    addresses.insert("proxy-no-honor", proxy(Some(options::no_honor()))?);
    // A write time of 1 s.
    #[cfg(feature = "write-timeout")]
    addresses.insert("proxy-write", proxy(Some(options::write()))?);
    // A tunnel time of 2 s.
    #[cfg(feature = "tunnel-timeout")]
    addresses.insert("proxy-tunnel", proxy(Some(options::tunnel()))?);
    // Bounds on a request body, the same for each shape.
    #[cfg(feature = "body-timeout-options")]
    {
        addresses.insert("proxy-body", proxy(Some(options::body()))?);
        addresses.insert(
            "http-server-body",
            http_server(Some(options::body()), shutdown)?,
        );
    }
    // Lingers for 1 s between reads, 4 s in all.
    #[cfg(feature = "linger")]
    addresses.insert("proxy-linger", proxy(Some(options::linger()))?);
    // Connections get a second old.
    #[cfg(feature = "max-connection-age")]
    addresses.insert("proxy-aged", proxy(Some(options::aged()))?);
    // Two connections may be idle.
    #[cfg(feature = "max-idle-connections")]
    addresses.insert("proxy-idle-two", proxy(Some(options::idle_two()))?);
    // No idle bound and no header bound from the options.
    #[cfg(all(feature = "header-read-timeout", feature = "keepalive-timeout"))]
    addresses.insert("proxy-unbounded", proxy(Some(options::unbounded()))?);

    #[cfg(feature = "api-0-9")]
    addresses.insert("failing", {
        let app = crate::failing::Failing {
            origin: origin.to_owned(),
        };
        listen::start(http_proxy_service(&conf, app), shutdown)?
    });
    // As `proxy-short`, and 2 s for each read and write of a request.
    let impatient = |min_send_rate: Option<usize>| {
        let app = Proxy {
            io_timeout: Some(std::time::Duration::from_secs(2)),
            min_send_rate,
            ..app.clone()
        };
        let mut service = http_proxy_service(&conf, app);
        if let Some(proxy) = service.app_logic_mut() {
            proxy.server_options = Some(options::short());
        }
        listen::start(service, shutdown)
    };
    addresses.insert("proxy-impatient", impatient(None)?);
    // The same, and 64 KiB a second for each write of a response body.
    addresses.insert("proxy-hurried", impatient(Some(64 * 1024))?);
    // TLS handshakes in threads of their own, where the variant has that.
    #[cfg(feature = "api-0-9")]
    addresses.insert("proxy-offload", {
        let mut service = http_proxy_service(&conf, app.clone());
        if let Some(proxy) = service.app_logic_mut() {
            proxy.server_options = Some(options::h2c());
        }
        listen::start_offloaded(service, shutdown)?
    });

    addresses.insert("http-server", http_server(None, shutdown)?);
    addresses.insert(
        "http-server-short",
        http_server(Some(options::short()), shutdown)?,
    );
    #[cfg(feature = "api-0-9")]
    addresses.insert(
        "http-server-h2c",
        http_server(Some(options::h2c()), shutdown)?,
    );
    #[cfg(feature = "api-0-9")]
    addresses.insert(
        "http-server-limit",
        http_server(Some(options::limited(3)), shutdown)?,
    );
    addresses.insert(
        "serve-http",
        listen::start(Service::new("serve-http".to_owned(), Serve), shutdown)?,
    );
    custom::start_all(&mut addresses, &conf, &app, shutdown)?;
    old_apps::start_all(&mut addresses, shutdown)?;
    Ok(addresses)
}

fn http_server(options: Option<HttpServerOptions>, shutdown: &Shutdown) -> io::Result<SocketAddr> {
    #[cfg_attr(not(feature = "api-0-9"), allow(unused_mut))]
    let mut server = HttpServer::new_app(Serve);
    #[cfg(feature = "api-0-9")]
    {
        server.server_options = options;
    }
    #[cfg(not(feature = "api-0-9"))]
    let _ = options;
    listen::start(Service::new("http-server".to_owned(), server), shutdown)
}
