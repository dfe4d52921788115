//! What a response says of its connection, and how its end is known.

use super::{body_after_interim, millis, one, plain};
use crate::case::{Case, Failure};
use crate::check::{self, Then};
use crate::wire::response::Framing;
use crate::wire::Request;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = signals();
    cases.extend(interim());
    cases.extend(no_final_head());
    cases.extend(framing());
    cases.extend(framing_without_body());
    cases
}

/// `Connection` and `Keep-Alive`.
fn signals() -> Vec<Case> {
    const SOURCE: &str = "RFC 9112 section 9.6, design 4, finding 15";
    let says = |id, sentence, request, value| {
        one(
            id,
            sentence,
            SOURCE,
            "proxy",
            request,
            Then::PersistsSaying(value),
        )
    };
    vec![
        says(
            "response.says-the-default",
            "A persistent response says keep-alive and the default time less a second.",
            plain(),
            Some("timeout=74"),
        ),
        says(
            "response.says-the-default-proxied",
            "A proxied response says keep-alive and the default time less a second.",
            Request::get("/length"),
            Some("timeout=74"),
        ),
        says(
            "response.says-the-policy",
            "A response says the application's time less a second.",
            plain().with("X-Keepalive", "10"),
            Some("timeout=9"),
        ),
        says(
            "response.says-no-time-below-a-second",
            "No time is announced where a second's margin leaves none.",
            plain().with("X-Keepalive", "1"),
            None,
        ),
        says(
            "response.says-no-time-without-one",
            "No time is announced where there is none.",
            plain().with("X-Keepalive", "unlimited"),
            None,
        ),
        says(
            "response.says-keep-alive-to-http10",
            "A persistent response to HTTP/1.0 says keep-alive.",
            plain().http10().with("Connection", "keep-alive"),
            Some("timeout=74"),
        ),
        one(
            "response.says-close",
            "A response that ends the connection says close and nothing of keep-alive.",
            SOURCE,
            "proxy",
            plain().with("X-Keepalive", "none"),
            Then::Closes,
        ),
        one(
            "response.upstream-close-stays-upstream",
            "An origin that closes its own connection leaves the client's.",
            "RFC 9110 section 7.6.1, design 4",
            "proxy",
            Request::get("/own-close"),
            Then::Persists,
        ),
        one(
            "response.upstream-keep-alive-stays-upstream",
            "An origin's Keep-Alive field is not the client's.",
            "RFC 9110 section 7.6.1, design 4, finding 25",
            "proxy",
            Request::get("/own-keep-alive"),
            Then::PersistsSaying(Some("timeout=74")),
        ),
        one(
            "response.upstream-keep-alive-not-on-close",
            "An origin's Keep-Alive field is not on a response that closes.",
            "RFC 9110 section 7.6.1, design 4, finding 25",
            "proxy",
            Request::get("/own-keep-alive").with("X-Keepalive", "none"),
            Then::Closes,
        ),
        Case::new(
            "response.generated-error-closes",
            "A generated error says close and closes.",
            "design 3",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let response = connection.exchange(&Request::local("error")).await?;
                check::status(&response, 500)?;
                Then::Closes.check(&mut connection, &response).await
            },
        ),
    ]
}

