//! What is at the other end of a connection, as far as a case has to know: what to ask it for, and
//! what it is held to.

use std::time::Duration;

use crate::wire::connection::PATIENCE;
use crate::wire::Request;

/// What a service is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldTo {
    /// All of our design: what is said, when, and how it ends.
    Design,
    /// What the RFCs ask of every server: that a connection that is said to close closes, that one
    /// that is said to persist serves another request, and that what is configured happens in time.
    Standard,
}

/// The service of a case.
#[derive(Clone, Debug)]
pub struct Service {
    /// What it is held to.
    pub held_to: HeldTo,
    /// How long a response may take before it is said to hang.
    pub patience: Duration,
    /// Whether TLS must end with close_notify. Our design says so of every end; elsewhere the cases
    /// that are about it do, and others do not say the same again.
    pub notifies: bool,
    /// Where it is not ours: what is asked of it instead.
    pub instead: Option<Instead>,
}

/// What a service that is not ours is asked for.
#[derive(Clone, Debug)]
pub struct Instead {
    /// Path and query.
    pub path: String,
    /// The name or address that a certificate has to bear.
    pub name: String,
    /// The value of `Host`.
    pub host: String,
    /// The method of requests with a body.
    pub body_method: &'static str,
    /// The status that it answers a plain request with; none where any will do.
    pub usual_status: Option<u16>,
}

impl Default for Service {
    /// A subject of ours.
    fn default() -> Service {
        Service {
            held_to: HeldTo::Design,
            patience: PATIENCE,
            notifies: true,
            instead: None,
        }
    }
}

impl Service {
    /// What stands for `request` here: the request itself at a subject of ours; elsewhere the same
    /// for the path and the host of the service, without the fields that only ours knows.
    pub fn asks(&self, request: &Request) -> Request {
        let Some(instead) = &self.instead else {
            return request.clone();
        };
        let request = request.elsewhere(&instead.path, &instead.host);
        match request.method_name() {
            "POST" => request.method(instead.body_method),
            _ => request,
        }
    }

    /// A plain request.
    pub fn plain(&self) -> Request {
        self.asks(&Request::local("length"))
    }

    /// Whether a status is one of a response to a request that is in order. Which status a path has is
    /// the business of its owner, and so are its limits: elsewhere only what calls a request malformed
    /// tells that it was not taken for one in order.
    pub fn serves(&self, status: u16) -> bool {
        const BAD_REQUEST: u16 = 400;
        const VERSION_NOT_SUPPORTED: u16 = 505;
        match &self.instead {
            None => status < 400,
            Some(instead) => {
                !matches!(status, BAD_REQUEST | VERSION_NOT_SUPPORTED)
                    || instead.usual_status.is_none_or(|usual| usual == status)
            }
        }
    }

    /// Bytes that are no request anywhere, with the path and the host of the service.
    pub fn asks_raw(&self, bytes: &[u8]) -> Vec<u8> {
        let Some(instead) = &self.instead else {
            return bytes.to_vec();
        };
        let text = String::from_utf8_lossy(bytes)
            .replace("subject.test", &instead.host)
            .replacen(" / ", &format!(" {} ", instead.path), 1);
        text.into_bytes()
    }

    /// How long a close may take that is due at once, and with us within `bound`: the network of others
    /// is slower than ours.
    pub fn promptly(&self, bound: Duration) -> Duration {
        match self.held_to {
            HeldTo::Design => bound,
            HeldTo::Standard => bound + Duration::from_secs(1),
        }
    }

    /// How long something may take that is due after `bound`: what others configure is seldom exact.
    pub fn at_most(&self, bound: Duration) -> Duration {
        match self.held_to {
            HeldTo::Design => bound,
            HeldTo::Standard => bound + Duration::from_secs(3) + bound / 10,
        }
    }

    /// The last moment at which a request comes within a time that the service has said. Ours says a
    /// second less than it waits; others say all of it, and the request has a way to go.
    pub fn in_good_time(&self, said: Duration) -> Duration {
        match self.held_to {
            HeldTo::Design => said,
            HeldTo::Standard => said - (said / 2).min(Duration::from_millis(500)),
        }
    }

    /// How long a client may take for a response that is due after `bound`.
    pub fn answers_within(&self, bound: Duration) -> Duration {
        match self.held_to {
            HeldTo::Design => bound,
            HeldTo::Standard => self.patience,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_asked_for_its_own_path_with_none_of_our_fields() {
        let target = Service {
            held_to: HeldTo::Standard,
            instead: Some(Instead {
                path: "/a?b=c".into(),
                name: "[::1]".into(),
                host: "[::1]:81".into(),
                body_method: "GET",
                usual_status: Some(404),
            }),
            ..Service::default()
        };
        let request = Request::local("bare")
            .with("X-Keepalive", "0")
            .with("Connection", "close");
        assert_eq!(
            target.asks(&request).bytes(),
            b"GET /a?b=c HTTP/1.1\r\nHost: [::1]:81\r\nConnection: close\r\n\r\n"
        );
        let upload = Request::new("POST", "/length").body("hello");
        assert_eq!(
            target.asks(&upload).bytes(),
            b"GET /a?b=c HTTP/1.1\r\nHost: [::1]:81\r\nContent-Length: 5\r\n\r\nhello"
        );
        let head = target.asks(&Request::local("length").method("HEAD"));
        assert!(head.bytes().starts_with(b"HEAD /a?b=c HTTP/1.1\r\n"));
        assert_eq!(
            target.asks_raw(b"GET / HTTP/1.x\r\nHost: subject.test\r\n\r\n"),
            b"GET /a?b=c HTTP/1.x\r\nHost: [::1]:81\r\n\r\n"
        );
        assert!(target.serves(404) && target.serves(429) && !target.serves(400));
        let ours = Service::default().asks(&request);
        assert_eq!(ours.bytes(), request.bytes());
    }
}
