//! Where a target is, and whether it may be talked to.

use std::net::{IpAddr, SocketAddr};

use anyhow::{bail, Context as _, Result};
use url::Url;

use crate::wire::Transport;

/// The address of a target.
#[derive(Clone, Debug)]
pub struct Address {
    /// As it is shown.
    pub url: String,
    /// TCP or TLS.
    pub transport: Transport,
    /// The name or address in the URL: what a certificate must name.
    pub server: String,
    /// The value of `Host`: the name, and the port unless it is the usual one.
    pub host: String,
    /// Path and query, as they are sent.
    pub path: String,
    /// What the name stands for, in the order of preference.
    pub places: Vec<SocketAddr>,
}

impl Address {
    /// Reads and resolves a URL. Each address it stands for must be of this machine, unless the
    /// target is the caller's own.
    pub fn parse(text: &str, owned: bool) -> Result<Address> {
        const WANTED: &str = "a target is http://HOST:PORT[/PATH] or https://HOST:PORT[/PATH]";
        if text.starts_with("unix:") || text.starts_with("http+unix:") || text.starts_with('/') {
            bail!("{text}: a Unix socket cannot be a target; {WANTED}");
        }
        let url = Url::parse(text).with_context(|| format!("{text}: {WANTED}"))?;
        let transport = match url.scheme() {
            "http" => Transport::Plain,
            "https" => Transport::Tls,
            _ => bail!("{text}: {WANTED}"),
        };
        if !url.username().is_empty() || url.password().is_some() {
            bail!(
                "{}://...: a target takes no user and password",
                url.scheme()
            );
        }
        let name = match url.host_str() {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => bail!("{text}: {WANTED}"),
        };
        let host = match url.port() {
            Some(port) => format!("{name}:{port}"),
            None => name.clone(),
        };
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let places = url
            .socket_addrs(|| None)
            .with_context(|| format!("{name} does not resolve"))?;
        if places.is_empty() {
            bail!("{name} stands for no address");
        }
        let elsewhere = places.iter().find(|place| !is_loopback(place.ip()));
        if let (Some(place), false) = (elsewhere, owned) {
            let stands = if name.trim_matches(['[', ']']) == place.ip().to_string() {
                format!("{} is not a loopback address", place.ip())
            } else {
                format!("{name} stands for {}, not a loopback address", place.ip())
            };
            bail!(
                "{stands}: some cases hold connections open on purpose, so a server has to be yours \
                 to test. If it is, say so with --i-own-this-server"
            );
        }
        Ok(Address {
            url: format!("{}://{host}{path}", url.scheme()),
            transport,
            server: name,
            host,
            path,
            places,
        })
    }
}

/// Whether only this machine can be meant, also in an IPv6 form of an IPv4 address.
fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Address {
        Address::parse(text, false).expect(text)
    }

    fn error(text: &str, owned: bool) -> String {
        format!("{:#}", Address::parse(text, owned).unwrap_err())
    }

    #[test]
    fn the_host_field_has_the_port_unless_it_is_the_usual_one() {
        let host = |text| parse(text).host;
        assert_eq!(host("http://127.0.0.1:8080/"), "127.0.0.1:8080");
        assert_eq!(host("http://127.0.0.1"), "127.0.0.1");
        assert_eq!(host("http://127.0.0.1:80/x"), "127.0.0.1");
        assert_eq!(host("https://127.0.0.1:443/"), "127.0.0.1");
        assert_eq!(host("https://127.0.0.1:80/"), "127.0.0.1:80");
        assert_eq!(host("http://[::1]:8080/"), "[::1]:8080");
        assert_eq!(host("http://[::1]"), "[::1]");
    }

    #[test]
    fn path_and_query_are_kept_and_a_fragment_is_not_sent() {
        let path = |text| parse(text).path;
        assert_eq!(path("http://127.0.0.1"), "/");
        assert_eq!(path("http://127.0.0.1/a/b?c=d&e=%20f"), "/a/b?c=d&e=%20f");
        assert_eq!(path("http://127.0.0.1/a#b"), "/a");
        assert_eq!(path("http://127.0.0.1?c"), "/?c");
    }

    #[test]
    fn a_name_is_resolved() {
        let address = parse("http://localhost:81/");
        assert_eq!(address.server, "localhost");
        assert!(address.places.iter().all(|place| place.port() == 81));
        assert!(address.places.iter().all(|place| place.ip().is_loopback()));
        assert!(error("http://no-such-name.invalid/", true).contains("does not resolve"));
    }

    #[test]
    fn what_is_not_of_this_machine_needs_a_word() {
        for text in [
            "http://192.0.2.1/",
            "http://[2001:db8::1]/",
            "http://[::ffff:192.0.2.1]/",
            "http://0.0.0.0/",
            "http://3221225985/",
        ] {
            assert!(error(text, false).contains("--i-own-this-server"), "{text}");
            Address::parse(text, true).expect(text);
        }
        parse("http://127.9.8.7/");
        parse("http://[::ffff:127.0.0.1]/");
    }

    #[test]
    fn what_is_no_target_says_what_is() {
        for text in [
            "127.0.0.1:80",
            "localhost:80",
            "ftp://127.0.0.1/",
            "http://",
            "http://127.0.0.1:99999/",
            "nonsense",
            "",
        ] {
            let error = error(text, true);
            assert!(error.contains("http://HOST:PORT"), "{text}: {error}");
        }
        for text in ["unix:/run/x.sock", "/run/x.sock"] {
            assert!(error(text, true).contains("Unix socket"), "{text}");
        }
        assert!(error("http://a:b@127.0.0.1/", true).contains("no user and password"));
        assert!(!error("http://a:secret@127.0.0.1/", true).contains("secret"));
    }
}
