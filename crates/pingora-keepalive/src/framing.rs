//! How the body of a response is delimited, where the application has not said.

use crate::Version;

/// What bears on the framing of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseFraming {
    /// The version of the request.
    pub version: Version,
    /// Whether the request's method is HEAD.
    pub to_head: bool,
    /// Whether the request's method is CONNECT.
    pub to_connect: bool,
    /// The status code of the response.
    pub status: u16,
    /// Whether the response has a `Content-Length`.
    pub content_length: bool,
    /// Whether the response has a `Transfer-Encoding`.
    pub transfer_encoding: bool,
    /// Whether the response is known to end with its head.
    pub ends_with_head: bool,
}

/// What to do to the head of a response so that its body ends without the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimit {
    /// Nothing: it is framed, it has no body, or its body ends with the connection.
    AsIs,
    /// Add `Transfer-Encoding: chunked`.
    Chunked,
    /// Add `Content-Length: 0`.
    Empty,
    /// Remove `Transfer-Encoding`: the client does not know it. Where there is a body, only chunked
    /// goes so; another coding ([`TransferCodings::coded`](crate::TransferCodings::coded)) goes by
    /// being decoded, and a body that has one cannot be sent.
    Uncoded,
    /// Remove `Transfer-Encoding` and `Content-Length`: the response cannot have them.
    Unframed,
}

impl ResponseFraming {
    /// Whether the response never has a body, whatever its header fields say.
    pub fn bodiless(&self) -> bool {
        //= RFC 9112 section 6.3: HEAD, 1xx, 204 and 304 have no body; a 2xx to CONNECT opens a
        //= tunnel.
        self.to_head || self.status == 304 || self.never_framed()
    }

    /// Whether the response must have neither `Transfer-Encoding` nor `Content-Length`.
    fn never_framed(&self) -> bool {
        //= RFC 9112 section 6.1, RFC 9110 section 8.6: not on 1xx, 204, or a 2xx to CONNECT.
        matches!(self.status, 100..=199 | 204)
            || (self.to_connect && (200..=299).contains(&self.status))
    }

    /// The `Content-Length` that is missing on a response whose body is at hand, all `length` bytes of
    /// it. `None` where there is nothing to add, or [`delimit`](Self::delimit) has to say.
    pub fn missing_length(&self, length: usize) -> Option<usize> {
        //= RFC 9110 section 8.6: a response to HEAD may say what the length of one to GET would be;
        //= the lack of a body at hand says nothing about that.
        let has_body = !self.never_framed() && self.status != 304;
        let said = self.content_length || self.transfer_encoding;
        (has_body && !said && !(self.to_head && length == 0)).then_some(length)
    }

