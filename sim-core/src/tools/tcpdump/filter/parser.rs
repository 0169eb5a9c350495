//! From the words of a filter to its meaning.

use std::net::Ipv4Addr;

use super::lexer::{Token, tokens};
use super::number::{constant, number, protocol, service};
use super::{Base, Cast, Comparison, Direction, Expr, Family, Filter, Layer, Operator};
use crate::packet::{EtherType, IpProto};

const SYNTAX: &str = "can't parse filter expression: syntax error";
/// How deep parentheses may be nested.
const MAX_DEPTH: u32 = 64;

/// What a filter means; an error is what tcpdump says after its name.
pub(in super::super) fn parse(text: &str) -> Result<Filter, String> {
    let tokens = tokens(text);
    if tokens.is_empty() {
        return Ok(Filter::All);
    }
    let mut parser = Parser { tokens: &tokens, last: Qualifiers::default(), depth: 0 };
    let filter = parser.or()?;
    if parser.tokens.is_empty() { Ok(filter) } else { Err(SYNTAX.to_owned()) }
}

/// What stands before an id, and holds on for further ones: `tcp port 80 or 443`.
#[derive(Clone, Copy, Debug, Default)]
struct Qualifiers {
    protocol: Option<Protocol>,
    direction: Option<Direction>,
    kind: Option<Kind>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Protocol {
    Ether,
    Network(EtherType),
    Transport(IpProto),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Host,
    Net,
    Port,
    PortRange,
    Proto,
}

struct Parser<'t, 'a> {
    tokens: &'t [Token<'a>],
    last: Qualifiers,
    depth: u32,
}

type Parsed<T> = Result<T, String>;

fn syntax<T>() -> Parsed<T> {
    Err(SYNTAX.to_owned())
}

