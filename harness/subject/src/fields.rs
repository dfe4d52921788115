//! The request fields that select what the service does with a request and its connection.
//!
//! | field | value | effect |
//! |---|---|---|
//! | `X-Keepalive` | `none`, `unlimited` or seconds | `set_keepalive(None)`, `Some(u64::MAX)` or `Some(n)` |
//! | `X-Idle-Ms` | `close`, `unlimited` or milliseconds | `set_idle_timeout(..)`, the typed form |
//! | `X-Keepalive-Phase` | `early`, `request` (default), `response`, `after-head`, `logging` | where the two above are called |
//! | `X-Local` | see [`Local`] | the service answers itself; without it the origin is asked |
//! | `X-App-Connection` | field value | the application puts `Connection: VALUE` on the response |
//! | `X-Read-Body` | `1` | the application reads the request body before it answers |
//! | `X-Delay-Ms` | milliseconds | the application waits before it answers |
//! | `X-Drain` | `1` | `set_close_on_response_before_downstream_finish(false)` |
//! | `X-Pipelining` | `1` | `set_pipelining_enabled(true)` |
//! | `X-Abort-On-Close` | `0` | `set_abort_on_close(false)` |
//! | `X-Cache` | text | the response is cached for a minute under this key |
//! | `X-Timeouts` | `NAME=VALUE`, comma-separated | `set_read_timeout(..)` and the like: this exchange |
//! | `X-Connection-Timeouts` | `NAME=VALUE`, comma-separated | `set_connection_timeouts(..)`: the connection |
//! | `X-Min-Send-Rate` | bytes per second | `set_min_send_rate(..)` |
//! | `X-Proxy-Tasks` | `1` | `set_proxy_tasks_enabled(true)` |
//! | `X-Pad` | bytes | the response of a proxy carries a field of this size |
//! | `X-Min-Recv-Rate` | bytes per second | `set_min_recv_rate(Some(n))` |
//! | `X-Close-On-Error` | `no` | `set_close_on_error(false)` |
//! | `X-Fail` | `filter`, `peer`, `connect` | where a proxy that fails does so: before or at the choice of an upstream, or on the way to it |
//! | `X-Own-Page` | `1` | it answers the error with a page of its own instead of a generated one |
//! | `X-Reuse` | `1` | its `fail_to_proxy` returns `can_reuse_downstream: true` |
//! | `X-Origin` | address | the origin to ask instead of the harness's |
//! | `X-Pool` | number | connections to the origin are shared with those of the same number only |
//! | `X-Peer-Idle-Ms` | milliseconds | the `idle_timeout` option of the upstream peer |
//! | `X-Peer-Write-Ms` | milliseconds | the `write_timeout` option of the upstream peer |
//! | `X-Peer-Http2` | `1` | the upstream is spoken to in HTTP/2 |
//! | `X-Body-Delay-Ms` | milliseconds | the response body goes out so much later than it comes |
//! | `X-Context` | text | the user context that the proxy hands to the next request |
//! | `X-Tell` | `1` | see below |
//!
//! The names of timeouts are `read`, `write`, `drain` and, for the connection, `header`; their
//! values are `none` or milliseconds. With `X-Tell`, a proxy's own answer carries
//! `X-Told-Timeouts` (those that the exchange began with), `X-Told-Keepalive` (`get_keepalive()`
//! after the request phase) and `X-Told-Context` (what the request before left).
//!
//! A value that is not in this table is answered with 400 and the reason, so that a slip in a case
//! cannot pass for a result. What a variant has no call for is never asked of it: the harness
//! knows its capabilities.

use std::time::Duration;

use pingora::http::RequestHeader;
use pingora::protocols::http::ServerSession;

/// When a policy is set, in the words of the phases of a proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// As soon as the request head is read.
    Early,
    /// Before anything of the response is known.
    #[default]
    Request,
    /// When the response head is about to be written.
    Response,
    /// After the final response head was written, before the end of the body.
    AfterHead,
    /// After the response.
    Logging,
}

