//! Filters: `dst 10.0.0.0/24 and not ( sport = :80 or dport gt :1024 )`.

use std::collections::VecDeque;

use ipnet::IpNet;

use crate::libc::number;
use crate::libc::services::{self, Transport};
use crate::tools::failure::{Failure, Result};
use crate::tools::inet;
use crate::tools::ss::args::{self, Db, Family, Selection};

/// One of the two ends of a socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    Local,
    Peer,
}

/// The address that a condition asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Address {
    Any,
    /// An IPv4 or IPv6 prefix.
    Net(IpNet),
    /// The protocol of a packet socket.
    Protocol(u16),
    /// A path of a Unix socket, or a number of another family of which there are no sockets.
    Foreign,
}

/// A filter: its tests and what joins them, each behind what it joins. Nothing here is as deep as a filter can
/// be long.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Filter(Vec<Step>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Step {
    Test(Test),
    Not,
    And,
    Or,
}

/// One question about a socket.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Test {
    /// An address, and a port unless that is left out.
    Host(End, Condition),
    /// A port that is at least that one.
    AtLeast(End, Condition),
    /// A port that is at most that one.
    AtMost(End, Condition),
    Device(u32),
    Mark {
        mark: u32,
        mask: u32,
    },
    Autobound,
}

/// What an address and a port have to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Condition {
    address: Address,
    port: Option<i32>,
}

/// A socket as filters see it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Subject {
    pub(super) local: Place,
    pub(super) peer: Place,
    /// The device it is bound to, 0 for none.
    pub(super) dev: u32,
    pub(super) mark: u32,
    /// Whether its port was chosen by the kernel.
    pub(super) is_ephemeral: bool,
}

/// An end of a socket as filters see it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// An address and a port.
    Inet(std::net::Ipv4Addr, u16),
    /// A protocol and a device's number.
    Packet(u16, u32),
}

impl Place {
    fn port(self) -> i64 {
        match self {
            Self::Inet(_, port) => port.into(),
            Self::Packet(_, dev) => dev.into(),
        }
    }
}

impl Filter {
    /// Whether it lets a socket pass (`run_ssfilter()`).
    pub(super) fn passes(&self, subject: &Subject) -> bool {
        let mut answers = Vec::new();
        for step in &self.0 {
            let last = match step {
                Step::Test(test) => {
                    answers.push(test.passes(subject));
                    continue;
                }
                Step::Not => None,
                Step::And | Step::Or => answers.pop(),
            };
            let Some(answer) = answers.last_mut() else { continue };
            *answer = match (step, last) {
                (Step::And, Some(last)) => *answer && last,
                (Step::Or, Some(last)) => *answer || last,
                _ => !*answer,
            };
        }
        answers.pop().unwrap_or(true)
    }
}

impl Test {
    fn passes(&self, subject: &Subject) -> bool {
        let place = |end: &End| if *end == End::Local { subject.local } else { subject.peer };
        // A condition without a port compares with -1.
        let bound = |condition: &Condition| i64::from(condition.port.unwrap_or(-1));
        match self {
            Self::Host(end, condition) => condition.holds(place(end)),
            Self::AtLeast(end, condition) => place(end).port() >= bound(condition),
            Self::AtMost(end, condition) => place(end).port() <= bound(condition),
            Self::Device(dev) => subject.dev == *dev,
            Self::Mark { mark, mask } => subject.mark & mask == *mark,
            Self::Autobound => subject.is_ephemeral,
        }
    }
}

impl Condition {
    fn holds(&self, place: Place) -> bool {
        if self.port.is_some_and(|port| i64::from(port) != place.port()) {
            return false;
        }
        match (&self.address, place) {
            (Address::Any, _) => true,
            (Address::Net(net), Place::Inet(addr, _)) => net.contains(&std::net::IpAddr::V4(addr)),
            (Address::Protocol(wanted), Place::Packet(protocol, _)) => *wanted == protocol,
            (Address::Net(_) | Address::Protocol(_) | Address::Foreign, _) => false,
        }
    }
}

/// What names devices: the kernel.
pub(super) type DeviceIndex<'a> = dyn Fn(&str) -> Option<u32> + 'a;

