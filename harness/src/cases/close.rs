//! How a connection ends: gracefully where what was sent is complete, and not where it is not.

use super::plain;
use crate::case::{Case, Failure};
use crate::check;
use crate::wire::Request;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "close.close-delimited-cut-short",
            "A body that ends with the connection ends with a reset if it is cut short.",
            "design 4, finding 29",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                connection
                    .send(Request::local("cut-short").http10().bytes())
                    .await;
                connection.resets().await
            },
        ),
        Case::new(
            "close.close-delimited-complete",
            "A body that ends with the connection ends with a FIN if it is complete.",
            "RFC 9112 section 8",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let response = connection
                    .exchange(&Request::local("bare").http10())
                    .await?;
                check::body(&response, "hello\n")?;
                connection.closes().await
            },
        ),
        Case::new(
            "close.chunked-cut-short",
            "A chunked body that is cut short ends without its last chunk.",
            "design 4",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                match connection.exchange(&Request::local("cut-short")).await {
                    Err(cut) if !cut.hang => Ok(()),
                    Err(hang) => Err(hang),
                    Ok(response) => {
                        Err(Failure::wrong("a response cut short", response.to_string()))
                    }
                }
            },
        ),
        Case::new(
            "close.the-longest-idle-makes-room",
            "Where one more may not be idle, the connection that was idle the longest is closed.",
            "design 4",
            "proxy-idle-two",
            |context| async move {
                let mut first = context.connect().await?;
                let mut second = context.connect().await?;
                let mut third = context.connect().await?;
                for connection in [&mut first, &mut second] {
                    check::served(&connection.exchange(&plain()).await?)?;
                }
                // What was idle for less is not the longest idle.
                check::served(&first.exchange(&plain()).await?)?;
                check::served(&third.exchange(&plain()).await?)?;
                second
                    .closes_at(third.answered_at(), Default::default())
                    .await?;
                check::serves_another(&mut first).await?;
                check::serves_another(&mut third).await
            },
        )
        .needs("max-idle-connections"),
    ]
}
