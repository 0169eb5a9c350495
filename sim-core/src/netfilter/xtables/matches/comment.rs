//! `comment`: says something, matches everything (`libxt_comment`, `xt_comment`).

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::quote;

/// The longest comment, in bytes (`XT_MAX_COMMENT_LEN - 1`); what is longer is cut off.
const MAX_LEN: usize = 255;

/// A comment.
#[derive(Clone, Debug, PartialEq)]
pub struct Comment {
    text: String,
}

impl Extension for Comment {
    const NAME: &'static str = "comment";
    const OPTIONS: &'static [Opt] = &[Opt::new("comment", Kind::Text(0, 0)).mandatory()];
    const HELP: &'static str = include_str!("help/comment.txt");

    fn new(_: AddressFamily) -> Self {
        Self { text: String::new() }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        let end = given.word.floor_char_boundary(MAX_LEN);
        given.word[..end].clone_into(&mut self.text);
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        out.push_str(" --comment");
        quote::save(&self.text, out);
    }

    fn print(&self, _: Style, out: &mut String) {
        out.push_str(" /* ");
        out.push_str(&self.text);
        out.push_str(" */");
    }
}

impl MatchExtension for Comment {
    fn matches(&self, _: &mut Kernel, _: &Flight, _: &Seen, _: &mut MatchState) -> Matched {
        Matched::Yes
    }
}
