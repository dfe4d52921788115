//! The first exchange with a target: whether it is there, and what it says.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail, Result};
use tokio::sync::Mutex;

use super::address::Address;
use super::trust::Trust;
use super::{endpoint, service, Manners, Target};
use crate::case::Failure;
use crate::check;
use crate::timeouts::{Limit, Timeouts};
use crate::wire::tls::Peer;
use crate::wire::{Connection, Response, Transcript, Transport};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// What came of the first exchange.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The response, or why there is none.
    pub response: Result<Response, Failure>,
    /// How long it took.
    pub took: Duration,
}

impl Target {
    /// Connects to a target and asks it for its path, once. That nobody listens there or that its
    /// certificate is not trusted is an error; that no response comes is the business of the cases.
    pub async fn meet(
        address: Address,
        trust: &Trust,
        mut timeouts: Timeouts,
        manners: Manners,
    ) -> Result<Target> {
        let peer = match address.transport {
            Transport::Tls => Some(trust.peer(&address)?),
            Transport::Plain | Transport::Unix => None,
        };
        let (place, mut connection) = connect(&address, peer.as_ref()).await?;
        let service = Arc::new(service(&address, &manners, None));
        connection = connection.to(service.clone());
        let start = Instant::now();
        let response = connection.exchange(&service.plain()).await;
        let took = start.elapsed();
        timeouts.advertised = match &response {
            Ok(response) if !check::announces_close(response) => {
                check::advertised(response).map(Limit::After)
            }
            _ => None,
        };
        Ok(Target {
            address,
            timeouts,
            manners,
            probe: Probe { response, took },
            place,
            peer,
            next: Mutex::new(tokio::time::Instant::now()),
        })
    }
}

/// Connects to the first place that accepts.
async fn connect(address: &Address, peer: Option<&Peer>) -> Result<(SocketAddr, Connection)> {
    let mut last = anyhow!("{} stands for no address", address.server);
    for place in &address.places {
        let opening = Connection::open(endpoint(*place, peer), "target", 1, Transcript::start());
        match tokio::time::timeout(CONNECT, opening).await {
            Ok(Ok(connection)) => return Ok((*place, connection)),
            Ok(Err(error)) if is_distrust(&error) => bail!(
                "the certificate that {place} shows is not trusted ({error}): give the CA that \
                 signed it with --ca FILE, or --insecure to trust anybody"
            ),
            Ok(Err(error))
                if peer.is_some() && error.kind() != io::ErrorKind::ConnectionRefused =>
            {
                last = anyhow!("no TLS with {place} ({error}): is it a port for https?");
            }
            Ok(Err(error)) => last = anyhow!("no connection to {place}: {error}"),
            Err(_) => last = anyhow!("no connection to {place} within {CONNECT:?}"),
        }
    }
    Err(last)
}

/// Whether a handshake failed on the certificate.
fn is_distrust(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
}
