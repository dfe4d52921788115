//! A scripted client connection.
//!
//! A task of its own reads whatever comes and notes when it came, so that a case that is busy
//! elsewhere loses no time: the time of a FIN is when it arrived, not when the case looked.

mod ends;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout_at;

use super::request::Request;
use super::response::{parse, Framing, Parsed, Response};
use super::transcript::{shown, Event, Transcript};
use super::transport::{self, Endpoint, Incoming, Reader, Writer};
use crate::case::Failure;
use crate::service::Service;

/// How long a response may take before the case says that it hangs.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How long a close that is due at once may take.
pub const PROMPT: Duration = Duration::from_millis(1500);

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// A FIN; over TLS, after a close_notify.
    Fin,
    /// Over TLS, a FIN without a close_notify.
    Truncated,
    /// A reset.
    Reset,
}

impl End {
    fn as_str(self) -> &'static str {
        match self {
            End::Fin => "a FIN",
            End::Truncated => "a FIN without close_notify",
            End::Reset => "a reset",
        }
    }
}

/// What has been read, and when.
#[derive(Debug)]
struct Inbound {
    bytes: Vec<u8>,
    last: Instant,
    end: Option<(End, Instant)>,
}

/// A connection to a shape of the subject.
#[derive(Debug)]
pub struct Connection {
    write: Writer,
    inbound: watch::Receiver<Inbound>,
    reader: JoinHandle<()>,
    transcript: Transcript,
    number: u32,
    consumed: usize,
    sent_at: Instant,
    answered_at: Instant,
    send_failure: Option<String>,
    service: Arc<Service>,
    asked: Option<Request>,
}

impl Connection {
    /// Connects.
    pub async fn open(
        endpoint: impl Into<Endpoint>,
        name: &str,
        number: u32,
        transcript: Transcript,
    ) -> io::Result<Connection> {
        let endpoint = endpoint.into();
        // The server may count from any moment after `now`.
        let (read, write, now) = transport::connect(&endpoint).await?;
        let over = match endpoint {
            Endpoint::Plain(_) => "",
            Endpoint::Tls(_) | Endpoint::TlsTo(..) => " over TLS",
            Endpoint::Unix(_) => " over a Unix socket",
        };
        transcript.add(number, Event::Connected(format!("{name}{over}")));
        let (sender, inbound) = watch::channel(Inbound {
            bytes: Vec::new(),
            last: now,
            end: None,
        });
        let reader = tokio::spawn(read_all(read, sender, transcript.clone(), number));
        Ok(Connection {
            write,
            inbound,
            reader,
            transcript,
            number,
            consumed: 0,
            sent_at: now,
            answered_at: now,
            send_failure: None,
            service: Arc::default(),
            asked: None,
        })
    }

    /// The same to a service that is held to something else than ours.
    pub fn to(mut self, service: Arc<Service>) -> Connection {
        self.service = service;
        self
    }

    /// What is at the other end.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// The last request that a response was read for.
    pub fn asked(&self) -> Option<&Request> {
        self.asked.as_ref()
    }

