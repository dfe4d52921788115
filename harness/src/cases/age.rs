//! The maximum age of a connection.

use tokio::time::sleep;

use super::{millis, plain, secs};
use crate::case::Case;
use crate::check::{self, Then};
use crate::wire::connection::PROMPT;
use crate::wire::Request;

const SOURCE: &str = "design 4";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "age.the-next-response-closes",
            "The first response after the maximum age says close, and closes.",
            SOURCE,
            "proxy-aged",
            |context| async move {
                let mut connection = context.connect().await?;
                check::says_keep_alive(&connection.exchange(&plain()).await?)?;
                sleep(millis(1100)).await;
                let response = connection.exchange(&plain()).await?;
                Then::Closes.check(&mut connection, &response).await
            },
        )
        .needs("max-connection-age"),
        Case::new(
            "age.an-idle-connection-stays",
            "A connection of its maximum age is not closed while it is idle.",
            SOURCE,
            "proxy-aged",
            |context| async move {
                let mut connection = context.connect().await?;
                connection.exchange(&plain()).await?;
                connection.stays_open(secs(2)).await
            },
        )
        .needs("max-connection-age"),
        Case::new(
            "age.an-upload-is-not-cut",
            "An upload that reaches past the maximum age is served, and its response closes.",
            SOURCE,
            "proxy-aged",
            |context| async move {
                let mut connection = context.connect().await?;
                let upload = Request::new("POST", "/")
                    .with("X-Local", "length")
                    .with("X-Read-Body", "1")
                    .declaring(5);
                connection
                    .send([upload.head(), b"he".to_vec()].concat())
                    .await;
                connection.stays_open(millis(1500)).await?;
                connection.send("llo").await;
                let response = connection.response(&upload).await?;
                check::status(&response, 200)?;
                check::closes(&mut connection, &response, PROMPT).await
            },
        )
        .needs("max-connection-age"),
    ]
}
