//! What a case is, what it may find, and what it has to work with.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::clients::Client;
use crate::subject::Subject;
use crate::wire::connection::seconds;
use crate::wire::{Connection, Transcript};

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
    pub clients: &'static [Client],
    /// The shapes of application that it talks to.
    pub shapes: Vec<&'static str>,
    /// What a variant must have a call for.
    pub needs: Vec<&'static str>,
    /// When it is given up.
    pub bound: Duration,
    /// How long after the start of a run it begins.
    pub after: Duration,
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
            clients: &[Client::Raw],
            shapes: vec![shape],
            needs: Vec::new(),
            bound: BOUND,
            after: Duration::ZERO,
            steps: Arc::new(move |context| Box::pin(steps(context))),
        }
    }

    /// With these clients instead.
    pub fn clients(mut self, clients: &'static [Client]) -> Case {
        self.clients = clients;
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

    /// The part of the id before the dot.
    pub fn area(&self) -> &'static str {
        self.id.split('.').next().unwrap_or(self.id)
    }

    /// Takes the steps, at most until the bound.
    pub async fn run(&self, context: Context) -> Found {
        match tokio::time::timeout(self.bound, (self.steps)(context)).await {
            Ok(found) => found,
            Err(_) => Err(Failure::hang(
                "the end of the case",
                format!("none after {}", seconds(self.bound)),
            )),
        }
    }
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
    /// The record of what happens.
    pub transcript: Transcript,
    subject: Arc<Subject>,
    processes: Arc<Semaphore>,
    shape: &'static str,
    connections: Arc<AtomicU32>,
    kept: Arc<Mutex<Vec<Kept>>>,
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
        subject: Arc<Subject>,
        processes: Arc<Semaphore>,
    ) -> Context {
        Context {
            client,
            transcript: Transcript::start(),
            subject,
            processes,
            shape: case.shapes.first().copied().unwrap_or_default(),
            connections: Arc::default(),
            kept: Arc::default(),
        }
    }

    /// Keeps something until the case ends.
    pub fn keep(&self, something: impl Any + Send) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(Kept(Box::new(something)));
    }

    /// Connects to the case's shape.
    pub async fn connect(&self) -> Result<Connection, Failure> {
        self.connect_to(self.shape).await
    }

    /// Connects to a shape of this name.
    pub async fn connect_to(&self, shape: &str) -> Result<Connection, Failure> {
        let address = self.address_of(shape)?;
        self.open(address, shape).await
    }

    /// Connects to an address.
    pub async fn open(&self, address: SocketAddr, name: &str) -> Result<Connection, Failure> {
        Connection::open(address, name, self.next_number(), self.transcript.clone())
            .await
            .map_err(|error| Failure::wrong(format!("a connection to {name}"), error.to_string()))
    }

    /// The address of the case's shape.
    pub fn address(&self) -> Result<SocketAddr, Failure> {
        self.address_of(self.shape)
    }

    /// The case's shape.
    pub fn shape(&self) -> &'static str {
        self.shape
    }

    /// The subject.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Leave to start a process; held while it runs, so that not too many run at once.
    pub async fn process_permit(&self) -> Option<tokio::sync::OwnedSemaphorePermit> {
        self.processes.clone().acquire_owned().await.ok()
    }

    /// The number of the next connection in the transcript.
    pub fn next_number(&self) -> u32 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn address_of(&self, shape: &str) -> Result<SocketAddr, Failure> {
        self.subject
            .address(shape)
            .ok_or_else(|| Failure::wrong(format!("the shape {shape}"), "a subject without it"))
    }
}
