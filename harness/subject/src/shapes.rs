//! Every shape of application, each on a port of its own.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
#[cfg(feature = "patched")]
use std::time::Duration;

use pingora::apps::http_app::HttpServer;
use pingora::apps::HttpServerOptions;
#[cfg(feature = "patched")]
use pingora::protocols::http::keepalive::Linger;
use pingora::proxy::http_proxy_service;
use pingora::server::configuration::ServerConf;
use pingora::services::listening::Service;

use crate::custom;
use crate::listen::{self, Shutdown};
use crate::proxy::Proxy;
use crate::serve::Serve;

/// What this variant has calls for. The harness skips cases that need anything else.
pub const CAPABILITIES: &[&str] = &[
    #[cfg(feature = "api-0-9")]
    "abort-on-close",
    #[cfg(feature = "api-0-9")]
    "cache",
    #[cfg(feature = "api-0-9")]
    "connect-option",
    #[cfg(feature = "api-0-9")]
    "drain-option",
    #[cfg(feature = "api-0-9")]
    "min-send-rate",
    #[cfg(feature = "api-0-9")]
    "fail-to-proxy",
    #[cfg(feature = "api-0-9")]
    "pipelining",
    #[cfg(feature = "api-0-9")]
    "proxy-tasks",
    #[cfg(feature = "api-0-9")]
    "read-timeout",
    #[cfg(feature = "api-0-9")]
    "request-limit",
    #[cfg(feature = "api-0-9")]
    "user-context",
    #[cfg(feature = "tls")]
    "tls",
    #[cfg(feature = "patched")]
    "body-options",
    #[cfg(feature = "patched")]
    "close-on-error",
    #[cfg(feature = "patched")]
    "connection-timeouts",
    #[cfg(feature = "patched")]
    "handshake-timeout",
    #[cfg(feature = "patched")]
    "idle-timeout",
    #[cfg(feature = "patched")]
    "keep-alive-options",
    #[cfg(feature = "patched")]
    "tunnel-timeout",
    #[cfg(feature = "patched")]
    "write-timeout-option",
    #[cfg(feature = "patched")]
    "linger",
    #[cfg(feature = "patched")]
    "max-connection-age",
    #[cfg(feature = "patched")]
    "max-idle-connections",
];

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
    addresses.insert("proxy-short", proxy(Some(short()))?);
    // A pool of upstream connections that does not run over.
    addresses.insert("proxy-pool", {
        let mut conf = ServerConf::default();
        conf.upstream_keepalive_pool_size = 1024;
        listen::start(http_proxy_service(&Arc::new(conf), app.clone()), shutdown)?
    });
    // HTTP/2 without TLS; a handshake time of 2 s, where the variant has it.
    addresses.insert("proxy-h2c", proxy(Some(h2c()))?);
    #[cfg(feature = "api-0-9")]
    {
        // CONNECT goes on to the origin.
        addresses.insert("proxy-connect", {
            let mut options = HttpServerOptions::default();
            options.allow_connect_method_proxying = true;
            proxy(Some(options))?
        });
        addresses.insert("proxy-limit", proxy(Some(limited(3)))?);
        addresses.insert("proxy-limit-one", proxy(Some(limited(1)))?);
        addresses.insert("proxy-limit-zero", proxy(Some(limited(0)))?);
    }
    #[cfg(feature = "patched")]
    {
        // The `Keep-Alive` field not written, not read; the idle time as in `proxy-short`.
        addresses.insert("proxy-no-advertise", {
            let mut options = short();
            options.advertise_keep_alive = false;
            proxy(Some(options))?
        });
        addresses.insert("proxy-no-honor", {
            let mut options = short();
            options.honor_keep_alive = false;
            proxy(Some(options))?
        });
        // A write time of 1 s.
        addresses.insert("proxy-write", {
            let mut options = HttpServerOptions::default();
            options.write_timeout = Some(Duration::from_secs(1));
            proxy(Some(options))?
        });
        // A tunnel time of 2 s.
        addresses.insert("proxy-tunnel", {
            let mut options = HttpServerOptions::default();
            options.tunnel_idle_timeout = Some(Duration::from_secs(2));
            proxy(Some(options))?
        });
        // Bounds on a request body, the same for each shape.
        addresses.insert("proxy-body", proxy(Some(body()))?);
        addresses.insert("http-server-body", http_server(Some(body()), shutdown)?);
        // Lingers for 1 s between reads, 4 s in all.
        addresses.insert("proxy-linger", {
            let mut linger = Linger::default();
            linger.gap = Duration::from_secs(1);
            linger.total = Duration::from_secs(4);
            let mut options = HttpServerOptions::default();
            options.linger = Some(linger);
            proxy(Some(options))?
        });
        // Connections get a second old.
        addresses.insert("proxy-aged", {
            let mut options = HttpServerOptions::default();
            options.max_connection_age = Some(Duration::from_secs(1));
            proxy(Some(options))?
        });
        // Two connections may be idle.
        addresses.insert("proxy-idle-two", {
            let mut options = HttpServerOptions::default();
            options.max_idle_connections = Some(2);
            proxy(Some(options))?
        });
        // No idle bound and no header bound from the options.
        addresses.insert("proxy-unbounded", {
            let mut options = HttpServerOptions::default();
            options.keepalive_timeout = None;
            options.header_read_timeout = None;
            proxy(Some(options))?
        });
    }

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
            proxy.server_options = Some(short());
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
            proxy.server_options = Some(h2c());
        }
        listen::start_offloaded(service, shutdown)?
    });

    addresses.insert("http-server", http_server(None, shutdown)?);
    addresses.insert("http-server-short", http_server(Some(short()), shutdown)?);
    #[cfg(feature = "api-0-9")]
    addresses.insert("http-server-h2c", http_server(Some(h2c()), shutdown)?);
    #[cfg(feature = "api-0-9")]
    addresses.insert(
        "http-server-limit",
        http_server(Some(limited(3)), shutdown)?,
    );
    addresses.insert(
        "serve-http",
        listen::start(Service::new("serve-http".to_owned(), Serve), shutdown)?,
    );
    custom::start_all(&mut addresses, &conf, &app, shutdown)?;
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

/// Times short enough to wait for; where the variant has no such options, its defaults.
fn short() -> HttpServerOptions {
    #[cfg_attr(not(feature = "patched"), allow(unused_mut))]
    let mut options = HttpServerOptions::default();
    #[cfg(feature = "patched")]
    {
        options.keepalive_timeout = Some(Duration::from_secs(2));
        options.header_read_timeout = Some(Duration::from_secs(3));
    }
    options
}

/// A body that stalls has 2 s, one that drips 1,000 bytes a second, one that nobody wants 1 s.
#[cfg(feature = "patched")]
fn body() -> HttpServerOptions {
    let mut options = HttpServerOptions::default();
    options.read_timeout = Some(Duration::from_secs(2));
    options.min_recv_rate = Some(1000);
    options.total_drain_timeout = Some(Duration::from_secs(1));
    options
}

/// The same with HTTP/2.
fn h2c() -> HttpServerOptions {
    let mut options = short();
    options.h2c = true;
    #[cfg(feature = "patched")]
    {
        options.handshake_timeout = Some(Duration::from_secs(2));
    }
    options
}

#[cfg(feature = "api-0-9")]
fn limited(requests: u32) -> HttpServerOptions {
    let mut options = HttpServerOptions::default();
    options.keepalive_request_limit = Some(requests);
    options
}
