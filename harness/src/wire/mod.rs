//! What goes over the wire: requests written byte by byte, responses read without mercy, and a
//! transcript of both with their times.

pub mod connection;
pub mod request;
pub mod response;
pub mod tls;
pub mod transcript;
pub mod transport;

pub use connection::Connection;
pub use request::Request;
pub use response::Response;
pub use transcript::Transcript;
pub use transport::{Endpoint, Transport};
