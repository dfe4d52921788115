//! What RFC 9110 and RFC 2068 ask of a server and of a gateway about connections, over every
//! transport.
//!
//! `docs/rfc-duties.md` tells which case proves which duty.

use std::time::Duration;

use tokio::time::sleep;

use super::rfc9112::post;
use super::{advice, body_after_interim, everywhere, header, millis, one, plain};
use crate::case::{Case, Failure};
use crate::check::{self, Then};
use crate::service::HeldTo;
use crate::timeouts::Timer;
use crate::wire::connection::{PATIENCE, PROMPT};
use crate::wire::Request;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = hop_by_hop();
    cases.extend(expect());
    cases.extend(request_timeout());
    cases.extend(keep_alive());
    cases.into_iter().map(everywhere).collect()
}

/// Section 7.6.1.
fn hop_by_hop() -> Vec<Case> {
    const SOURCE: &str = "RFC 9110 section 7.6.1";
    let forwarded = |id, sentence, request: Request, gone: &'static [&'static str]| {
        Case::new(id, sentence, SOURCE, "proxy", move |context| {
            let request = request.clone();
            async move {
                let mut connection = context.connect().await?;
                let response = connection.exchange(&request).await?;
                check::status(&response, 200)?;
                let head = String::from_utf8_lossy(&response.body).into_owned();
                let has = |name: &str| {
                    let mut names = head.lines().filter_map(|line| line.split_once(':'));
                    names.any(|(field, _)| field.eq_ignore_ascii_case(name))
                };
                if !has("X-End") {
                    return Err(Failure::wrong("X-End passed on", head));
                }
                match gone.iter().find(|name| has(name)) {
                    Some(name) => Err(Failure::wrong(format!("no {name} passed on"), head)),
                    None => Ok(()),
                }
            }
        })
    };
    let asks = || Request::get("/echo-head").with("X-End", "1");
    vec![
        one(
            "rfc9110.7.6.1-connection-is-one-list",
            "Connection is one list over all its lines, and compares without regard to case.",
            SOURCE,
            "proxy",
            plain()
                .line("Connection: X-Hop")
                .line("CONNECTION: ,\t CLOSE ,"),
            Then::Closes,
        ),
        forwarded(
            "rfc9110.7.6.1-named-fields-are-not-forwarded",
            "The fields of a request that Connection names are not forwarded, nor is Connection.",
            asks()
                .with("Connection", "X-Hop, keep-alive")
                .with("Connection", "x-other")
                .with("X-Hop", "1")
                .with("X-Other", "1"),
            &["X-Hop", "X-Other", "Connection"],
        ),
        forwarded(
            "rfc9110.7.6.1-keep-alive-is-not-forwarded",
            "Keep-Alive and Proxy-Connection of a request are not forwarded.",
            asks()
                .with("Connection", "keep-alive")
                .with("Keep-Alive", "timeout=5")
                .with("Proxy-Connection", "keep-alive"),
            &["Keep-Alive", "Proxy-Connection"],
        ),
        forwarded(
            "rfc9110.7.6.1-unnamed-keep-alive-is-not-forwarded",
            "Keep-Alive and Proxy-Connection are not forwarded either where nothing names them.",
            asks()
                .with("Keep-Alive", "timeout=5")
                .with("Proxy-Connection", "keep-alive"),
            &["Keep-Alive", "Proxy-Connection"],
        ),
        Case::new(
            "rfc9110.7.6.1-fields-of-an-origin-are-stripped",
            "The fields of a response that its Connection names, Keep-Alive and Proxy-Connection \
             do not reach the client.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let response = connection.exchange(&Request::get("/hop-by-hop")).await?;
                check::status(&response, 200)?;
                check::without(&response, "X-Hop")?;
                check::without(&response, "Proxy-Connection")?;
                if response
                    .value("Keep-Alive")
                    .is_some_and(|v| v == "timeout=5")
                {
                    let seen = response.to_string();
                    return Err(Failure::wrong("no Keep-Alive of the origin", seen));
                }
                if response.value("X-End").is_none() {
                    return Err(Failure::wrong("X-End passed on", response.to_string()));
                }
                check::says_keep_alive(&response)?;
                check::serves_another(&mut connection).await
            },
        ),
    ]
}

