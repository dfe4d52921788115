//! Errors that are answered: the connection is kept where the application asks for it and nothing
//! forbids it, and the answer says which.

use super::{one, plain};
use crate::case::{Case, Failure};
use crate::check::{self, Then};
use crate::wire::{Connection, Request};

const SHAPE: &str = "failing";
const SOURCE: &str = "design 3, finding 17";
const FRAMING: &str = "RFC 9112 section 9.3, design 3";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = verdict();
    cases.extend(framing());
    cases.push(
        Case::new(
            "errors.generated-kept-where-asked",
            "A generated error of a filter keeps the connection where the application asks for it.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::local("error").with("X-Close-On-Error", "no");
                answered(&mut connection, &request, 500, Then::Persists).await
            },
        )
        .needs("close-on-error"),
    );
    cases.push(
        Case::new(
            "errors.high-byte-in-connection-is-400",
            "A Connection field that is no list of tokens is the client's error.",
            "RFC 9110 section 15.5.1",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::get("/length").line(b"Connection: \xe9, keep-alive");
                answered(&mut connection, &request, 400, Then::Closes).await
            },
        )
        .needs("fail-to-proxy"),
    );
    cases
}

/// The error is answered with `status`, and then.
async fn answered(
    connection: &mut Connection,
    request: &Request,
    status: u16,
    then: Then,
) -> Result<(), Failure> {
    let response = connection.exchange(request).await?;
    check::status(&response, status)?;
    then.check(connection, &response).await
}

/// A case of one error that `fail_to_proxy` answers.
fn fails(id: &'static str, sentence: &'static str, request: Request, then: Then) -> Case {
    Case::new(id, sentence, SOURCE, SHAPE, move |context| {
        let request = request.clone();
        async move {
            let mut connection = context.connect().await?;
            answered(&mut connection, &request, 503, then).await
        }
    })
    .needs("fail-to-proxy")
}

fn at(place: &str) -> Request {
    Request::get("/length").with("X-Fail", place)
}

fn verdict() -> Vec<Case> {
    let asked = |place| at(place).with("X-Reuse", "1");
    let own = |request: Request| request.with("X-Own-Page", "1");
    vec![
        fails(
            "errors.asked-for-keeps",
            "An error before the upstream is chosen keeps the connection that is asked for.",
            asked("filter"),
            Then::Persists,
        ),
        fails(
            "errors.asked-for-after-upstream-keeps",
            "An error at the choice of the upstream keeps the connection that is asked for.",
            asked("peer"),
            Then::Persists,
        ),
        fails(
            "errors.dead-upstream-keeps",
            "An upstream that cannot be reached costs no client a connection that is asked for.",
            asked("connect"),
            Then::Persists,
        ),
        fails(
            "errors.upstream-that-hangs-up-keeps",
            "An upstream that closes instead of answering costs no client its connection.",
            Request::get("/hang-up").with("X-Reuse", "1"),
            Then::Persists,
        ),
        fails(
            "errors.own-page-asked-for-keeps",
            "The application's own page keeps the connection that is asked for.",
            own(asked("filter")),
            Then::Persists,
        ),
        fails(
            "errors.own-page-asked-for-after-upstream-keeps",
            "The same after an error at the choice of the upstream.",
            own(asked("peer")),
            Then::Persists,
        ),
        fails(
            "errors.not-asked-for-says-close",
            "Where nobody asks, a generated error says close and closes.",
            at("filter"),
            Then::Closes,
        ),
        fails(
            "errors.not-asked-for-after-upstream-says-close",
            "The same after an error on the way to the upstream.",
            at("connect"),
            Then::Closes,
        ),
        fails(
            "errors.own-page-not-asked-for-says-close",
            "Where nobody asks, the application's own page says close, too.",
            own(at("filter")),
            Then::Closes,
        ),
        fails(
            "errors.asked-for-under-none-closes",
            "The policy closes, though the application asks for the connection after the error.",
            asked("filter").with("X-Keepalive", "none"),
            Then::Closes,
        ),
        fails(
            "errors.asked-for-against-the-client-closes",
            "The client's close wins over what the application asks for.",
            asked("filter").with("Connection", "close"),
            Then::Closes,
        ),
    ]
}

fn framing() -> Vec<Case> {
    let asked = Request::new("POST", "/length")
        .with("X-Fail", "filter")
        .with("X-Reuse", "1");
    let malformed = || {
        Request::new("POST", "/length")
            .with("X-Read-Body", "1")
            .with("X-Reuse", "1")
            .with("Transfer-Encoding", "chunked")
            .raw_body("nonsense\r\n\r\n")
    };
    vec![
        fails(
            "errors.body-read-keeps",
            "An error after the whole request body keeps the connection that is asked for.",
            asked.clone().with("X-Read-Body", "1").body("hello"),
            Then::Persists,
        ),
        fails(
            "errors.unread-body-closes-though-asked",
            "An error before the end of the request body closes, whatever is asked for.",
            asked.clone().declaring(5),
            Then::Closes,
        ),
        fails(
            "errors.unread-body-drained-keeps",
            "Where the drain is asked for, too, the body is read off and the connection persists.",
            asked.clone().with("X-Drain", "1").body("hello"),
            Then::Persists,
        ),
        fails(
            "errors.ambiguous-framing-closes-though-asked",
            "Transfer-Encoding with Content-Length closes after an error, whatever is asked for.",
            asked
                .with("X-Read-Body", "1")
                .with("Transfer-Encoding", "chunked")
                .declaring(4)
                .raw_body("5\r\nhello\r\n0\r\n\r\n"),
            Then::Closes,
        ),
        fails(
            "errors.malformed-body-closes-though-asked",
            "A malformed request body closes, whatever is asked for.",
            malformed(),
            Then::Closes,
        ),
        Case::new(
            "errors.malformed-body-serves-no-second",
            "Nothing behind a malformed body is served.",
            FRAMING,
            SHAPE,
            move |context| async move {
                let mut connection = context.connect().await?;
                let request = malformed();
                let response = connection.exchange(&request).await?;
                check::status(&response, 503)?;
                connection.send(plain().bytes()).await;
                match connection.response(&plain()).await {
                    Ok(second) => Err(Failure::wrong("no second response", second.to_string())),
                    Err(failure) if failure.hang => Err(failure),
                    Err(_) => check::says_close(&response),
                }
            },
        )
        .needs("fail-to-proxy"),
        one(
            "errors.malformed-body-that-is-ignored-closes",
            "A malformed request body closes, though the application answers as if it were none.",
            FRAMING,
            "http-server",
            Request::new("POST", "/")
                .with("X-Read-Body", "1")
                .with("Transfer-Encoding", "chunked")
                .raw_body("nonsense\r\n\r\n"),
            Then::Closes,
        ),
        one(
            "errors.the-proxy-that-fails-serves",
            "Without an error the same application serves and keeps.",
            "design 4",
            SHAPE,
            plain(),
            Then::Persists,
        )
        .needs("fail-to-proxy"),
    ]
}
