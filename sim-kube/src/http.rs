//! HTTP as Go's `net/http` serves it (`http.Server`), for the components that are written in Go.

use k8s_openapi::jiff::Timestamp;
use sim_core::time::{EPOCH_S, SimTime};

use crate::serve::{Answer, Heard};

/// How many header fields a request may have here.
const MAX_FIELDS: usize = 64;
/// The longest head of a request, in bytes (`DefaultMaxHeaderBytes` and what is granted beyond).
const MAX_HEAD: usize = (1 << 20) + 4096;
/// The longest body that is waited for, in bytes (`maxPostHandlerReadBytes`).
const MAX_BODY: usize = 256 << 10;
/// What follows the status of a refusal.
const REFUSAL: &str = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n";

/// What a client asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// What it asks for, without a query.
    pub(crate) path: &'a str,
}

/// What a handler answers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Response {
    pub(crate) status: Status,
    /// Header fields in the order of their names.
    pub(crate) fields: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// How a request went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Status {
    Ok,
    NotFound,
    ServiceUnavailable,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::NotFound => "404 Not Found",
            Self::ServiceUnavailable => "503 Service Unavailable",
        }
    }
}

impl Response {
    /// The answer about a path that nobody handles (`http.NotFound()`).
    pub(crate) fn not_found() -> Self {
        let fields = vec![
            ("Content-Type", "text/plain; charset=utf-8".to_owned()),
            ("X-Content-Type-Options", "nosniff".to_owned()),
        ];
        Self { status: Status::NotFound, fields, body: "404 page not found\n".to_owned() }
    }
}

/// Whether a connection goes on after an answer, and what its header says of that.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Connection {
    /// It goes on, as always in HTTP/1.1.
    Persists,
    /// It goes on, because a client of HTTP/1.0 asks for it.
    KeptAlive,
    /// It ends, because a client of HTTP/1.1 asks for it, or because the rest of the request is not read.
    Closes,
    /// It ends, as always in HTTP/1.0.
    Ends,
}

impl Connection {
    fn of(request: &httparse::Request<'_, '_>, is_read: bool) -> Self {
        let says = |token| values(request, "connection").any(|value| has_token(value, token));
        match request.version {
            Some(0) if is_read && says("keep-alive") => Self::KeptAlive,
            Some(0) => Self::Ends,
            _ if says("close") || !is_read => Self::Closes,
            _ => Self::Persists,
        }
    }
}

/// Answers the next request, if it is there.
pub(crate) fn answer(
    heard: Heard<'_>,
    now: SimTime,
    handle: impl FnOnce(Request<'_>) -> Response,
) -> Answer {
    if heard.bytes.is_empty() {
        return Answer::Wait;
    }
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let head = match request.parse(heard.bytes) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) if heard.bytes.len() > MAX_HEAD => {
            return refuse("431 Request Header Fields Too Large");
        }
        Ok(httparse::Status::Partial) if !heard.is_end => return Answer::Wait,
        Ok(httparse::Status::Partial) | Err(_) => return refuse("400 Bad Request"),
    };
    match (values(&request, "host").count(), request.version) {
        (0, Some(1)) => return refuse("400 Bad Request: missing required Host header"),
        (0 | 1, _) => {}
        _ => return refuse("400 Bad Request"),
    }
    let body = body_length(&request);
    let has_come = body.is_some_and(|body| heard.bytes.len() - head >= body);
    if body.is_some() && !has_come && !heard.is_end {
        return Answer::Wait;
    }
    let connection = Connection::of(&request, has_come);
    let target = request.path.unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    let response = handle(Request { path });
    let is_head = request.method == Some("HEAD");
    let text = write(&response, request.version == Some(1), connection, is_head, now);
    match connection {
        Connection::Persists | Connection::KeptAlive => {
            heard.bytes.drain(..head + body.unwrap_or_default());
            Answer::Say(text.into_bytes())
        }
        Connection::Closes | Connection::Ends => Answer::SayLast(text.into_bytes()),
    }
}

/// Refuses what is no request.
fn refuse(why: &str) -> Answer {
    Answer::SayLast(format!("HTTP/1.1 {why}{REFUSAL}{why}").into_bytes())
}

/// How long a request's body is, in bytes; nothing is known of one in chunks, or it is too long to be waited for.
fn body_length(request: &httparse::Request<'_, '_>) -> Option<usize> {
    if values(request, "transfer-encoding").next().is_some() {
        return None;
    }
    let Some(length) = values(request, "content-length").next() else { return Some(0) };
    length.trim().parse().ok().filter(|length| *length <= MAX_BODY)
}

/// The values of the header fields called `name`.
fn values<'a>(
    request: &'a httparse::Request<'_, '_>,
    name: &'a str,
) -> impl Iterator<Item = &'a str> {
    let fields = request.headers.iter().filter(move |f| f.name.eq_ignore_ascii_case(name));
    fields.filter_map(|field| std::str::from_utf8(field.value).ok())
}

/// Whether a value that is a list has `token`.
fn has_token(value: &str, token: &str) -> bool {
    value.split([',', ' ', '\t']).any(|word| word.eq_ignore_ascii_case(token))
}

