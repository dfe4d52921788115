//! What a service is configured to wait for, as the cases that wait for it have to know.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A wait that a service bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// For the next request on a connection.
    Idle,
    /// For the head of a request, in all.
    HeaderRead,
    /// For the next byte of a request's body.
    BodyRead,
    /// For a TLS handshake.
    Handshake,
    /// For the next request on a connection, as responses say it in `Keep-Alive: timeout`.
    Advertised,
}

impl Timer {
    /// The option that gives a target's; what says it itself, for the one that needs no option.
    pub fn flag(self) -> &'static str {
        match self {
            Timer::Idle => "--keepalive-timeout",
            Timer::HeaderRead => "--header-read-timeout",
            Timer::BodyRead => "--body-read-timeout",
            Timer::Handshake => "--handshake-timeout",
            Timer::Advertised => "Keep-Alive: timeout",
        }
    }
}

/// How long a service waits at most, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// Of [`Timer::Idle`].
    pub idle: Option<Limit>,
    /// Of [`Timer::HeaderRead`].
    pub header_read: Option<Limit>,
    /// Of [`Timer::BodyRead`].
    pub body_read: Option<Limit>,
    /// Of [`Timer::Handshake`].
    pub handshake: Option<Limit>,
    /// Of [`Timer::Advertised`].
    pub advertised: Option<Limit>,
}

impl Timeouts {
    /// One of them.
    pub fn of(&self, timer: Timer) -> Option<Limit> {
        match timer {
            Timer::Idle => self.idle,
            Timer::HeaderRead => self.header_read,
            Timer::BodyRead => self.body_read,
            Timer::Handshake => self.handshake,
            Timer::Advertised => self.advertised,
        }
    }

    /// Those of a shape of our subject, as `harness/subject/src/shapes.rs` sets them.
    pub fn of_shape(shape: &str) -> Timeouts {
        let seconds = |seconds| Some(Limit::After(Duration::from_secs(seconds)));
        let defaults = Timeouts {
            idle: seconds(75),
            header_read: seconds(60),
            body_read: seconds(60),
            handshake: seconds(60),
            advertised: seconds(74),
        };
        match shape {
            "proxy-short" => Timeouts {
                idle: seconds(2),
                header_read: seconds(3),
                advertised: seconds(1),
                ..defaults
            },
            "proxy-body" => Timeouts {
                body_read: seconds(2),
                ..defaults
            },
            "proxy-h2c" | "proxy-offload" => Timeouts {
                handshake: seconds(2),
                ..defaults
            },
            _ => defaults,
        }
    }
}

/// How long a service waits: a time, or as long as it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// It is configured not to wait in vain.
    After(Duration),
    /// It is configured to wait for ever.
    Off,
}

impl FromStr for Limit {
    type Err = String;

    /// `60s`, `500ms`, `2m`, `1m 30s` or `off`.
    fn from_str(text: &str) -> Result<Limit, String> {
        if text == "off" {
            return Ok(Limit::Off);
        }
        match humantime::parse_duration(text) {
            Ok(time) if time.is_zero() => {
                Err("0 is no time to wait for; `off` means no limit".to_owned())
            }
            Ok(time) => Ok(Limit::After(time)),
            Err(error) => Err(format!(
                "{error}; give a time as 60s, 500ms or 2m, or `off` for no limit"
            )),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::After(time) => humantime::format_duration(*time).fmt(f),
            Limit::Off => f.write_str("off"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_time_or_off() {
        let after = |millis| Ok(Limit::After(Duration::from_millis(millis)));
        assert_eq!("60s".parse(), after(60_000));
        assert_eq!("500ms".parse(), after(500));
        assert_eq!("2m".parse(), after(120_000));
        assert_eq!("1m 30s".parse(), after(90_000));
        assert_eq!("off".parse(), Ok(Limit::Off));
        for wrong in ["60", "", "soon", "-1s", "0s"] {
            let error = wrong.parse::<Limit>().unwrap_err();
            assert!(error.contains("off"), "{wrong}: {error}");
        }
    }
}
