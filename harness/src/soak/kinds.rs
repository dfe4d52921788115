//! The kinds of bad clients: what each sends, how it goes on, and who ends the connection.
//!
//! A kind for a shape that the subject does not have is left out. Where a deadline is not one of
//! the shape's options, the request sets it with `X-Timeouts`, so that no kind waits for a minute.

use std::net::SocketAddr;
use std::time::Duration;

use crate::subject::Subject;
use crate::wire::{Endpoint, Request, Transport};

/// One kind of bad client.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Its name in the table and for `--kind`.
    pub name: &'static str,
    /// Which shape it talks to.
    pub shape: &'static str,
    /// Over what.
    pub over: Over,
    /// What it sends at once.
    pub opening: Vec<u8>,
    /// What it does then.
    pub manner: Manner,
    /// Who ends the connection.
    pub end: End,
}

/// What a client talks over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The shape's port.
    Tcp,
    /// Its port for TLS, with a handshake before the opening.
    Tls,
    /// The same port; the opening takes the place of the handshake.
    BelowTls,
}

/// What a client does after its opening.
#[derive(Clone, Copy, Debug)]
pub enum Manner {
    /// Reads whatever comes.
    Reads,
    /// Reads nothing at all, and has little room for it.
    NeverReads,
    /// Sends this again and again and reads whatever comes.
    Repeats(&'static [u8], Duration),
    /// Sends a FIN and reads whatever comes.
    HalfCloses,
}

/// Who ends a connection.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// The server has to, within this time of the opening.
    Server(Duration),
    /// The client closes after this time.
    Closes(Duration),
    /// The client resets after this time.
    Resets(Duration),
}

/// A deadline of 2 to 3 s on the server, 5 s for it to linger, and time for a busy machine to keep
/// them.
const WITHIN: Duration = Duration::from_secs(20);

/// The same for clients that go on sending: the server lingers for 30 s.
const LONG_WITHIN: Duration = Duration::from_secs(45);

/// What requests set that the options of their shape do not.
const TIMEOUTS: &str = "read=2000, write=2000, drain=2000";

/// More than all buffers on the way hold.
const BIG: u64 = 30_000_000;

/// The first bytes of HTTP/2.
const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The first bytes of TLS.
const HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00";

/// Every kind.
pub fn all() -> Vec<Kind> {
    let mut kinds = Vec::new();
    for shape in ["proxy-short", "http-server-short"] {
        kinds.extend(heads(shape));
        kinds.extend(bodies(shape));
        kinds.extend(lives(shape));
        kinds.extend(vanishing(shape));
    }
    kinds.extend(responses("proxy-short"));
    kinds.extend(upstreams("proxy-short"));
    also_over_tls(&mut kinds, |kind| kind.shape == "proxy-short");
    kinds.extend(handshakes());
    kinds.extend(tunnels());
    kinds.extend(drips());
    kinds.extend(early_answers());
    kinds.extend(deaf_origins());
    kinds
}

/// Adds those that are chosen over TLS as well.
fn also_over_tls(kinds: &mut Vec<Kind>, is_chosen: impl Fn(&Kind) -> bool) {
    let chosen = kinds.iter().filter(|kind| is_chosen(kind)).cloned();
    let over_tls: Vec<_> = chosen.map(|kind| kind.over(Over::Tls)).collect();
    kinds.extend(over_tls);
}

/// A client that reads whatever comes and leaves it to the server to end the connection.
fn kind(shape: &'static str, name: &'static str, opening: impl Into<Vec<u8>>) -> Kind {
    Kind {
        name,
        shape,
        over: Over::Tcp,
        opening: opening.into(),
        manner: Manner::Reads,
        end: End::Server(WITHIN),
    }
}

impl Kind {
    /// Its name, with that of what it talks to.
    pub(super) fn id(&self) -> String {
        let transport = match self.over {
            Over::Tcp => Transport::Plain,
            Over::Tls | Over::BelowTls => Transport::Tls,
        };
        format!("{} {}", transport.run_of(self.shape), self.name)
    }

    /// Where it connects to, if the subject has that.
    pub(super) fn address(&self, subject: &Subject) -> Option<SocketAddr> {
        if self.over == Over::Tcp {
            return subject.address(self.shape);
        }
        match subject.endpoint(self.shape, Transport::Tls)? {
            Endpoint::Tls(address) => Some(address),
            _ => None,
        }
    }