impl<'a> Parser<'_, 'a> {
    fn peek_word(&self) -> Option<&'a str> {
        match self.tokens.first() {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn skip(&mut self) {
        self.tokens = self.tokens.get(1..).unwrap_or_default();
    }

    fn word(&mut self) -> Parsed<&'a str> {
        let Some(word) = self.peek_word() else { return syntax() };
        self.skip();
        Ok(word)
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.tokens.first(), Some(Token::Symbol(s)) if *s == symbol);
        if found {
            self.skip();
        }
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek_word() == Some(word);
        if found {
            self.skip();
        }
        found
    }

    /// Conjunctions and disjunctions bind alike, from left to right.
    fn or(&mut self) -> Parsed<Filter> {
        let mut left = self.not()?;
        loop {
            if self.take_word("and") || self.take_symbol("&&") {
                left = Filter::And(Box::new(left), Box::new(self.not()?));
            } else if self.take_word("or") || self.take_symbol("||") {
                left = Filter::Or(Box::new(left), Box::new(self.not()?));
            } else {
                return Ok(left);
            }
        }
    }

    fn not(&mut self) -> Parsed<Filter> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return syntax();
        }
        let filter = if self.take_word("not") || self.take_symbol("!") {
            Filter::Not(Box::new(self.not()?))
        } else if matches!(self.tokens.first(), Some(Token::Symbol("("))) && !self.is_relation() {
            self.skip();
            let inner = self.or()?;
            if !self.take_symbol(")") {
                return syntax();
            }
            inner
        } else {
            self.primitive()?
        };
        self.depth -= 1;
        Ok(filter)
    }

    /// Whether a relation stands here: an arithmetic expression has a comparison behind it.
    fn is_relation(&self) -> bool {
        let mut ahead = Parser { tokens: self.tokens, last: self.last, depth: self.depth };
        ahead.expr(0).is_ok() && ahead.comparison().is_some()
    }

    fn primitive(&mut self) -> Parsed<Filter> {
        if self.is_relation() {
            return self.relation();
        }
        let start = self.tokens.len();
        let mut given = Qualifiers::default();
        while let Some(word) = self.peek_word() {
            if !given.take(word) {
                break;
            }
            self.skip();
            if given.direction.is_some() && matches!(word, "src" | "dst") {
                self.second_direction(&mut given);
            }
        }
        let unqualified = start == self.tokens.len();
        if let Some(filter) = self.group(given)? {
            return Ok(filter);
        }
        let at_end = self.peek_word().is_none_or(|w| matches!(w, "and" | "or" | "not"));
        if at_end {
            return alone(given).map_or_else(syntax, Ok);
        }
        if unqualified {
            given = self.last;
            if given.kind.is_none() && given.direction.is_none() && given.protocol.is_none() {
                return self.bare();
            }
        }
        self.last = given;
        self.id(given)
    }

    /// `src or dst` and `src and dst`.
    fn second_direction(&mut self, given: &mut Qualifiers) {
        let both = match self.tokens {
            [Token::Word("or"), Token::Word("src" | "dst"), ..] => Direction::SrcOrDst,
            [Token::Word("and"), Token::Word("src" | "dst"), ..] => Direction::SrcAndDst,
            _ => return,
        };
        self.skip();
        self.skip();
        given.direction = Some(both);
    }

    /// `broadcast`, `multicast`, `less N`, `greater N`.
    fn group(&mut self, given: Qualifiers) -> Parsed<Option<Filter>> {
        let layer = match given.protocol {
            Some(Protocol::Network(EtherType::IPV4)) => Layer::Ip,
            _ => Layer::Ether,
        };
        let Some(word) = self.peek_word() else { return Ok(None) };
        let filter = match word {
            "broadcast" if layer == Layer::Ip => {
                return Err("`ip broadcast' is not modelled".to_owned());
            }
            "broadcast" => Filter::Group(Cast::Broadcast, layer),
            "multicast" => Filter::Group(Cast::Multicast, layer),
            "less" | "greater" => {
                self.skip();
                let limit = number(self.word()?).map_or_else(syntax, Ok)?;
                let relation = if word == "less" {
                    Comparison::LessOrEqual
                } else {
                    Comparison::GreaterOrEqual
                };
                return Ok(Some(Filter::Compare(Expr::Len, relation, Expr::Number(limit))));
            }
            "inbound" | "outbound" | "vlan" | "mpls" | "gateway" | "ifname" | "pppoes"
            | "geneve" => {
                return Err(format!("`{word}' is not modelled"));
            }
            _ => return Ok(None),
        };
        self.skip();
        Ok(Some(filter))
    }

    /// An id with nothing before it: a host's address.
    fn bare(&mut self) -> Parsed<Filter> {
        let word = self.peek_word().map_or_else(syntax, Ok)?;
        if word.parse::<Ipv4Addr>().is_err() && word.parse::<crate::packet::MacAddr>().is_err() {
            return syntax();
        }
        self.id(Qualifiers { kind: Some(Kind::Host), ..Qualifiers::default() })
    }

    fn id(&mut self, given: Qualifiers) -> Parsed<Filter> {
        let direction = given.direction.unwrap_or(Direction::SrcOrDst);
        let word = self.word()?;
        match given.kind.unwrap_or(Kind::Host) {
            Kind::Host => host(given, direction, word),
            Kind::Net => self.net(given, direction, word),
            Kind::Port => {
                let port = port(word)?;
                Ok(Filter::Ports(transport(given)?, direction, port, port))
            }
            Kind::PortRange => {
                let (low, high) = word.split_once('-').map_or_else(syntax, Ok)?;
                Ok(Filter::Ports(transport(given)?, direction, port(low)?, port(high)?))
            }
            Kind::Proto => proto(given, word.trim_start_matches('\\')),
        }
    }

    fn net(&mut self, given: Qualifiers, direction: Direction, word: &str) -> Parsed<Filter> {
        let (text, len) = match word.split_once('/') {
            Some((text, len)) => (text, Some(len)),
            None => (word, None),
        };
        let (address, bytes) = partial_address(text).map_or_else(syntax, Ok)?;
        let mask = if let Some(len) = len {
            let len: u32 = len.parse().or_else(|_| syntax())?;
            if len > 32 {
                return Err("mask length must be <= 32".to_owned());
            }
            u32::MAX.checked_shl(32 - len).unwrap_or(0)
        } else if self.take_word("mask") {
            let mask: Ipv4Addr = self.word()?.parse().or_else(|_| syntax())?;
            mask.to_bits()
        } else {
            u32::MAX << (32 - 8 * bytes)
        };
        if address & !mask != 0 {
            return Err(format!("non-network bits set in \"{word}\""));
        }
        Ok(Filter::Net(layer(given)?, direction, Ipv4Addr::from_bits(address), mask))
    }

    fn relation(&mut self) -> Parsed<Filter> {
        let left = self.expr(0)?;
        let relation = self.comparison().map_or_else(syntax, Ok)?;
        Ok(Filter::Compare(left, relation, self.expr(0)?))
    }

    fn comparison(&mut self) -> Option<Comparison> {
        const COMPARISONS: [(&str, Comparison); 7] = [
            ("=", Comparison::Equal),
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<", Comparison::Less),
            ("<=", Comparison::LessOrEqual),
            (">", Comparison::Greater),
            (">=", Comparison::GreaterOrEqual),
        ];
        COMPARISONS.iter().find(|(symbol, _)| self.take_symbol(symbol)).map(|(_, c)| *c)
    }

    /// An arithmetic expression whose operators bind at least as tightly as `level`.
    fn expr(&mut self, level: usize) -> Parsed<Expr> {
        /// The operators, the loosest first.
        const LEVELS: [&[(&str, Operator)]; 4] = [
            &[("|", Operator::Or), ("&", Operator::And)],
            &[("<<", Operator::ShiftLeft), (">>", Operator::ShiftRight)],
            &[("+", Operator::Add), ("-", Operator::Subtract)],
            &[
                ("*", Operator::Multiply),
                ("/", Operator::Divide),
                ("%", Operator::Modulo),
                ("^", Operator::Xor),
            ],
        ];
        let Some(operators) = LEVELS.get(level) else { return self.operand() };
        let mut left = self.expr(level + 1)?;
        while let Some((_, operator)) = operators.iter().find(|(s, _)| self.take_symbol(s)) {
            left = Expr::Binary(*operator, Box::new(left), Box::new(self.expr(level + 1)?));
        }
        Ok(left)
    }

    fn operand(&mut self) -> Parsed<Expr> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return syntax();
        }
        let expr = if self.take_symbol("(") {
            let inner = self.expr(0)?;
            if !self.take_symbol(")") {
                return syntax();
            }
            inner
        } else {
            self.leaf()?
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn leaf(&mut self) -> Parsed<Expr> {
        let word = self.hyphenated()?;
        if let Some(number) = number(&word).or_else(|| constant(&word)) {
            return Ok(Expr::Number(number));
        }
        if word == "len" {
            return Ok(Expr::Len);
        }
        let base = match (word.as_str(), protocol(&word)) {
            ("ether", _) => Base::Ether,
            ("ip", _) => Base::Network(EtherType::IPV4),
            ("ip6", _) => Base::Network(EtherType::IPV6),
            ("arp", _) => Base::Network(EtherType::ARP),
            (_, Some(proto)) => Base::Transport(proto),
            (_, None) => return syntax(),
        };
        if !self.take_symbol("[") {
            return syntax();
        }
        let offset = self.expr(0)?;
        let width = if self.take_symbol(":") { number(self.word()?).unwrap_or(0) } else { 1 };
        if !self.take_symbol("]") {
            return syntax();
        }
        match width {
            1 | 2 | 4 => Ok(Expr::Load(base, Box::new(offset), u8::try_from(width).unwrap_or(1))),
            _ => Err("data size must be 1, 2, or 4".to_owned()),
        }
    }

    /// A word; inside of brackets a hyphen has cut a name into pieces.
    fn hyphenated(&mut self) -> Parsed<String> {
        let mut name = self.word()?.to_owned();
        while let [Token::Symbol("-"), Token::Word(next), ..] = self.tokens {
            let longer = format!("{name}-{next}");
            if constant(&longer).is_none() {
                break;
            }
            name = longer;
            self.skip();
            self.skip();
        }
        Ok(name)
    }
}