/// Reads the words of a filter. Addresses of a family narrow the list to it.
pub(super) fn parse(
    words: &[String],
    selection: &mut Selection,
    devices: &DeviceIndex<'_>,
) -> Result<Option<Filter>> {
    let words = words.iter().flat_map(|word| split(word)).collect();
    let mut reader = Reader { words, topic: None, next: None, depth: 0, selection, devices };
    if reader.peek()?.is_none() {
        return Ok(None);
    }
    reader.filter().map(Some)
}

/// What is not a filter is answered in the words of the parser's generator.
fn bellows() -> Failure {
    sorry("syntax error")
}

fn sorry(why: &str) -> Failure {
    let mut failure = args::usage();
    let said = format!("ss: bison bellows (while parsing filter): \"{why}!\" Sorry.\n");
    failure.stderr.insert_str(0, &said);
    failure
}

/// Cuts a word at its blanks; what stands behind a backslash is taken as it is.
fn split(word: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut token: Option<String> = None;
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => tokens.extend(token.take()),
            '\\' => token.get_or_insert_default().extend(chars.next()),
            c => token.get_or_insert_default().push(c),
        }
    }
    tokens.extend(token);
    tokens
}

/// What a condition is about; it tells how values are read until the next one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Topic {
    Host(End),
    Port(End),
    Device,
    Mark,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Relation {
    Equal,
    Unequal,
    AtLeast,
    AtMost,
    Above,
    Below,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Token {
    Not,
    And,
    Or,
    Open,
    Close,
    Topic(Topic),
    Relation(Relation),
    Autobound,
    Condition(Condition),
    Device(u32),
    Mark { mark: u32, mask: u32 },
}

/// What stands in front of the condition that is read next, within the innermost parentheses.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Group {
    nots: usize,
    join: Option<Step>,
    /// How many tokens of the list wait for the condition.
    waiting: usize,
}

struct Reader<'a> {
    words: VecDeque<String>,
    topic: Option<Topic>,
    next: Option<Token>,
    /// How many tokens wait for what follows them.
    depth: usize,
    selection: &'a mut Selection,
    devices: &'a DeviceIndex<'a>,
}

