//! Clients that stop reading, and clients that only read slowly.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use super::{millis, secs};
use crate::case::{Case, Context, Failure, Found};
use crate::check;
use crate::wire::connection::seconds;
use crate::wire::Request;

const SOURCE: &str = "design 4, finding 7";

/// More than the buffers on the way hold.
const MUCH: usize = 64 << 20;

/// How large the service's own big answer is.
const BIG: usize = 16 << 20;

/// How much earlier than its deadline a cut may be seen.
const EARLY: Duration = Duration::from_millis(50);

/// How much later than its deadline a cut may be seen: a tenth of it, and what a client's system
/// still takes when its application does not read any more.
fn late(deadline: Duration) -> Duration {
    deadline / 10 + secs(2)
}

/// A client that reads when it is told to, and keeps nothing.
struct Reader {
    stream: TcpStream,
    asked_at: Instant,
    read: usize,
}

/// How what a client reads has ended.
#[derive(Debug, PartialEq)]
enum End {
    Fin,
    Reset,
}

impl Reader {
    /// Sends `bytes` on a connection of its own.
    async fn ask(context: &Context, bytes: &[u8]) -> Result<Reader, Failure> {
        Reader::connect(context.address()?, bytes)
            .await
            .map_err(|error| Failure::wrong("a connection", error.to_string()))
    }

    async fn connect(address: SocketAddr, bytes: &[u8]) -> std::io::Result<Reader> {
        let socket = TcpSocket::new_v4()?;
        // One that does not grow, and holds whole segments: less would be filled bit by bit.
        socket.set_recv_buffer_size(256 << 10)?;
        let mut stream = socket.connect(address).await?;
        let asked_at = Instant::now();
        stream.write_all(bytes).await?;
        Ok(Reader {
            stream,
            asked_at,
            read: 0,
        })
    }

    /// Reads nothing, and is reset `time` after it asked.
    async fn is_cut_after(&mut self, time: Duration) -> Found {
        let least = time.saturating_sub(EARLY);
        let most = time + late(time);
        let expected = format!("a reset between {} and {}", seconds(least), seconds(most));
        let left = (self.asked_at + most).saturating_duration_since(Instant::now());
        if timeout(left, self.stream.ready(Interest::ERROR))
            .await
            .is_ok()
        {
            let took = self.asked_at.elapsed();
            if took < least {
                let seen = format!("the end after {}", seconds(took));
                return Err(Failure::wrong(expected, seen));
            }
            return Ok(());
        }
        // A FIN waits behind what is not read.
        match timeout(millis(1500), self.read_to_end()).await {
            Ok(end) => Err(Failure::wrong(
                expected,
                format!("{end:?} behind {} bytes", self.read),
            )),
            Err(_) => Err(Failure::hang(
                expected,
                format!("more to read after {}", seconds(self.asked_at.elapsed())),
            )),
        }
    }

    /// Reads `size` bytes, if there are as many.
    async fn reads(&mut self, size: usize) -> Option<End> {
        let mut buffer = vec![0; 64 << 10];
        let mut left = size;
        while left > 0 {
            let most = left.min(buffer.len());
            match self.stream.read(&mut buffer[..most]).await {
                Ok(0) => return Some(End::Fin),
                Ok(read) => {
                    left -= read;
                    self.read += read;
                }
                Err(_) => return Some(End::Reset),
            }
        }
        None
    }

    async fn read_to_end(&mut self) -> End {
        loop {
            if let Some(end) = self.reads(MUCH).await {
                return end;
            }
        }
    }

    /// Reads on until a body of `size` bytes is there, behind a head that is smaller than a piece.
    async fn gets(&mut self, size: usize) -> Found {
        let left = size.saturating_sub(self.read);
        match timeout(secs(10), self.reads(left)).await {
            Ok(None) => Ok(()),
            Ok(Some(end)) => Err(Failure::wrong(
                format!("{size} bytes"),
                format!("{end:?} behind {} bytes", self.read),
            )),
            Err(_) => Err(Failure::hang(
                format!("{size} bytes"),
                format!("{} bytes", self.read),
            )),
        }
    }

    /// Reads 1 MiB every 300 ms, `times` times.
    async fn reads_slowly(&mut self, times: usize) -> Option<End> {
        for _ in 0..times {
            let end = self.reads(1 << 20).await;
            if end.is_some() {
                return end;
            }
            sleep(millis(300)).await;
        }
        None
    }
}

fn bounded(request: Request) -> Request {
    request.with("X-Timeouts", "write=1000")
}

fn much() -> Request {
    Request::get(format!("/big/{MUCH}"))
}

fn much_in_chunks() -> Request {
    Request::get(format!("/big-chunked/{MUCH}"))
}