/// The answers that the service gives itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Local {
    /// `length`: 200 with `Content-Length` and a body.
    Length,
    /// `bare`: 200 with a body and neither `Content-Length` nor `Transfer-Encoding`.
    Bare,
    /// `empty`: 200 known to have no body, without a length.
    Empty,
    /// `204`: no content.
    NoContent,
    /// `304`: not modified.
    NotModified,
    /// `nothing`: reports the response as sent without having written anything.
    Nothing,
    /// `only-103`: writes a 103 and no final head.
    Only103,
    /// `103-first`: writes a 103 first, then as `length`.
    Early103,
    /// `103-before-body`: writes a 103, then reads the request body, then as `length`.
    Early103BeforeBody,
    /// `slow-body`: head, half of the body, a pause of half a second, the rest.
    SlowBody,
    /// `big`: as `length` with a body of 16 MiB, written in one go.
    Big,
    /// `cut-short`: 200 without a length, half of the body, then an error.
    CutShort,
    /// `shut-down`: 200 without a length and the body, then the session is shut down.
    ShutDown,
    /// `error`: the framework's generated 500.
    Error,
    /// `413`: the framework's generated 413.
    TooLarge,
    /// `407`: 407 with `Content-Length` and a body.
    Refused,
}

impl Local {
    const NAMES: [(&'static str, Local); 16] = [
        ("length", Local::Length),
        ("bare", Local::Bare),
        ("empty", Local::Empty),
        ("204", Local::NoContent),
        ("304", Local::NotModified),
        ("nothing", Local::Nothing),
        ("only-103", Local::Only103),
        ("103-first", Local::Early103),
        ("103-before-body", Local::Early103BeforeBody),
        ("slow-body", Local::SlowBody),
        ("big", Local::Big),
        ("cut-short", Local::CutShort),
        ("shut-down", Local::ShutDown),
        ("error", Local::Error),
        ("413", Local::TooLarge),
        ("407", Local::Refused),
    ];
}

/// Where a proxy that fails does so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "api-0-9"), allow(dead_code))]
pub enum Fail {
    /// In `request_filter`.
    Filter,
    /// In `upstream_peer`.
    Peer,
    /// As it connects to the upstream.
    Connect,
}

/// An idle time of `X-Idle-Ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "idle-timeout"), allow(dead_code))]
pub enum Idle {
    /// No idle time at all.
    Close,
    /// For this long.
    After(Duration),
    /// Without a bound.
    Unlimited,
}

/// What the fields of one request ask for.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// The answer of the service itself, if it is not to ask the origin.
    pub local: Option<Local>,
    /// The application's own `Connection` on the response.
    pub connection: Option<String>,
    /// The origin to ask instead of the harness's.
    pub origin: Option<String>,
    /// Whom upstream connections are shared with.
    pub pool: u64,
    /// How long upstream connections may be idle.
    pub peer_idle: Option<Duration>,
    /// How long the upstream may take nothing.
    pub peer_write: Option<Duration>,
    /// Whether the upstream speaks HTTP/2.
    pub peer_http2: bool,
    /// How much later than it comes the response body goes out.
    pub body_delay: Option<Duration>,
    /// How long to wait before answering.
    pub delay: Option<Duration>,
    /// Whether to read the request body before answering.
    pub read_body: bool,
    /// The size of a field that the response of a proxy carries.
    pub pad: Option<usize>,
    /// The user context for the next request.
    pub context: Option<String>,
    /// The key to cache the response under.
    #[cfg_attr(not(feature = "api-0-9"), allow(dead_code))]
    pub cache: Option<String>,
    /// Whether to tell what the session knows.
    pub tell: bool,
    /// Where to fail.
    pub fail: Option<Fail>,
    /// Whether to answer an error with a page of the application's own.
    pub own_page: bool,
    /// Whether to ask for the connection in spite of an error.
    pub reuse: bool,
    phase: Phase,
    keepalive: Option<Option<u64>>,
    idle: Option<Idle>,
    drain: bool,
    pipelining: bool,
    proxy_tasks: bool,
    min_send_rate: Option<usize>,
    min_recv_rate: Option<usize>,
    keep_on_error: bool,
    outlive_close: bool,
    timeouts: Vec<Timeout>,
    connection_timeouts: Vec<Timeout>,
}

/// A timeout and its value.
type Timeout = (Which, Option<Duration>);

/// The timeouts that can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Read,
    Write,
    Drain,
    Header,
}

