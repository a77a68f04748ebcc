//! Calls whose result points: what allocates, what leads on, and what walks a list.

use super::vocabulary::{self, Word};
use super::words::{arguments, plain};

/// What a loop over a list says.
pub struct Each {
    /// The name that points to each element.
    pub name: String,
    /// The list.
    pub list: String,
    /// The next element is looked up before the body.
    pub is_safe: bool,
    /// It is read with `rcu_dereference`.
    pub is_rcu: bool,
}

/// `list_for_each_entry(p, &q, node)` and its relatives.
pub fn each(text: &str) -> Option<Each> {
    let at = text.find("list_for_each_entry")?;
    let name = text[at..].split('(').next()?;
    let args = arguments(super::words::matching_call(&text[at..])?);
    let is_safe = name.contains("_safe");
    let list = args.get(if is_safe { 2 } else { 1 })?;
    let is_rcu = name.contains("_rcu");
    Some(Each { name: plain(args.first()?), list: plain(list), is_safe, is_rcu })
}

/// Does the function return an object of its own?
pub fn allocates(name: &str) -> bool {
    let words = [
        "malloc",
        "zalloc",
        "kmalloc",
        "kzalloc",
        "kcalloc",
        "kvmalloc",
        "kvzalloc",
        "vmalloc",
        "kmem_cache_alloc",
        "kmem_cache_zalloc",
    ];
    words.contains(&name.trim_start_matches('_'))
}

/// Calls that are their first argument.
pub(super) const SAME: [&str; 17] = [
    "atomic_read",
    "atomic_xchg",
    "rcu_dereference",
    "rcu_dereference_protected",
    "rcu_dereference_check",
    "rcu_access_pointer",
    "READ_ONCE",
    "smp_load_acquire",
    "xchg",
    "rcu_replace_pointer",
    "list_entry",
    "container_of",
    "likely",
    "unlikely",
    "load",
    "swap",
    "LOAD",
];

/// Calls whose result is an element of the list that is their first argument.
pub(super) const FIRSTS: [&str; 5] =
    ["list_first_entry", "list_first_entry_or_null", "list_last_entry", "list_entry_rcu", "list_first_or_null_rcu"];

/// Functions that put their first argument on the list that is their second one.
pub(super) const ADDS: [&str; 8] = [
    "list_add",
    "list_add_tail",
    "list_add_rcu",
    "list_add_tail_rcu",
    "hlist_add_head",
    "hlist_add_head_rcu",
    "list_move",
    "list_move_tail",
];

/// Does the function store its second argument in its first?
pub(super) fn stores(name: &str) -> bool {
    matches!(
        name,
        "WRITE_ONCE"
            | "smp_store_release"
            | "rcu_assign_pointer"
            | "RCU_INIT_POINTER"
            | "rcu_replace_pointer"
            | "store"
            | "xchg"
            | "swap"
            | "atomic_set"
            | "atomic_xchg"
    )
}

/// Which of its arguments a function frees, at once or when the readers of RCU are gone.
pub(super) fn frees(name: &str, count: usize) -> Option<usize> {
    match name {
        "kfree_rcu" | "kvfree_rcu" => Some(0),
        _ => (vocabulary::word(name) == Some(Word::Free)).then(|| count.saturating_sub(1)),
    }
}

/// Is it the first entry of a list?
pub(super) fn is_first(name: &str) -> bool {
    FIRSTS.contains(&name)
}