impl Qualifiers {
    /// Takes a qualifier; false if the word is none, or there is one of its sort already.
    fn take(&mut self, word: &str) -> bool {
        let kind = match word {
            "host" => Some(Kind::Host),
            "net" => Some(Kind::Net),
            "port" => Some(Kind::Port),
            "portrange" => Some(Kind::PortRange),
            "proto" => Some(Kind::Proto),
            _ => None,
        };
        let direction = match word {
            "src" => Some(Direction::Src),
            "dst" => Some(Direction::Dst),
            _ => None,
        };
        let protocol = match (word, protocol(word)) {
            ("ether", _) => Some(Protocol::Ether),
            ("ip", _) => Some(Protocol::Network(EtherType::IPV4)),
            ("ip6", _) => Some(Protocol::Network(EtherType::IPV6)),
            ("arp", _) => Some(Protocol::Network(EtherType::ARP)),
            ("rarp", _) => Some(Protocol::Network(EtherType(0x8035))),
            (_, Some(proto)) => Some(Protocol::Transport(proto)),
            (_, None) => None,
        };
        let in_order = self.kind.is_none();
        if kind.is_some() && in_order {
            self.kind = kind;
        } else if direction.is_some() && self.direction.is_none() && in_order {
            self.direction = direction;
        } else if protocol.is_some()
            && self.protocol.is_none()
            && self.direction.is_none()
            && in_order
        {
            self.protocol = protocol;
        } else {
            return false;
        }
        true
    }
}