impl Which {
    const NAMES: [(&'static str, Which); 4] = [
        ("read", Which::Read),
        ("write", Which::Write),
        ("drain", Which::Drain),
        ("header", Which::Header),
    ];
}

impl Fields {
    /// Reads the fields of a request. The error is a sentence for the client.
    pub fn parse(request: &RequestHeader) -> Result<Fields, String> {
        let read = |name: &'static str| Field::of(request, name);
        Ok(Fields {
            local: read("X-Local")?
                .map(|f| f.one_of(&Local::NAMES))
                .transpose()?,
            connection: read("X-App-Connection")?.map(|f| f.value),
            origin: read("X-Origin")?.map(|f| f.value),
            pool: read("X-Pool")?
                .map(|f| f.value.parse().map_err(|_| f.unknown()))
                .transpose()?
                .unwrap_or_default(),
            peer_idle: read("X-Peer-Idle-Ms")?.map(|f| f.millis()).transpose()?,
            peer_http2: read("X-Peer-Http2")?.is_some(),
            peer_write: read("X-Peer-Write-Ms")?.map(|f| f.millis()).transpose()?,
            body_delay: read("X-Body-Delay-Ms")?.map(|f| f.millis()).transpose()?,
            delay: read("X-Delay-Ms")?.map(|f| f.millis()).transpose()?,
            read_body: read("X-Read-Body")?.is_some(),
            phase: read("X-Keepalive-Phase")?
                .map(|f| {
                    f.one_of(&[
                        ("early", Phase::Early),
                        ("request", Phase::Request),
                        ("response", Phase::Response),
                        ("after-head", Phase::AfterHead),
                        ("logging", Phase::Logging),
                    ])
                })
                .transpose()?
                .unwrap_or_default(),
            keepalive: read("X-Keepalive")?.map(|f| f.seconds()).transpose()?,
            idle: read("X-Idle-Ms")?.map(|f| f.idle()).transpose()?,
            drain: read("X-Drain")?.is_some(),
            pipelining: read("X-Pipelining")?.is_some(),
            min_recv_rate: read("X-Min-Recv-Rate")?.map(|f| f.number()).transpose()?,
            keep_on_error: read("X-Close-On-Error")?
                .map(|f| f.one_of(&[("no", true)]))
                .transpose()?
                .is_some(),
            fail: read("X-Fail")?
                .map(|f| {
                    f.one_of(&[
                        ("filter", Fail::Filter),
                        ("peer", Fail::Peer),
                        ("connect", Fail::Connect),
                    ])
                })
                .transpose()?,
            own_page: read("X-Own-Page")?.is_some(),
            reuse: read("X-Reuse")?.is_some(),
            outlive_close: read("X-Abort-On-Close")?
                .map(|f| f.one_of(&[("0", true)]))
                .transpose()?
                .unwrap_or_default(),
            cache: read("X-Cache")?.map(|f| f.value),
            timeouts: timeouts(read("X-Timeouts")?)?,
            connection_timeouts: timeouts(read("X-Connection-Timeouts")?)?,
            proxy_tasks: read("X-Proxy-Tasks")?.is_some(),
            min_send_rate: read("X-Min-Send-Rate")?.map(|f| f.number()).transpose()?,
            pad: read("X-Pad")?.map(|f| f.number()).transpose()?,
            context: read("X-Context")?.map(|f| f.value),
            tell: read("X-Tell")?.is_some(),
        })
    }

    /// Calls on the session what belongs to `phase`.
    pub fn apply(&self, phase: Phase, session: &mut ServerSession) {
        if phase == Phase::Request {
            self.apply_settings(session);
        }
        if phase != self.phase {
            return;
        }
        if let Some(keepalive) = self.keepalive {
            session.set_keepalive(keepalive);
        }
        #[cfg(feature = "idle-timeout")]
        if let Some(idle) = self.idle {
            use pingora::protocols::http::keepalive::IdleTimeout;
            session.set_idle_timeout(match idle {
                Idle::Close => IdleTimeout::Close,
                Idle::After(time) => IdleTimeout::After(time),
                Idle::Unlimited => IdleTimeout::Unlimited,
            });
        }
        #[cfg(not(feature = "idle-timeout"))]
        let _ = self.idle;
    }

    #[cfg(feature = "api-0-9")]
    fn apply_settings(&self, session: &mut ServerSession) {
        if self.drain {
            session.set_close_on_response_before_downstream_finish(false);
        }
        if self.pipelining {
            session.set_pipelining_enabled(true);
        }
        if self.proxy_tasks {
            session.set_proxy_tasks_enabled(true);
        }
        if self.min_send_rate.is_some() {
            session.set_min_send_rate(self.min_send_rate);
        }
        if self.outlive_close {
            session.set_abort_on_close(false);
        }
        for (which, time) in &self.timeouts {
            match which {
                Which::Read => session.set_read_timeout(*time),
                Which::Write => session.set_write_timeout(*time),
                Which::Drain => session.set_total_drain_timeout(*time),
                Which::Header => {}
            }
        }
        #[cfg(feature = "min-recv-rate")]
        if self.min_recv_rate.is_some() {
            session.set_min_recv_rate(self.min_recv_rate);
        }
        #[cfg(feature = "close-on-error")]
        if self.keep_on_error {
            session.set_close_on_error(false);
        }
        #[cfg(feature = "connection-timeouts")]
        if !self.connection_timeouts.is_empty() {
            let mut timeouts = session.connection_timeouts();
            for (which, time) in &self.connection_timeouts {
                match which {
                    Which::Read => timeouts.read_timeout = *time,
                    Which::Write => timeouts.write_timeout = *time,
                    Which::Drain => timeouts.total_drain_timeout = *time,
                    Which::Header => timeouts.header_read_timeout = *time,
                }
            }
            session.set_connection_timeouts(timeouts);
        }
        // What the variant has no call for is read all the same.
        let _ = (
            &self.connection_timeouts,
            self.min_recv_rate,
            self.keep_on_error,
        );
    }

