//! One connection of a tap: what goes through it, and who ends it.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

use super::records::Records;
use super::tap::{ReadHalf, Seen, WriteHalf};
use crate::case::Context;
use crate::wire::transcript::Event;
use crate::wire::Transport;

/// Passes bytes on between a client and the server.
#[derive(Debug)]
pub(super) struct Relay<'a> {
    pub(super) context: &'a Context,
    /// Of the connection, in the transcript.
    pub(super) number: u32,
    /// How many connections of the tap have been used.
    pub(super) used: &'a AtomicU32,
    pub(super) seen: &'a watch::Sender<Seen>,
    /// Whether the server has begun to end it: over TLS its close_notify comes before its FIN.
    pub(super) ending: AtomicBool,
}

impl Relay<'_> {
    /// Until both have ended it, or it is dropped.
    pub(super) async fn run(
        &self,
        client: (ReadHalf, WriteHalf),
        server: (ReadHalf, WriteHalf),
    ) -> io::Result<()> {
        let to = self.context.called(self.context.shape());
        let connected = format!("{to} through a tap");
        self.add(Event::Connected(connected));
        let (mut client_read, client_write) = client;
        let (server_read, mut server_write) = server;
        let back = self.back(server_read, client_write);
        tokio::pin!(back);
        tokio::select! {
            done = self.forward(&mut client_read, &mut server_write) => {
                done?;
                // The server is watched further; it sees no FIN before it has ended.
                back.await;
            }
            () = &mut back => self.follow(&mut client_read).await,
        }
        Ok(())
    }

    /// A line in the transcript.
    pub(super) fn note(&self, text: impl Into<String>) -> Instant {
        self.add(Event::Note(text.into()))
    }

    fn add(&self, event: Event) -> Instant {
        self.context.transcript.add(self.number, event)
    }

    fn is_tls(&self) -> bool {
        self.context.over == Transport::Tls
    }

    /// Until the client is done.
    async fn forward(&self, from: &mut ReadHalf, to: &mut WriteHalf) -> io::Result<()> {
        let mut open = None;
        let mut is_used = false;
        let mut buffer = vec![0; 16 * 1024];
        let mut records = Records::default();
        loop {
            let count = from.read(&mut buffer).await.unwrap_or(0);
            if count == 0 {
                let at = self.add(Event::HeldFin);
                let ending = self.ending.load(Ordering::Relaxed);
                match open {
                    Some(_) if ending => self.seen.send_modify(|seen| seen.followed = Some(at)),
                    Some(_) => self.seen.send_modify(|seen| seen.let_go = Some(at)),
                    None => {}
                }
                return Ok(());
            }
            if open.is_none() {
                open = Some(Open::begin(self.seen));
            }
            let bytes = &buffer[..count];
            let (event, passed) = if self.is_tls() {
                (Event::SentRecords(count), records.without_alerts(bytes))
            } else {
                (Event::sent(bytes), bytes.to_vec())
            };
            self.add(event);
            // Over TLS a client may shake hands on a connection that it then has no use for.
            if !is_used && (!self.is_tls() || records.have_request()) {
                is_used = true;
                self.used.fetch_add(1, Ordering::Relaxed);
            }
            to.write_all(&passed).await?;
        }
    }

    /// Until the server has ended the connection.
    async fn back(&self, mut from: ReadHalf, mut to: WriteHalf) {
        let mut buffer = vec![0; 16 * 1024];
        let mut records = Records::default();
        loop {
            match from.read(&mut buffer).await {
                Ok(0) => {
                    let at = self.add(Event::Fin);
                    // Whoever waits for it may rely on the client's having it.
                    let _ = to.shutdown().await;
                    self.seen.send_modify(|seen| seen.ended = Some(at));
                    return;
                }
                Ok(count) => {
                    let bytes = &buffer[..count];
                    // The server's close_notify begins the end; it is no byte of a response.
                    let (event, (is_end, is_more)) = if self.is_tls() {
                        (Event::ReceivedRecords(count), records.alert_and_more(bytes))
                    } else {
                        (Event::received(bytes), (false, true))
                    };
                    let at = self.add(event);
                    self.ending.fetch_or(is_end, Ordering::Relaxed);
                    if is_more {
                        self.seen.send_modify(|seen| seen.last_byte = at);
                    }
                    // A client that is done does not keep the server from being watched.
                    let _ = to.write_all(bytes).await;
                }
                Err(_) => {
                    let at = self.add(Event::Reset);
                    self.seen.send_modify(|seen| seen.ended = Some(at));
                    return;
                }
            }
        }
    }

    /// What the client does with a connection that the server has closed. One that sends a request on
    /// it meets a reset, as it would without a tap.
    async fn follow(&self, from: &mut ReadHalf) {
        let mut buffer = vec![0; 16 * 1024];
        let mut records = Records::default();
        loop {
            let count = from.read(&mut buffer).await.unwrap_or(0);
            if count == 0 {
                let at = self.note("the client lets go as well");
                self.seen.send_modify(|seen| seen.followed = Some(at));
                return;
            }
            let bytes = &buffer[..count];
            // The close_notify of a client is no request.
            if !self.is_tls() || !records.without_alerts(bytes).is_empty() {
                self.note(format!("-> {count} bytes for a server that has gone"));
                return;
            }
        }
    }
}

/// A connection that the client has used, until either end closes it.
struct Open<'a>(&'a watch::Sender<Seen>);

impl Open<'_> {
    fn begin(seen: &watch::Sender<Seen>) -> Open<'_> {
        seen.send_modify(|seen| {
            seen.first_byte.get_or_insert_with(Instant::now);
            seen.open += 1;
        });
        Open(seen)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|seen| seen.open -= 1);
    }
}