/// 1xx before the final response.
fn interim() -> Vec<Case> {
    let says_nothing = |id, sentence, request: Request| {
        Case::new(
            id,
            sentence,
            "design 4, finding 13",
            "proxy",
            move |context| {
                let request = request.clone();
                async move {
                    let mut connection = context.connect().await?;
                    connection.send(request.bytes()).await;
                    let hints = connection.next_response(&request).await?;
                    check::status(&hints, 103)?;
                    for name in [
                        "Connection",
                        "Keep-Alive",
                        "Transfer-Encoding",
                        "Content-Length",
                    ] {
                        check::without(&hints, name)?;
                    }
                    let response = connection.next_response(&request).await?;
                    check::status(&response, 200)?;
                    Then::Persists.check(&mut connection, &response).await
                }
            },
        )
    };
    vec![
        says_nothing(
            "response.103-first",
            "A 103 says nothing of the connection, and the final response persists.",
            Request::local("103-first"),
        ),
        says_nothing(
            "response.103-first-proxied",
            "A proxied 103 says nothing of the connection, and the final response persists.",
            Request::get("/early-hints"),
        ),
        body_after_interim(
            "response.103-before-the-body",
            "A 103 sent before the request body was read leaves the final response persistent.",
            "design 4, finding 13",
            Request::new("POST", "/").with("X-Local", "103-before-body"),
            103,
        ),
        Case::new(
            "response.100-before-the-body",
            "An origin's 100 before the body leaves the final response persistent.",
            "RFC 9110 section 10.1.1, design 4, finding 13",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::new("POST", "/continue")
                    .with("Expect", "100-continue")
                    .declaring(5);
                connection.send(request.head()).await;
                let interim = connection.next_response(&request).await?;
                check::status(&interim, 100)?;
                check::without(&interim, "Connection")?;
                connection.send("hello").await;
                let response = connection.next_response(&request).await?;
                check::status(&response, 200)?;
                Then::Persists.check(&mut connection, &response).await
            },
        ),
    ]
}

/// A request that is left without an answer.
fn no_final_head() -> Vec<Case> {
    let ends = |id, sentence, kind: &'static str| {
        Case::new(
            id,
            sentence,
            "design 3, finding 28",
            "proxy",
            move |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::local(kind);
                connection.send(request.bytes()).await;
                if kind == "only-103" {
                    let hints = connection.next_response(&request).await?;
                    check::status(&hints, 103)?;
                }
                connection.closes().await
            },
        )
    };
    vec![
        ends(
            "response.none-written",
            "A request answered with nothing ends the connection at once.",
            "nothing",
        ),
        ends(
            "response.only-103-written",
            "A request answered with a 103 alone ends the connection at once.",
            "only-103",
        ),
    ]
}

/// A final response with neither `Content-Length` nor `Transfer-Encoding`.
fn framing() -> Vec<Case> {
    const SOURCE: &str = "RFC 9112 section 6.3, design 4, finding 18";
    vec![
        framed(
            "response.without-length-is-chunked",
            "A response without a length is sent chunked, ends, and persists.",
            SOURCE,
            Request::local("bare"),
            Framing::Chunked,
        ),
        framed(
            "response.without-length-chunked-under-a-policy",
            "A response without a length is sent chunked under a policy as well.",
            SOURCE,
            Request::local("bare").with("X-Keepalive", "30"),
            Framing::Chunked,
        ),
        framed(
            "response.origin-closes-at-its-end",
            "A response that its origin ends by closing is sent chunked, ends, and persists.",
            SOURCE,
            Request::get("/close-delimited"),
            Framing::Chunked,
        ),
        framed(
            "response.origin-of-http10",
            "A response of an HTTP/1.0 origin is sent chunked, ends, and persists.",
            SOURCE,
            Request::get("/http10"),
            Framing::Chunked,
        ),
        framed(
            "response.chunked-stays-chunked",
            "A chunked response stays chunked and persists.",
            SOURCE,
            Request::get("/chunked"),
            Framing::Chunked,
        ),
        framed(
            "response.length-stays-length",
            "A response with a length keeps it and persists.",
            SOURCE,
            Request::local("length"),
            Framing::Length(6),
        ),
        Case::new(
            "response.known-empty-has-length-0",
            "A response known to have no body says Content-Length: 0 and persists.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let response = connection.exchange(&Request::local("empty")).await?;
                check::framed(&response, Framing::Length(0))?;
                Then::Persists.check(&mut connection, &response).await
            },
        ),
        Case::new(
            "response.without-length-and-close-is-chunked",
            "A response without a length that closes is sent chunked too, so that its end shows.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::local("bare").with("X-Keepalive", "none");
                let response = connection.exchange(&request).await?;
                check::framed(&response, Framing::Chunked)?;
                Then::Closes.check(&mut connection, &response).await
            },
        ),
        Case::new(
            "response.426-names-its-upgrade",
            "A 426 keeps its Upgrade and the option that names it, and the connection persists.",
            "design 4, RFC 9110 section 7.8",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let response = connection.exchange(&Request::get("/426")).await?;
                check::status(&response, 426)?;
                let options = response.list("Connection");
                if response.value("Upgrade").as_deref() != Some("websocket")
                    || !options.iter().any(|option| option == "upgrade")
                    || !options.iter().any(|option| option == "keep-alive")
                {
                    return Err(Failure::wrong(
                        "Upgrade: websocket and Connection: upgrade, keep-alive",
                        response.to_string(),
                    ));
                }
                check::serves_another(&mut connection).await
            },
        ),
        Case::new(
            "response.without-length-proxied-to-http10",
            "A proxied response without a length to HTTP/1.0 is not chunked either.",
            "design 4, RFC 9112 section 6.1, finding 21",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::get("/close-delimited")
                    .http10()
                    .with("Connection", "keep-alive");
                let response = connection.exchange(&request).await?;
                check::without(&response, "Transfer-Encoding")?;
                check::framed(&response, Framing::CloseDelimited)?;
                check::body(&response, "hello\n")?;
                check::says_close(&response)
            },
        ),
        Case::new(
            "response.without-length-to-http10",
            "A response without a length to HTTP/1.0 is never chunked: it says close and closes.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::local("bare")
                    .http10()
                    .with("Connection", "keep-alive")
                    .with("X-Keepalive", "60");
                let response = connection.exchange(&request).await?;
                check::without(&response, "Transfer-Encoding")?;
                check::framed(&response, Framing::CloseDelimited)?;
                check::body(&response, "hello\n")?;
                check::says_close(&response)
            },
        ),
    ]
}

