//! `nfacct`: counts packets under a name, whatever rules they meet (`libxt_nfacct` revision 1, `xt_nfacct`).

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched, Shared};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::quote;
use crate::netfilter::xtables::table::Counters;

/// The name that packets are counted under.
#[derive(Clone, Debug, PartialEq)]
pub struct Nfacct {
    name: String,
}

/// What is counted under a name (`struct nf_acct`). Programs make and remove them by `NFNL_SUBSYS_ACCT`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// What was counted.
    pub counters: Counters,
    /// How much may be counted before packets match; without a limit all of them do.
    pub quota: Option<Quota>,
    /// How many rules count under the name; it cannot be removed before they are gone.
    pub users: usize,
}

/// How much may be counted (`NFACCT_F_QUOTA_*`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Quota {
    /// So many packets.
    Packets(u64),
    /// So many bytes.
    Bytes(u64),
}

/// The longest name, in bytes (`NFACCT_NAME_MAX - 1`); what is longer is cut off.
const MAX_NAME: usize = 31;

/// The name that the kernel keeps of what it is told.
#[must_use]
pub fn account_name(name: &str) -> &str {
    &name[..name.floor_char_boundary(MAX_NAME)]
}

impl Extension for Nfacct {
    const NAME: &'static str = "nfacct";
    const OPTIONS: &'static [Opt] = &[Opt::new("nfacct-name", Kind::Text(1, 0)).mandatory()];
    const HELP: &'static str = include_str!("help/nfacct.txt");

    fn new(_: AddressFamily) -> Self {
        Self { name: String::new() }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        if given.word.contains('\n') {
            return Err(Problem::parameter("Newlines not allowed in --nfacct-name"));
        }
        account_name(given.word).clone_into(&mut self.name);
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        // Two blanks before the name.
        out.push_str(" --nfacct-name ");
        quote::save(&self.name, out);
    }

    fn print(&self, _: Style, out: &mut String) {
        out.push_str(" nfacct-name ");
        quote::save(&self.name, out);
    }
}

impl MatchExtension for Nfacct {
    const SHARES: bool = true;

    fn may_attach(&self, shared: &Shared) -> Result<(), Errno> {
        if shared.accounts.contains_key(&self.name) { Ok(()) } else { Err(Errno::ENOENT) }
    }

    fn attach(&self, shared: &mut Shared, _: u64) -> Result<(), Errno> {
        let account = shared.accounts.get_mut(&self.name).ok_or(Errno::ENOENT)?;
        account.users += 1;
        Ok(())
    }

    fn detach(&self, shared: &mut Shared) {
        if let Some(account) = shared.accounts.get_mut(&self.name) {
            account.users = account.users.saturating_sub(1);
        }
    }

    fn matches(&self, k: &mut Kernel, f: &Flight, _: &Seen, _: &mut MatchState) -> Matched {
        let accounts = &mut k.netns[f.netns].nf.shared.accounts;
        let Some(account) = accounts.get_mut(&self.name) else { return Matched::No };
        account.counters.count(f.skb.network_header().len());
        let matched = match account.quota {
            None => true,
            Some(Quota::Packets(most)) => account.counters.packets > most,
            Some(Quota::Bytes(most)) => account.counters.bytes > most,
        };
        matched.into()
    }
}