/// Section 10.1.1.
fn expect() -> Vec<Case> {
    const SOURCE: &str = "RFC 9110 section 10.1.1";
    let from_http10 = |id, sentence, request: Request| {
        Case::new(id, sentence, SOURCE, "proxy", move |context| {
            let request = request.clone().http10().with("Expect", "100-continue");
            async move {
                let request = context.asks(&request);
                let mut connection = context.connect().await?;
                connection.send(request.bytes()).await;
                let response = connection.next_response(&request).await?;
                if response.is_interim() {
                    return Err(Failure::wrong("no 1xx", response.to_string()));
                }
                check::answered(&connection, &response)?;
                check::closes(&mut connection, &response, PROMPT).await
            }
        })
    };
    vec![
        from_http10(
            "rfc9110.10.1.1-expect-of-http10-is-ignored",
            "Expect of HTTP/1.0 is ignored: no 100 comes, and the request is served.",
            post().body("hello"),
        )
        .anywhere(advice::EXPECT)
        .with_body(),
        from_http10(
            "rfc9110.10.1.1-no-100-of-an-origin-to-http10",
            "A 100 of the origin does not reach HTTP/1.0.",
            Request::new("POST", "/continue").body("hello"),
        ),
        Case::new(
            "rfc9110.10.1.1-early-final-response-says-what-follows",
            "A final response instead of 100 says whether the connection closes, and it does so.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::new("POST", "/")
                    .with("X-Local", "length")
                    .with("Expect", "100-continue")
                    .declaring(5);
                let request = context.asks(&request);
                connection.send(request.head()).await;
                let response = connection.next_response(&request).await?;
                if check::is_lenient(&connection) && response.is_interim() {
                    connection.send("hello").await;
                    let response = connection.response(&request).await?;
                    return check::keeps_its_word(&mut connection, &response).await;
                }
                check::answered(&connection, &response)?;
                let persists = match connection.service().held_to {
                    HeldTo::Design => response.list("Connection") == ["keep-alive"],
                    HeldTo::Standard => !check::announces_close(&response),
                };
                if persists {
                    connection.send("hello").await;
                    return check::serves_another(&mut connection).await;
                }
                if check::is_lenient(&connection) {
                    // Others may wait a while for a body that they have not asked for.
                    let answered = connection.answered_at();
                    return connection.lets_go(answered, PATIENCE).await;
                }
                check::closes(&mut connection, &response, PROMPT).await
            },
        )
        .anywhere(advice::EXPECT)
        .with_body(),
        body_after_interim(
            "rfc9110.10.1.1-100-then-the-body",
            "After a 100 the body is read and the connection persists.",
            SOURCE,
            Request::new("POST", "/continue").with("Expect", "100-continue"),
            100,
        ),
    ]
}

/// Section 15.5.9.
fn request_timeout() -> Vec<Case> {
    const SOURCE: &str = "RFC 9110 section 15.5.9";
    vec![
        Case::new(
            "rfc9110.15.5.9-408-for-a-head-says-close",
            "The 408 to a head that took too long says close, and the connection closes.",
            SOURCE,
            "proxy-short",
            |context| async move {
                let mut connection = context.connect().await?;
                let accepted = connection.sent_at();
                connection.send("GET / HTTP/1.1\r\nHost:").await;
                header::times_out(&mut connection, accepted, Duration::from_secs(3)).await
            },
        ),
        Case::new(
            "rfc9110.15.5.9-408-for-a-body-says-close",
            "The 408 to a body that took too long says close, and the connection closes.",
            "RFC 9110 section 15.5.9, design 4, finding 30",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::new("POST", "/length")
                    .with("X-Timeouts", "read=1000")
                    .declaring(5);
                connection.send(request.head()).await;
                sleep(millis(100)).await;
                connection.send("he").await;
                let response = connection.response(&request).await?;
                check::status(&response, 408)?;
                check::closes(&mut connection, &response, PROMPT).await
            },
        )
        .needs("read-timeout"),
    ]
}

/// RFC 2068 section 19.7.1.1, and the draft that gives the parameters.
fn keep_alive() -> Vec<Case> {
    const SOURCE: &str = "RFC 2068 section 19.7.1.1";
    const DRAFT: &str = "draft-thomson-hybi-http-timeout";
    vec![
        one(
            "rfc2068.19.7.1.1-ignored-without-its-token",
            "Keep-Alive is ignored where Connection does not name keep-alive.",
            SOURCE,
            "proxy",
            plain().with("Keep-Alive", "timeout=0, max=0"),
            Then::Persists,
        ),
        one(
            "rfc2068.19.7.1.1-timeout",
            "timeout is the idle time in seconds.",
            DRAFT,
            "proxy",
            plain()
                .with("Connection", "keep-alive")
                .with("Keep-Alive", "timeout=1"),
            Then::Idles(1000),
        ),
        one(
            "rfc2068.19.7.1.1-extensions",
            "Extensions, with and without values, quoted or not, are no obstacle.",
            DRAFT,
            "proxy",
            plain()
                .with("Connection", "keep-alive")
                .with("Keep-Alive", "a, b=c, d=\"e, timeout=9\", timeout=1"),
            Then::Idles(1000),
        ),
        Case::new(
            "rfc2068.19.7.1.1-what-is-said-is-kept",
            "A connection stays open for as long as its response says, and is served at the end.",
            DRAFT,
            "proxy-short",
            |context| async move {
                let mut connection = context.connect().await?;
                let response = connection.exchange(&context.asks(&plain())).await?;
                check::served_by(&connection, &response)?;
                if check::ends_early(&mut connection, &response).await? {
                    return Ok(());
                }
                let said = context.timeout(Timer::Advertised)?;
                if check::advertised(&response) != Some(said) {
                    let expected = format!("Keep-Alive: timeout={}", said.as_secs());
                    return Err(Failure::wrong(expected, response.to_string()));
                }
                let moment = connection.answered_at() + connection.service().in_good_time(said);
                tokio::time::sleep_until(moment.into()).await;
                check::serves_another(&mut connection).await
            },
        )
        .anywhere(advice::TOO_EARLY)
        .waits_for(Timer::Advertised),
    ]
}