    /// Sends bytes. A server that has closed already is no failure here: what the case expects to
    /// read says whether it was right to.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.sent_at = self.transcript.add(self.number, Event::sent(bytes));
        if let Err(error) = self.write.write_all(bytes).await {
            let note = Event::Note(format!("sending failed: {error}"));
            self.transcript.add(self.number, note);
            self.send_failure = Some(error.to_string());
        }
    }

    /// Sends `count` zeros, or as many as the server takes before it closes.
    pub async fn send_zeros(&mut self, count: usize) {
        let note = Event::Note(format!("sending {count} zeros"));
        self.sent_at = self.transcript.add(self.number, note);
        let zeros = [0; 64 * 1024];
        let mut left = count;
        while left > 0 {
            let some = left.min(zeros.len());
            if self.write.write_all(&zeros[..some]).await.is_err() {
                return;
            }
            left -= some;
        }
    }

    /// Sends bytes to a server that takes them, whatever it does with them.
    pub async fn delivers(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.transcript.add(
            self.number,
            Event::Note(format!("sending {} bytes", bytes.len())),
        );
        for piece in bytes.chunks(64 * 1024) {
            self.sent_at = Instant::now();
            match tokio::time::timeout(PATIENCE, self.write.write_all(piece)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(Failure::wrong("the bytes taken", error.to_string())),
                Err(_) => {
                    return Err(Failure::hang(
                        "the bytes taken",
                        "a server that reads nothing",
                    ))
                }
            }
        }
        Ok(())
    }

    /// The server takes no more bytes: not earlier than `least` after `from`, and by `most`. Sends
    /// until then.
    pub async fn refuses(
        &mut self,
        from: Instant,
        least: Duration,
        most: Duration,
    ) -> Result<(), Failure> {
        let expected = format!(
            "bytes refused between {} and {}",
            seconds(least),
            seconds(most)
        );
        self.awaits(&expected, Some(from + least), Some(from + most));
        while from.elapsed() < most {
            if let Err(error) = self.write.write_all(b".").await {
                let after = from.elapsed();
                let note = Event::Note(format!("refused: {error}"));
                self.transcript.add(self.number, note);
                if after < least {
                    return Err(Failure::wrong(
                        expected,
                        format!("after {}", seconds(after)),
                    ));
                }
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(Failure::hang(expected, "every byte taken"))
    }

    /// The connection ends with a reset, whatever was said before.
    pub async fn resets(&mut self) -> Result<(), Failure> {
        self.awaits("a reset", None, Some(Instant::now() + PATIENCE));
        let waiting = self.inbound.wait_for(|inbound| inbound.end.is_some());
        let end = match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(Ok(inbound)) => inbound.end,
            _ => None,
        };
        match end {
            Some((End::Reset, _)) => Ok(()),
            Some((end, _)) => Err(Failure::wrong("a reset", end.as_str())),
            None => Err(Failure::hang("a reset", self.seen_instead())),
        }
    }

    /// What was sent was taken: the server did not refuse it with a reset.
    pub fn sends_unrefused(&self) -> Result<(), Failure> {
        match &self.send_failure {
            None => Ok(()),
            Some(error) => Err(Failure::wrong("all bytes taken", error.clone())),
        }
    }

    /// Sends a FIN, over TLS after a close_notify.
    pub async fn finish_sending(&mut self) {
        if self.write.is_tls() {
            self.transcript.add(self.number, Event::SentCloseNotify);
        }
        self.transcript.add(self.number, Event::SentFin);
        let _ = self.write.finish().await;
    }

    /// Sends a request and reads the final response to it, past any 1xx.
    pub async fn exchange(&mut self, request: &Request) -> Result<Response, Failure> {
        self.send(request.bytes()).await;
        self.response(request).await
    }

    /// Reads the final response to a request, past any 1xx.
    pub async fn response(&mut self, request: &Request) -> Result<Response, Failure> {
        loop {
            let response = self.next_response(request).await?;
            if !response.is_interim() {
                return Ok(response);
            }
        }
    }

    /// Reads the next response, 1xx or final.
    pub async fn next_response(&mut self, request: &Request) -> Result<Response, Failure> {
        self.asked = Some(request.clone());
        let method = request.method_name();
        let patience = self.service.patience;
        let from = self.consumed;
        let deadline = Instant::now() + patience;
        self.awaits("a complete response", None, Some(deadline));
        let read = |inbound: &Inbound| parse(&inbound.bytes[from..], method, inbound.end.is_some());
        let waiting = self
            .inbound
            .wait_for(|inbound| !matches!(read(inbound), Parsed::Incomplete));
        // Nothing is borrowed from the reader beyond this statement: it could not go on.
        let read = match timeout_at(deadline.into(), waiting).await {
            Ok(Ok(inbound)) => Some((read(&inbound), inbound.last)),
            Ok(Err(_)) | Err(_) => None,
        };
        let Some((parsed, at)) = read else {
            return Err(Failure::hang(
                "a complete response",
                format!("{} after {patience:?}", describe(&self.unread())),
            ));
        };
        match parsed {
            Parsed::Complete(response, _)
                if response.framing == Framing::CloseDelimited && !self.ended_well() =>
            {
                Err(Failure::wrong(
                    "a complete response",
                    "one that ends in a way that does not say that it is complete",
                ))
            }
            Parsed::Complete(response, used) => {
                self.consumed += used;
                self.answered_at = at;
                Ok(*response)
            }
            Parsed::Cut(place) if self.unread().is_empty() => Err(Failure::wrong(
                "a response",
                format!("the end of the connection without a byte ({place})"),
            )),
            Parsed::Cut(place) => Err(Failure::wrong(
                "a complete response",
                format!("one that is cut short {place}"),
            )),
            Parsed::Malformed(problem) => Err(Failure::wrong(
                "a response",
                format!("{} ({problem})", describe(&self.unread())),
            )),
            Parsed::Incomplete => Err(Failure::hang("a complete response", "less")),
        }
    }

    /// Waits until `count` raw bytes have come, as in a tunnel.
    pub async fn raw_bytes(&mut self, count: usize) -> Result<Vec<u8>, Failure> {
        let wanted = self.consumed + count;
        let expected = format!("{count} bytes through the tunnel");
        let deadline = Instant::now() + PATIENCE;
        self.awaits(&expected, None, Some(deadline));
        let waiting = self
            .inbound
            .wait_for(|inbound| inbound.bytes.len() >= wanted || inbound.end.is_some());
        let ready = timeout_at(deadline.into(), waiting).await.is_ok();
        let unread = self.unread();
        if unread.len() >= count {
            self.consumed = wanted;
            return Ok(unread[..count].to_vec());
        }
        let seen = describe(&unread);
        Err(if ready {
            Failure::wrong(expected, seen)
        } else {
            Failure::hang(expected, seen)
        })
    }

    /// Waits for anything beyond the last response.
    pub async fn something_comes(&mut self) -> Result<(), Failure> {
        let from = self.consumed;
        self.awaits("anything", None, Some(Instant::now() + PATIENCE));
        let waiting = self
            .inbound
            .wait_for(|inbound| inbound.end.is_some() || inbound.bytes.len() > from);
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(_) => Ok(()),
            Err(_) => Err(Failure::hang(
                "anything",
                format!("nothing after {PATIENCE:?}"),
            )),
        }
    }

    /// Sends bytes one by one with a pause after each, until all are sent or something comes back.
    pub async fn drip(&mut self, bytes: &[u8], pause: Duration) {
        let from = self.consumed;
        for byte in bytes {
            self.send([*byte]).await;
            let answered = self
                .inbound
                .wait_for(|inbound| inbound.end.is_some() || inbound.bytes.len() > from);
            if tokio::time::timeout(pause, answered).await.is_ok() {
                return;
            }
        }
    }

    /// The two ports, client's and server's, where it has any.
    pub fn ports(&self) -> Option<(u16, u16)> {
        self.write.ports()
    }

    /// When the last bytes were sent; the start of the connection if there were none.
    pub fn sent_at(&self) -> Instant {
        self.sent_at
    }

    /// When the last response was complete.
    pub fn answered_at(&self) -> Instant {
        self.answered_at
    }

    /// What has come and no response took.
    pub fn unread(&self) -> Vec<u8> {
        self.inbound.borrow().bytes[self.consumed..].to_vec()
    }

    /// Ends the connection with a reset.
    pub fn reset(self) {
        self.write.reset();
    }

    /// Records what the case waits for on this connection.
    fn awaits(&self, what: &str, not_before: Option<Instant>, deadline: Option<Instant>) {
        self.transcript
            .awaits(self.number, what, not_before, deadline);
    }

    /// Whether the end says that all was sent. Where TLS that ends without close_notify is the
    /// business of other cases, it does.
    fn ended_well(&self) -> bool {
        match self.inbound.borrow().end {
            Some((End::Fin, _)) => true,
            Some((End::Truncated, _)) => !self.service.notifies,
            Some((End::Reset, _)) | None => false,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Both halves gone, the socket closes.
        self.reader.abort();
    }
}

