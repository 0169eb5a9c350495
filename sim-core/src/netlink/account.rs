//! What packets are counted under by name (`net/netfilter/nfnetlink_acct.c`).

use crate::errno::Errno;
use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::netfilter::xtables::matches::{Account, account_name};
use crate::netlink::request::AccountSpec;

/// Makes an account (`nfnl_acct_new()`).
///
/// # Errors
/// [`Errno::EBUSY`] if there is one of that name, [`Errno::EINVAL`] if it has none.
pub fn add(k: &mut Kernel, netns: NetnsId, spec: &AccountSpec) -> Result<(), Errno> {
    let name = account_name(&spec.name);
    if name.is_empty() {
        return Err(Errno::EINVAL);
    }
    let accounts = &mut k.netns[netns].nf.shared.accounts;
    if accounts.contains_key(name) {
        return Err(Errno::EBUSY);
    }
    accounts.insert(name.to_owned(), Account { quota: spec.quota, ..Account::default() });
    Ok(())
}

/// Removes an account (`nfnl_acct_del()`).
///
/// # Errors
/// [`Errno::ENOENT`] if there is none, [`Errno::EBUSY`] while rules count under it.
pub fn del(k: &mut Kernel, netns: NetnsId, name: &str) -> Result<(), Errno> {
    let accounts = &mut k.netns[netns].nf.shared.accounts;
    match accounts.get(account_name(name)) {
        None => Err(Errno::ENOENT),
        Some(account) if account.users > 0 => Err(Errno::EBUSY),
        Some(_) => {
            accounts.remove(account_name(name));
            Ok(())
        }
    }
}
