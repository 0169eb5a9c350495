//! `u32`: numbers of 32 bits anywhere in the packet (`libxt_u32`, `xt_u32`).

use std::fmt::Write as _;

use smallvec::SmallVec;

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Place, Problem, Style,
};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::value;

/// Tests that all have to hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct U32 {
    tests: SmallVec<[Test; 1]>,
    invert: bool,
}

/// A number that is found in a packet, and the ranges of which it has to lie in one (`struct xt_u32_test`).
#[derive(Clone, Debug, Default, PartialEq)]
struct Test {
    /// Where the number begins, from the network header on.
    at: Option<u32>,
    /// What is done with it then.
    steps: SmallVec<[(Operator, u32); 3]>,
    ranges: SmallVec<[(u32, u32); 1]>,
}

/// What is done with a number (`enum xt_u32_ops`).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    And,
    Left,
    Right,
    /// The number is an offset, behind which the next one is looked for.
    At,
}

/// The most tests, numbers of a location, and ranges of a test (`XT_U32_MAXSIZE`).
const MAX: usize = 10;

impl Operator {
    const fn text(self) -> &'static str {
        match self {
            Self::And => "&",
            Self::Left => "<<",
            Self::Right => ">>",
            Self::At => "@",
        }
    }
}

/// Tests while they are read.
struct Reader<'w> {
    word: &'w str,
    /// How much was read, in bytes.
    at: usize,
    tests: SmallVec<[Test; 1]>,
    test: Test,
}

type Read<T> = Result<T, Problem>;

impl Reader<'_> {
    fn wrong<T>(&self, text: &str) -> Read<T> {
        Err(Problem::Parameter(format!("u32: at char {}: {text}", self.at)))
    }

    fn ends<T>(text: &str) -> Read<T> {
        Err(Problem::Parameter(format!("u32: {text}")))
    }

    fn skip_blanks(&mut self) {
        let rest = &self.word[self.at..];
        let blank = |c: char| c.is_ascii_whitespace() || c == '\x0b';
        self.at += rest.len() - rest.trim_start_matches(blank).len();
    }

    fn next(&self) -> Option<u8> {
        self.word.as_bytes().get(self.at).copied()
    }

    /// Reads a character that has to stand here twice.
    fn twin(&mut self, c: u8) -> Read<()> {
        self.at += 1;
        if self.next() != Some(c) {
            return self.wrong(&format!("a second '{}' was expected", char::from(c)));
        }
        self.at += 1;
        Ok(())
    }

    fn number(&mut self) -> Read<u32> {
        let number = value::leading_number(&self.word[self.at..]);
        let fitting = number.and_then(|(n, rest)| Some((u32::try_from(n).ok()?, rest)));
        let Some((number, rest)) = fitting else {
            return self.wrong("not a number or out of range");
        };
        self.at = self.word.len() - rest.len();
        Ok(number)
    }

    fn operator(&mut self) -> Read<Operator> {
        let operator = match self.next() {
            Some(b'&') => Operator::And,
            Some(b'@') => Operator::At,
            Some(b'<') => {
                self.twin(b'<')?;
                return Ok(Operator::Left);
            }
            Some(b'>') => {
                self.twin(b'>')?;
                return Ok(Operator::Right);
            }
            Some(_) | None => return self.wrong("operator expected"),
        };
        self.at += 1;
        Ok(operator)
    }

    /// Reads where the number is, and the sign behind it.
    fn location(&mut self) -> Read<()> {
        loop {
            self.skip_blanks();
            match self.next() {
                None => return Self::ends("abrupt end of input after location specifier"),
                Some(b'=') if self.test.at.is_none() => {
                    return self.wrong("location spec missing");
                }
                Some(b'=') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) if self.test.at.is_none() => self.test.at = Some(self.number()?),
                Some(_) => {
                    let operator = self.operator()?;
                    let number = self.number()?;
                    self.test.steps.push((operator, number));
                    if self.test.steps.len() == MAX {
                        return self.wrong("too many operators");
                    }
                }
            }
        }
    }

    /// The test is read.
    fn finish_test(&mut self) -> Read<()> {
        if self.tests.len() == MAX {
            return self.wrong("too many \"&&\"s");
        }
        self.tests.push(std::mem::take(&mut self.test));
        Ok(())
    }

    /// Reads the ranges; false if no test follows.
    fn ranges(&mut self) -> Read<bool> {
        loop {
            self.skip_blanks();
            match self.next() {
                None if self.test.ranges.is_empty() => {
                    return Self::ends("test ended with no value specified");
                }
                None => {
                    self.finish_test()?;
                    return Ok(false);
                }
                Some(_) if self.test.ranges.is_empty() => {}
                Some(b',') => self.at += 1,
                Some(b'&') => {
                    self.at += 1;
                    if self.next() != Some(b'&') {
                        return self.wrong("a second '&' was expected");
                    }
                    self.finish_test()?;
                    self.at += 1;
                    return Ok(true);
                }
                Some(_) => return self.wrong("expected \",\" or \"&&\""),
            }
            self.range()?;
        }
    }

    fn range(&mut self) -> Read<()> {
        self.skip_blanks();
        let min = self.number()?;
        self.skip_blanks();
        let max = match self.next() {
            Some(b':') => {
                self.at += 1;
                self.number()?
            }
            Some(_) | None => min,
        };
        self.test.ranges.push((min, max));
        if self.test.ranges.len() > MAX {
            return self.wrong("too many \",\"s");
        }
        Ok(())
    }
}