async fn read_all(
    mut read: Reader,
    inbound: watch::Sender<Inbound>,
    transcript: Transcript,
    number: u32,
) {
    let mut buffer = vec![0; 16 * 1024];
    let mut notified = !read.is_tls();
    let (end, event) = loop {
        match read.read(&mut buffer).await {
            Ok(Incoming::Bytes(count)) => {
                let bytes = &buffer[..count];
                let at = transcript.add(number, Event::received(bytes));
                inbound.send_modify(|inbound| {
                    inbound.bytes.extend_from_slice(bytes);
                    inbound.last = at;
                });
            }
            Ok(Incoming::CloseNotify) => {
                transcript.add(number, Event::CloseNotify);
                notified = true;
            }
            Ok(Incoming::End) if notified => break (End::Fin, Event::Fin),
            Ok(Incoming::End) => break (End::Truncated, Event::Truncated),
            Err(error) => {
                if error.kind() != io::ErrorKind::ConnectionReset {
                    let note = Event::Note(format!("reading failed: {error}"));
                    transcript.add(number, note);
                }
                break (End::Reset, Event::Reset);
            }
        }
    };
    let at = transcript.add(number, event);
    inbound.send_modify(|inbound| inbound.end = Some((end, at)));
}

fn describe(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        "nothing".to_owned()
    } else {
        shown(bytes)
    }
}

/// A time as people read it.
pub fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
