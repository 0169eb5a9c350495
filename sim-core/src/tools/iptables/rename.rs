//! Renaming chains (`iptc_rename_chain()`, `nft_chain_user_rename()`).

use crate::errno::Errno;
use crate::netfilter::xtables::change::XtAct;
use crate::netfilter::xtables::draft::Draft;
use crate::netfilter::xtables::table::Variant;

use super::ending::Speaker;
use super::known;
use super::run::{Doing, Done};
use super::work::{Fault, NO_CHAIN, Work};

/// The longest name of a chain that `ip_tables` keeps, in bytes; a longer one is cut.
const LONGEST_NAME: usize = 29;
/// The longest name that is cut, and not refused (`XT_TABLE_MAXNAMELEN - 1`).
const LONGEST_CUT: usize = 31;

impl Doing<'_> {
    /// Gives the chain another name.
    pub(super) fn rename(&self, work: &mut Work<'_>) -> Done {
        let to = self.order.parsed.second.as_str();
        let is_taken = self.table.hook(to).is_some() || work.chain(self.table, to).is_some();
        if is_taken || !self.nft() && known::is_verdict(to) {
            return Err(Fault::of(Errno::EEXIST));
        }
        match self.speaker.variant {
            Variant::Legacy => self.rename_legacy(work, to),
            Variant::Nft => self.rename_nft(work, to),
        }
    }

    fn rename_legacy(&self, work: &mut Work<'_>, to: &str) -> Done {
        self.found(work, NO_CHAIN)?;
        if self.table.hook(self.chain).is_some() {
            return Err(Fault::of(Errno::ENOENT));
        }
        self.check_named(to)?;
        // The new name was not measured when it was read.
        if to.len() > LONGEST_CUT {
            return Err(Fault::of(Errno::EINVAL));
        }
        let Some(to) = to.get(..to.len().min(LONGEST_NAME)) else {
            return Err(not_modelled(
                self.speaker,
                "a chain's name that is cut within a character",
            ));
        };
        work.act(self.table, Some(self.chain), XtAct::RenameChain(to.into()));
        Ok(())
    }

    /// The kernel is told the chain's handle, and the new name; the chain has its old one until the batch is made.
    fn rename_nft(&self, work: &mut Work<'_>, to: &str) -> Done {
        let id = self.found(work, NO_CHAIN)?;
        let is_old = work.draft(self.table).is_old(id);
        if is_old && self.table.hook(self.chain).is_some() {
            return Err(not_modelled(self.speaker, "renaming a built-in chain"));
        }
        // The tool knows a built-in chain of a new table once something is asked of it.
        if !is_old && self.table.hook(self.chain).is_some() && !work.asks_of(self.table, self.chain)
        {
            return Err(Fault::Fails(Errno::ENOENT, NO_CHAIN));
        }
        self.check_named(to)?;
        // The line of a file that announces a chain makes the tool forget its handle.
        let has_handle = is_old && !work.is_announced(self.table, self.chain);
        let chain = Some(self.chain).filter(|_| has_handle);
        work.act(self.table, chain, XtAct::RenameChain(to.into()));
        Ok(())
    }

    /// No file could say what a chain without a name is.
    fn check_named(&self, to: &str) -> Done {
        if to.is_empty() {
            return Err(not_modelled(self.speaker, "a chain without a name"));
        }
        Ok(())
    }
}

/// Looks over the name of a chain that is to be made: `nf_tables` lets it have the one that another gets in the same
/// batch.
pub(super) fn check_new(speaker: Speaker<'_>, draft: &Draft<'_>, name: &str) -> Done {
    if draft.renames_to(name) {
        return Err(not_modelled(speaker, "a second chain of one name"));
    }
    Ok(())
}

fn not_modelled(speaker: Speaker<'_>, what: &str) -> Fault {
    speaker.not_modelled(&format!("{what} is not supported"), what).into()
}
