//! What the owner of a service is told where a case that runs anywhere finds something: what it costs
//! in production, and where to look. Cases with one cause share one text.
//!
//! Names of other servers' settings stand here only where their documentation says so.

use crate::anywhere::Advice;

/// `close` in a request is not obeyed.
pub(super) const CLOSE_UNHEARD: Advice = Advice {
    costs:
        "The client has said that it is done and waits for the end of the connection. Until the \
            idle timeout, for ever if there is none, each such exchange holds a socket and its \
            buffers on both sides; a client or a load balancer that reads to the end hangs as long.",
    look: "RFC 9112 sections 9.3 and 9.6, RFC 9110 section 7.6.1: the options of all Connection \
           lines are one list, and close wins. Pingora 0.9.1 reads the first line only: \
           connection-options.patch mends it.",
};

/// What a response says of its connection is not what happens.
pub(super) const WORD_BROKEN: Advice = Advice {
    costs: "A client that was told nothing of a close sends its next request into a connection that \
            is gone. It must not repeat a POST, so its user sees an error; behind a proxy these are \
            sporadic 502s that nobody can reproduce. The other way round, a client that was told \
            close waits for one.",
    look: "RFC 9112 sections 9.3 and 9.6: a response after which the connection closes says \
           Connection: close. In Pingora set_keepalive(..) before the response header; 0.9.1 says \
           keep-alive and closes in several places: keepalive-decision.patch mends it. Elsewhere, \
           whatever writes the Connection field of responses, and what closes behind its back: \
           request limits, worker restarts, a proxy between.",
};

/// HTTP/1.0 without `keep-alive` stays open.
pub(super) const HTTP10_STAYS: Advice = Advice {
    costs: "An HTTP/1.0 client that has not asked for a persistent connection reads to the end of \
            the connection: it hangs until the idle timeout, and holds a socket as long.",
    look:
        "RFC 9112 section 9.3: HTTP/1.0 persists only where the request says keep-alive. Pingora \
           0.9.1 keeps it after set_keepalive(Some(n)): keepalive-decision.patch mends it.",
};

/// A response does not end for its client.
pub(super) const NEVER_ENDS: Advice = Advice {
    costs: "This is the hang that users see: the page keeps loading, curl does not exit. Each such \
            request holds a connection on the client, on every proxy between and here, until some \
            timeout of somebody else cuts it.",
    look: "RFC 9112 section 6.3: a response needs a Content-Length, Transfer-Encoding: chunked, or \
           the close of its connection. In Pingora a response without a length under \
           set_keepalive(..) (issue 540): delimit-responses.patch and keepalive-zero.patch mend it. \
           If the response is only slow, give --response-timeout.",
};

/// Two requests of a client need two connections.
pub(super) const NOT_REUSED: Advice = Advice {
    costs: "Each request pays for a new connection, with TLS for a handshake too: latency for the \
            user, CPU and sockets in TIME_WAIT for the server.",
    look: "The response that the transcript shows: it says that the connection persists, and the \
           client could not use it. RFC 9112 section 9.3.",
};

/// An idle connection outlives its configured time.
pub(super) const IDLE_FOR_EVER: Advice = Advice {
    costs: "Idle connections pile up: each holds a socket and its buffers (about 88 KB of heap in \
            Pingora 0.9.1) until the client goes away. Whoever opens connections and sends nothing \
            more exhausts file descriptors or memory at no cost to himself.",
    look: "Pingora 0.9.1 forgets its keepalive time after each HTTP/1.1 request: \
           keepalive-timeout.patch, HttpServerOptions::keepalive_timeout. nginx: \
           keepalive_timeout. Apache: KeepAliveTimeout. Node: server.keepAliveTimeout. If it \
           closes a little later than the time that you gave, the server adds to it or looks only \
           now and then: give the time that you really mean.",
};

/// A client that sends no head, or half of one, is kept.
pub(super) const SLOW_HEAD: Advice = Advice {
    costs: "This is the Slowloris attack: each such client holds a socket, and in many servers a \
            worker, for as long as it likes, for a byte now and then. A few thousand of them from \
            one machine take the service down.",
    look: "Pingora 0.9.1 bounds no request header: header-read-timeout.patch, \
           HttpServerOptions::header_read_timeout. nginx: client_header_timeout. Apache: \
           RequestReadTimeout header= (without a rate, which extends it). lighttpd's \
           server.max-read-idle counts from byte to byte and bounds no drip. Node: \
           server.headersTimeout, looked at every connectionsCheckingInterval (30 s by default), \
           which has to be added to the time given here. hyper: header_read_timeout, which needs a \
           timer.",
};

/// A body that stalls is waited for.
pub(super) const SLOW_BODY: Advice = Advice {
    costs:
        "Each client that begins an upload and stops holds a socket, a task or worker and often \
            a connection to the backend, for as long as it likes.",
    look: "RFC 9110 section 15.5.9 (408). Pingora: body-read-timeout.patch and \
           body-timeout-options.patch, HttpServerOptions::read_timeout. nginx: \
           client_body_timeout. Apache: RequestReadTimeout body=. Node: server.requestTimeout.",
};