    fn over(mut self, over: Over) -> Kind {
        self.over = over;
        self
    }

    fn within(mut self, seconds: u64) -> Kind {
        self.end = End::Server(Duration::from_secs(seconds));
        self
    }

    fn never_reads(mut self) -> Kind {
        self.manner = Manner::NeverReads;
        self
    }

    fn half_closes(mut self) -> Kind {
        self.manner = Manner::HalfCloses;
        self
    }

    fn repeats(mut self, piece: &'static [u8], millis: u64) -> Kind {
        self.manner = Manner::Repeats(piece, Duration::from_millis(millis));
        self.end = End::Server(LONG_WITHIN);
        self
    }

    fn closes(mut self, millis: u64) -> Kind {
        self.end = End::Closes(Duration::from_millis(millis));
        self
    }

    fn resets(mut self, millis: u64) -> Kind {
        self.end = End::Resets(Duration::from_millis(millis));
        self
    }
}

fn post(target: &str) -> Request {
    Request::new("POST", target).with("X-Timeouts", TIMEOUTS)
}

fn get(target: &str) -> Request {
    post(target).method("GET")
}

/// Heads that never end, and what is none.
fn heads(shape: &'static str) -> Vec<Kind> {
    let start = "GET / HTTP/1.1\r\nHost: subject.test\r\nX-Slow: ";
    vec![
        kind(shape, "silent", ""),
        kind(shape, "half-head", start),
        kind(shape, "slow-head", start).repeats(b"x", 150),
        kind(shape, "endless-head", start).repeats(&[b'x'; 2000], 150),
        kind(shape, "empty-lines", "\r\n").repeats(b"\r\n", 150),
        kind(shape, "garbage", [0xff, 0, 1, b'\n', 0x80]),
        kind(shape, "garbage-line", "HELO x y z\r\n\r\n"),
        kind(shape, "tls-to-a-plain-port", HELLO),
        kind(shape, "h2-preface", PREFACE),
        kind(shape, "half-h2-preface", &PREFACE[..9]),
    ]
}

/// Bodies of requests that do not come, or come and are not wanted.
fn bodies(shape: &'static str) -> Vec<Kind> {
    let unread = || post("/").with("X-Local", "length");
    let read = || unread().with("X-Read-Body", "1");
    let length = |request: Request| request.declaring(1000).raw_body("some").bytes();
    let chunked = |request: Request| {
        let coded = request.with("Transfer-Encoding", "chunked");
        coded.raw_body("4\r\nso").bytes()
    };
    let drained = unread().with("X-Drain", "1");
    vec![
        kind(shape, "stalled-body", length(read())),
        kind(shape, "stalled-chunk", chunked(read())),
        kind(shape, "aborted-body", length(read())).half_closes(),
        kind(shape, "aborted-chunk", chunked(read())).half_closes(),
        kind(shape, "unread-body", length(unread())).repeats(b"x", 300),
        kind(shape, "undrained-body", length(drained)),
    ]
}

/// Connections that are idle, or end as they should.
fn lives(shape: &'static str) -> Vec<Kind> {
    let plain = || Request::local("length");
    let wish = |wish| {
        let kept = plain().with("Connection", "keep-alive");
        kept.with("Keep-Alive", wish).bytes()
    };
    let pipelined = plain().with("X-Pipelining", "1");
    vec![
        kind(shape, "idle", plain().bytes()),
        kind(shape, "idle-then-slow", plain().bytes()).repeats(b"G", 700),
        kind(shape, "wish-for-time", wish("timeout=1")),
        kind(shape, "wish-for-ever", wish("timeout=99999999999")),
        kind(shape, "wish-for-none", wish("timeout=0, max=0")),
        kind(shape, "http10", plain().http10().bytes()),
        kind(shape, "burst", plain().bytes().repeat(20)),
        kind(shape, "pipeline", pipelined.bytes().repeat(20)),
        kind(shape, "half-closer", plain().bytes()).half_closes(),
        kind(shape, "silent-half-closer", "").half_closes(),
    ]
}