/// Writes an answer: what the handler says comes first, then what the server adds.
fn write(
    response: &Response,
    is_1_1: bool,
    connection: Connection,
    is_head: bool,
    now: SimTime,
) -> String {
    let version = if is_1_1 { "HTTP/1.1" } else { "HTTP/1.0" };
    let mut lines = vec![format!("{version} {}", response.status.as_str())];
    lines.extend(response.fields.iter().map(|(name, value)| format!("{name}: {value}")));
    lines.push(time_of_day(now).strftime("Date: %a, %d %b %Y %H:%M:%S GMT").to_string());
    lines.push(format!("Content-Length: {}", response.body.len()));
    match connection {
        Connection::Persists | Connection::Ends => {}
        Connection::KeptAlive => lines.push("Connection: keep-alive".to_owned()),
        Connection::Closes => lines.push("Connection: close".to_owned()),
    }
    let body = if is_head { "" } else { &response.body };
    format!("{}\r\n\r\n{body}", lines.join("\r\n"))
}

/// The time of day in a world.
pub(crate) fn time_of_day(now: SimTime) -> Timestamp {
    let nanos = i128::from(EPOCH_S) * 1_000_000_000 + i128::from(now.as_nanos());
    Timestamp::from_nanosecond(nanos).expect("a world ends before the year 9999")
}

/// The expected bytes are those that a program with `net/http` of Go 1.19 answered with.
#[cfg(test)]
mod tests {
    use super::*;

    /// What is said to a client that says `text`, and what of that is left.
    fn say(text: &str, is_end: bool) -> (Answer, String) {
        let mut bytes = text.as_bytes().to_vec();
        let heard = Heard { bytes: &mut bytes, is_end, client: None };
        let said = answer(heard, SimTime::from_millis(86_400_000), |asked| Response {
            status: Status::Ok,
            fields: vec![("Content-Type", "text/plain".to_owned())],
            body: asked.path.to_owned(),
        });
        (said, String::from_utf8(bytes).unwrap())
    }

    const HEAD: &str = "200 OK\r\nContent-Type: text/plain\r\nDate: Fri, 02 Jan 2026 00:00:00 GMT\r\nContent-Length: 2\r\n";

    #[test]
    fn a_connection_of_http_1_1_goes_on_and_the_next_request_waits_its_turn() {
        let (said, left) = say("GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\nGET /b", false);
        let expected = format!("HTTP/1.1 {HEAD}\r\n/a");
        assert_eq!((said, left.as_str()), (Answer::Say(expected.into_bytes()), "GET /b"));
        assert_eq!(say("GET /b", false).0, Answer::Wait);
    }

    #[test]
    fn a_client_that_wants_its_connection_to_end_is_told_so() {
        let (said, _) = say("GET /a HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n", false);
        let expected = format!("HTTP/1.1 {HEAD}Connection: close\r\n\r\n/a");
        assert_eq!(said, Answer::SayLast(expected.into_bytes()));
    }

    #[test]
    fn a_connection_of_http_1_0_ends_unless_the_client_asks_for_more() {
        let (said, _) = say("GET /a HTTP/1.0\r\n\r\n", false);
        assert_eq!(said, Answer::SayLast(format!("HTTP/1.0 {HEAD}\r\n/a").into_bytes()));
        let (said, _) = say("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false);
        let expected = format!("HTTP/1.0 {HEAD}Connection: keep-alive\r\n\r\n/a");
        assert_eq!(said, Answer::Say(expected.into_bytes()));
    }

    #[test]
    fn who_asks_for_the_head_alone_is_told_how_long_the_body_would_be() {
        let (said, _) = say("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n", false);
        assert_eq!(said, Answer::Say(format!("HTTP/1.1 {HEAD}\r\n").into_bytes()));
    }

    #[test]
    fn the_body_of_a_request_is_waited_for_and_is_no_request() {
        let head = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n";
        assert_eq!(say(&format!("{head}ab"), false).0, Answer::Wait);
        let (said, left) = say(&format!("{head}abcG"), false);
        assert_eq!(left, "G");
        assert_eq!(said, Answer::Say(format!("HTTP/1.1 {HEAD}\r\n/a").into_bytes()));
        let cut_off = say(&format!("{head}ab"), true).0;
        let (said, _) = say("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n", false);
        let expected = format!("HTTP/1.1 {HEAD}Connection: close\r\n\r\n/a");
        assert_eq!(said, Answer::SayLast(expected.into_bytes()));
        assert_eq!(cut_off, said);
    }

    #[test]
    fn what_is_no_request_is_refused_and_the_connection_ends() {
        let refusals = [
            ("hello\r\n\r\n", "400 Bad Request"),
            ("GET / HTTP/1.1\r\n\r\n", "400 Bad Request: missing required Host header"),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 Bad Request"),
        ];
        for (text, why) in refusals {
            let expected = format!(
                "HTTP/1.1 {why}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n{why}"
            );
            assert_eq!(say(text, false).0, Answer::SayLast(expected.into_bytes()));
        }
        assert!(matches!(say("GET / HT", true).0, Answer::SayLast(_)));
        assert_eq!(say("", true).0, Answer::Wait);
    }
}
