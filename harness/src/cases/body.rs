//! Request bodies that stall or drip, and what does not count as either.

use std::time::Duration;

use super::{advice, header, millis, secs};
use crate::case::{Case, Failure, Found};
use crate::check;
use crate::timeouts::Timer;
use crate::wire::{Connection, Request};

const SOURCE: &str = "design 4, read_timeout";
const RATE: &str = "design 4, min_recv_rate";
const EXPECT: &str = "RFC 9110 section 10.1.1, design 4";

/// What a read may wait in most of these cases.
const WAIT: Duration = Duration::from_millis(700);

/// An upload of five bytes to the origin.
fn upload(target: &str) -> Request {
    Request::new("POST", target).declaring(5)
}

/// The same, read by the service itself.
fn local() -> Request {
    own().declaring(5)
}

/// A request whose body the service reads itself.
fn own() -> Request {
    Request::new("POST", "/")
        .with("X-Local", "length")
        .with("X-Read-Body", "1")
}

fn within(request: Request) -> Request {
    request.with("X-Timeouts", "read=700")
}

/// A timeout that leaves this machine the time to be late.
fn within_two_seconds(request: Request) -> Request {
    request.with("X-Timeouts", "read=2000")
}

/// Sends the head and two bytes of the body.
async fn begins(connection: &mut Connection, request: &Request) {
    connection
        .send([request.head(), b"he".to_vec()].concat())
        .await;
}

/// The body stalls: 408 with `close` after `time`.
async fn stalls(connection: &mut Connection, request: &Request, time: Duration) -> Found {
    begins(connection, request).await;
    let sent = connection.sent_at();
    header::times_out(connection, sent, time).await
}

/// A case of a body that stalls at once.
fn stalled(
    id: &'static str,
    sentence: &'static str,
    source: &'static str,
    shape: &'static str,
    request: Request,
    time: Duration,
) -> Case {
    Case::new(id, sentence, source, shape, move |context| {
        let request = request.clone();
        async move {
            let mut connection = context.connect().await?;
            stalls(&mut connection, &request, time).await
        }
    })
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = read_timeout();
    cases.extend(what_does_not_count());
    cases.extend(rate());
    cases
}

fn read_timeout() -> Vec<Case> {
    const TIMED_OUT: &str = "RFC 9110 section 15.5.9, finding 30";
    vec![
        stalled(
            "body.stalled-gets-408",
            "A stalled body that the application reads gets 408 with close.",
            TIMED_OUT,
            "proxy",
            within(local()),
            WAIT,
        )
        .needs("read-timeout"),
        stalled(
            "body.stalled-upload-gets-408",
            "A stalled upload through the proxy gets 408 with close.",
            TIMED_OUT,
            "proxy",
            within(upload("/length")),
            WAIT,
        )
        .needs("read-timeout"),
        stalled(
            "body.http-server-stalled",
            "An HttpServer application learns that a body stalls, and its 408 says close.",
            SOURCE,
            "http-server",
            within(local()),
            WAIT,
        )
        .needs("read-timeout"),
        Case::new(
            "body.read-timeout-option",
            "HttpServerOptions::read_timeout bounds the time between two bytes of a body.",
            SOURCE,
            "proxy-body",
            |context| async move {
                let time = context.timeout(Timer::BodyRead)?;
                let mut connection = context.connect().await?;
                stalls(&mut connection, &context.asks(&local()), time).await
            },
        )
        .needs("body-options")
        .anywhere(advice::SLOW_BODY)
        .with_body()
        .waits_for(Timer::BodyRead),
        stalled(
            "body.http-server-read-timeout-option",
            "HttpServerOptions::read_timeout counts for an HttpServer.",
            SOURCE,
            "http-server-body",
            local(),
            secs(2),
        )
        .needs("body-options"),
        Case::new(
            "body.stalled-upload-is-cut-though-the-upstream-drips",
            "A stalled upload is cut in time though the upstream sends all the while.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                begins(&mut connection, &within(upload("/drip/100"))).await;
                let sent = connection.sent_at();
                connection.ends_at(sent, WAIT).await?;
                let seen = connection.unread();
                let heads = seen.windows(7).filter(|bytes| bytes == b"HTTP/1.").count();
                if heads == 1 {
                    return Ok(());
                }
                Err(Failure::wrong(
                    "the beginning of one response",
                    String::from_utf8_lossy(&seen),
                ))
            },
        )
        .needs("read-timeout"),
    ]
}

