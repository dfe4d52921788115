//! Idle deadlines by the thousand: how late their closes come.
//!
//! The case `race.five-thousand-expire-together` asks that each connection is closed, and none
//! early. How late is a matter of the machine and of the build, so `harness bench` judges it alone,
//! with an optimized subject and nothing beside it.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use crate::case::{Failure, Found};
use crate::subject::Subject;
use crate::wire::response::{parse, Parsed};
use crate::wire::Request;

/// How many connections expire together.
pub const CONNECTIONS: usize = 5000;

/// The 99th percentile of lateness that `harness bench` asks for.
pub const BOUND: Duration = Duration::from_millis(50);

/// How much earlier than its deadline a close may be seen: the clocks tick in milliseconds.
const EARLY: Duration = Duration::from_millis(10);

/// How much later than it came a close may be seen.
const TICK: Duration = Duration::from_millis(1);

/// How long after the common deadline the last connection may go.
const SETTLE: Duration = Duration::from_secs(20);

/// How many exchanges run at once.
const AT_ONCE: usize = 100;

/// The shortest idle time that is asked for, and what is left after the last request before the
/// deadlines begin.
const LEAST: Duration = Duration::from_secs(1);

/// What was measured.
#[derive(Clone, Debug)]
pub struct Expiry {
    /// How many were asked for, and how many the limit on open files allowed.
    wanted: usize,
    tried: usize,
    /// How many were still open at the end.
    open: usize,
    /// How many ended with a reset.
    reset: usize,
    /// The greatest time by which one was closed before its deadline could have come.
    early: Duration,
    /// How late each of the others was closed, in order.
    late: Vec<Duration>,
    /// How late a timer of this client was at most while the connections expired.
    noise: Duration,
    /// How far apart the deadlines were at most.
    spread: Duration,
    /// The time on processors that the server and this client took for it, where it is known.
    server: Option<Duration>,
    client: Option<Duration>,
}

impl Expiry {
    /// Every connection was closed with a FIN, and none early.
    pub fn is_complete(&self) -> Found {
        if self.open > 0 {
            return Err(Failure::hang("every connection closed", self.to_string()));
        }
        if self.reset > 0 || self.early > EARLY {
            let expected = "every connection closed with a FIN, none early";
            return Err(Failure::wrong(expected, self.to_string()));
        }
        Ok(())
    }

    /// How late so many in a hundred of the closes were at most.
    pub fn percentile(&self, percent: usize) -> Duration {
        let last = self.late.len().saturating_sub(1);
        let at = (self.late.len() * percent).div_ceil(100);
        let at = at.saturating_sub(1).min(last);
        self.late.get(at).copied().unwrap_or_default()
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
        write!(
            f,
            "{} closed, {} reset, {} still open",
            self.late.len(),
            self.reset,
            self.open
        )?;
        if self.tried < self.wanted {
            write!(
                f,
                "; {} wanted, but the limit on open files allows no more",
                self.wanted
            )?;
        }
        write!(
            f,
            "; deadlines within {}; earliest {} early; late: median {}, 90 % {}, 99 % {}, most {}; \
             a timer of this client was late by up to {}",
            millis(self.spread),
            millis(self.early),
            millis(self.percentile(50)),
            millis(self.percentile(90)),
            millis(self.percentile(99)),
            millis(self.percentile(100)),
            millis(self.noise),
        )?;
        if let (Some(server), Some(client)) = (self.server, self.client) {
            write!(
                f,
                "; processor time: server {}, this client {}",
                millis(server),
                millis(client)
            )?;
        }
        Ok(())
    }
}

/// One connection's last exchange.
struct Asked {
    /// Between these two the server began to count.
    sent: Instant,
    answered: Instant,
    idle: Duration,
}

#[derive(Clone, Copy)]
enum End {
    Fin(Instant),
    Reset,
    StillOpen,
}