    /// How to delimit the body.
    pub fn delimit(&self) -> Delimit {
        if self.never_framed() {
            if self.transfer_encoding || self.content_length {
                Delimit::Unframed
            } else {
                Delimit::AsIs
            }
        } else if self.transfer_encoding && self.version == Version::Http10 {
            //= RFC 9112 section 6.1: no Transfer-Encoding to an HTTP/1.0 client.
            Delimit::Uncoded
        } else if self.content_length || self.transfer_encoding || self.bodiless() {
            Delimit::AsIs
        } else if self.ends_with_head {
            Delimit::Empty
        } else if self.version == Version::Http11 {
            //= RFC 9112 section 6.3: prefer chunked to a body that ends with the connection.
            Delimit::Chunked
        } else {
            // The body ends with the connection.
            Delimit::AsIs
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const PLAIN: ResponseFraming = ResponseFraming {
        version: Version::Http11,
        to_head: false,
        to_connect: false,
        status: 200,
        content_length: false,
        transfer_encoding: false,
        ends_with_head: false,
    };

    #[rstest]
    #[case::without_a_length(PLAIN, Delimit::Chunked)]
    #[case::known_to_be_empty(ResponseFraming { ends_with_head: true, ..PLAIN }, Delimit::Empty)]
    #[case::with_a_length(ResponseFraming { content_length: true, ..PLAIN }, Delimit::AsIs)]
    #[case::with_a_coding(ResponseFraming { transfer_encoding: true, ..PLAIN }, Delimit::AsIs)]
    #[case::to_head(ResponseFraming { to_head: true, ..PLAIN }, Delimit::AsIs)]
    #[case::early_hints(ResponseFraming { status: 103, ..PLAIN }, Delimit::AsIs)]
    #[case::switching(ResponseFraming { status: 101, ..PLAIN }, Delimit::AsIs)]
    #[case::no_content(ResponseFraming { status: 204, ..PLAIN }, Delimit::AsIs)]
    #[case::not_modified(ResponseFraming { status: 304, ends_with_head: true, ..PLAIN }, Delimit::AsIs)]
    #[case::tunnel(ResponseFraming { to_connect: true, ..PLAIN }, Delimit::AsIs)]
    #[case::refused_tunnel(ResponseFraming { to_connect: true, status: 405, ..PLAIN }, Delimit::Chunked)]
    #[case::http10(ResponseFraming { version: Version::Http10, ..PLAIN }, Delimit::AsIs)]
    #[case::http10_coded(ResponseFraming { version: Version::Http10, transfer_encoding: true, ..PLAIN }, Delimit::Uncoded)]
    #[case::no_content_coded(ResponseFraming { status: 204, transfer_encoding: true, ..PLAIN }, Delimit::Unframed)]
    #[case::no_content_with_a_length(ResponseFraming { status: 204, content_length: true, ..PLAIN }, Delimit::Unframed)]
    #[case::early_hints_with_a_length(ResponseFraming { status: 103, content_length: true, ..PLAIN }, Delimit::Unframed)]
    #[case::no_content_to_http10(ResponseFraming { version: Version::Http10, status: 204, ends_with_head: true, ..PLAIN }, Delimit::AsIs)]
    #[case::not_modified_with_a_length(ResponseFraming { status: 304, content_length: true, ..PLAIN }, Delimit::AsIs)]
    #[case::to_head_with_a_length(ResponseFraming { to_head: true, content_length: true, ..PLAIN }, Delimit::AsIs)]
    #[case::tunnel_coded(ResponseFraming { to_connect: true, transfer_encoding: true, ..PLAIN }, Delimit::Unframed)]
    #[case::tunnel_with_a_length(ResponseFraming { to_connect: true, content_length: true, ..PLAIN }, Delimit::Unframed)]
    #[case::refused_tunnel_with_a_length(ResponseFraming { to_connect: true, status: 407, content_length: true, ..PLAIN }, Delimit::AsIs)]
    #[case::to_head_coded(ResponseFraming { to_head: true, transfer_encoding: true, ..PLAIN }, Delimit::AsIs)]
    #[case::http10_empty(ResponseFraming { version: Version::Http10, ends_with_head: true, ..PLAIN }, Delimit::Empty)]
    fn a_body_is_delimited_without_closing(
        #[case] response: ResponseFraming,
        #[case] expected: Delimit,
    ) {
        assert_eq!(response.delimit(), expected);
    }

    #[rstest]
    #[case::http11(PLAIN, 5, Some(5))]
    #[case::http10(ResponseFraming { version: Version::Http10, ..PLAIN }, 5, Some(5))]
    #[case::empty(PLAIN, 0, Some(0))]
    #[case::to_head(ResponseFraming { to_head: true, ..PLAIN }, 5, Some(5))]
    #[case::empty_to_head(ResponseFraming { to_head: true, ..PLAIN }, 0, None)]
    #[case::with_a_length(ResponseFraming { content_length: true, ..PLAIN }, 5, None)]
    #[case::in_chunks(ResponseFraming { transfer_encoding: true, ..PLAIN }, 5, None)]
    #[case::no_content(ResponseFraming { status: 204, ..PLAIN }, 5, None)]
    #[case::not_modified(ResponseFraming { status: 304, ..PLAIN }, 5, None)]
    #[case::tunnel(ResponseFraming { to_connect: true, ..PLAIN }, 5, None)]
    #[case::refused_tunnel(ResponseFraming { to_connect: true, status: 405, ..PLAIN }, 5, Some(5))]
    fn a_body_at_hand_has_a_length(
        #[case] response: ResponseFraming,
        #[case] length: usize,
        #[case] missing: Option<usize>,
    ) {
        assert_eq!(response.missing_length(length), missing);
    }
}