    #[cfg(not(feature = "api-0-9"))]
    fn apply_settings(&self, _session: &mut ServerSession) {
        let _ = (self.drain, self.pipelining, self.outlive_close);
        let _ = (self.proxy_tasks, self.min_send_rate);
        let _ = (&self.timeouts, &self.connection_timeouts);
        let _ = (self.min_recv_rate, self.keep_on_error);
        let _ = (self.fail, self.own_page, self.reuse);
    }
}

/// The timeouts of a session as text.
#[cfg(feature = "api-0-9")]
pub fn told_timeouts(session: &ServerSession) -> String {
    let text = |time: Option<Duration>| match time {
        Some(time) => time.as_millis().to_string(),
        None => "none".to_owned(),
    };
    format!(
        "read={}, write={}, drain={}",
        text(session.get_read_timeout()),
        text(session.get_write_timeout()),
        text(session.get_total_drain_timeout()),
    )
}

/// The keepalive time of a session as text.
#[cfg(feature = "api-0-9")]
pub fn told_keepalive(session: &ServerSession) -> String {
    match session.get_keepalive() {
        Some(seconds) => seconds.to_string(),
        None => "none".to_owned(),
    }
}

/// Reads `NAME=VALUE, ..`.
fn timeouts(field: Option<Field>) -> Result<Vec<Timeout>, String> {
    let Some(field) = field else {
        return Ok(Vec::new());
    };
    field
        .value
        .split(',')
        .map(|item| {
            let (name, value) = item.split_once('=').ok_or_else(|| field.unknown())?;
            let part = |value: &str| Field {
                name: field.name,
                value: value.trim().to_owned(),
            };
            Ok((
                part(name).one_of(&Which::NAMES)?,
                part(value).optional_millis()?,
            ))
        })
        .collect()
}

/// One field of the request, kept with its name for the message of an error.
struct Field {
    name: &'static str,
    value: String,
}

impl Field {
    fn of(request: &RequestHeader, name: &'static str) -> Result<Option<Field>, String> {
        let Some(value) = request.headers.get(name) else {
            return Ok(None);
        };
        match value.to_str() {
            Ok(value) => Ok(Some(Field {
                name,
                value: value.to_owned(),
            })),
            Err(_) => Err(format!("{name} is not text")),
        }
    }

    fn one_of<T: Copy>(&self, names: &[(&'static str, T)]) -> Result<T, String> {
        names
            .iter()
            .find(|(name, _)| *name == self.value)
            .map(|(_, value)| *value)
            .ok_or_else(|| self.unknown())
    }

    fn seconds(&self) -> Result<Option<u64>, String> {
        match self.value.as_str() {
            "none" => Ok(None),
            "unlimited" => Ok(Some(u64::MAX)),
            number => number.parse().map(Some).map_err(|_| self.unknown()),
        }
    }

    fn idle(&self) -> Result<Idle, String> {
        match self.value.as_str() {
            "close" => Ok(Idle::Close),
            "unlimited" => Ok(Idle::Unlimited),
            _ => self.millis().map(Idle::After),
        }
    }

    fn optional_millis(&self) -> Result<Option<Duration>, String> {
        match self.value.as_str() {
            "none" => Ok(None),
            _ => self.millis().map(Some),
        }
    }

    fn millis(&self) -> Result<Duration, String> {
        self.value
            .parse()
            .map(Duration::from_millis)
            .map_err(|_| self.unknown())
    }

    fn number(&self) -> Result<usize, String> {
        self.value.parse().map_err(|_| self.unknown())
    }

    fn unknown(&self) -> String {
        format!("{}: {} is no value of this field", self.name, self.value)
    }
}