/// Opens connections to the shape `proxy`, which takes `X-Idle-Ms`, and has the idle times of all
/// end at once.
pub async fn expire_together(subject: &Subject, wanted: usize) -> Result<Expiry, Failure> {
    let broken = |error: io::Error| Failure::wrong("an exchange", error.to_string());
    let address = subject
        .address("proxy")
        .ok_or_else(|| Failure::wrong("the shape proxy", "a subject without it"))?;
    let server = subject.id();
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let files = rlimit::Resource::NOFILE.get_soft().unwrap_or(1024);
    let allowed = usize::try_from(files.saturating_sub(500)).unwrap_or(usize::MAX);
    let tried = wanted.min(allowed);

    let start = Instant::now();
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut opening = JoinSet::new();
    for number in 0..tried {
        let permits = permits.clone();
        opening.spawn(async move {
            let _permit = permits.acquire_owned().await;
            let mut stream = connect(address, number).await?;
            exchange(&mut stream, &Request::local("length")).await?;
            io::Result::Ok(stream)
        });
    }
    let mut streams = Vec::with_capacity(tried);
    while let Some(opened) = opening.join_next().await {
        let opened = opened.map_err(io::Error::other).and_then(|opened| opened);
        streams.push(opened.map_err(broken)?);
    }

    // As long again as that took, and as much for good measure.
    let target = Instant::now() + start.elapsed() * 2 + LEAST;
    let last = target + SETTLE;
    let mut asking = JoinSet::new();
    for stream in streams {
        let permits = permits.clone();
        asking.spawn(async move { ask(stream, permits, target).await });
    }
    let noise = tokio::spawn(noise(target));
    let before = tokio::spawn(async move {
        sleep_until((target - LEAST / 4).into()).await;
        (server.and_then(processor_time), own_processor_time())
    });
    let mut asked = Vec::with_capacity(tried);
    let mut idle = Vec::with_capacity(tried);
    while let Some(one) = asking.join_next().await {
        let one = one.map_err(io::Error::other).and_then(|one| one);
        let (one, stream) = one.map_err(broken)?;
        asked.push(one);
        idle.push(stream);
    }
    let ends = tokio::task::spawn_blocking(move || watch(idle, last)).await;
    let ends = ends.map_err(io::Error::other).and_then(|ends| ends);
    let ended: Vec<_> = asked.into_iter().zip(ends.map_err(broken)?).collect();
    let after = (server.and_then(processor_time), own_processor_time());
    let before = before.await.unwrap_or_default();
    let mut expiry = sum_up(wanted, tried, &ended, noise.await.unwrap_or_default());
    let difference = |after: Option<Duration>, before| Some(after?.saturating_sub(before?));
    expiry.server = difference(after.0, before.0);
    expiry.client = difference(after.1, before.1);
    Ok(expiry)
}

fn own_processor_time() -> Option<Duration> {
    processor_time(std::process::id())
}

/// The time on processors that a process has taken, as Linux counts it: in hundredths of a second.
fn processor_time(id: u32) -> Option<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name of the program comes second and may hold anything; user and system time are the
    // twelfth and the thirteenth after it.
    let (_, fields) = text.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).take(2);
    let mut next = || times.next()?.parse::<u64>().ok();
    Some(Duration::from_millis((next()? + next()?) * 10))
}

fn sum_up(wanted: usize, tried: usize, ended: &[(Asked, End)], noise: Duration) -> Expiry {
    let mut expiry = Expiry {
        wanted,
        tried,
        open: 0,
        reset: 0,
        early: Duration::ZERO,
        late: Vec::new(),
        noise,
        spread: Duration::ZERO,
        server: None,
        client: None,
    };
    for (one, end) in ended {
        match *end {
            End::Fin(at) => {
                let earliest = one.sent + one.idle;
                let latest = one.answered + one.idle;
                let early = earliest.saturating_duration_since(at);
                expiry.early = expiry.early.max(early);
                expiry.late.push(at.saturating_duration_since(latest));
            }
            End::Reset => expiry.reset += 1,
            End::StillOpen => expiry.open += 1,
        }
    }
    expiry.late.sort_unstable();
    let deadlines = || ended.iter().map(|(one, _)| one.answered + one.idle);
    if let (Some(first), Some(last)) = (deadlines().min(), deadlines().max()) {
        expiry.spread = last - first;
    }
    expiry
}

