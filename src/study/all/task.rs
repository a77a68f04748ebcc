//! What one task may call, one call or two.

use crate::lease::{F_RDLCK, F_UNLCK, F_WRLCK, OpenFlags};
use crate::scenario::Call;
use crate::study::all::set_up::{BY_LINK, READ, Stand, WRITE, Words};

/// How a task stands between two of its calls.
#[derive(Clone, Copy)]
struct Now {
    handle: Option<&'static str>,
    /// Has it had, or asked for, a lease: of a user, of an in-kernel owner?
    leased: (bool, bool),
    /// Has it opened the file itself?
    opened: bool,
}

/// All programs of `calls` calls of the task at `at`.
pub(super) fn programs(stands: &[Stand], at: usize, calls: usize, words: Words) -> Vec<Vec<Call>> {
    let stand = &stands[at];
    let leased = (stand.lease == Some(false), stand.lease == Some(true));
    let now = Now { handle: stand.open.then_some("a"), leased, opened: false };
    // A signal for one of the others is enough: they are exchanged where they are alike.
    let target = (stands.len() > 1).then(|| Call::Interrupt(((at + 1) % stands.len()) as u8));
    if calls == 1 {
        let all = [acts(now, words), looks(now), target.into_iter().collect()].concat();
        return all.into_iter().map(|call| vec![call]).collect();
    }
    let mut found = Vec::new();
    for first in acts(now, words).into_iter().chain(target.clone()) {
        let then = after(now, &first);
        for second in [acts(then, words), looks(then), target.iter().cloned().collect()].concat() {
            // The same call again: a signal or a truncation that nobody needs.
            if first != second || !matches!(first, Call::Interrupt(_) | Call::Truncate) {
                found.push(vec![first.clone(), second]);
            }
        }
    }
    found
}

/// Calls that change something.
fn acts(now: Now, words: Words) -> Vec<Call> {
    let mut calls = Vec::new();
    if !now.opened {
        let handle = if now.handle.is_none() { "a" } else { "b" };
        calls.extend(opens(words).into_iter().map(|flags| Call::Open(handle, flags)));
    }
    calls.push(Call::Truncate);
    let Some(handle) = now.handle else { return calls };
    calls.extend([Call::SetLease(handle, F_RDLCK), Call::SetLease(handle, F_WRLCK)]);
    calls.push(Call::VfsSetLease(handle, F_RDLCK));
    calls.push(Call::Close(handle));
    if now.leased.0 {
        calls.push(Call::SetLease(handle, F_UNLCK));
    }
    if now.leased.1 {
        calls.push(Call::VfsSetLease(handle, F_UNLCK));
    }
    if words == Words::All {
        calls.extend([Call::VfsSetLease(handle, F_WRLCK), Call::Dup(handle, "c")]);
    }
    calls
}

/// Calls that only look. `F_GETLEASE` settles what is overdue, so it is more than a look where a break is under way.
fn looks(now: Now) -> Vec<Call> {
    let of_file = now.handle.map(|handle| [Call::GetLease(handle), Call::GetOwn(handle)]);
    [Call::Locks].into_iter().chain(of_file.into_iter().flatten()).collect()
}

fn opens(words: Words) -> Vec<OpenFlags> {
    let nonblock = |flags| OpenFlags { nonblock: true, ..flags };
    let trunc = |flags| OpenFlags { trunc: true, ..flags };
    let few = vec![READ, WRITE, nonblock(WRITE)];
    match words {
        Words::Few => few,
        Words::All => {
            let by_link = OpenFlags { write: true, ..BY_LINK };
            [few, vec![nonblock(READ), trunc(READ), trunc(WRITE), BY_LINK, by_link, nonblock(BY_LINK)]].concat()
        }
    }
}

fn after(now: Now, call: &Call) -> Now {
    match *call {
        Call::Open(handle, _) => Now { handle: now.handle.or(Some(handle)), opened: true, ..now },
        Call::Close(_) => Now { handle: None, leased: (false, false), ..now },
        Call::SetLease(..) => Now { leased: (true, now.leased.1), ..now },
        Call::VfsSetLease(..) => Now { leased: (now.leased.0, true), ..now },
        _ => now,
    }
}
