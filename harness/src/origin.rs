//! The scripted origin that proxied requests end at: a raw server, so that it can answer in ways
//! that no library would.
//!
//! The first segment of the path selects the answer:
//!
//! | path | answer |
//! |---|---|
//! | `/length` | 200 with `Content-Length` |
//! | `/chunked` | 200, chunked |
//! | `/close-delimited` | HTTP/1.1 200 without a length, ended by closing |
//! | `/http10` | the same as HTTP/1.0 |
//! | `/204`, `/304` | no content, not modified |
//! | `/426` | upgrade required, which names what to upgrade to |
//! | `/early-hints` | 103, then as `/length` |
//! | `/continue` | 100, then reads the body, then as `/length` |
//! | `/continue/MS` | the same after a wait |
//! | `/drip/MS` | 200, chunked, without reading the body: a byte each time, 100 in all |
//! | `/hang-up` | closes instead of an answer |
//! | `/slow-read/MS` | waits before it reads the body, then as `/length` |
//! | `/own-close` | as `/length` with `Connection: close`, and closes |
//! | `/own-keep-alive` | as `/length` with `Keep-Alive: timeout=5, max=7` |
//! | `/slow-head/MS` | waits before the head, then as `/length` |
//! | `/slow-body/MS` | as `/length`, with a pause in the middle of the body |
//! | `/big/BYTES` | as `/length` with a body of that size |
//! | `/big-chunked/BYTES` | the same, in chunks of 16 KiB |
//! | `/upgrade-sink` | 101, then reads whatever comes and says nothing |
//! | `/upgrade-source/MS` | 101, then sends a byte each time that long |
//! | `/early` | as `/length`, before it reads the request body |
//! | `/deaf` | no answer, and reads nothing behind the head |
//! | `/deaf-413` | 413 with `Connection: close`, and reads nothing behind the head |
//! | `/deaf-upgrade` | 101, and reads nothing behind the head |
//! | `/upgrade`, `/upgrade/MS` | 101 after a pause, then sends back whatever comes |
//! | `/204-length`, `/204-chunked` | no content, with a length of 0 or the coding |
//! | `/large`, `/large/MS` | 200, 4 MiB chunked, with a pause in the middle |
//! | `/hop-by-hop` | as `/length`, with fields that are for the next hop only, and `X-End: 1` |
//! | `/echo-head` | 200, the head of the request as the body |
//! | `/note/NAME` | reads the body to its end and notes the name, then as `/length` |
//! | `/noted/NAME` | as `/length` if the name is noted, else 404 |
//! | `/reset` | as `/length`, but ended by a reset in the middle of the body |
//! | `/cut-length`, `/cut-chunked`, `/cut-close-delimited` | as their namesakes, but fails in the middle of the body |
//!
//! It is a proxy as well. The first label of the host in a CONNECT selects the answer:
//!
//! | host | answer |
//! |---|---|
//! | `echo` | 200, then sends back whatever comes |
//! | `length`, `chunked` | the same with `Content-Length: 5` or the coding, which say nothing there |
//! | `204` | the same with a 204 |
//! | `slow` | the same after half a second |
//! | `talks` | 200 and at once a few bytes, then ends |
//! | `http` | 200, then answers requests as above |
//! | `refused` | 403 with a length |

pub mod deserter;
pub mod full;
pub mod hasty;
pub mod http2;
pub mod limited;
pub mod scripted;
pub mod verbatim;

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::wire::response::{chunks, Body};

/// The body of every answer that has one.
pub const BODY: &str = "hello\n";

/// What it switches protocols with.
const SWITCHES: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

/// The length of the body of `/large`.
pub const LARGE: usize = 4 * 1024 * 1024;

/// Names that were noted.
type Notes = Arc<Mutex<HashSet<String>>>;