/// A handshake that stalls is waited for.
pub(super) const SLOW_HANDSHAKE: Advice = Advice {
    costs: "A peer that never finishes its TLS handshake costs nothing and holds a socket and the \
            state of a handshake for as long as it likes.",
    look: "Pingora: handshake-timeout.patch, HttpServerOptions::handshake_timeout. Elsewhere the \
           handshake timeout of the listener; a server without one is protected only by a timeout \
           on accepted connections.",
};

/// A peer that has closed its side is kept.
pub(super) const CLIENT_GONE: Advice = Advice {
    costs:
        "Sockets in CLOSE_WAIT: the client is gone and the server keeps its end. They add up over \
            days until accept fails with \"too many open files\", and only a restart helps.",
    look: "On the server: ss -tan state close-wait. Code that waits for something else than its \
           client while it holds the connection. RFC 9112 section 9.6. Pingora: idle-state.patch \
           and connection-lease.patch make each end of a session account for its connection.",
};

/// What is no request is served, or its connection kept.
pub(super) const NO_REQUEST: Advice = Advice {
    costs:
        "What two servers in a row read differently is how requests are smuggled past the first: \
            past its access control, into other users' connections and caches.",
    look: "RFC 9112 sections 2.2, 5.1 and 6.3: such a request is answered with 400 and its \
           connection closed. Look for a setting that makes the parser lenient. Pingora: \
           http-server-400.patch, broken-body-closes.patch.",
};

/// Where a body ends is not sure, and the connection goes on.
pub(super) const BODY_SMUGGLED: Advice = Advice {
    costs: "The bytes of one user's body become the next request on the connection. Behind a proxy \
            that shares its connections, that is another user's: request smuggling.",
    look: "RFC 9112 section 6.1 (Transfer-Encoding beside Content-Length, or in HTTP/1.0: close) \
           and section 9.3 (read the whole body, or close). Pingora 0.9.1: keepalive-decision.patch \
           and broken-body-closes.patch.",
};

/// A body where none may be, or a coding that the client does not know.
pub(super) const MISFRAMED: Advice = Advice {
    costs: "The client takes the bytes of one response for the next, or shows chunk sizes to its \
            user: responses go to the wrong request, and caches keep them.",
    look:
        "RFC 9112 sections 6.1 and 6.3: no body in the response to HEAD, no Transfer-Encoding in \
           one to HTTP/1.0. Pingora 0.9.1: uncoded-responses.patch.",
};

/// Pipelined requests are answered out of order, in part, or beyond a close.
pub(super) const PIPELINED: Advice = Advice {
    costs:
        "A client that pipelines, or a proxy that sends a request before it has seen the close, \
            gets a response for another request, or waits for one that never comes.",
    look:
        "RFC 9112 sections 9.3.2 and 9.6: responses in the order of requests, none after the one \
           that says close; a server that does not pipeline says close. Pingora 0.9.1 says \
           keep-alive and drops the second request: early-bytes.patch.",
};

/// The advertised idle time is not kept.
pub(super) const TOO_EARLY: Advice = Advice {
    costs: "Clients time their reuse by this field. One that obeys it sends its request into a \
            connection that is being closed; the request fails, and a POST must not be repeated.",
    look: "The Keep-Alive: timeout of the response against the real idle time; advertise a second \
           less than the server waits. Also what limits the number or age of connections, and a \
           proxy between that closes earlier. Pingora: response-keep-alive.patch does so.",
};

/// A request's `Keep-Alive` does harm.
pub(super) const WISH_HARMS: Advice = Advice {
    costs:
        "Clients and old proxies send all kinds of values in Keep-Alive. Where one of them fails \
            the request or breaks the connection, that client cannot use the service at all.",
    look: "RFC 2068 section 19.7.1.1 and RFC 9110 section 5.5: the field is a hint; what is not \
           understood in it is ignored. Look at what parses it. Pingora: request-keep-alive.patch.",
};

/// `Expect` of HTTP/1.0 is answered with 100, or a final response instead of 100 lies.
pub(super) const EXPECT: Advice = Advice {
    costs: "A client that waits for 100 before it uploads loses the time that it waits (curl: a \
            second with every large upload) or hangs; one that gets a 100 that it cannot know takes \
            it for its response.",
    look: "RFC 9110 section 10.1.1. Pingora: http10-no-interim.patch, continue-on-read.patch.",
};

/// TLS ends without close_notify.
pub(super) const NO_CLOSE_NOTIFY: Advice = Advice {
    costs:
        "The client cannot tell the end of the connection from an attacker's cut. Strict clients \
            report a truncated response (\"unexpected EOF\", \"TLS connection was non-properly \
            terminated\") for one that was whole.",
    look: "RFC 9112 section 9.8: a server must send close_notify before it closes. What drops the \
           socket instead of shutting TLS down: some ends in Pingora 0.9.1, connection-lease.patch \
           mends them; with s2n all, s2n-close-notify.patch.",
};