impl Reader<'_> {
    fn peek(&mut self) -> Result<Option<&Token>> {
        if self.next.is_none()
            && let Some(word) = self.words.pop_front()
        {
            self.next = Some(self.token(&word)?);
        }
        Ok(self.next.as_ref())
    }

    fn take(&mut self) -> Result<Option<Token>> {
        self.peek()?;
        Ok(self.next.take())
    }

    fn token(&mut self, word: &str) -> Result<Token> {
        let topic = |topic| Token::Topic(topic);
        let token = match word {
            "!" | "not" => Token::Not,
            "&" | "&&" | "and" => Token::And,
            "|" | "||" | "or" => Token::Or,
            "(" => Token::Open,
            ")" => Token::Close,
            "dst" => topic(Topic::Host(End::Peer)),
            "src" => topic(Topic::Host(End::Local)),
            "dport" => topic(Topic::Port(End::Peer)),
            "sport" => topic(Topic::Port(End::Local)),
            "dev" => topic(Topic::Device),
            "fwmark" => topic(Topic::Mark),
            "cgroup" => return Err(Failure::exits(255, "ss: cgroup is not modelled\n")),
            ">=" | "ge" | "geq" => Token::Relation(Relation::AtLeast),
            "<=" | "le" | "leq" => Token::Relation(Relation::AtMost),
            "!=" | "ne" | "neq" => Token::Relation(Relation::Unequal),
            "=" | "==" | "eq" => Token::Relation(Relation::Equal),
            ">" | "gt" => Token::Relation(Relation::Above),
            "<" | "lt" => Token::Relation(Relation::Below),
            "autobound" => Token::Autobound,
            value => return self.value(value),
        };
        if let Token::Topic(topic) = token {
            self.topic = Some(topic);
        }
        Ok(token)
    }

    /// A value of what the last topic is.
    fn value(&mut self, word: &str) -> Result<Token> {
        match self.topic {
            Some(Topic::Device) => {
                let dev = (self.devices)(word).or_else(|| number::u32(word).filter(|n| *n > 0));
                dev.map(Token::Device).ok_or_else(|| Failure::exits(1, "Cannot parse device.\n"))
            }
            Some(Topic::Mark) => {
                let wrong = || Failure::exits(1, format!("Cannot parse mark {word}.\n"));
                let (mark, mask) = word.split_once('/').unwrap_or((word, "0xffffffff"));
                let numbers = number::u32(mark).zip(number::u32(mask));
                let (mark, mask) = numbers.ok_or_else(wrong)?;
                Ok(Token::Mark { mark, mask })
            }
            topic => {
                let is_port = matches!(topic, Some(Topic::Port(_)));
                self.condition(word, is_port).map(Token::Condition).map_err(|mut failure| {
                    failure.stderr.push_str("Cannot parse dst/src address.\n");
                    failure
                })
            }
        }
    }

    /// Conditions one after the other: all of them have to hold, unless `or` stands between. None binds
    /// closer than another.
    fn filter(&mut self) -> Result<Filter> {
        let mut steps = Vec::new();
        let mut outer: Vec<Group> = Vec::new();
        let mut group = Group::default();
        loop {
            match self.take()? {
                Some(Token::Open) => {
                    self.deepen(1)?;
                    outer.push(std::mem::take(&mut group));
                    continue;
                }
                Some(Token::Not) => {
                    self.deepen(1)?;
                    group.nots += 1;
                    continue;
                }
                Some(Token::Autobound) => {
                    self.has_room(1)?;
                    steps.push(Step::Test(Test::Autobound));
                }
                Some(Token::Topic(topic)) => {
                    self.has_room(3)?;
                    self.comparison(topic, &mut steps)?;
                }
                _ => return Err(bellows()),
            }
            self.finish(&mut group, &mut steps);
            while matches!(self.peek()?, Some(Token::Close)) {
                self.take()?;
                group = outer.pop().ok_or_else(bellows)?;
                self.depth -= 1;
                self.finish(&mut group, &mut steps);
            }
            if self.peek()?.is_none() {
                return if outer.is_empty() { Ok(Filter(steps)) } else { Err(bellows()) };
            }
            self.join(&mut group)?;
        }
    }

    /// Writes down what stands in front of a condition that is complete now.
    fn finish(&mut self, group: &mut Group, steps: &mut Vec<Step>) {
        let Group { nots, join, waiting } = std::mem::take(group);
        self.depth -= nots + waiting;
        // Two of them are none.
        steps.extend((nots % 2 == 1).then_some(Step::Not));
        steps.extend(join);
    }

    /// Reads what joins the conditions so far with the next one.
    fn join(&mut self, group: &mut Group) -> Result<()> {
        let word = match self.peek()? {
            Some(Token::Or) => Some(Step::Or),
            Some(Token::And) => Some(Step::And),
            _ => None,
        };
        group.waiting = 1;
        if word.is_some() {
            self.take()?;
            group.waiting = 2;
        }
        group.join = word.or(Some(Step::And));
        self.deepen(group.waiting)
    }

    fn deepen(&mut self, tokens: usize) -> Result<()> {
        self.depth += tokens;
        self.has_room(0)
    }

    /// The real parser keeps 10,000 tokens that wait for others, and no more (`YYMAXDEPTH`).
    fn has_room(&self, tokens: usize) -> Result<()> {
        const DEEPEST: usize = 9998;
        if self.depth + tokens > DEEPEST { Err(sorry("memory exhausted")) } else { Ok(()) }
    }

    fn comparison(&mut self, topic: Topic, steps: &mut Vec<Step>) -> Result<()> {
        let mut relation = Relation::Equal;
        if let Some(Token::Relation(stated)) = self.peek()? {
            relation = *stated;
            self.take()?;
        }
        let value = self.take()?.ok_or_else(bellows)?;
        let test = match (topic, relation, value) {
            (Topic::Host(end), Relation::Equal, Token::Condition(c)) => Test::Host(end, c),
            (Topic::Port(end), relation, Token::Condition(c)) => match relation {
                Relation::Equal | Relation::Unequal => Test::Host(end, c),
                Relation::AtLeast | Relation::Below => Test::AtLeast(end, c),
                Relation::AtMost | Relation::Above => Test::AtMost(end, c),
            },
            (Topic::Device, Relation::Equal | Relation::Unequal, Token::Device(dev)) => {
                Test::Device(dev)
            }
            (Topic::Mark, Relation::Equal | Relation::Unequal, Token::Mark { mark, mask }) => {
                Test::Mark { mark, mask }
            }
            _ => return Err(bellows()),
        };
        let is_opposite = matches!(relation, Relation::Unequal | Relation::Above | Relation::Below);
        steps.push(Step::Test(test));
        steps.extend(is_opposite.then_some(Step::Not));
        Ok(())
    }

    /// Reads an address with a port (`parse_hostcond()`).
    fn condition(&mut self, word: &str, is_port: bool) -> Result<Condition> {
        const PREFIXES: [(&str, Family); 6] = [
            ("unix:", Family::Unix),
            ("link:", Family::Packet),
            ("netlink:", Family::Netlink),
            ("vsock:", Family::Vsock),
            ("inet:", Family::Inet),
            ("inet6:", Family::Inet6),
        ];
        let named = PREFIXES
            .iter()
            .find_map(|(prefix, family)| Some((word.strip_prefix(prefix)?, Some(*family))));
        let (text, family) = named.unwrap_or((word, self.selection.preferred));
        let condition = match family {
            Some(Family::Packet) => self.packet(text, is_port)?,
            Some(Family::Unix | Family::Netlink | Family::Vsock) => {
                Condition { address: Address::Foreign, port: None }
            }
            _ => self.inet(text, is_port, family)?,
        };
        if let Some(family) = family {
            self.selection.narrow(family);
        }
        Ok(condition)
    }

    /// A protocol and a device.
    fn packet(&self, text: &str, is_port: bool) -> Result<Condition> {
        let wrong = || Failure::exits(1, "");
        let (protocol, dev) = match text.split_once(':') {
            _ if is_port => ("", Some(text.strip_prefix(':').unwrap_or(text))),
            Some((protocol, dev)) => (protocol, Some(dev)),
            None => (text, None),
        };
        let port = match dev {
            None | Some("" | "*") => None,
            Some(dev) => {
                let index = || (self.devices)(dev).and_then(|index| i32::try_from(index).ok());
                Some(number::i32(dev).or_else(index).ok_or_else(wrong)?)
            }
        };
        let address = match protocol {
            "" | "*" => Address::Any,
            name => Address::Protocol(super::sock::link_protocol(name).ok_or_else(wrong)?),
        };
        Ok(Condition { address, port })
    }

    /// An IP prefix and a port, `[` and `]` around an IPv6 address.
    fn inet(&self, text: &str, is_port: bool, family: Option<Family>) -> Result<Condition> {
        let (addr, port) = if is_port {
            ("", Some(text.strip_prefix(':').unwrap_or(text)))
        } else if let Some(rest) = text.strip_prefix('[') {
            let (addr, port) = rest.split_once(']').ok_or_else(|| Failure::exits(1, ""))?;
            (addr, Some(port.strip_prefix(':').unwrap_or(port)))
        } else if let Some(port) = text.strip_prefix('*') {
            ("", Some(port.strip_prefix(':').unwrap_or(port)))
        } else {
            let from = text.find('/').unwrap_or(0);
            match text[from..].rfind(':').map(|at| at + from) {
                Some(at) => (&text[..at], Some(&text[at + 1..])),
                None => (text, None),
            }
        };
        let port = match port {
            None | Some("" | "*") => None,
            Some(port) => Some(self.port(port)?),
        };
        Ok(Condition { address: Self::address(addr, family)?, port })
    }

    fn port(&self, text: &str) -> Result<i32> {
        let of = |db, transport| {
            self.selection.has(db).then(|| services::port(text, transport)).flatten()
        };
        let service = || of(Db::Udp, Transport::Udp).or_else(|| of(Db::Tcp, Transport::Tcp));
        number::i32(text).or_else(|| service().map(i32::from)).ok_or_else(|| {
            Failure::exits(1, format!("Error: \"{text}\" does not look like a port.\n"))
        })
    }

    fn address(text: &str, family: Option<Family>) -> Result<Address> {
        use crate::family::AddressFamily;
        let wrong = || {
            let text = format!("Error: an inet prefix is expected rather than \"{text}\".\n");
            Failure::exits(1, text)
        };
        let family = match family {
            Some(Family::Inet) => Some(AddressFamily::Inet),
            Some(Family::Inet6) => Some(AddressFamily::Inet6),
            _ => None,
        };
        match text {
            "" | "*" => Ok(Address::Any),
            "localhost" => Self::address("127.0.0.1", None),
            text => {
                let prefix = inet::prefix(text, family).map_err(|_| wrong())?;
                Ok(match prefix.net() {
                    Some(net) if net.prefix_len() > 0 => Address::Net(net),
                    _ => Address::Any,
                })
            }
        }
    }
}
