//! Fetching with the client of a case, whichever it is.

use std::time::{Duration, Instant};

use super::chromium::Chromium;
use super::hyper::Hyper;
use super::leave::Lease;
use super::table::Kind;
use super::tap::Tap;
use super::{curl, reqwest, wget, Client};
use crate::case::{Context, Failure, Found};
use crate::wire::Request;

/// A page that came whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fetched {
    /// Status code of the response.
    pub status: u16,
    /// Length of the body, without framing.
    pub body_bytes: u64,
    /// From asking to the end of the response, as the client has it.
    pub took: Duration,
}

impl Fetched {
    /// The client is done now: all that counts is the time since the last byte came.
    fn done(self, tap: &Tap) -> Fetched {
        Fetched {
            took: tap
                .since_last_byte()
                .map_or(self.took, |took| took.min(self.took)),
            ..self
        }
    }

    /// It is this page: the status is 200, and no byte of the body is missing.
    pub fn is(&self, body: &str) -> Found {
        if self.status != 200 {
            return Err(Failure::wrong("status 200", self.status.to_string()));
        }
        if self.body_bytes != body.len() as u64 {
            return Err(Failure::wrong(
                format!("{} bytes of body", body.len()),
                format!("{}", self.body_bytes),
            ));
        }
        Ok(())
    }
}

/// A client with its pool, which keeps its connections until this is dropped. For clients that can
/// [pause](super::table::Abilities::pause).
#[derive(Debug)]
pub struct Session(User);

#[derive(Debug)]
enum User {
    Reqwest {
        client: ::reqwest::Client,
        used: bool,
    },
    Hyper(Hyper),
    Driver(Box<Lease>),
    Browser(Box<Lease<Chromium>>),
}

impl Session {
    /// The client of the case, that has fetched nothing so far.
    pub fn open(context: &Context, tap: &Tap) -> Result<Session, Failure> {
        let user = match (context.client, context.client.kind()) {
            (Client::Reqwest, _) => User::Reqwest {
                client: reqwest::client(context, tap)?,
                used: false,
            },
            (Client::Hyper, _) => User::Hyper(Hyper::new()?),
            (_, Kind::Driver(_)) => User::Driver(Box::new(context.take_driver()?)),
            (_, Kind::Browser) => User::Browser(Box::new(context.take_browser()?)),
            (client, _) => {
                return Err(Failure::wrong(
                    "a client with a session",
                    format!("{client}, which has none"),
                ));
            }
        };
        Ok(Session(user))
    }

    /// Fetches a page, its body to the end, within `bound`.
    pub async fn fetch(
        &mut self,
        context: &Context,
        tap: &Tap,
        request: &Request,
        bound: Duration,
    ) -> Result<Fetched, Failure> {
        let url = tap.url(request.target());
        awaits_page(context, bound);
        match &mut self.0 {
            User::Reqwest { client, used } => {
                if std::mem::replace(used, true) {
                    // The pool takes a connection back in a task of its own.
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
                reqwest::fetch(context, client, tap, request, bound).await
            }
            User::Hyper(client) => client.fetch(context, &url, request, bound).await,
            User::Driver(lease) => {
                let driver = lease.driver()?;
                driver.fetch(context, &url, request, bound).await
            }
            User::Browser(lease) => {
                let browser = lease.driver()?;
                browser.fetch(context, &url, request, bound).await
            }
        }
    }
}

/// Records that a client is given so long.
fn awaits_page(context: &Context, bound: Duration) {
    let expected = format!("{} done within {bound:?}", context.client);
    let deadline = Instant::now() + bound;
    context.transcript.awaits(0, expected, None, Some(deadline));
}

/// Fetches each request in turn with the client of the case, which keeps its connections until the
/// case ends. Each page is done within `bound` of its last byte, and no client tries for longer than
/// `give_up`. How fast a machine starts programs, shakes hands and answers is not asked.
pub async fn all(
    context: &Context,
    tap: &mut Tap,
    requests: &[Request],
    bound: Duration,
    give_up: Duration,
) -> Result<Vec<Fetched>, Failure> {
    let fetched = if context.client.can().pause {
        let mut session = Session::open(context, tap)?;
        let mut fetched = Vec::new();
        for request in requests {
            let page = session.fetch(context, tap, request, give_up).await?;
            fetched.push(page.done(tap));
        }
        context.keep(session);
        fetched
    } else {
        awaits_page(context, give_up);
        let mut fetched = match context.client {
            Client::Curl => curl::fetch(context, tap, requests, give_up).await?,
            Client::Wget => wget::fetch(context, tap, requests, give_up).await?,
            client => {
                return Err(Failure::wrong(
                    "a client that fetches",
                    format!("{client}, which does not"),
                ));
            }
        };
        if let Some(last) = fetched.pop() {
            fetched.push(last.done(tap));
        }
        fetched
    };
    if let Some(slow) = fetched.iter().find(|fetched| fetched.took > bound) {
        return Err(Failure::wrong(
            format!("{} done within {bound:?} of the last byte", context.client),
            format!("{:?}", slow.took),
        ));
    }
    Ok(fetched)
}
