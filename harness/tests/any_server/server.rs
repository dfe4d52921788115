//! A small server that follows the RFCs, but for one flaw on request, and remembers what it was
//! asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// How long it waits for a request head, and for the next byte of a body.
pub(crate) const HEADER_READ: Duration = Duration::from_secs(1);

/// How long it keeps an idle connection.
pub(crate) const IDLE: Duration = Duration::from_secs(3);

/// What it says of that.
const SAID: u64 = 2;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Nothing.
    None,
    /// A response without a length does not end.
    NeverEnds,
    /// It says keep-alive and closes.
    ClosesUnsaid,
    /// It closes in the middle of a response.
    Cuts,
    /// It says close and stays.
    StaysOpen,
    /// It does not read `Connection`.
    HearsNoClose,
    /// It waits for ever.
    HasNoTimers,
    /// It keeps idle connections for less than it says.
    ClosesEarly,
    /// It sends a body to HEAD.
    BodyToHead,
    /// It keeps connections whose client has closed its side.
    KeepsTheGone,
    /// It answers what is no request.
    ServesNonsense,
    /// It takes a body for a request.
    IgnoresBodies,
}

/// What it has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The heads of requests, as they came.
    pub(crate) heads: Vec<String>,
    /// Bytes of bodies.
    pub(crate) body: usize,
    /// When each connection came.
    pub(crate) accepted: Vec<Instant>,
    open: usize,
    /// How many were open at once.
    pub(crate) most: usize,
}

/// The running server; ends with its runtime.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl Server {
    pub(crate) async fn start(flaw: Flaw, status: u16) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let server = Server {
            address,
            seen: seen.clone(),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let seen = seen.clone();
                {
                    let mut seen = seen.lock().expect("no panic");
                    seen.accepted.push(Instant::now());
                    seen.open += 1;
                    seen.most = seen.most.max(seen.open);
                }
                tokio::spawn(async move {
                    let mut peer = Peer {
                        stream,
                        bytes: Vec::new(),
                        flaw,
                        status,
                        seen: seen.clone(),
                    };
                    let _ = peer.serve().await;
                    drop(peer);
                    seen.lock().expect("no panic").open -= 1;
                });
            }
        });
        server
    }

    pub(crate) fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().expect("no panic"))
    }
}

/// One connection.
struct Peer {
    stream: TcpStream,
    bytes: Vec<u8>,
    flaw: Flaw,
    status: u16,
    seen: Arc<Mutex<Seen>>,
}

/// What of a request counts here.
struct Head {
    length: usize,
    is_head: bool,
    http10: bool,
    options: Vec<String>,
    content_length: Option<usize>,
    codings: Vec<String>,
    expects: bool,
}

/// The connection is over.
struct Over;

type Step<T> = Result<T, Over>;

impl Peer {
    async fn serve(&mut self) -> Step<()> {
        let mut first = true;
        loop {
            let head = self.head(first).await?;
            first = false;
            let lossy = String::from_utf8_lossy(&self.bytes[..head.length]).into_owned();
            self.seen.lock().expect("no panic").heads.push(lossy);
            self.bytes.drain(..head.length);
            let unsure = !head.codings.is_empty() && (head.content_length.is_some() || head.http10);
            if self.flaw != Flaw::IgnoresBodies {
                self.body(&head).await?;
            }
            let asked = |option: &str| head.options.iter().any(|said| said == option);
            let closes = asked("close") || (head.http10 && !asked("keep-alive"));
            let closes = (closes && self.flaw != Flaw::HearsNoClose) || unsure;
            self.respond(&head, closes).await?;
            let stays = self.flaw == Flaw::StaysOpen;
            if (closes && !stays) || self.flaw == Flaw::ClosesUnsaid {
                let _ = self.stream.shutdown().await;
                return Err(Over);
            }
        }
    }

    /// Reads until a head is there; answers what is none.
    async fn head(&mut self, first: bool) -> Step<Head> {
        let idle = match self.flaw {
            _ if first => HEADER_READ,
            Flaw::ClosesEarly => Duration::from_millis(500),
            _ => IDLE,
        };
        if self.bytes.is_empty() {
            self.more(idle).await?;
        }
        let begun = Instant::now();
        loop {
            match parse(&self.bytes) {
                Ok(Some(head)) => return Ok(head),
                Ok(None) => {}
                Err(()) => {
                    let status = match self.flaw {
                        Flaw::ServesNonsense => "200 OK",
                        _ => "400 Bad Request",
                    };
                    return self.refuse(status).await;
                }
            }
            let left = HEADER_READ.saturating_sub(begun.elapsed());
            if self.more(left).await.is_err() {
                return self.refuse("408 Request Timeout").await;
            }
        }
    }