fn what_does_not_count() -> Vec<Case> {
    vec![
        Case::new(
            "body.bytes-within-the-timeout",
            "A body of which a byte comes within each read timeout is not cut.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = within_two_seconds(upload("/length"));
                connection.send(request.head()).await;
                connection.drip(b"hello", millis(600)).await;
                let response = connection.response(&request).await?;
                check::status(&response, 200)
            },
        )
        .needs("read-timeout"),
        Case::new(
            "body.slow-upstream-does-not-cut-its-client",
            "A client that would send is not cut while the upstream takes nothing.",
            SOURCE,
            "proxy",
            |context| async move {
                const LENGTH: usize = 16 * 1024 * 1024;
                let mut connection = context.connect().await?;
                let request = Request::new("POST", "/slow-read/3500");
                let request = within_two_seconds(request).declaring(LENGTH);
                connection.send(request.head()).await;
                connection.send_zeros(LENGTH).await;
                let response = connection.response(&request).await?;
                check::status(&response, 200)
            },
        )
        .needs("read-timeout")
        // when there is less to do
        .after(secs(15))
        .bound(secs(30)),
        Case::new(
            "body.nobody-reads",
            "The time in which the application does not read does not count.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = within_two_seconds(local()).with("X-Delay-Ms", "3000");
                begins(&mut connection, &request).await;
                connection.stays_open(millis(3200)).await?;
                connection.send("llo").await;
                let response = connection.response(&request).await?;
                check::status(&response, 200)
            },
        )
        .needs("read-timeout"),
        Case::new(
            "body.expect-continue-is-not-cut",
            "A client that waited for 100 has all of its time from there.",
            EXPECT,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = upload("/continue/1400").with("Expect", "100-continue");
                let request = within_two_seconds(request);
                connection.send(request.head()).await;
                let response = connection.next_response(&request).await?;
                check::status(&response, 100)?;
                tokio::time::sleep(millis(1400)).await;
                connection.send("hello").await;
                let response = connection.response(&request).await?;
                check::status(&response, 200)
            },
        )
        .needs("read-timeout"),
        Case::new(
            "body.expect-continue-counts-from-the-100",
            "A client that stalls after the 100 is cut.",
            EXPECT,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = upload("/continue/1000").with("Expect", "100-continue");
                let request = within_two_seconds(request);
                connection.send(request.head()).await;
                let response = connection.next_response(&request).await?;
                check::status(&response, 100)?;
                let sent = connection.sent_at();
                header::times_out(&mut connection, sent, millis(1000) + secs(2)).await
            },
        )
        .needs("read-timeout"),
        Case::new(
            "body.expect-then-silence",
            "A client that expects 100, and gets none, is cut when it sends nothing.",
            EXPECT,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = within(upload("/continue/5000")).with("Expect", "100-continue");
                connection.send(request.head()).await;
                let sent = connection.sent_at();
                header::times_out(&mut connection, sent, WAIT).await
            },
        )
        .needs("read-timeout"),
        Case::new(
            "body.one-100",
            "A client is told to send its body once, though the application and the origin both ask.",
            EXPECT,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = upload("/continue/100")
                    .with("X-Read-Body", "1")
                    .with("Expect", "100-continue");
                connection.send(request.head()).await;
                let response = connection.next_response(&request).await?;
                check::status(&response, 100)?;
                connection.send("hello").await;
                let response = connection.next_response(&request).await?;
                check::status(&response, 200)
            },
        )
        .needs("read-timeout"),
        Case::new(
            "body.reading-it-says-100",
            "An application that reads the body asks a client for it that waits, and a client that \
             then sends nothing is cut.",
            EXPECT,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = within(local()).with("Expect", "100-continue");
                connection.send(request.head()).await;
                let response = connection.next_response(&request).await?;
                check::status(&response, 100)?;
                let sent = connection.sent_at();
                header::times_out(&mut connection, sent, WAIT).await
            },
        )
        .needs("read-timeout"),
        Case::new(
            "body.expect-continue-does-not-excuse-who-sends",
            "A client that expects 100 and sends without it is cut when it stalls.",
            EXPECT,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = within(local()).with("Expect", "100-continue");
                stalls(&mut connection, &request, WAIT).await
            },
        )
        .needs("read-timeout"),
    ]
}

fn rate() -> Vec<Case> {
    vec![
        drips(
            "body.min-rate-cuts-a-drip",
            "A body below the minimum rate is cut after the grace, though no gap is long.",
            "proxy",
            own().with("X-Min-Recv-Rate", "1000"),
        ),
        drips(
            "body.min-rate-option",
            "HttpServerOptions::min_recv_rate cuts a body that drips.",
            "proxy-body",
            Request::new("POST", "/length"),
        ),
        drips(
            "body.http-server-min-rate-option",
            "HttpServerOptions::min_recv_rate counts for an HttpServer.",
            "http-server-body",
            own(),
        ),
        Case::new(
            "body.min-rate-leaves-who-is-faster",
            "A body above the minimum rate is served, long after the grace.",
            RATE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = own().declaring(3500).with("X-Min-Recv-Rate", "100");
                connection.send(request.head()).await;
                for _ in 0..13 {
                    connection.send("x".repeat(250)).await;
                    connection.stays_open(millis(500)).await?;
                }
                connection.send("x".repeat(250)).await;
                let response = connection.response(&request).await?;
                check::status(&response, 200)
            },
        )
        .needs("min-recv-rate"),
    ]
}

/// A case of a body that drips: 408 after the grace of 5 s.
fn drips(id: &'static str, sentence: &'static str, shape: &'static str, request: Request) -> Case {
    Case::new(id, sentence, RATE, shape, move |context| {
        let request = request.clone().declaring(1000);
        async move {
            let mut connection = context.connect().await?;
            connection.send(request.head()).await;
            let begun = connection.sent_at();
            connection.drip(&[b'x'; 40], millis(250)).await;
            header::times_out(&mut connection, begun, secs(5)).await
        }
    })
    .needs("min-recv-rate")
}