fn framed(
    id: &'static str,
    sentence: &'static str,
    source: &'static str,
    request: Request,
    framing: Framing,
) -> Case {
    Case::new(id, sentence, source, "proxy", move |context| {
        let request = request.clone();
        async move {
            let mut connection = context.connect().await?;
            let response = connection.exchange(&request).await?;
            check::framed(&response, framing)?;
            check::body(&response, "hello\n")?;
            Then::Persists.check(&mut connection, &response).await
        }
    })
}

/// Responses that have no body, whatever their fields say.
fn framing_without_body() -> Vec<Case> {
    let untouched = |id, sentence, request: Request| {
        let source = "RFC 9112 section 6.3, design 4";
        Case::new(id, sentence, source, "proxy", move |context| {
            let request = request.clone();
            async move {
                let mut connection = context.connect().await?;
                let response = connection.exchange(&request).await?;
                check::without(&response, "Transfer-Encoding")?;
                check::without(&response, "Content-Length")?;
                // Whatever is sent as a body would show here.
                connection.stays_open(millis(100)).await?;
                Then::Persists.check(&mut connection, &response).await
            }
        })
    };
    vec![
        untouched(
            "response.204-has-no-framing",
            "A 204 is given no framing, and the connection persists.",
            Request::local("204"),
        ),
        untouched(
            "response.304-has-no-framing",
            "A 304 is given no framing, and the connection persists.",
            Request::local("304"),
        ),
        untouched(
            "response.204-proxied-has-no-framing",
            "A proxied 204 is given no framing, and the connection persists.",
            Request::get("/204"),
        ),
        untouched(
            "response.304-proxied-has-no-framing",
            "A proxied 304 is given no framing, and the connection persists.",
            Request::get("/304"),
        ),
        untouched(
            "response.head-has-no-framing",
            "The answer to HEAD without a length is given no framing, and the connection persists.",
            Request::local("bare").method("HEAD"),
        ),
        Case::new(
            "response.head-with-length",
            "The answer to HEAD keeps its length, has no body, and the connection persists.",
            "RFC 9112 section 6.3",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::get("/length").method("HEAD");
                let response = connection.exchange(&request).await?;
                check::status(&response, 200)?;
                connection.stays_open(millis(100)).await?;
                Then::Persists.check(&mut connection, &response).await
            },
        ),
    ]
}
