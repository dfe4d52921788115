//! A target: a service at an address, run by somebody else.
//!
//! Nothing is known of it but its address and what its owner says of its timeouts. It is asked for
//! one path, politely: few connections at a time, a bounded number a second, and no request with a
//! body unless that is allowed. It is held to the RFCs and to its own configuration, not to our
//! design.

pub mod address;
pub mod plan;
pub mod probe;
pub mod run;
pub mod trust;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::anywhere::Anywhere;
use crate::case::Case;
use crate::runner::Job;
use crate::service::{HeldTo, Instead, Service};
use crate::timeouts::{Limit, Timeouts, Timer};
use crate::wire::tls::Peer;
use crate::wire::{Endpoint, Transport};

use address::Address;
use probe::Probe;

/// How long a response may take unless its owner says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How many connections are open at a time.
pub const CONNECTIONS: u16 = 8;

/// How many connections are opened a second.
pub const RATE: u32 = 20;

/// The longest advertised idle time that a case waits for.
const LONGEST: Duration = Duration::from_secs(300);

/// How a target may be treated.
#[derive(Clone, Debug)]
pub struct Manners {
    /// How many connections are open at a time.
    pub connections: usize,
    /// How many connections are opened a second.
    pub rate: u32,
    /// How long a response may take.
    pub patience: Duration,
    /// The method of requests with a body, if there may be any.
    pub bodies: Option<&'static str>,
}

impl Default for Manners {
    fn default() -> Manners {
        Manners {
            connections: usize::from(CONNECTIONS),
            rate: RATE,
            patience: PATIENCE,
            bodies: None,
        }
    }
}

/// A service at an address.
#[derive(Debug)]
pub struct Target {
    /// Where it is.
    pub address: Address,
    /// What its owner says of it, and what it says itself.
    pub timeouts: Timeouts,
    /// How it may be treated.
    pub manners: Manners,
    /// What its first response was.
    pub probe: Probe,
    /// The one of its addresses that is connected to.
    place: SocketAddr,
    /// Whom to trust, over TLS.
    peer: Option<Peer>,
    /// When the next connection may be opened.
    next: Mutex<Instant>,
}

impl Target {
    /// The URL that it was given by.
    pub fn name(&self) -> &str {
        &self.address.url
    }

    /// What it is reached over.
    pub fn transport(&self) -> Transport {
        self.address.transport
    }

    /// Where it is to be met.
    pub fn endpoint(&self, over: Transport) -> Option<Endpoint> {
        (over == self.transport()).then(|| endpoint(self.place, self.peer.as_ref()))
    }

    /// What a case asks it for.
    pub fn service(&self, case: &Case) -> Arc<Service> {
        let about_tls = case.over == [Transport::Tls];
        let has_body = case.anywhere.as_ref().is_some_and(|a| a.has_body);
        // What is answered to a body at this path is not known.
        let usual = match &self.probe.response {
            Ok(response) if !has_body => Some(response.status),
            _ => None,
        };
        Arc::new(Service {
            notifies: about_tls,
            ..service(&self.address, &self.manners, usual)
        })
    }

    /// Why a case says nothing of it, if it does not.
    pub fn lacks(&self, case: &Case, over: Transport) -> Option<String> {
        let Some(anywhere) = &case.anywhere else {
            return Some("needs control over the service".into());
        };
        if over != self.transport() {
            return Some(format!("is about {over}, and the target is not"));
        }
        if anywhere.has_body && self.manners.bodies.is_none() {
            return Some("sends a request with a body: --bodies not given".into());
        }
        if !anywhere.without_response && self.probe.response.is_err() {
            return Some("needs a response, and the target gives none".into());
        }
        anywhere
            .timers
            .iter()
            .find_map(|timer| match self.timeouts.of(*timer) {
                Some(Limit::After(time)) if *timer == Timer::Advertised && time > LONGEST => {
                    Some(format!(
                        "it advertises {} s, longer than a case waits",
                        time.as_secs()
                    ))
                }
                Some(Limit::After(_)) => None,
                Some(Limit::Off) => Some(format!("{} is off", timer.flag())),
                None if *timer == Timer::Advertised => {
                    Some("it advertises no Keep-Alive: timeout".into())
                }
                None => Some(format!("{} not given", timer.flag())),
            })
    }

    /// How long the timers of a run take.
    fn timers(&self, job: &Job) -> Duration {
        let times = job.case.anywhere.iter().flat_map(|a| &a.timers);
        times
            .filter_map(|timer| match self.timeouts.of(*timer) {
                Some(Limit::After(time)) => Some(time),
                _ => None,
            })
            .max()
            .unwrap_or_default()
    }

    /// How long a case takes at most.
    pub fn bound(&self, anywhere: &Anywhere) -> Duration {
        let times = anywhere.timers.iter().chain(&anywhere.perhaps);
        let timers: Duration = times
            .filter_map(|timer| match self.timeouts.of(*timer) {
                Some(Limit::After(time)) => Some(time + time / 10),
                _ => None,
            })
            .sum();
        let requests = u32::try_from(anywhere.requests).unwrap_or(u32::MAX);
        let responses = self.manners.patience.saturating_mul(requests.min(6));
        // Each connection may have to wait for those of all other cases.
        let before = u32::try_from(anywhere.opened * self.manners.connections).unwrap_or(u32::MAX);
        let turns = Duration::from_secs(1).saturating_mul(before) / self.manners.rate.max(1);
        timers + responses + turns + anywhere.besides + Duration::from_secs(10)
    }

    /// Waits until one more connection may be opened.
    pub async fn pace(&self) {
        let turn = {
            let mut next = self.next.lock().await;
            let turn = (*next).max(Instant::now());
            *next = turn + Duration::from_secs(1) / self.manners.rate.max(1);
            turn
        };
        tokio::time::sleep_until(turn).await;
    }
}

fn endpoint(place: SocketAddr, peer: Option<&Peer>) -> Endpoint {
    match peer {
        Some(peer) => Endpoint::TlsTo(place, peer.clone()),
        None => Endpoint::Plain(place),
    }
}

fn service(address: &Address, manners: &Manners, usual_status: Option<u16>) -> Service {
    Service {
        held_to: HeldTo::Standard,
        patience: manners.patience,
        notifies: false,
        instead: Some(Instead {
            path: address.path.clone(),
            name: address.server.clone(),
            host: address.host.clone(),
            body_method: manners.bodies.unwrap_or("GET"),
            usual_status,
        }),
    }
}
