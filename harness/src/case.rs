//! What a case is, what it may find, and what it has to work with.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::anywhere::Anywhere;
use crate::clients::chromium::Chromium;
use crate::clients::leave::{Lease, Prepared};
use crate::clients::Client;
use crate::service::Service;
use crate::subject::Subject;
use crate::timeouts::{Limit, Timer};
use crate::wire::connection::seconds;
use crate::wire::{Connection, Endpoint, Request, Transcript, Transport};

/// How long a case may take unless it says otherwise.
const BOUND: Duration = Duration::from_secs(14);

/// What was expected and what was seen instead.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Whether something expected never came, rather than something else coming.
    pub hang: bool,
    /// What should have been.
    pub expected: String,
    /// What was.
    pub seen: String,
}

impl Failure {
    /// Something else was seen.
    pub fn wrong(expected: impl Into<String>, seen: impl Into<String>) -> Failure {
        Failure {
            hang: false,
            expected: expected.into(),
            seen: seen.into(),
        }
    }

    /// Nothing was seen in the time that it may take.
    pub fn hang(expected: impl Into<String>, seen: impl Into<String>) -> Failure {
        Failure {
            hang: true,
            ..Failure::wrong(expected, seen)
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}; seen: {}", self.expected, self.seen)
    }
}

/// What the steps of a case come to.
pub type Found = Result<(), Failure>;

/// The steps of a case.
type Steps = Arc<dyn Fn(Context) -> Pin<Box<dyn Future<Output = Found> + Send>> + Send + Sync>;

/// One thing that must be seen on the wire.
#[derive(Clone)]
pub struct Case {
    /// `area.what-it-shows`.
    pub id: &'static str,
    /// What must be true, in a sentence.
    pub sentence: &'static str,
    /// Where that is laid down or was found missing.
    pub source: &'static str,
    /// The clients that it runs with.
    pub clients: Vec<Client>,
    /// What it runs over, a run each, where the client can.
    pub over: &'static [Transport],
    /// The shapes of application that it talks to.
    pub shapes: Vec<&'static str>,
    /// What a variant must have a call for.
    pub needs: Vec<&'static str>,
    /// When it is given up.
    pub bound: Duration,
    /// How long after its turn in a run it begins.
    pub after: Duration,
    /// Whether it runs when all others are done, with nothing beside it.
    pub alone: bool,
    /// What it has if it runs against any service.
    pub anywhere: Option<Anywhere>,
    steps: Steps,
}

impl Case {
    /// A case for the scripted client, against one shape.
    pub fn new<F>(
        id: &'static str,
        sentence: &'static str,
        source: &'static str,
        shape: &'static str,
        steps: impl Fn(Context) -> F + Send + Sync + 'static,
    ) -> Case
    where
        F: Future<Output = Found> + Send + 'static,
    {
        Case {
            id,
            sentence,
            source,
            clients: vec![Client::Raw],
            over: &[Transport::Plain],
            shapes: vec![shape],
            needs: Vec::new(),
            bound: BOUND,
            after: Duration::ZERO,
            alone: false,
            anywhere: None,
            steps: Arc::new(move |context| Box::pin(steps(context))),
        }
    }

    /// With these clients instead.
    pub fn clients(mut self, clients: &[Client]) -> Case {
        self.clients = clients.to_vec();
        self
    }

    /// Over these transports instead.
    pub fn over(mut self, over: &'static [Transport]) -> Case {
        self.over = over;
        self
    }

    /// Runs with nothing beside it: what it does to the machine would be seen by others, or theirs
    /// by it.
    pub fn alone(mut self) -> Case {
        self.alone = true;
        self
    }

    /// Needs the variant to have a call.
    pub fn needs(mut self, capability: &'static str) -> Case {
        self.needs.push(capability);
        self
    }

    /// Is given up later than others.
    pub fn bound(mut self, bound: Duration) -> Case {
        self.bound = bound;
        self
    }

    /// Begins later than others.
    pub fn after(mut self, after: Duration) -> Case {
        self.after = after;
        self
    }

    /// Each client with each transport that it can connect over.
    pub fn runs(&self) -> impl Iterator<Item = (Client, Transport)> + '_ {
        self.clients.iter().flat_map(|client| {
            let over = self.over.iter().filter(|over| client.connects_over(**over));
            over.map(|over| (*client, *over))
        })
    }

    /// The part of the id before the dot.
    pub fn area(&self) -> &'static str {
        area_of(self.id)
    }

    /// Takes the steps, at most until the bound. That a process starts is no part of the case: on a
    /// busy machine it takes its time.
    pub async fn run(&self, context: Context) -> Found {
        let start = Instant::now();
        let deadline = || start + self.bound + *context.uncounted();
        let steps = (self.steps)(context.clone());
        tokio::pin!(steps);
        loop {
            let until = deadline();
            match tokio::time::timeout_at(until.into(), &mut steps).await {
                Ok(found) => return found,
                Err(_) if deadline() > until => {}
                Err(_) => {
                    let expected = "the end of the case";
                    context.transcript.awaits(0, expected, None, Some(until));
                    let seen = format!("none after {}", seconds(self.bound));
                    return Err(Failure::hang(expected, seen));
                }
            }
        }
    }
}

