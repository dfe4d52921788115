//! Reads responses from bytes and tells a complete one from one that was cut short.

use std::fmt;

/// How the end of a response is known (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// It has no body: 1xx, 204, 304 and the answer to HEAD.
    Without,
    /// `Content-Length`.
    Length(usize),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// The end of the connection.
    CloseDelimited,
    /// There is no end: the connection is a tunnel now.
    Tunnel,
}

/// A response that is complete.
#[derive(Clone, Debug)]
pub struct Response {
    /// Minor version of HTTP/1.
    pub version: u8,
    /// Status code.
    pub status: u16,
    /// Field lines in their order.
    pub fields: Vec<(String, Vec<u8>)>,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// How its end was known.
    pub framing: Framing,
}

/// What a buffer holds.
#[derive(Debug)]
pub enum Parsed {
    /// Not a whole response yet.
    Incomplete,
    /// A response, and how many bytes it took.
    Complete(Box<Response>, usize),
    /// The connection ended before the response did.
    Cut(String),
    /// Not HTTP.
    Malformed(String),
}

/// Reads the response at the start of `buffer`, an answer to a request with `method`. `ended` says
/// that nothing will follow.
pub fn parse(buffer: &[u8], method: &str, ended: bool) -> Parsed {
    let mut lines = [httparse::EMPTY_HEADER; 100];
    let mut head = httparse::Response::new(&mut lines);
    let start = match head.parse(buffer) {
        Ok(httparse::Status::Complete(start)) => start,
        Ok(httparse::Status::Partial) if ended => return Parsed::Cut("within the head".into()),
        Ok(httparse::Status::Partial) => return Parsed::Incomplete,
        Err(error) => return Parsed::Malformed(error.to_string()),
    };
    let mut response = Response {
        version: head.version.unwrap_or_default(),
        status: head.code.unwrap_or_default(),
        fields: head
            .headers
            .iter()
            .map(|field| (field.name.to_owned(), field.value.to_vec()))
            .collect(),
        body: Vec::new(),
        framing: Framing::Without,
    };
    response.framing = match response.framing(method) {
        Ok(framing) => framing,
        Err(problem) => return Parsed::Malformed(problem),
    };
    let rest = &buffer[start..];
    let body = match response.framing {
        Framing::Without | Framing::Tunnel => Body::Whole(Vec::new(), 0),
        Framing::Length(length) if rest.len() >= length => {
            Body::Whole(rest[..length].to_vec(), length)
        }
        Framing::Length(length) => Body::Short(format!("at {} of {length} bytes", rest.len())),
        Framing::Chunked => chunks(rest),
        Framing::CloseDelimited if ended => Body::Whole(rest.to_vec(), rest.len()),
        Framing::CloseDelimited => Body::Short("before the end of the connection".into()),
    };
    match body {
        Body::Whole(bytes, used) => {
            response.body = bytes;
            Parsed::Complete(Box::new(response), start + used)
        }
        Body::Short(place) if ended => Parsed::Cut(place),
        Body::Short(_) => Parsed::Incomplete,
        Body::Malformed(problem) => Parsed::Malformed(problem),
    }
}

/// As much of a body as there is.
#[derive(Debug, PartialEq, Eq)]
pub enum Body {
    /// All of it, and how many bytes it took on the wire.
    Whole(Vec<u8>, usize),
    /// More is to come; says where it stands.
    Short(String),
    /// Not the framing that it claims to be.
    Malformed(String),
}

/// Reads a chunked body with its trailer section (RFC 9112 section 7.1).
pub fn chunks(bytes: &[u8]) -> Body {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let size = match httparse::parse_chunk_size(&bytes[at..]) {
            Ok(httparse::Status::Complete((used, size))) => {
                at += used;
                size
            }
            Ok(httparse::Status::Partial) => return Body::Short("within a chunk size".into()),
            Err(_) => return Body::Malformed("a chunk size that is none".into()),
        };
        if size == 0 {
            return match trailers(&bytes[at..]) {
                Some(used) => Body::Whole(body, at + used),
                None => Body::Short("within the last chunk".into()),
            };
        }
        let Some(end) = usize::try_from(size)
            .ok()
            .and_then(|size| at.checked_add(size))
        else {
            return Body::Malformed("a chunk size beyond all bounds".into());
        };
        match bytes.get(end..end + 2) {
            Some(b"\r\n") => body.extend_from_slice(&bytes[at..end]),
            Some(_) => return Body::Malformed("a chunk without its end".into()),
            None => return Body::Short("within a chunk".into()),
        }
        at = end + 2;
    }
}

/// The length of a trailer section with its empty line.
fn trailers(bytes: &[u8]) -> Option<usize> {
    if bytes.starts_with(b"\r\n") {
        return Some(2);
    }
    bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map(|at| at + 4)
}