    async fn refuse<T>(&mut self, status: &str) -> Step<T> {
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let _ = self.stream.write_all(text.as_bytes()).await;
        let _ = self.stream.shutdown().await;
        Err(Over)
    }

    async fn body(&mut self, head: &Head) -> Step<()> {
        let has_body = head.content_length.is_some_and(|length| length > 0);
        if !has_body && head.codings.is_empty() {
            return Ok(());
        }
        if head.expects && !head.http10 && self.bytes.is_empty() {
            let said = self
                .stream
                .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
                .await;
            said.map_err(|_| Over)?;
        }
        let length = loop {
            let end = match head.content_length {
                Some(length) if head.codings.is_empty() => {
                    (self.bytes.len() >= length).then_some(length)
                }
                // The bodies of these cases hold no such bytes.
                _ => self
                    .bytes
                    .windows(5)
                    .position(|w| w == b"0\r\n\r\n")
                    .map(|at| at + 5),
            };
            match end {
                Some(length) => break length,
                None => self.more(HEADER_READ).await?,
            }
        };
        self.bytes.drain(..length);
        self.seen.lock().expect("no panic").body += length;
        Ok(())
    }

    async fn respond(&mut self, head: &Head, closes: bool) -> Step<()> {
        let connection = match closes {
            true => "close".to_owned(),
            false => format!("keep-alive\r\nKeep-Alive: timeout={SAID}"),
        };
        let length = match self.flaw {
            Flaw::NeverEnds => "Transfer-Encoding: chunked",
            Flaw::Cuts => "Content-Length: 30",
            _ => "Content-Length: 3",
        };
        let status = self.status;
        let mut text =
            format!("HTTP/1.1 {status} X\r\n{length}\r\nConnection: {connection}\r\n\r\n");
        if !head.is_head || self.flaw == Flaw::BodyToHead {
            text += match self.flaw {
                Flaw::NeverEnds => "3\r\nok\n\r\n",
                _ => "ok\n",
            };
        }
        let said = self.stream.write_all(text.as_bytes()).await;
        match self.flaw {
            Flaw::Cuts => Err(Over),
            _ => said.map_err(|_| Over),
        }
    }

    /// Reads something; gives up at the end and after the time.
    async fn more(&mut self, time: Duration) -> Step<()> {
        let time = match self.flaw {
            Flaw::HasNoTimers | Flaw::StaysOpen => Duration::from_secs(600),
            _ => time,
        };
        let mut buffer = [0; 4096];
        match timeout(time, self.stream.read(&mut buffer)).await {
            Ok(Ok(count)) if count > 0 => {
                self.bytes.extend_from_slice(&buffer[..count]);
                // Empty lines before a request line.
                while self.bytes.starts_with(b"\r\n") {
                    self.bytes.drain(..2);
                }
                Ok(())
            }
            Ok(_) if self.flaw == Flaw::KeepsTheGone => std::future::pending().await,
            _ => Err(Over),
        }
    }
}

/// A head, if it is complete; an error if it is none.
fn parse(bytes: &[u8]) -> Result<Option<Head>, ()> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut fields);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(()),
    };
    let list = |name: &str| -> Vec<String> {
        let lines = request.headers.iter();
        let lines = lines.filter(|field| field.name.eq_ignore_ascii_case(name));
        lines
            .flat_map(|field| field.value.split(|byte| *byte == b','))
            .map(|element| String::from_utf8_lossy(element).trim().to_ascii_lowercase())
            .filter(|element| !element.is_empty())
            .collect()
    };
    let codings = list("Transfer-Encoding");
    if codings.last().is_some_and(|last| last != "chunked") {
        return Err(());
    }
    let lengths = list("Content-Length");
    let digits = |text: &String| text.bytes().all(|byte| byte.is_ascii_digit());
    if !lengths.iter().all(digits) || lengths.iter().any(|length| *length != lengths[0]) {
        return Err(());
    }
    Ok(Some(Head {
        length,
        is_head: request.method == Some("HEAD"),
        http10: request.version == Some(0),
        options: list("Connection"),
        content_length: lengths.first().and_then(|length| length.parse().ok()),
        codings,
        expects: !list("Expect").is_empty(),
    }))
}