/// A running origin; ends with its connections when dropped.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    answering: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Origin {
    /// Starts on a loopback port.
    pub async fn start() -> io::Result<Origin> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let notes = Notes::default();
        let answering = Arc::new(AtomicUsize::new(0));
        let counter = answering.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                let (notes, counter) = (notes.clone(), counter.clone());
                connections.spawn(async move {
                    // A proxy that goes away is nothing to report here.
                    let _ = Exchanges::new(stream, notes).serve(&counter).await;
                });
            }
        });
        Ok(Origin {
            address,
            answering,
            task,
        })
    }

    /// How many requests are being answered.
    pub fn answering(&self) -> usize {
        self.answering.load(Ordering::Relaxed)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The exchanges of one connection.
struct Exchanges {
    stream: TcpStream,
    buffer: Vec<u8>,
    notes: Notes,
}

/// As much of a request as the origin looks at.
struct Asked {
    method: String,
    path: String,
    length: usize,
    chunked: bool,
    head: String,
}

impl Exchanges {
    fn new(stream: TcpStream, notes: Notes) -> Exchanges {
        let _ = stream.set_nodelay(true);
        Exchanges {
            stream,
            buffer: Vec::new(),
            notes,
        }
    }

    async fn serve(mut self, answering: &AtomicUsize) -> io::Result<()> {
        while let Some(asked) = self.head().await? {
            answering.fetch_add(1, Ordering::Relaxed);
            let answered = self.answer(&asked).await;
            answering.fetch_sub(1, Ordering::Relaxed);
            if !answered? {
                return self.stream.shutdown().await;
            }
        }
        Ok(())
    }

    /// Answers; whether the connection persists.
    async fn answer(&mut self, asked: &Asked) -> io::Result<bool> {
        if asked.method == "CONNECT" {
            return self.connect(asked).await;
        }
        let mut segments = asked.path.split(['/', '?']).skip(1);
        let kind = segments.next().unwrap_or_default();
        let detail = segments.next().unwrap_or_default();
        let number: u64 = detail.parse().unwrap_or(0);
        let pause = Duration::from_millis(number);
        if kind == "drip" {
            return self.drip(pause).await;
        }
        if kind.starts_with("deaf") {
            return self.deaf(kind).await;
        }
        if kind == "slow-read" {
            tokio::time::sleep(pause).await;
        }
        if kind == "continue" {
            tokio::time::sleep(pause).await;
            self.say("HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        if kind != "early" {
            self.body(asked).await?;
        }
        let body = if asked.method == "HEAD" { "" } else { BODY };
        let length = BODY.len();
        let ok = |fields: &str| {
            format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {length}\r\n\r\n{body}")
        };
        match kind {
            "chunked" => {
                let chunk = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
                let chunk = if body.is_empty() { "" } else { &chunk };
                self.say(&format!(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"
                ))
                .await?;
            }
            "close-delimited" => {
                self.say(&format!(
                    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}"
                ))
                .await?;
                return Ok(false);
            }
            "http10" => {
                self.say(&format!("HTTP/1.0 200 OK\r\n\r\n{body}")).await?;
                return Ok(false);
            }
            "204" => self.say("HTTP/1.1 204 No Content\r\n\r\n").await?,
            "304" => self.say("HTTP/1.1 304 Not Modified\r\n\r\n").await?,
            "426" => {
                self.say(
                    "HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade\r\n\
                     Upgrade: websocket\r\nContent-Length: 0\r\n\r\n",
                )
                .await?
            }
            "early-hints" => {
                self.say("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
                    .await?;
                tokio::time::sleep(Duration::from_millis(50)).await;
                self.say(&ok("")).await?;
            }
            "hang-up" => return Ok(false),
            "own-close" => {
                self.say(&ok("Connection: close\r\n")).await?;
                return Ok(false);
            }
            "own-keep-alive" => {
                self.say(&ok(
                    "Connection: keep-alive\r\nKeep-Alive: timeout=5, max=7\r\n",
                ))
                .await?;
            }
            "slow-head" => {
                tokio::time::sleep(pause).await;
                self.say(&ok("")).await?;
            }
            "slow-body" => {
                let all = ok("");
                let (first, rest) = all.split_at(all.len() - length / 2);
                self.say(first).await?;
                tokio::time::sleep(pause).await;
                self.say(rest).await?;
            }
            "big" => {
                self.say(&format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {number}\r\n\r\n"
                ))
                .await?;
                self.say_much(number, false).await?;
            }
            "big-chunked" => {
                self.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    .await?;
                self.say_much(number, true).await?;
                self.say("0\r\n\r\n").await?;
            }
            "204-length" => {
                self.say("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")
                    .await?;
            }
            "204-chunked" => {
                self.say("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n")
                    .await?;
            }
            "large" => {
                self.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    .await?;
                let half = LARGE / 2;
                let chunk = format!("{half:x}\r\n{}\r\n", "x".repeat(half));
                self.say(&chunk).await?;
                tokio::time::sleep(pause).await;
                self.say(&chunk).await?;
                self.say("0\r\n\r\n").await?;
            }
            "hop-by-hop" => {
                self.say(&ok(
                    "Connection: X-Hop\r\nConnection: keep-alive, Upgrade\r\nX-Hop: 1\r\n\
                     Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n\
                     Upgrade: h2c\r\nX-End: 1\r\n",
                ))
                .await?;
            }
            "echo-head" => {
                let head = &asked.head;
                let length = head.len();
                self.say(&format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{head}"
                ))
                .await?;
            }
            "note" => {
                self.note(detail);
                self.say(&ok("")).await?;
            }
            "noted" if self.noted(detail) => self.say(&ok("")).await?,
            "upgrade" | "upgrade-sink" | "upgrade-source" => {
                if kind == "upgrade" {
                    tokio::time::sleep(pause).await;
                }
                self.say(SWITCHES).await?;
                match kind {
                    "upgrade-sink" => while self.read().await? {},
                    "upgrade-source" => loop {
                        tokio::time::sleep(pause).await;
                        self.say(".").await?;
                    },
                    _ => self.echo().await?,
                }
                return Ok(false);
            }
            "length" | "continue" | "slow-read" | "" => self.say(&ok("")).await?,
            "early" => {
                self.say(&ok("")).await?;
                self.body(asked).await?;
            }
            "cut-length" => {
                self.say("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhel")
                    .await?;
                return Ok(false);
            }
            "cut-chunked" => {
                self.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n")
                    .await?;
                return Ok(false);
            }
            "cut-close-delimited" => {
                self.say("HTTP/1.1 200 OK\r\n\r\nhel").await?;
                // What was said is to arrive before the reset.
                tokio::time::sleep(Duration::from_millis(100)).await;
                self.stream.set_zero_linger()?;
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            "reset" => {
                let all = ok("");
                self.say(&all[..all.len() - length / 2]).await?;
                self.stream.set_zero_linger()?;
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            _ => {
                self.say("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                    .await?;
            }
        }
        Ok(true)
    }

    /// Answers bit by bit, whatever the client sends.
    async fn drip(&mut self, pause: Duration) -> io::Result<bool> {
        self.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await?;
        for _ in 0..100 {
            tokio::time::sleep(pause).await;
            self.say("1\r\nx\r\n").await?;
        }
        self.say("0\r\n\r\n").await?;
        Ok(false)
    }

    /// Says what there is to be said and reads nothing more; ends when the proxy lets go.
    async fn deaf(&mut self, kind: &str) -> io::Result<bool> {
        match kind {
            "deaf-413" => {
                self.say(
                    "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n\
                     Content-Length: 0\r\n\r\n",
                )
                .await?;
            }
            "deaf-upgrade" => self.say(SWITCHES).await?,
            _ => {}
        }
        // unread bytes make it readable at once; that it is closed is told beside that
        while !self
            .stream
            .ready(Interest::READABLE)
            .await?
            .is_read_closed()
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(false)
    }

    /// Answers a CONNECT; whether the connection persists, as HTTP.
    async fn connect(&mut self, asked: &Asked) -> io::Result<bool> {
        let host = asked.path.split(['.', ':']).next().unwrap_or_default();
        let fields = match host {
            "length" => "Content-Length: 5\r\n",
            "chunked" => "Transfer-Encoding: chunked\r\n",
            _ => "",
        };
        let status = match host {
            "204" => "204 No Content",
            "refused" => "403 Forbidden\r\nContent-Length: 0",
            _ => "200 Connected",
        };
        if host == "slow" {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        self.say(&format!("HTTP/1.1 {status}\r\n{fields}\r\n"))
            .await?;
        match host {
            "http" | "refused" => return Ok(true),
            "talks" => self.say(BODY).await?,
            _ => self.echo().await?,
        }
        Ok(false)
    }

    fn note(&self, name: &str) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.insert(name.to_owned());
    }

    fn noted(&self, name: &str) -> bool {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.contains(name)
    }

    async fn echo(&mut self) -> io::Result<()> {
        loop {
            let bytes = std::mem::take(&mut self.buffer);
            self.stream.write_all(&bytes).await?;
            if !self.read().await? {
                return Ok(());
            }
        }
    }

    /// Reads the head of the next request.
    async fn head(&mut self) -> io::Result<Option<Asked>> {
        loop {
            let mut lines = [httparse::EMPTY_HEADER; 100];
            let mut head = httparse::Request::new(&mut lines);
            match head.parse(&self.buffer) {
                Ok(httparse::Status::Complete(used)) => {
                    let value = |name: &str| {
                        head.headers
                            .iter()
                            .find(|field| field.name.eq_ignore_ascii_case(name))
                            .and_then(|field| std::str::from_utf8(field.value).ok())
                    };
                    let asked = Asked {
                        method: head.method.unwrap_or_default().to_owned(),
                        path: head.path.unwrap_or_default().to_owned(),
                        length: value("Content-Length")
                            .and_then(|l| l.parse().ok())
                            .unwrap_or(0),
                        chunked: value("Transfer-Encoding").is_some(),
                        head: String::from_utf8_lossy(&self.buffer[..used]).into_owned(),
                    };
                    self.buffer.drain(..used);
                    return Ok(Some(asked));
                }
                Ok(httparse::Status::Partial) => {}
                Err(_) => return Ok(None),
            }
            if !self.read().await? {
                return Ok(None);
            }
        }
    }

    /// Reads the body of a request and forgets it.
    async fn body(&mut self, asked: &Asked) -> io::Result<()> {
        loop {
            let used = match chunks(&self.buffer) {
                _ if !asked.chunked => (self.buffer.len() >= asked.length).then_some(asked.length),
                Body::Whole(_, used) => Some(used),
                Body::Short(_) => None,
                Body::Malformed(problem) => return Err(io::Error::other(problem)),
            };
            if let Some(used) = used {
                self.buffer.drain(..used);
                return Ok(());
            }
            if !self.read().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn read(&mut self) -> io::Result<bool> {
        let mut bytes = [0; 4096];
        let count = self.stream.read(&mut bytes).await?;
        self.buffer.extend_from_slice(&bytes[..count]);
        Ok(count > 0)
    }

    async fn say_much(&mut self, mut size: u64, chunked: bool) -> io::Result<()> {
        let piece = "x".repeat(16 << 10);
        while size > 0 {
            let part = &piece[..piece.len().min(usize::try_from(size).unwrap_or(usize::MAX))];
            if chunked {
                self.say(&format!("{:x}\r\n{part}\r\n", part.len())).await?;
            } else {
                self.say(part).await?;
            }
            size -= part.len() as u64;
        }
        Ok(())
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes()).await
    }
}