impl Response {
    /// Values of the field lines of this name, in their order.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.fields
            .iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    /// All lines of a field as one value, if there is any.
    pub fn value(&self, name: &str) -> Option<String> {
        let lines: Vec<_> = self.values(name).map(String::from_utf8_lossy).collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    }

    /// The elements of a comma-separated list field, in lower case.
    pub fn list(&self, name: &str) -> Vec<String> {
        self.value(name)
            .unwrap_or_default()
            .split(',')
            .map(|element| element.trim().to_ascii_lowercase())
            .filter(|element| !element.is_empty())
            .collect()
    }

    /// Whether it is a 1xx that another response follows.
    pub fn is_interim(&self) -> bool {
        (100..200).contains(&self.status) && self.status != 101
    }

    fn framing(&self, method: &str) -> Result<Framing, String> {
        if self.status == 101 || (method == "CONNECT" && (200..300).contains(&self.status)) {
            return Ok(Framing::Tunnel);
        }
        if self.is_interim() || matches!(self.status, 204 | 304) || method == "HEAD" {
            return Ok(Framing::Without);
        }
        if self.value("Transfer-Encoding").is_some() {
            return match self.list("Transfer-Encoding").last().map(String::as_str) {
                Some("chunked") => Ok(Framing::Chunked),
                _ => Ok(Framing::CloseDelimited),
            };
        }
        match self.list("Content-Length").as_slice() {
            [] => Ok(Framing::CloseDelimited),
            [length, more @ ..] if more.iter().all(|other| other == length) => length
                .parse()
                .map(Framing::Length)
                .map_err(|_| format!("Content-Length: {length}")),
            _ => Err("several values of Content-Length".into()),
        }
    }
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP/1.{} {}", self.version, self.status)?;
        for name in [
            "Connection",
            "Keep-Alive",
            "Content-Length",
            "Transfer-Encoding",
        ] {
            if let Some(value) = self.value(name) {
                write!(f, ", {name}: {value}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(buffer: &[u8], method: &str, ended: bool) -> (Response, usize) {
        match parse(buffer, method, ended) {
            Parsed::Complete(response, used) => (*response, used),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_length_ends_the_body() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1";
        let (response, used) = complete(bytes, "GET", false);
        assert_eq!(response.body, b"abc");
        assert_eq!(&bytes[used..], b"HTTP/1.1");
        assert!(matches!(
            parse(&bytes[..40], "GET", false),
            Parsed::Incomplete
        ));
        assert!(matches!(parse(&bytes[..40], "GET", true), Parsed::Cut(_)));
    }

    #[test]
    fn chunks_end_with_the_last_chunk_and_its_empty_line() {
        let bytes =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;a=b\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";
        let (response, used) = complete(bytes, "GET", false);
        assert_eq!(
            (response.body.as_slice(), used),
            (&b"abcd"[..], bytes.len())
        );
        for end in 48..bytes.len() {
            assert!(
                matches!(parse(&bytes[..end], "GET", true), Parsed::Cut(_)),
                "cut at {end}"
            );
        }
    }

    #[test]
    fn trailers_belong_to_the_body() {
        assert_eq!(
            chunks(b"0\r\nA: b\r\n\r\nrest"),
            Body::Whole(Vec::new(), 11)
        );
        assert_eq!(chunks(b"1\r\nab"), Body::Short("within a chunk".into()));
        assert!(matches!(chunks(b"1\r\nabcd"), Body::Malformed(_)));
        assert!(matches!(chunks(b"fffffffffffffff\r\nab"), Body::Short(_)));
    }

    #[test]
    fn a_body_without_length_ends_with_the_connection() {
        let bytes = b"HTTP/1.0 200 OK\r\n\r\nabc";
        assert!(matches!(parse(bytes, "GET", false), Parsed::Incomplete));
        let (response, _) = complete(bytes, "GET", true);
        assert_eq!(
            (response.version, response.body.as_slice()),
            (0, &b"abc"[..])
        );
    }

    #[test]
    fn some_responses_have_no_body() {
        for head in [
            &b"HTTP/1.1 204 No Content\r\n\r\n"[..],
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
            b"HTTP/1.1 103 Early Hints\r\n\r\n",
        ] {
            assert_eq!(complete(head, "GET", false).0.framing, Framing::Without);
        }
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(complete(head, "HEAD", false).0.framing, Framing::Without);
        let tunnel = b"HTTP/1.1 101 Switching Protocols\r\n\r\nraw";
        assert_eq!(complete(tunnel, "GET", false).0.framing, Framing::Tunnel);
    }

    #[test]
    fn differing_lengths_are_no_framing() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd";
        assert!(matches!(parse(bytes, "GET", false), Parsed::Malformed(_)));
    }

    #[test]
    fn lists_join_lines_and_drop_empty_elements() {
        let bytes = b"HTTP/1.1 200 OK\r\nConnection: , Foo\r\nCONNECTION: close,\r\n\r\n";
        assert_eq!(
            complete(bytes, "GET", true).0.list("connection"),
            ["foo", "close"]
        );
    }
}
