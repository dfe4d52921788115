//! Requests, written as they are: nothing is added, checked or corrected.

/// One request, or what claims to be one.
#[derive(Clone, Debug)]
pub struct Request {
    method: &'static str,
    target: String,
    version: &'static str,
    lines: Vec<Vec<u8>>,
    body: Vec<u8>,
}

impl Request {
    /// `GET TARGET HTTP/1.1` with a `Host`.
    pub fn get(target: impl Into<String>) -> Request {
        Request::new("GET", target)
    }

    /// The same with another method.
    pub fn new(method: &'static str, target: impl Into<String>) -> Request {
        Request {
            method,
            target: target.into(),
            version: "HTTP/1.1",
            lines: vec![b"Host: subject.test".to_vec()],
            body: Vec::new(),
        }
    }

    /// A `GET` that the service answers itself, with the given `X-Local`.
    pub fn local(kind: &str) -> Request {
        Request::get("/").with("X-Local", kind)
    }

    /// The same as HTTP/1.0.
    pub fn http10(mut self) -> Request {
        self.version = "HTTP/1.0";
        self
    }

    /// With this value of `Host`.
    pub fn replacing_host(mut self, host: &str) -> Request {
        if let Some(line) = self.lines.first_mut() {
            *line = format!("Host: {host}").into_bytes();
        }
        self
    }

    /// The same for another path of another host, without the fields that only our subject knows:
    /// those that begin with `X-`.
    pub fn elsewhere(&self, target: &str, host: &str) -> Request {
        let own = |line: &Vec<u8>| line.len() >= 2 && line[..2].eq_ignore_ascii_case(b"X-");
        let mut request = self.clone().replacing_host(host);
        request.target = target.to_owned();
        request.lines.retain(|line| !own(line));
        request
    }

    /// Whether it is HTTP/1.0.
    pub fn is_http10(&self) -> bool {
        self.version == "HTTP/1.0"
    }

    /// With another method.
    pub fn method(mut self, method: &'static str) -> Request {
        self.method = method;
        self
    }

    /// With one more field.
    pub fn with(self, name: &str, value: &str) -> Request {
        self.line(format!("{name}: {value}"))
    }

    /// With one more field line, byte for byte.
    pub fn line(mut self, line: impl AsRef<[u8]>) -> Request {
        self.lines.push(line.as_ref().to_vec());
        self
    }

    /// With several field lines, byte for byte.
    pub fn lines<'a>(mut self, lines: impl IntoIterator<Item = &'a [u8]>) -> Request {
        for line in lines {
            self = self.line(line);
        }
        self
    }

    /// With a body and its `Content-Length`.
    pub fn body(self, body: &str) -> Request {
        self.declaring(body.len()).raw_body(body)
    }

    /// With a `Content-Length`, whatever the body.
    pub fn declaring(self, length: usize) -> Request {
        self.with("Content-Length", &length.to_string())
    }

    /// With bytes after the head that no field declares.
    pub fn raw_body(mut self, body: &str) -> Request {
        self.body = body.as_bytes().to_vec();
        self
    }

    /// The method, on which the framing of a response depends.
    pub fn method_name(&self) -> &'static str {
        self.method
    }

    /// The body as text, where there is one.
    pub fn text(&self) -> Option<String> {
        (!self.body.is_empty()).then(|| String::from_utf8_lossy(&self.body).into_owned())
    }

    /// The head, with its empty line.
    pub fn head(&self) -> Vec<u8> {
        let mut bytes =
            format!("{} {} {}\r\n", self.method, self.target, self.version).into_bytes();
        for line in &self.lines {
            bytes.extend_from_slice(line);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }

    /// Head and body.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// The request as arguments of curl, without a URL.
    pub fn curl_arguments(&self) -> Vec<String> {
        self.lines
            .iter()
            .skip(1)
            .flat_map(|line| ["-H".to_owned(), String::from_utf8_lossy(line).into_owned()])
            .collect()
    }

    /// The request target.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Names and values of the fields but `Host`.
    pub fn fields(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.lines.iter().skip(1).filter_map(|line| {
            let line = String::from_utf8_lossy(line);
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.trim().to_owned()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_written_as_given() {
        let request = Request::new("POST", "/x")
            .line(b"Connection: \xff, close")
            .body("abc");
        assert_eq!(
            request.bytes(),
            b"POST /x HTTP/1.1\r\nHost: subject.test\r\nConnection: \xff, close\r\n\
              Content-Length: 3\r\n\r\nabc"
        );
    }
}