fn stalled(id: &'static str, sentence: &'static str, request: Request) -> Case {
    Case::new(id, sentence, SOURCE, "proxy", move |context| {
        let request = request.clone();
        async move {
            let mut reader = Reader::ask(&context, &request.bytes()).await?;
            reader.is_cut_after(secs(1)).await
        }
    })
    .needs("read-timeout")
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        stalled(
            "write.stalled-reader-of-a-length",
            "A client that does not read a proxied response with a length is reset.",
            bounded(much()),
        ),
        stalled(
            "write.stalled-reader-of-proxied-chunks",
            "A client that does not read a proxied, chunked response is reset.",
            bounded(much_in_chunks()),
        ),
        stalled(
            "write.stalled-reader-of-an-own-body",
            "A client that does not read what the application writes in one go is reset.",
            bounded(Request::local("big")),
        ),
        stalled(
            "write.stalled-reader-of-proxy-tasks",
            "A client that does not read what the cancel-safe writer sends is reset.",
            bounded(much_in_chunks()).with("X-Proxy-Tasks", "1"),
        )
        .needs("proxy-tasks"),
        stalled(
            "write.stalled-http10-reader",
            "An HTTP/1.0 client that does not read a response without a length is reset: what it \
             has must not look complete.",
            bounded(much_in_chunks()).http10(),
        ),
        heads(
            "write.stalled-reader-of-heads",
            "A client that does not read responses that are nothing but a head is reset.",
            false,
        ),
        heads(
            "write.stalled-reader-of-heads-in-proxy-tasks",
            "The same where the cancel-safe writer sends them.",
            true,
        )
        .needs("proxy-tasks"),
    ];
    cases.extend(slow());
    cases.extend(switched());
    cases
}

/// Many requests at once, each answered with a head of 1 MiB.
fn heads(id: &'static str, sentence: &'static str, proxy_tasks: bool) -> Case {
    Case::new(id, sentence, SOURCE, "proxy", move |context| async move {
        let request = if proxy_tasks {
            Request::get("/204").with("X-Proxy-Tasks", "1")
        } else {
            Request::local("204")
        };
        let request = bounded(request)
            .with("X-Pipelining", "1")
            .with("X-Pad", "1048576");
        let mut reader = Reader::ask(&context, &request.bytes().repeat(24)).await?;
        reader.is_cut_after(secs(1)).await
    })
    .needs("read-timeout")
    .needs("pipelining")
}

fn slow() -> Vec<Case> {
    vec![
        Case::new(
            "write.a-slow-reader-gets-everything",
            "A client that reads steadily gets all of a body whose write takes longer than the \
             write timeout.",
            SOURCE,
            "proxy",
            |context| async move {
                let request = Request::local("big").with("X-Timeouts", "write=1500");
                let mut reader = Reader::ask(&context, &request.bytes()).await?;
                reader.reads_slowly(12).await;
                reader.gets(BIG).await
            },
        )
        .needs("read-timeout"),
        Case::new(
            "write.a-slow-reader-gets-everything-proxied",
            "A client that reads steadily gets all of a proxied body.",
            SOURCE,
            "proxy",
            |context| async move {
                let request = Request::get(format!("/big/{BIG}"));
                let request = request.with("X-Timeouts", "write=1500");
                let mut reader = Reader::ask(&context, &request.bytes()).await?;
                reader.reads_slowly(12).await;
                reader.gets(BIG).await
            },
        )
        .needs("read-timeout"),
        Case::new(
            "write.a-pause-of-the-application-does-not-count",
            "An application that pauses longer than the write timeout is not cut.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::local("slow-body").with("X-Timeouts", "write=100");
                let response = connection.exchange(&request).await?;
                check::body(&response, "hello\n")
            },
        )
        .needs("read-timeout"),
    ]
}

fn switched() -> Vec<Case> {
    vec![
        Case::new(
            "write.a-minimum-send-rate-replaces-the-timeout",
            "With a minimum send rate, a stall longer than the write timeout is allowed.",
            SOURCE,
            "proxy",
            |context| async move {
                let request = Request::local("big")
                    .with("X-Timeouts", "write=500")
                    .with("X-Min-Send-Rate", "1048576");
                let mut reader = Reader::ask(&context, &request.bytes()).await?;
                sleep(millis(2000)).await;
                reader.gets(BIG).await
            },
        )
        .needs("read-timeout")
        .needs("min-send-rate"),
        Case::new(
            "write.a-minimum-send-rate-is-a-time-in-all",
            "A client below the minimum send rate is reset, although it reads.",
            SOURCE,
            "proxy",
            |context| async move {
                // 2 s for 16 MiB; the reader needs about 4
                let request = Request::local("big").with("X-Min-Send-Rate", "8388608");
                let mut reader = Reader::ask(&context, &request.bytes()).await?;
                match reader.reads_slowly(16).await {
                    Some(End::Reset) => Ok(()),
                    end => Err(Failure::wrong(
                        "a reset",
                        format!("{end:?} behind {} bytes", reader.read),
                    )),
                }
            },
        )
        .needs("min-send-rate"),
        Case::new(
            "write.none-switches-it-off",
            "A request's None allows a stall longer than the server's write timeout.",
            SOURCE,
            "proxy-write",
            |context| async move {
                let request = Request::local("big").with("X-Timeouts", "write=none");
                let mut reader = Reader::ask(&context, &request.bytes()).await?;
                sleep(millis(3000)).await;
                reader.gets(BIG).await
            },
        )
        .needs("write-timeout-option"),
        Case::new(
            "write.the-option-holds-for-the-server",
            "The write timeout of the server's options resets a client that does not read.",
            SOURCE,
            "proxy-write",
            |context| async move {
                let mut reader = Reader::ask(&context, &much().bytes()).await?;
                reader.is_cut_after(secs(1)).await
            },
        )
        .needs("write-timeout-option"),
        Case::new(
            "write.default-is-60-s",
            "With nothing set, a client that never reads a response of 64 MiB is reset after 60 s.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut reader = Reader::ask(&context, &much().bytes()).await?;
                reader.is_cut_after(secs(60)).await
            },
        )
        .bound(secs(75)),
    ]
}
