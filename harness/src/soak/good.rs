//! Good clients: a request at a fixed rate, each answer checked to its last byte.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{bail, Context as _, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch::Receiver;
use tokio::time::{interval, timeout, MissedTickBehavior};

use super::report::Tally;
use crate::origin::BODY;
use crate::subject::Subject;
use crate::wire::response::{parse, Parsed};
use crate::wire::{Request, Response};

/// From one request to the next.
const RATE: Duration = Duration::from_millis(200);

/// How long an answer may take, on a machine that is kept busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a good client relies on a connection that it has not used; the subject announces 1 s.
const RELIED_ON: Duration = Duration::from_millis(900);

/// The length of a response that does not fit one packet.
const LONG: usize = 100_000;

/// What the answers must be.
const EXCHANGES: usize = 6;

/// One good client, with a connection that it keeps as long as the answers let it.
pub(super) struct Client {
    number: usize,
    address: SocketAddr,
    proxied: bool,
    tally: Arc<Tally>,
    connection: Option<(TcpStream, Instant)>,
}

impl Client {
    pub(super) fn new(number: usize, subject: &Subject, tally: Arc<Tally>) -> Result<Client> {
        let proxied = number % 3 != 0;
        let shape = if proxied {
            "proxy-short"
        } else {
            "http-server-short"
        };
        Ok(Client {
            number,
            address: subject.address(shape).context(shape)?,
            proxied,
            tally,
            connection: None,
        })
    }

    /// Asks until stopped.
    pub(super) async fn run(mut self, stopped: Receiver<bool>) {
        let mut ticks = interval(RATE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut number = self.number;
        while !*stopped.borrow() {
            ticks.tick().await;
            number += 1;
            let (request, body) = self.exchange(number);
            let start = Instant::now();
            let answer = timeout(PATIENCE, self.ask(&request, &body)).await;
            match answer {
                Ok(Ok(())) => self.tally.answered(start.elapsed()),
                Ok(Err(error)) => self.failed(&request, &format!("{error:#}")),
                Err(_) => self.failed(&request, &format!("no answer within {PATIENCE:?}")),
            }
        }
    }

    fn failed(&mut self, request: &Request, what: &str) {
        self.connection = None;
        let asked = String::from_utf8_lossy(&request.head()).into_owned();
        let asked = asked.lines().next().unwrap_or_default().to_owned();
        self.tally.failed(format!("{asked}: {what}"));
    }

    /// What is asked, and the body of the answer.
    fn exchange(&self, number: usize) -> (Request, Vec<u8>) {
        let hello = BODY.as_bytes().to_vec();
        if !self.proxied {
            return match number % 2 {
                0 => (Request::local("length"), hello),
                _ => (Request::local("bare"), hello),
            };
        }
        match number % EXCHANGES {
            0 => (Request::local("length"), hello),
            1 => (Request::get("/length"), hello),
            2 => (Request::get("/chunked"), hello),
            3 => (Request::new("POST", "/length").body("a body"), hello),
            4 => (Request::get("/close-delimited"), hello),
            _ => (Request::get(format!("/big/{LONG}")), vec![b'x'; LONG]),
        }
    }

    async fn ask(&mut self, request: &Request, body: &[u8]) -> Result<()> {
        let mut stream = match self.connection.take() {
            Some((stream, used)) if used.elapsed() < RELIED_ON => stream,
            _ => {
                let stream = TcpStream::connect(self.address).await.context("connect")?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        stream.write_all(&request.bytes()).await.context("send")?;
        let response = read(&mut stream, request).await?;
        if response.status != 200 {
            bail!("status {}", response.status);
        }
        if response.body != body {
            bail!("{} bytes instead of {}", response.body.len(), body.len());
        }
        if !response.list("Connection").iter().any(|o| o == "close") {
            self.connection = Some((stream, Instant::now()));
        }
        Ok(())
    }
}

async fn read(stream: &mut TcpStream, request: &Request) -> Result<Response> {
    let mut buffer = Vec::new();
    loop {
        let count = stream.read_buf(&mut buffer).await.context("read")?;
        match parse(&buffer, request.method_name(), count == 0) {
            Parsed::Complete(response, _) => return Ok(*response),
            Parsed::Malformed(problem) => bail!("{problem}"),
            _ if count == 0 => bail!("ended after {} bytes", buffer.len()),
            _ => {}
        }
    }
}