/// The part of a case's id before the dot.
pub fn area_of(id: &'static str) -> &'static str {
    id.split('.').next().unwrap_or(id)
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// What the steps of a case work with.
#[derive(Clone, Debug)]
pub struct Context {
    /// The client to use.
    pub client: Client,
    /// What to connect over.
    pub over: Transport,
    /// The record of what happens.
    pub transcript: Transcript,
    subject: Arc<Subject>,
    service: Arc<Service>,
    prepared: Arc<Mutex<Prepared>>,
    shape: &'static str,
    connections: Arc<AtomicU32>,
    kept: Arc<Mutex<Vec<Kept>>>,
    uncounted: Arc<Mutex<Duration>>,
    measured: Arc<Mutex<Vec<String>>>,
}

/// Something that lives as long as its case.
struct Kept(#[allow(dead_code)] Box<dyn Any + Send>);

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept")
    }
}

impl Context {
    /// For one run of a case.
    pub fn new(
        case: &Case,
        client: Client,
        over: Transport,
        subject: Arc<Subject>,
        prepared: Prepared,
    ) -> Context {
        Context {
            client,
            over,
            transcript: Transcript::start(),
            service: subject.service(case),
            subject,
            prepared: Arc::new(Mutex::new(prepared)),
            shape: case.shapes.first().copied().unwrap_or_default(),
            connections: Arc::default(),
            kept: Arc::default(),
            uncounted: Arc::default(),
            measured: Arc::default(),
        }
    }

    /// Keeps something until the case ends.
    pub fn keep(&self, something: impl Any + Send) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(Kept(Box::new(something)));
    }

    /// Starts another process of the subject, for a case that shuts it down or counts what it holds.
    pub async fn another_subject(&self, purpose: &str) -> Result<Subject, Failure> {
        // A start that fails takes this long.
        *self.uncounted() += Subject::START;
        let start = Instant::now();
        let started = self.subject.another(purpose).await;
        let left = Subject::START.saturating_sub(start.elapsed());
        {
            let mut uncounted = self.uncounted();
            *uncounted = uncounted.saturating_sub(left);
        }
        started.map_err(|error| Failure::wrong("another subject", format!("{error:#}")))
    }

    /// What of the time so far is no part of the case.
    fn uncounted(&self) -> MutexGuard<'_, Duration> {
        self.uncounted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Says something of a case that passes: what it measured.
    pub fn measured(&self, text: impl Into<String>) {
        let text = text.into();
        self.transcript.note(text.clone());
        self.all_measured().push(text);
    }

    /// All that was said so.
    pub fn all_measured(&self) -> MutexGuard<'_, Vec<String>> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects to the case's shape.
    pub async fn connect(&self) -> Result<Connection, Failure> {
        self.connect_to(self.shape).await
    }

    /// Connects to a shape of this name.
    pub async fn connect_to(&self, shape: &str) -> Result<Connection, Failure> {
        let endpoint = self.endpoint_of(shape)?;
        self.open(endpoint, shape).await
    }

    /// Connects to an address.
    pub async fn open(
        &self,
        endpoint: impl Into<Endpoint>,
        name: &str,
    ) -> Result<Connection, Failure> {
        self.subject.pace().await;
        let name = self.called(name);
        Connection::open(endpoint, name, self.next_number(), self.transcript.clone())
            .await
            .map(|connection| connection.to(self.service.clone()))
            .map_err(|error| Failure::wrong(format!("a connection to {name}"), error.to_string()))
    }

    /// What a transcript calls a shape: a target has none.
    pub fn called<'a>(&self, shape: &'a str) -> &'a str {
        match self.service.instead {
            None => shape,
            Some(_) => "the target",
        }
    }

    /// The TCP address of the case's shape, without TLS.
    pub fn address(&self) -> Result<SocketAddr, Failure> {
        let address = self.subject.address(self.shape);
        address.ok_or_else(|| self.without(self.shape))
    }

    /// Where the case's shape is to be met.
    pub fn endpoint(&self) -> Result<Endpoint, Failure> {
        self.endpoint_of(self.shape)
    }

    /// The case's shape.
    pub fn shape(&self) -> &'static str {
        self.shape
    }

    /// The subject.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The driver of the client. It has fetched nothing from the taps of this case so far.
    pub fn take_driver(&self) -> Result<Lease, Failure> {
        let mut lease = self.prepared().driver.take().ok_or_else(|| {
            Failure::wrong("the driver of the client", "none, or one that was taken")
        })?;
        let version = lease.driver()?.version();
        self.transcript.note(format!("{}: {version}", self.client));
        Ok(lease)
    }

    /// What the subject is asked for and held to.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// What stands for a request at this subject; the request itself at one of ours.
    pub fn asks(&self, request: &Request) -> Request {
        self.service.asks(request)
    }

    /// How long the subject waits at most, as it is configured.
    pub fn timeout(&self, timer: Timer) -> Result<Duration, Failure> {
        match self.subject.timeouts(self.shape).of(timer) {
            Some(Limit::After(time)) => Ok(time),
            Some(Limit::Off) | None => {
                let seen = format!("a subject without it ({})", timer.flag());
                Err(Failure::wrong("a configured time", seen))
            }
        }
    }

    /// The browser, where the client is one. It has loaded nothing from the taps of this case so far.
    pub fn take_browser(&self) -> Result<Lease<Chromium>, Failure> {
        let browser = self.prepared().browser.take();
        browser.ok_or_else(|| Failure::wrong("a browser", "none, or one that was taken"))
    }

    fn prepared(&self) -> MutexGuard<'_, Prepared> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the next connection in the transcript.
    pub fn next_number(&self) -> u32 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn endpoint_of(&self, shape: &str) -> Result<Endpoint, Failure> {
        let endpoint = self.subject.endpoint(shape, self.over);
        endpoint.ok_or_else(|| self.without(shape))
    }

    fn without(&self, shape: &str) -> Failure {
        let expected = format!("the shape {shape} over {}", self.over);
        Failure::wrong(expected, "a subject without it")
    }
}