/// Clients that go away in each phase.
fn vanishing(shape: &'static str) -> Vec<Kind> {
    let plain = || Request::local("length");
    let slow = plain().with("X-Delay-Ms", "300");
    let upload = post("/")
        .with("X-Local", "length")
        .with("X-Read-Body", "1")
        .declaring(1000)
        .raw_body("some");
    vec![
        kind(shape, "resets-at-once", "").resets(0),
        kind(shape, "resets-in-the-head", "GET / HT").resets(50),
        kind(shape, "resets-in-the-body", upload.bytes()).resets(50),
        kind(shape, "resets-while-waiting", slow.bytes()).resets(50),
        kind(shape, "resets-when-idle", plain().bytes()).resets(200),
        kind(shape, "closes-when-idle", plain().bytes()).closes(200),
    ]
}

/// Responses that are not read.
fn responses(shape: &'static str) -> Vec<Kind> {
    let big = || get(&format!("/big/{BIG}")).bytes();
    let chunked = get(&format!("/big-chunked/{BIG}")).bytes();
    let burst = get("/big/100000").with("X-Pipelining", "1").bytes();
    vec![
        kind(shape, "never-reads", big()).never_reads(),
        kind(shape, "never-reads-chunks", chunked).never_reads(),
        kind(shape, "never-reads-a-pipeline", burst.repeat(200)).never_reads(),
        kind(shape, "never-reads-and-resets", big())
            .never_reads()
            .resets(500),
        kind(shape, "resets-in-the-response", big()).resets(20),
    ]
}

/// What an upstream does wrong, and clients that go while it does.
fn upstreams(shape: &'static str) -> Vec<Kind> {
    let to = |target| get(target).bytes();
    let upload = || post("/length").declaring(1000).raw_body("some").bytes();
    let upgrade = || {
        let asked = Request::get("/upgrade").with("Connection", "upgrade");
        asked.with("Upgrade", "websocket").bytes()
    };
    vec![
        kind(shape, "upstream-cuts", to("/cut-length")),
        kind(shape, "upstream-resets", to("/reset")),
        kind(shape, "upstream-closes", to("/close-delimited")),
        kind(shape, "upstream-stalls-in-the-head", to("/slow-head/2000")),
        kind(shape, "upstream-stalls-in-the-body", to("/slow-body/2000")),
        kind(shape, "leaves-a-stalled-head", to("/slow-head/2000")).closes(300),
        kind(shape, "leaves-a-stalled-body", to("/slow-body/2000")).closes(300),
        kind(shape, "half-closes-a-stalled-head", to("/slow-head/1000")).half_closes(),
        kind(shape, "stalled-upload", upload()),
        kind(shape, "resets-its-upload", upload()).resets(100),
        kind(shape, "leaves-its-tunnel", upgrade()).closes(300),
        kind(shape, "half-closes-its-tunnel", upgrade()).half_closes(),
    ]
}

/// Handshakes, of TLS and of HTTP/2, that stall. A listener without HTTP/2 and its time for a
/// handshake has 60 s for them.
fn handshakes() -> Vec<Kind> {
    let mut kinds = Vec::new();
    for shape in ["proxy-h2c", "proxy-offload"] {
        let below = |name, opening: &[u8]| kind(shape, name, opening).over(Over::BelowTls);
        kinds.extend([
            below("tls-silent", b""),
            below("tls-half-hello", HELLO),
            below("tls-slow-hello", HELLO).repeats(b"\0", 150),
            below("tls-garbage", b"GET / HTTP/1.1\r\n\r\n"),
            below("tls-half-closed", HELLO).half_closes(),
            below("tls-resets", HELLO).resets(100),
        ]);
    }
    kinds.extend([
        kind("proxy-h2c", "h2c-silent", ""),
        kind("proxy-h2c", "h2c-half-preface", &PREFACE[..9]),
        kind("proxy-h2c", "h2c-preface-and-silence", PREFACE),
        kind("proxy-h2c", "h2c-half-preface-and-reset", &PREFACE[..9]).resets(100),
        kind("proxy-h2c", "h2c-near-preface", "PRI * HTTP/2.0\r\n\r\nSX"),
    ]);
    kinds
}

/// Tunnels through which nothing passes, or only one way.
fn tunnels() -> Vec<Kind> {
    let shape = "proxy-tunnel";
    let upgrade = |target: &str| {
        let asked = Request::get(target).with("Connection", "upgrade");
        asked.with("Upgrade", "websocket").bytes()
    };
    let mut kinds = vec![
        kind(shape, "silent-tunnel", upgrade("/upgrade")),
        kind(shape, "silent-tunnel-into-a-sink", upgrade("/upgrade-sink")),
        kind(shape, "tunnel-that-lives", upgrade("/upgrade"))
            .repeats(b"x", 500)
            .closes(4000),
        kind(shape, "tunnel-one-way", upgrade("/upgrade-source/500")).closes(4000),
        kind(shape, "half-closed-tunnel", upgrade("/upgrade-sink")).half_closes(),
        kind(shape, "tunnel-reset", upgrade("/upgrade")).resets(300),
    ];
    also_over_tls(&mut kinds, |_| true);
    kinds
}

