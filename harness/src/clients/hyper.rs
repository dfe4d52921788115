//! hyper's own client: with the pool of connections of hyper-util, and a connection alone.
//!
//! It does not read a response's `Keep-Alive`: the pool keeps an idle connection for
//! `pool_idle_timeout`, 90 s by default, or until the server closes it (`client::legacy::Builder` of
//! hyper-util). reqwest uses it inside.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HeaderValue, HOST};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{HttpConnector, HttpInfo};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::fetch::Fetched;
use super::tap::Tap;
use crate::case::{Context, Failure, Found};
use crate::wire::tls::Identity;
use crate::wire::Request;

/// A client with its pool.
#[derive(Debug)]
pub struct Hyper {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    tasks: Tasks,
    /// Our end of the connection of the last exchange.
    last: Option<SocketAddr>,
}

impl Hyper {
    /// One that has fetched nothing so far.
    pub fn new() -> Result<Hyper, Failure> {
        let identity =
            Identity::get().map_err(|error| Failure::wrong("a certificate", error.to_string()))?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(identity.client_config())
            .https_or_http()
            .enable_http1()
            .build();
        let tasks = Tasks::default();
        let client = Client::builder(tasks.clone())
            // What an idle connection that is gone does to a request is for the case to see.
            .retry_canceled_requests(false)
            .build(connector);
        Ok(Hyper {
            client,
            tasks,
            last: None,
        })
    }

    /// Fetches a page, its body to the end, within `bound`. When it returns, the pool has the
    /// connection back, unless that was closed.
    pub async fn fetch(
        &mut self,
        context: &Context,
        url: &str,
        request: &Request,
        bound: Duration,
    ) -> Result<Fetched, Failure> {
        let start = Instant::now();
        let request = head_and_body(url, request)
            .map_err(|error| Failure::wrong("a request for hyper", error.to_string()))?;
        let (status, body_bytes) = match timeout(bound, self.exchange(request)).await {
            Ok(Ok(page)) => page,
            Ok(Err(error)) => {
                let text = causes(error.as_ref());
                return Err(Failure::wrong("a complete response to hyper", text));
            }
            Err(_) => {
                let expected = format!("hyper done within {bound:?}");
                return Err(Failure::hang(expected, "no complete response"));
            }
        };
        context.transcript.note(format!(
            "hyper: {status}, complete, {body_bytes} bytes of body"
        ));
        Ok(Fetched {
            status,
            body_bytes,
            took: start.elapsed(),
        })
    }

    async fn exchange(
        &mut self,
        request: hyper::Request<Full<Bytes>>,
    ) -> Result<(u16, u64), Error> {
        self.tasks.all().clear();
        let response = self.client.request(request).await?;
        let mut tasks = std::mem::take(&mut *self.tasks.all()).into_iter();
        let local = response.extensions().get().map(HttpInfo::local_addr);
        if std::mem::replace(&mut self.last, local) != local {
            // The first task of a new connection is the connection.
            tasks.next();
        }
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        // The others wait for its being free again, and give it back to the pool.
        for task in tasks {
            task.await?;
        }
        Ok((status, body.len() as u64))
    }
}

/// A connection of hyper's own, in no pool. It is a future that ends with the connection.
#[derive(Debug)]
pub struct Connection {
    requests: SendRequest<Full<Bytes>>,
    end: JoinHandle<hyper::Result<()>>,
}

impl Connection {
    /// Connects to the tap, without TLS.
    pub async fn open(tap: &Tap) -> Result<Connection, Failure> {
        let open = async {
            let url: hyper::Uri = tap.url("/").parse()?;
            let address = url.authority().map(|authority| authority.as_str());
            let socket = TcpStream::connect(address.unwrap_or_default()).await?;
            let (requests, connection) = http1::handshake(TokioIo::new(socket)).await?;
            Ok::<_, Error>(Connection {
                requests,
                end: tokio::spawn(connection),
            })
        };
        let opened = open.await;
        opened.map_err(|error| Failure::wrong("a connection of hyper", error.to_string()))
    }

    /// Sends a request and reads the response to its end: its status, and the length of its body.
    pub async fn fetch(&mut self, request: &Request) -> Result<(u16, u64), Failure> {
        let page = async {
            let mut request = head_and_body(request.target(), request)?;
            // The pool would set it.
            let host = HeaderValue::from_static("subject.test");
            request.headers_mut().insert(HOST, host);
            let response = self.requests.send_request(request).await?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await?.to_bytes();
            Ok::<_, Error>((status, body.len() as u64))
        };
        page.await
            .map_err(|error| Failure::wrong("a complete response to hyper", causes(error.as_ref())))
    }

    /// It ends within `bound`, without an error, and takes no more requests.
    pub async fn ends_within(mut self, bound: Duration) -> Found {
        match timeout(bound, &mut self.end).await {
            Ok(Ok(Ok(()))) if self.requests.is_closed() => Ok(()),
            Ok(Ok(Ok(()))) => Err(Failure::wrong(
                "no more requests",
                "a connection that is ready",
            )),
            Ok(Ok(Err(error))) => Err(Failure::wrong("an end without an error", causes(&error))),
            Ok(Err(error)) => Err(Failure::wrong("the end", error.to_string())),
            Err(_) => {
                let expected = format!("hyper's connection to end within {bound:?}");
                Err(Failure::hang(expected, "nothing"))
            }
        }
    }
}

type Error = Box<dyn std::error::Error + Send + Sync>;

fn head_and_body(url: &str, request: &Request) -> Result<hyper::Request<Full<Bytes>>, Error> {
    let mut builder = hyper::Request::builder()
        .method(request.method_name())
        .uri(url);
    for (name, value) in request.fields() {
        builder = builder.header(name, value);
    }
    let body = request.text().unwrap_or_default();
    Ok(builder.body(Full::new(Bytes::from(body)))?)
}

/// An error with what caused it: hyper's own words name only the step that failed.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

/// Runs the tasks of a client and keeps hold of them: the pool takes a connection back in a task of
/// its own, and whoever asks for the next page before that is done would open another.
#[derive(Clone, Debug, Default)]
struct Tasks(Arc<Mutex<Vec<JoinHandle<()>>>>);

impl Tasks {
    fn all(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        self.all().push(tokio::spawn(task));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers `hello` to every request, and counts connections.
    async fn server() -> (SocketAddr, Arc<AtomicU32>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let count = Arc::new(AtomicU32::new(0));
        let counting = count.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                counting.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    let (read, mut write) = socket.into_split();
                    let mut lines = BufReader::new(read).lines();
                    while let Ok(Some(line)) = lines.next_line().await {
                        if line.is_empty() {
                            let response = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
                            let _ = write.write_all(response).await;
                        }
                    }
                });
            }
        });
        (address, count)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_pool_has_a_connection_back_when_the_page_is_there() {
        let (address, connections) = server().await;
        let mut client = Hyper::new().expect("a client");
        for _ in 0..500 {
            let request = head_and_body(&format!("http://{address}/"), &Request::get("/"));
            let page = client.exchange(request.expect("a request")).await;
            assert_eq!(page.expect("a page"), (200, 5));
        }
        assert_eq!(connections.load(Ordering::Relaxed), 1);
    }
}
