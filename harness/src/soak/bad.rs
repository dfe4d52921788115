//! Plays the bad clients.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;
use tokio::sync::watch::Receiver;
use tokio::time::{sleep, sleep_until, timeout_at};

use super::kinds::{End, Kind, Manner, Over};
use super::report::{Ending, Tally};
use super::watch::Table;
use crate::subject::process::Pair;
use crate::subject::Subject;
use crate::wire::tls;
use crate::wire::transport::{Incoming, Reader, Writer};

/// No client comes back sooner after its last connection began: the load is bounded by this and
/// by the number of clients.
const PACE: Duration = Duration::from_millis(1500);

/// What a client that never reads has for a receive buffer.
const SMALL: u32 = 4096;

/// How long a handshake may take, on a machine that is kept busy.
const HANDSHAKE: Duration = Duration::from_secs(20);

/// A kind, its place in the tally, and its address.
pub(super) type Addressed = (usize, Kind, SocketAddr);

/// Finds the addresses of `kinds`.
pub(super) fn addressed(kinds: &[Kind], subject: &Subject) -> Vec<Addressed> {
    kinds
        .iter()
        .enumerate()
        .filter_map(|(place, kind)| Some((place, kind.clone(), kind.address(subject)?)))
        .collect()
}

/// One bad client at a time.
pub(super) struct Slot {
    pub(super) number: usize,
    pub(super) tally: Arc<Tally>,
    pub(super) table: Table,
    pub(super) stopped: Receiver<bool>,
}

impl Slot {
    /// Plays kind after kind, each slot beginning with another, until stopped.
    pub(super) async fn run(self, kinds: Vec<Addressed>) {
        // Not all in the same moment.
        sleep(PACE.mul_f64(self.number as f64 % 50.0 / 50.0)).await;
        for (place, kind, address) in kinds.iter().cycle().skip(self.number % kinds.len()) {
            if *self.stopped.borrow() {
                return;
            }
            let next = tokio::time::Instant::now() + PACE;
            let ending = self.play(*place, kind, *address).await;
            self.tally.ended(*place, ending);
            sleep_until(next).await;
        }
    }

    async fn play(&self, place: usize, kind: &Kind, address: SocketAddr) -> Ending {
        match self.connection(place, kind, address).await {
            Ok(ending) => ending,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Ending::Held(HANDSHAKE),
            // What is refused or reset while the opening is sent has ended as well.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ending::Refused,
            Err(_) => Ending::Ended(Duration::ZERO),
        }
    }

    async fn connection(
        &self,
        place: usize,
        kind: &Kind,
        address: SocketAddr,
    ) -> io::Result<Ending> {
        let socket = TcpSocket::new_v4()?;
        if matches!(kind.manner, Manner::NeverReads) {
            socket.set_recv_buffer_size(SMALL)?;
        }
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        let pair = (address.port(), stream.local_addr()?.port());
        self.tally.began(place, pair);
        let (mut reader, mut writer) = match kind.over {
            Over::Tls => {
                let hands = tls::shake_hands(stream);
                let (reader, writer, _) = tokio::time::timeout(HANDSHAKE, hands).await??;
                (Reader::Tls(Box::new(reader)), Writer::Tls(Box::new(writer)))
            }
            Over::Tcp | Over::BelowTls => {
                let (reader, writer) = stream.into_split();
                (Reader::Plain(reader), Writer::Plain(writer))
            }
        };
        let start = Instant::now();
        writer.write_all(&kind.opening).await?;
        if matches!(kind.manner, Manner::HalfCloses) {
            writer.finish().await?;
        }
        match kind.end {
            End::Server(within) => {
                let gone = self.gone(pair);
                let deadline = start + within;
                let ended = with(&mut reader, &mut writer, kind.manner, deadline, gone).await;
                // A connection that the server has not ended is not to fill it up.
                writer.reset();
                let took = start.elapsed();
                Ok(if ended {
                    Ending::Ended(took)
                } else {
                    Ending::Held(took)
                })
            }
            End::Closes(after) | End::Resets(after) => {
                let never = std::future::pending();
                let deadline = start + after;
                with(&mut reader, &mut writer, kind.manner, deadline, never).await;
                if matches!(kind.end, End::Resets(_)) {
                    writer.reset();
                }
                Ok(Ending::Ended(start.elapsed()))
            }
        }
    }

    /// Ends when the server has let go of a connection.
    async fn gone(&self, pair: Pair) {
        let mut table = self.table.clone();
        table.without(pair).await;
    }
}

/// Goes on in its manner until `deadline` or `gone`, whichever is first; whether it was `gone`.
async fn with(
    reader: &mut Reader,
    writer: &mut Writer,
    manner: Manner,
    deadline: Instant,
    gone: impl std::future::Future<Output = ()>,
) -> bool {
    let reading = async {
        if !matches!(manner, Manner::NeverReads) {
            let mut bytes = [0; 16 * 1024];
            while matches!(
                reader.read(&mut bytes).await,
                Ok(Incoming::Bytes(_) | Incoming::CloseNotify)
            ) {}
        }
        std::future::pending::<()>().await;
    };
    let writing = async {
        if let Manner::Repeats(piece, pause) = manner {
            loop {
                sleep(pause).await;
                if writer.write_all(piece).await.is_err() {
                    break;
                }
            }
        }
        std::future::pending::<()>().await;
    };
    let all = async {
        tokio::select! {
            () = gone => {}
            () = reading => {}
            () = writing => {}
        }
    };
    timeout_at(deadline.into(), all).await.is_ok()
}
