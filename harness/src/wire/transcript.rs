//! The record of everything that a case sent and saw, with its times.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The longest run of bytes that is shown of one event.
const SHOWN: usize = 700;

/// Something that happened on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The connection was established, to the shape of this name.
    Connected(String),
    /// The client wrote these bytes.
    Sent(Vec<u8>),
    /// The client read these bytes.
    Received(Vec<u8>),
    /// The client says over TLS that it will send nothing more.
    SentCloseNotify,
    /// The client will send nothing more.
    SentFin,
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
}

/// An [`Event`] with its connection and its time since the start of the case.
#[derive(Clone, Debug)]
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

    /// The events so far.
    pub fn snapshot(&self) -> Vec<Entry> {
        self.entries().clone()
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 60;
        let entries = self.entries();
        for (shown, entry) in entries.iter().enumerate() {
            if shown == MOST {
                return write!(f, "  ... and {} events more", entries.len() - MOST);
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
            Event::Sent(bytes) => write!(f, "-> {}", shown(bytes)),
            Event::Received(bytes) => write!(f, "<- {}", shown(bytes)),
            Event::SentCloseNotify => f.write_str("-> close_notify"),
            Event::SentFin => f.write_str("-> FIN"),
            Event::CloseNotify => f.write_str("<- close_notify"),
            Event::Truncated => f.write_str("<- FIN without close_notify"),
            Event::Fin => f.write_str("<- FIN"),
            Event::Reset => f.write_str("<- RST"),
            Event::Note(text) => write!(f, "-- {text}"),
        }
    }
}

/// Bytes as text on one line, with what is not printable escaped.
pub fn shown(bytes: &[u8]) -> String {
    let head = &bytes[..bytes.len().min(SHOWN)];
    let mut text = format!("\"{}\"", head.escape_ascii()).replace("\\'", "'");
    if bytes.len() > SHOWN {
        text.push_str(&format!(" and {} bytes more", bytes.len() - SHOWN));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_of_escaped_bytes() {
        let transcript = Transcript::start();
        transcript.add(1, Event::Sent(b"GET / HTTP/1.1\r\n\xff\r\n".to_vec()));
        transcript.add(1, Event::Fin);
        let text = transcript.to_string();
        assert_eq!(text.lines().count(), 2);
        assert!(
            text.contains(r#"1 -> "GET / HTTP/1.1\r\n\xff\r\n""#),
            "{text}"
        );
        assert!(text.ends_with(" 1 <- FIN"), "{text}");
    }

    #[test]
    fn long_runs_of_bytes_are_cut() {
        let text = shown(&[b'a'; SHOWN + 5]);
        assert!(text.ends_with("\" and 5 bytes more"), "{text}");
    }
}