/// A protocol by itself.
fn alone(given: Qualifiers) -> Option<Filter> {
    if given.direction.is_some() || given.kind.is_some() {
        return None;
    }
    Some(match given.protocol? {
        Protocol::Ether => return None,
        Protocol::Network(ether_type) => Filter::Ether(ether_type),
        Protocol::Transport(proto) => Filter::Proto(Family::Any, proto),
    })
}

fn host(given: Qualifiers, direction: Direction, word: &str) -> Parsed<Filter> {
    if given.protocol == Some(Protocol::Ether) {
        let mac = word.parse().map_err(|_| {
            if word.parse::<Ipv4Addr>().is_ok() {
                "illegal link layer address".to_owned()
            } else {
                format!("unknown ether host '{word}'")
            }
        })?;
        return Ok(Filter::Mac(direction, mac));
    }
    let address: Ipv4Addr = word.parse().map_err(|_| format!("unknown host '{word}'"))?;
    Ok(Filter::Net(layer(given)?, direction, address, u32::MAX))
}

/// Which layer's addresses an id is for.
fn layer(given: Qualifiers) -> Parsed<Layer> {
    match given.protocol {
        None => Ok(Layer::Any),
        Some(Protocol::Network(EtherType::IPV4)) => Ok(Layer::Ip),
        Some(Protocol::Network(EtherType::ARP)) => Ok(Layer::Arp),
        Some(Protocol::Transport(_)) => {
            Err("'tcp', 'udp' or 'sctp' modifier applied to host".to_owned())
        }
        Some(_) => syntax(),
    }
}

fn transport(given: Qualifiers) -> Parsed<Option<IpProto>> {
    match given.protocol {
        None => Ok(None),
        Some(Protocol::Transport(proto)) => Ok(Some(proto)),
        Some(_) => Err("illegal qualifier of 'port'".to_owned()),
    }
}

fn port(word: &str) -> Parsed<u16> {
    match number(word) {
        Some(number) => {
            u16::try_from(number).map_err(|_| format!("illegal port number {number} > 65535"))
        }
        None => service(word).ok_or_else(|| format!("unknown port '{word}'")),
    }
}

fn proto(given: Qualifiers, word: &str) -> Parsed<Filter> {
    match given.protocol {
        Some(Protocol::Ether) => {
            let named = match word {
                "ip" => Some(EtherType::IPV4),
                "ip6" => Some(EtherType::IPV6),
                "arp" => Some(EtherType::ARP),
                _ => number(word).and_then(|n| u16::try_from(n).ok()).map(EtherType),
            };
            named.map(Filter::Ether).ok_or_else(|| format!("unknown ether proto '{word}'"))
        }
        Some(Protocol::Transport(_)) => syntax(),
        network => {
            let numbered = number(word).and_then(|n| u8::try_from(n).ok()).map(IpProto);
            let Some(proto) = numbered.or_else(|| protocol(word)) else {
                return Err(format!("unknown ip proto '{word}'"));
            };
            let family = match network {
                Some(Protocol::Network(EtherType::IPV4)) => Family::V4,
                Some(Protocol::Network(EtherType::IPV6)) => Family::V6,
                _ => Family::Any,
            };
            Ok(Filter::Proto(family, proto))
        }
    }
}

/// One to four bytes of an address, and how many.
fn partial_address(text: &str) -> Option<(u32, u32)> {
    let bytes = text.split('.').map(|b| b.parse::<u8>().ok()).collect::<Option<Vec<u8>>>()?;
    if bytes.len() > 4 {
        return None;
    }
    let mut all = [0; 4];
    all[..bytes.len()].copy_from_slice(&bytes);
    Some((u32::from_be_bytes(all), u32::try_from(bytes.len()).ok()?))
}
