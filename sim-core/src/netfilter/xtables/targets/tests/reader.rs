//! Reads the rules of the transcript.

use crate::family::AddressFamily;
use crate::netfilter::xtables::extension::Problem;
use crate::netfilter::xtables::lab::{read_match, read_target_for};
use crate::netfilter::xtables::matches::Match;
use crate::netfilter::xtables::table::Variant;
use crate::netfilter::xtables::targets::Target;

/// A rule, word by word.
pub(super) struct Line {
    family: AddressFamily,
    pub(super) table: String,
    pub(super) chain: String,
    pub(super) proto: Option<(u8, bool)>,
    /// What the rule asks of TCP beside the protocol.
    tcp: Vec<String>,
    words: Vec<String>,
}

impl Line {
    /// A rule of IPv4.
    pub(super) fn new(text: &str) -> Self {
        Self::of_family(text, AddressFamily::Inet)
    }

    pub(super) fn of_family(text: &str, family: AddressFamily) -> Self {
        let mut words = split(text).into_iter();
        let (table, chain) = (words.next().unwrap(), words.next().unwrap());
        let ip: Vec<String> = words.by_ref().take_while(|word| word != "-j").collect();
        let proto = ip.iter().position(|word| word == "-p").map(|at| {
            let number = match ip[at + 1].as_str() {
                "icmp" => 1,
                "tcp" => 6,
                "udp" => 17,
                "sctp" => 132,
                "udplite" => 136,
                other => panic!("{other}: a protocol without a number"),
            };
            (number, at > 0 && ip[at - 1] == "!")
        });
        let tcp = ip.iter().skip_while(|word| *word != "-p").skip(2).cloned().collect();
        Self { family, table, chain, proto, tcp, words: words.collect() }
    }

    pub(super) fn matches(&self) -> Vec<Match> {
        let mut words = vec!["-p", "6", "tcp"];
        words.extend(self.tcp.iter().map(String::as_str));
        let tcp = (!self.tcp.is_empty()).then(|| read_match(self.family, &words).unwrap());
        tcp.into_iter().collect()
    }

    pub(super) fn target(&self) -> Result<Target, Problem> {
        self.target_for(Variant::Nft)
    }

    pub(super) fn target_for(&self, variant: Variant) -> Result<Target, Problem> {
        let number = self.proto.map(|(number, _)| number.to_string());
        let mut words: Vec<&str> = Vec::new();
        if let (Some((_, invert)), Some(number)) = (self.proto, &number) {
            words.extend(if invert { &["!", "-p"][..] } else { &["-p"] });
            words.push(number);
        }
        words.extend(self.words.iter().map(String::as_str));
        read_target_for(variant, self.family, &words)
    }
}

/// Words as a shell splits them.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote, mut open) = (String::new(), None, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '$') if chars.peek() == Some(&'\'') => {}
            (None, '"' | '\'') => (quote, open) = (Some(c), true),
            (Some(end), c) if c == end => quote = None,
            (Some(_), '\\') if chars.peek() == Some(&'n') => {
                chars.next();
                word.push('\n');
            }
            (None, ' ') => {
                if open {
                    words.push(std::mem::take(&mut word));
                }
                open = false;
            }
            (_, c) => {
                word.push(c);
                open = true;
            }
        }
    }
    if open {
        words.push(word);
    }
    words
}