/// Asks for an idle time that ends at `target`.
async fn ask(
    mut stream: TcpStream,
    permits: Arc<Semaphore>,
    target: Instant,
) -> io::Result<(Asked, mio::net::TcpStream)> {
    let _permit = permits.acquire_owned().await;
    let sent = Instant::now();
    // In whole milliseconds, as the field is.
    let idle = target.saturating_duration_since(sent).max(LEAST / 2);
    let millis = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
    let request = Request::local("length").with("X-Idle-Ms", &millis.to_string());
    let answered = exchange(&mut stream, &request).await?;
    let asked = Asked {
        sent,
        answered,
        idle: Duration::from_millis(millis),
    };
    Ok((asked, mio::net::TcpStream::from_std(stream.into_std()?)))
}

/// When and how each of `streams` ends, until `last`.
///
/// One thread asks the system, and reads and closes nothing meanwhile: what this client does in the
/// moment in which all of them end, the server cannot do.
fn watch(mut streams: Vec<mio::net::TcpStream>, last: Instant) -> io::Result<Vec<End>> {
    let mut poll = mio::Poll::new()?;
    for (number, stream) in streams.iter_mut().enumerate() {
        let readable = mio::Interest::READABLE;
        poll.registry()
            .register(stream, mio::Token(number), readable)?;
    }
    let mut ends = vec![End::StillOpen; streams.len()];
    let mut left = streams.len();
    let mut events = mio::Events::with_capacity(streams.len().max(1));
    while left > 0 && Instant::now() < last {
        match poll.poll(
            &mut events,
            Some(last.saturating_duration_since(Instant::now())),
        ) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => result?,
        }
        // In lots: to be asked for each by itself would cost more than the close.
        let at = Instant::now();
        std::thread::sleep(TICK);
        for event in &events {
            let end = &mut ends[event.token().0];
            if !matches!(end, End::StillOpen) {
                continue;
            }
            *end = match (event.is_error(), event.is_read_closed()) {
                (true, _) => End::Reset,
                (false, true) => End::Fin(at),
                (false, false) => return Err(io::Error::other("bytes after the response")),
            };
            left -= 1;
        }
    }
    Ok(ends)
}

/// Connects from one of several loopback addresses, so that ports do not run short.
async fn connect(address: SocketAddr, number: usize) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let host = 2 + u8::try_from(number % 8).unwrap_or(0);
    socket.bind((Ipv4Addr::new(127, 0, 0, host), 0).into())?;
    socket.connect(address).await
}

/// Sends a request and reads its response to the end, which is when its last byte came.
async fn exchange(stream: &mut TcpStream, request: &Request) -> io::Result<Instant> {
    stream.write_all(&request.bytes()).await?;
    let mut received = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let count = stream.read(&mut buffer).await?;
        let at = Instant::now();
        received.extend_from_slice(&buffer[..count]);
        match parse(&received, request.method_name(), count == 0) {
            Parsed::Complete(response, _) if response.status == 200 => return Ok(at),
            Parsed::Incomplete => {}
            other => return Err(io::Error::other(format!("{other:?}"))),
        }
    }
}

/// How late a timer of this client is at most around a moment.
async fn noise(target: Instant) -> Duration {
    const AROUND: Duration = Duration::from_millis(500);
    const STEP: Duration = Duration::from_millis(5);
    let mut most = Duration::ZERO;
    sleep_until((target - LEAST / 2).into()).await;
    while Instant::now() < target + AROUND {
        let due = Instant::now() + STEP;
        sleep(STEP).await;
        most = most.max(due.elapsed());
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn early_counts_from_the_request_and_late_from_the_response() {
        let sent = Instant::now();
        let millis = Duration::from_millis;
        let one = |end| {
            let asked = Asked {
                sent,
                answered: sent + millis(30),
                idle: millis(1000),
            };
            (asked, end)
        };
        let ended = [
            one(End::Fin(sent + millis(990))),
            one(End::Fin(sent + millis(1010))),
            one(End::Fin(sent + millis(1070))),
        ];
        let expiry = sum_up(3, 3, &ended, Duration::ZERO);
        assert_eq!(expiry.early, millis(10));
        assert_eq!(expiry.percentile(50), millis(0));
        assert_eq!(expiry.percentile(99), millis(40));
        assert!(expiry.is_complete().is_ok());

        let ended = [one(End::StillOpen)];
        assert!(sum_up(1, 1, &ended, Duration::ZERO).is_complete().is_err());
        let ended = [one(End::Fin(sent + millis(980)))];
        assert!(sum_up(1, 1, &ended, Duration::ZERO).is_complete().is_err());
    }
}