impl Test {
    /// The number of a packet; `None` if the packet has none there (`u32_match_it()`).
    fn number(&self, packet: &[u8]) -> Option<u32> {
        let word = |at: u32| packet.get(at as usize..)?.first_chunk::<4>().copied();
        let mut number = u32::from_be_bytes(word(self.at.unwrap_or(0))?);
        let mut base = 0_u32;
        for (operator, operand) in &self.steps {
            number = match operator {
                Operator::And => number & operand,
                Operator::Left => number.checked_shl(*operand)?,
                Operator::Right => number.checked_shr(*operand)?,
                Operator::At => {
                    base = base.checked_add(number)?;
                    u32::from_be_bytes(word(base.checked_add(*operand)?)?)
                }
            };
        }
        Some(number)
    }

    fn holds(&self, packet: &[u8]) -> bool {
        let Some(number) = self.number(packet) else { return false };
        self.ranges.iter().any(|(min, max)| (*min..=*max).contains(&number))
    }

    fn write(&self, out: &mut String) {
        write!(out, "0x{:x}", self.at.unwrap_or(0)).expect("a string");
        for (operator, number) in &self.steps {
            write!(out, "{}0x{number:x}", operator.text()).expect("a string");
        }
        for (n, (min, max)) in self.ranges.iter().enumerate() {
            let sign = if n == 0 { '=' } else { ',' };
            write!(out, "{sign}0x{min:x}").expect("a string");
            if min != max {
                write!(out, ":0x{max:x}").expect("a string");
            }
        }
    }
}

impl U32 {
    fn write(&self, label: &str, out: &mut String) {
        write!(out, " {label}\"").expect("a string");
        for (n, test) in self.tests.iter().enumerate() {
            out.push_str(if n == 0 { "" } else { "&&" });
            test.write(out);
        }
        out.push('"');
    }
}

impl Extension for U32 {
    const NAME: &'static str = "u32";
    const OPTIONS: &'static [Opt] = &[Opt::new("u32", Kind::Text(0, 0)).mandatory().invertible()];
    const HELP: &'static str = include_str!("help/u32.txt");

    fn new(_: AddressFamily) -> Self {
        Self::default()
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        let mut reader =
            Reader { word: given.word, at: 0, tests: SmallVec::new(), test: Test::default() };
        loop {
            reader.location()?;
            if !reader.ranges()? {
                break;
            }
        }
        *self = Self { tests: reader.tests, invert: given.invert };
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        self.write(if self.invert { "! --u32 " } else { "--u32 " }, out);
    }

    fn print(&self, _: Style, out: &mut String) {
        self.write(if self.invert { "u32 ! " } else { "u32 " }, out);
    }
}

impl MatchExtension for U32 {
    fn admit(&self, _: &Place<'_>) -> Result<(), Errno> {
        let is_shift = |operator| matches!(operator, Operator::Left | Operator::Right);
        let mut steps = self.tests.iter().flat_map(|test| &test.steps);
        let too_far = steps.any(|(operator, by)| is_shift(*operator) && *by >= u32::BITS);
        if too_far { Err(Errno::EINVAL) } else { Ok(()) }
    }

    fn matches(&self, _: &mut Kernel, f: &Flight, _: &Seen, _: &mut MatchState) -> Matched {
        let packet = f.skb.network_header();
        (self.tests.iter().all(|test| test.holds(packet)) != self.invert).into()
    }
}