/// Bodies that come, but too slowly.
fn drips() -> Vec<Kind> {
    let shapes = ["proxy-body", "http-server-body"];
    let drip = |shape| {
        let local = Request::new("POST", "/").with("X-Local", "length");
        let read = local.with("X-Read-Body", "1").declaring(1_000_000);
        kind(shape, "drip", read.raw_body("some").bytes()).repeats(b"x", 150)
    };
    let upload = Request::new("POST", "/length").declaring(1_000_000);
    let upload = upload.raw_body("some").bytes();
    let mut kinds: Vec<_> = shapes.map(drip).into();
    kinds.push(kind("proxy-body", "drip-to-the-upstream", upload).repeats(b"x", 150));
    kinds.push(drip("proxy-body").over(Over::Tls));
    kinds
}

/// Uploads that are answered before they are read, by clients that send on.
fn early_answers() -> Vec<Kind> {
    let shape = "proxy-linger";
    let refused = || {
        let upload = Request::new("POST", "/").with("X-Local", "413");
        upload.declaring(100_000_000).raw_body("some").bytes()
    };
    let mut kinds = vec![
        kind(shape, "refused-upload", refused()),
        kind(shape, "refused-upload-goes-on", refused())
            .repeats(&[b'x'; 2000], 50)
            .within(20),
        kind(shape, "refused-upload-pauses", refused())
            .repeats(b"x", 700)
            .within(20),
        kind(shape, "refused-upload-half-closes", refused()).half_closes(),
        kind(shape, "refused-upload-resets", refused()).resets(500),
    ];
    also_over_tls(&mut kinds, |_| true);
    kinds
}

/// Clients of an origin that reads nothing, or says nothing, and clients that go behind bytes which
/// nobody reads.
fn deaf_origins() -> Vec<Kind> {
    const FLOOD: &[u8] = &[b'x'; 64 * 1024];
    let upload = |target| post(target).declaring(100_000_000);
    let tunnel = Request::get("/deaf-upgrade").with("Connection", "upgrade");
    let tunnel = tunnel.with("Upgrade", "websocket").bytes();
    let behind = |more: &[u8]| [&get("/deaf").bytes(), more].concat();
    let pipelined = get("/deaf").with("X-Pipelining", "1").bytes();
    let unfinished = post("/early").with("Transfer-Encoding", "chunked");
    let unfinished = unfinished.raw_body("5\r\nhello\r\n").bytes();
    let shape = "proxy-short";
    let mut kinds = vec![
        kind(shape, "deaf-origin-upload", upload("/deaf").bytes())
            .repeats(FLOOD, 5)
            .resets(1500),
        kind(shape, "deaf-origin-tunnel", tunnel)
            .repeats(FLOOD, 5)
            .resets(1500),
        kind(
            "proxy-linger",
            "deaf-origin-given-up",
            upload("/deaf").with("X-Peer-Write-Ms", "2000").bytes(),
        )
        .repeats(FLOOD, 20),
        kind(
            "proxy-linger",
            "deaf-origin-refuses",
            upload("/deaf-413").bytes(),
        )
        .repeats(FLOOD, 5)
        .within(20),
        kind(shape, "leaves-behind-an-empty-line", behind(b"\r\n")).closes(300),
        kind(shape, "resets-behind-an-empty-line", behind(b"\r\n")).resets(300),
        kind(shape, "leaves-behind-a-pipeline", pipelined.repeat(2)).closes(300),
        kind(shape, "leaves-its-answered-upload", unfinished.clone()).closes(300),
        kind(shape, "resets-its-answered-upload", unfinished).resets(300),
    ];
    also_over_tls(&mut kinds, |_| true);
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_known_by_its_name_and_shape() {
        let mut seen = Vec::new();
        for kind in all() {
            let id = kind.id();
            assert!(!seen.contains(&id), "{id:?}");
            seen.push(id);
        }
    }
}
