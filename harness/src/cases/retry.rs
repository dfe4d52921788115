//! Requests that meet a pooled connection which the origin gives up at that moment: what is sent
//! again, how often, and what is not.
//!
//! Each case has an origin of its own, so that no other finds its connections.

use std::time::Duration;

use futures_util::future::try_join;
use tokio::time::sleep;

use super::secs;
use crate::case::{Case, Context, Failure, Found};
use crate::check;
use crate::origin::deserter::{Deserter, Desertion, Seen, PAIR};
use crate::wire::Request;

const SOURCE: &str = "RFC 9110 section 9.2.2";

/// The shape that no other case's connections push out of the pool.
const SHAPE: &str = "proxy-pool";

/// How often a case that looks for a race tries it.
const TRIES: u64 = 50;

/// Pauses between the head and the body of a request, one each try.
const PAUSES: [Option<u64>; 6] = [None, Some(0), Some(100), Some(300), Some(800), Some(1600)];

/// What is to become of a request.
#[derive(Clone, Copy, Debug)]
struct Fate {
    status: u16,
    /// Connections beside the two that were pooled.
    new: usize,
    answered: usize,
    deserted: usize,
}

/// Sent again, over a new connection, and answered there.
const AGAIN: Fate = Fate {
    status: 200,
    new: 1,
    answered: 1,
    deserted: 0,
};

/// Failed.
const FAILED: Fate = Fate {
    status: 502,
    new: 0,
    answered: 0,
    deserted: 0,
};

pub(super) fn cases() -> Vec<Case> {
    use Desertion::*;
    let whole = |fate: Fate| Fate {
        deserted: 1,
        ..fate
    };
    let put = || Request::new("PUT", "/").body("hello");
    let chunked = |method| {
        Request::new(method, "/")
            .with("Transfer-Encoding", "chunked")
            .raw_body("5\r\nhello\r\n0\r\n\r\n")
    };
    let large = || Request::new("PUT", "/").body(&"x".repeat(1 << 20));
    let part = Answers("HTTP/1.1 2");
    let interim = Answers("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    let head = Answers("HTTP/1.1 200 OK\r\nContent-Le");
    vec![
        // Which error comes first is a matter of chance, so that both kinds of bodies and ends are tried.
        case_of_several(
            "retry.a-put-that-meets-a-reset",
            "A PUT whose pooled connection is reset or closed is sent again, always, over a new one.",
            vec![ResetsAtOnce, ClosesAtOnce],
            vec![put(), chunked("PUT")],
            AGAIN,
        ),
        case(
            "retry.a-put-without-an-answer",
            "A PUT that an origin took and did not answer is sent again, once.",
            vec![ResetsBehindIt, ClosesBehindIt],
            put(),
            whole(AGAIN),
        ),
        case(
            "retry.a-get-is-sent-again",
            "A GET whose pooled connection ends is sent again, always, over a new one.",
            vec![ResetsAtOnce, ClosesAtOnce],
            Request::get("/"),
            AGAIN,
        ),
        case(
            "retry.a-post-is-not-sent-again",
            "A POST whose pooled connection ends is not sent again: 502.",
            vec![ResetsAtOnce, ClosesAtOnce],
            Request::new("POST", "/").body("hello"),
            FAILED,
        ),
        case(
            "retry.a-post-without-an-answer",
            "A POST that an origin took and did not answer is not sent again: 502.",
            vec![ResetsBehindIt, ClosesBehindIt],
            chunked("POST"),
            whole(FAILED),
        ),
        case(
            "retry.a-large-put-without-an-answer",
            "A PUT whose body was not kept is not sent again: 502.",
            vec![ResetsBehindIt, ClosesBehindIt],
            large(),
            whole(FAILED),
        ),
        case(
            "retry.part-of-a-head-is-an-answer",
            "What was answered with part of a head is not sent again: 502.",
            vec![part, head],
            put(),
            whole(FAILED),
        ),
        case(
            "retry.an-interim-response-is-an-answer",
            "What was answered with a 103 is not sent again: 502.",
            vec![interim],
            put(),
            whole(FAILED),
        ),
    ]
}

fn case(
    id: &'static str,
    sentence: &'static str,
    desertions: Vec<Desertion>,
    request: Request,
    fate: Fate,
) -> Case {
    case_of_several(id, sentence, desertions, vec![request], fate)
}

fn case_of_several(
    id: &'static str,
    sentence: &'static str,
    desertions: Vec<Desertion>,
    requests: Vec<Request>,
    fate: Fate,
) -> Case {
    Case::new(id, sentence, SOURCE, SHAPE, move |context| {
        let (desertions, requests) = (desertions.clone(), requests.clone());
        async move {
            for request in &requests {
                for desertion in &desertions {
                    tries(&context, *desertion, request, fate).await?;
                }
            }
            Ok(())
        }
    })
    .bound(secs(40))
}

/// Sends the request over and over, each time to an origin that has two connections in the pool.
async fn tries(context: &Context, desertion: Desertion, request: &Request, fate: Fate) -> Found {
    // Where nothing is sent again there is no race to be lost.
    let tries = if fate.new == 0 { 6 } else { TRIES };
    for turn in 0..tries {
        let origin = Deserter::start(desertion).await?;
        let address = origin.address().to_string();
        let fill = || async {
            let mut connection = context.connect().await?;
            let request = Request::get(PAIR).with("X-Origin", &address);
            let response = connection.exchange(&request).await?;
            check::status(&response, 200)
        };
        try_join(fill(), fill()).await?;

        let mut connection = context.connect().await?;
        let request = request.clone().with("X-Origin", &address);
        let pause = PAUSES[turn as usize % PAUSES.len()];
        match pause {
            None => connection.send(request.bytes()).await,
            Some(pause) => {
                let head = request.head();
                connection.send(&head).await;
                sleep(Duration::from_micros(pause)).await;
                connection.send(&request.bytes()[head.len()..]).await;
            }
        }
        let response = connection.response(&request).await?;
        let which = format!("try {turn}, {desertion:?}, {pause:?} µs before the body");
        check::status(&response, fate.status).map_err(|failure| {
            Failure::wrong(failure.expected, format!("{} ({which})", failure.seen))
        })?;
        let expected = Seen {
            connections: 2 + fate.new,
            answered: fate.answered,
            deserted: fate.deserted,
        };
        if origin.seen() != expected {
            return Err(Failure::wrong(
                format!("{expected:?}"),
                format!("{:?} ({which})", origin.seen()),
            ));
        }
    }
    Ok(())
}
