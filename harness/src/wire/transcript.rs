//! The record of everything that a case sent and saw, with its times.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The longest run of bytes that is kept and shown of one event.
const SHOWN: usize = 700;

/// The beginning of some bytes, and how many there were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The first of them, at most 700.
    pub head: Vec<u8>,
    /// How many there were in all.
    pub total: usize,
}

impl Excerpt {
    /// How many are left out.
    pub fn cut(&self) -> usize {
        self.total - self.head.len()
    }
}

impl From<&[u8]> for Excerpt {
    fn from(bytes: &[u8]) -> Excerpt {
        Excerpt {
            head: bytes[..bytes.len().min(SHOWN)].to_vec(),
            total: bytes.len(),
        }
    }
}

/// What a case waits for, and when it may come. Times count from the start of the case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// What must come; without a deadline, what must last until `not_before`.
    pub what: String,
    /// When it may come at the earliest, where that matters.
    pub not_before: Option<Duration>,
    /// When it must have come.
    pub deadline: Option<Duration>,
}

/// Something that happened on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The connection was established, to the shape of this name.
    Connected(String),
    /// The client wrote these bytes.
    Sent(Excerpt),
    /// The client read these bytes.
    Received(Excerpt),
    /// So many bytes of TLS records went from a client to the server.
    SentRecords(usize),
    /// So many bytes of TLS records went from the server to a client.
    ReceivedRecords(usize),
    /// The client says over TLS that it will send nothing more.
    SentCloseNotify,
    /// The client will send nothing more.
    SentFin,
    /// The client is done with the connection; the server is not told.
    HeldFin,
    /// The server says over TLS that it will send nothing more.
    CloseNotify,
    /// The server will send nothing more.
    Fin,
    /// The server will send nothing more and has not said so over TLS: what came may be cut short.
    Truncated,
    /// The server reset the connection.
    Reset,
    /// The case remarks on something that is not on the wire.
    Note(String),
    /// The case begins to wait. A timeline shows it; a transcript in text is about what happened.
    Awaits(Awaited),
}

impl Event {
    /// Bytes that the client wrote.
    pub fn sent(bytes: &[u8]) -> Event {
        Event::Sent(bytes.into())
    }

    /// Bytes that the client read.
    pub fn received(bytes: &[u8]) -> Event {
        Event::Received(bytes.into())
    }
}

/// An [`Event`] with its connection and its time since the start of the case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which of the case's connections, counted from 1; 0 for none.
    pub connection: u32,
    /// When, since the start of the case.
    pub at: Duration,
    /// What.
    pub event: Event,
}

/// The record of one case. Clones share it.
#[derive(Clone, Debug)]
pub struct Transcript {
    start: Instant,
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl Transcript {
    /// An empty record that starts now.
    pub fn start() -> Transcript {
        Transcript {
            start: Instant::now(),
            entries: Arc::default(),
        }
    }

    /// Adds an event with the present time, which is returned.
    pub fn add(&self, connection: u32, event: Event) -> Instant {
        let now = Instant::now();
        self.entries().push(Entry {
            connection,
            at: now.duration_since(self.start),
            event,
        });
        now
    }

    /// Adds a remark.
    pub fn note(&self, text: impl Into<String>) {
        self.add(0, Event::Note(text.into()));
    }

    /// Adds that the case waits for something from now on.
    pub fn awaits(
        &self,
        connection: u32,
        what: impl Into<String>,
        not_before: Option<Instant>,
        deadline: Option<Instant>,
    ) {
        let since_start = |at: Instant| at.saturating_duration_since(self.start);
        let awaited = Awaited {
            what: what.into(),
            not_before: not_before.map(since_start),
            deadline: deadline.map(since_start),
        };
        self.add(connection, Event::Awaits(awaited));
    }

    /// The events so far.
    pub fn snapshot(&self) -> Record {
        Record {
            entries: self.entries().clone(),
        }
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All that happened in a case, when it is over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// In the order of their times.
    pub entries: Vec<Entry>,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 60;
        let happened = |entry: &&Entry| !matches!(entry.event, Event::Awaits(_));
        let count = self.entries.iter().filter(happened).count();
        for (shown, entry) in self.entries.iter().filter(happened).enumerate() {
            if shown == MOST {
                return write!(f, "  ... and {} events more", count - MOST);
            }
            if shown > 0 {
                writeln!(f)?;
            }
            write!(f, "  {:>8.1} ms  ", entry.at.as_secs_f64() * 1000.0)?;
            if entry.connection > 0 {
                write!(f, "{:>2} ", entry.connection)?;
            } else {
                write!(f, "   ")?;
            }
            entry.event.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Connected(to) => write!(f, "-- connected to {to}"),
            Event::Sent(bytes) => write!(f, "-> {bytes}"),
            Event::Received(bytes) => write!(f, "<- {bytes}"),
            Event::SentRecords(count) => write!(f, "-- -> {count} bytes of TLS"),
            Event::ReceivedRecords(count) => write!(f, "-- <- {count} bytes of TLS"),
            Event::HeldFin => f.write_str("-- the client is done; its FIN is held back"),
            Event::SentCloseNotify => f.write_str("-> close_notify"),
            Event::SentFin => f.write_str("-> FIN"),
            Event::CloseNotify => f.write_str("<- close_notify"),
            Event::Truncated => f.write_str("<- FIN without close_notify"),
            Event::Fin => f.write_str("<- FIN"),
            Event::Reset => f.write_str("<- RST"),
            Event::Note(text) => write!(f, "-- {text}"),
            Event::Awaits(awaited) => write!(f, "-- waiting for {}", awaited.what),
        }
    }
}

/// Bytes as text on one line, with what is not printable escaped.
impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        f.write_str(&escaped(&self.head))?;
        f.write_str("\"")?;
        match self.cut() {
            0 => Ok(()),
            cut => write!(f, " and {cut} bytes more"),
        }
    }
}

/// Bytes as printable ASCII, the others escaped as in a byte string.
pub fn escaped(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string().replace("\\'", "'")
}

/// Bytes as text on one line, with what is not printable escaped.
pub fn shown(bytes: &[u8]) -> String {
    Excerpt::from(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_of_escaped_bytes() {
        let transcript = Transcript::start();
        transcript.add(1, Event::sent(b"GET / HTTP/1.1\r\n\xff\r\n"));
        transcript.add(1, Event::Fin);
        let text = transcript.snapshot().to_string();
        assert_eq!(text.lines().count(), 2);
        assert!(
            text.contains(r#"1 -> "GET / HTTP/1.1\r\n\xff\r\n""#),
            "{text}"
        );
        assert!(text.ends_with(" 1 <- FIN"), "{text}");
    }

    #[test]
    fn what_is_awaited_is_recorded_and_not_told_in_text() {
        let transcript = Transcript::start();
        let deadline = transcript.start + Duration::from_millis(1200);
        transcript.awaits(1, "the end", None, Some(deadline));
        transcript.add(1, Event::Fin);
        let record = transcript.snapshot();
        let awaited = Awaited {
            what: "the end".into(),
            not_before: None,
            deadline: Some(Duration::from_millis(1200)),
        };
        assert_eq!(record.entries[0].event, Event::Awaits(awaited));
        assert_eq!(record.to_string().lines().count(), 1);
    }

    #[test]
    fn long_runs_of_bytes_are_cut() {
        let text = shown(&[b'a'; SHOWN + 5]);
        assert!(text.ends_with("\" and 5 bytes more"), "{text}");
    }
}
