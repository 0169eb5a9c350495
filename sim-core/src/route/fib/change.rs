//! Adding and removing routes (`fib_table_insert()`, `fib_table_delete()`).

use std::sync::Arc;

use crate::errno::Errno;
use crate::family::Family;
use crate::route::RouteType;
use crate::route::fib::info::FibInfo;
use crate::route::fib::table::Fib;
use crate::route::fib::trie::{Aliases, FibAlias, Rank};

/// What names a route beside its attributes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RouteKey<F: Family> {
    /// The destination.
    pub net: F::Net,
    /// The table.
    pub table: u32,
    /// The type of service; 0 is any.
    pub tos: u8,
    /// The type.
    pub kind: RouteType,
}

/// How a new route meets those of the same destination, type of service and metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Existing {
    /// There may be none (`NLM_F_CREATE | NLM_F_EXCL`).
    Refuse,
    /// It takes the first one's place (`NLM_F_REPLACE`), and with `create` it may also be the first.
    Replace {
        /// Whether it is added if there is none.
        create: bool,
    },
    /// It stands behind them (`NLM_F_CREATE | NLM_F_APPEND`).
    Append,
    /// It stands before them (`NLM_F_CREATE`).
    Prepend,
    /// There may be none, and none is made (`NLM_F_EXCL`).
    Test,
}

/// Adds a route; answers it, unless it was there before.
///
/// # Errors
///
/// [`Errno::EEXIST`] if it is there or may not stand beside what is there; [`Errno::ENOENT`] if there
/// is nothing to change.
pub(crate) fn insert<F: Family>(
    fib: &mut Fib<F>,
    key: &RouteKey<F>,
    mut info: FibInfo<F>,
    existing: Existing,
) -> Result<Option<FibAlias<F>>, Errno> {
    fib.number_hops(&mut info);
    let creates = !matches!(existing, Existing::Replace { create: false } | Existing::Test);
    let trie = fib.trie_mut(key.table);
    if !creates && trie.get(&key.net).is_none() {
        return Err(Errno::ENOENT);
    }
    let rank = Rank::new(key.table, key.tos, info.priority);
    let info = Arc::new(info);
    let new = FibAlias { tos: key.tos, kind: key.kind, table: key.table, info, taken: None };
    let placed = place(trie.entry(key.net), rank, new.clone(), existing, creates)?;
    if placed == Placed::Beside && F::prefix_len(&key.net) == 0 {
        fib.count_default(key.table, 1);
    }
    Ok(Some(new).filter(|_| placed != Placed::Before))
}

/// How a new route came in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Placed {
    /// It is one more.
    Beside,
    /// Another one has gone for it.
    Instead,
    /// It was there before.
    Before,
}

/// Finds the place of `new` among the routes to its prefix.
fn place<F: Family>(
    aliases: &mut Aliases<F>,
    rank: Rank,
    new: FibAlias<F>,
    existing: Existing,
    creates: bool,
) -> Result<Placed, Errno> {
    let first = aliases.partition_point(|alias| alias.rank() < rank);
    let behind = aliases.partition_point(|alias| alias.rank() <= rank);
    if first == behind {
        if !creates {
            return Err(Errno::ENOENT);
        }
        aliases.insert(first, new);
        return Ok(Placed::Beside);
    }
    let twin = (first..behind)
        .find(|&i| aliases[i].kind == new.kind && aliases[i].info.same_as(&new.info));
    match existing {
        Existing::Refuse | Existing::Test => Err(Errno::EEXIST),
        Existing::Replace { .. } => match twin {
            Some(i) if i == first => Ok(Placed::Before),
            Some(_) => Err(Errno::EEXIST),
            None => {
                aliases[first] = new;
                Ok(Placed::Instead)
            }
        },
        Existing::Append | Existing::Prepend if twin.is_some() => Err(Errno::EEXIST),
        Existing::Append => {
            aliases.insert(behind, new);
            Ok(Placed::Beside)
        }
        Existing::Prepend => {
            aliases.insert(first, new);
            Ok(Placed::Beside)
        }
    }
}

/// Removes the first route of this destination, table and type of service that `matches`, and answers
/// it. The key's type is not looked at.
pub(crate) fn remove_first<F: Family>(
    fib: &mut Fib<F>,
    key: &RouteKey<F>,
    matches: impl Fn(&FibAlias<F>) -> bool,
) -> Option<FibAlias<F>> {
    let aliases = fib.trie(key.table).and_then(|trie| trie.get(&key.net))?;
    let found = aliases
        .iter()
        .position(|alias| alias.table == key.table && alias.tos == key.tos && matches(alias));
    let removed = fib.trie_mut(key.table).remove(&key.net, found?);
    if removed.is_some() && F::prefix_len(&key.net) == 0 {
        fib.count_default(key.table, -1);
    }
    removed
}
