//! One step of a record: names to numbers.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::lock::{Claim, Flavour, Gfp, Lock, LockId, LockKind, Locks, Op, Outcome, Poke, SUBCLASSES};
use super::near::near;

/// A step as it is written.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Raw {
    ctx: Option<String>,
    op: String,
    lock: Option<String>,
    mode: Option<String>,
    nest: Option<String>,
    subclass: Option<u8>,
    ret: Option<String>,
    threaded: Option<bool>,
    keep_irqs_off: Option<bool>,
    flavour: Option<String>,
    gfp: Option<String>,
    ww: Option<String>,
    slow: Option<bool>,
    target: Option<String>,
    value: Option<Value>,
    from: Option<String>,
    to: Option<String>,
    /// Whatever else there is.
    #[serde(flatten)]
    pub(super) rest: BTreeMap<String, Value>,
}

/// Operations, for a message about one that is mistyped.
const KNOWN: &str = "lock, unlock, trylock, event_start, wait, complete, downgrade, set_subclass, init, irq_disable, irq_enable, irq_save, irq_restore, \
                     bh_disable, bh_enable, preempt_disable, preempt_enable, hardirq_enter, hardirq_exit, softirq_enter, \
                     softirq_exit, rcu_lock, rcu_unlock, fs_reclaim_acquire, fs_reclaim_release, might_alloc, might_sleep, \
                     nofs_save, nofs_restore, noio_save, noio_restore, assert_*, ww_*, foreign_hold, foreign_drop, poke";

/// Operations of families that the message tells by their beginning.
const MORE: &str = "assert_held, assert_held_read, assert_held_write, assert_not_held, assert_none_held, ww_ctx_init, ww_ctx_done, \
                    ww_ctx_fini, ww_ctx_clone, ww_lock, ww_trylock, ww_unlock";

fn words() -> impl Iterator<Item = &'static str> {
    KNOWN.split(", ").filter(|word| !word.ends_with('*')).chain(MORE.split(", "))
}

/// Fields of a step, for one that is mistyped.
pub(super) const FIELDS: [&str; 16] = [
    "ctx",
    "op",
    "lock",
    "mode",
    "nest",
    "subclass",
    "ret",
    "threaded",
    "keep_irqs_off",
    "flavour",
    "gfp",
    "ww",
    "slow",
    "target",
    "value",
    "from",
];

/// What the step does, or what is wrong with it.
pub(super) fn resolve(raw: &Raw, locks: &Locks) -> Result<Op, String> {
    if let Some(ctx) = raw.ctx.as_deref()
        && !["task", "softirq", "hardirq", "nmi"].contains(&ctx)
    {
        return Err(format!("ctx is `{ctx}`: task, softirq or hardirq"));
    }
    let lock = || the_lock(raw, locks);
    let ok = || match raw.ret.as_deref() {
        None | Some("ok") => Ok(true),
        Some("busy") => Ok(false),
        Some(other) => Err(format!("ret is `{other}`: ok or busy")),
    };
    Ok(match raw.op.as_str() {
        "lock" => Op::Lock {
            lock: lock()?,
            read: reads(raw)?.unwrap_or(false),
            nest: nest(raw, locks)?,
            subclass: subclass(raw)?,
        },
        "trylock" => Op::Trylock {
            lock: lock()?,
            read: reads(raw)?.unwrap_or(false),
            nest: nest(raw, locks)?,
            subclass: subclass(raw)?,
            ok: ok()?,
        },
        "unlock" => Op::Unlock { lock: lock()?, read: reads(raw)? },
        "event_start" => Op::EventStart { lock: event(raw, locks)? },
        "wait" => Op::Wait { lock: event(raw, locks)? },
        "complete" => Op::Complete { lock: event(raw, locks)? },
        "downgrade" => Op::Downgrade { lock: lock()? },
        "set_subclass" => Op::SetSubclass { lock: lock()?, subclass: subclass(raw)? },
        "init" => Op::Init { lock: lock()? },
        "irq_disable" => Op::IrqDisable,
        "irq_enable" => Op::IrqEnable,
        "irq_save" => Op::IrqSave,
        "irq_restore" => Op::IrqRestore,
        "bh_disable" => Op::BhDisable,
        "bh_enable" => Op::BhEnable,
        "preempt_disable" => Op::PreemptDisable,
        "preempt_enable" => Op::PreemptEnable,
        "hardirq_enter" => Op::HardirqEnter { threaded: raw.threaded.unwrap_or(false) },
        "hardirq_exit" => Op::HardirqExit { keep_irqs_off: raw.keep_irqs_off.unwrap_or(false) },
        "softirq_enter" => Op::SoftirqEnter,
        "softirq_exit" => Op::SoftirqExit,
        "rcu_lock" | "rcu_unlock" => return rcu(raw, locks),
        "fs_reclaim_acquire" => Op::ReclaimEnter(gfp(raw)?),
        "fs_reclaim_release" => Op::ReclaimExit(gfp(raw)?),
        "might_alloc" => Op::Alloc(gfp(raw)?),
        "might_sleep" => Op::MightSleep,
        "nofs_save" => Op::NoFsSave,
        "nofs_restore" => Op::NoFsRestore,
        "noio_save" => Op::NoIoSave,
        "noio_restore" => Op::NoIoRestore,
        "foreign_hold" => Op::ForeignHold { lock: lock()? },
        "foreign_drop" => Op::ForeignDrop { lock: lock()? },
        op if op.starts_with("ww_") => return transaction(raw, locks),
        op if op.starts_with("assert_") => return assertion(raw, locks),
        "poke" => Op::Poke(poke(raw, locks)?),
        "" => return Err("`op` is missing".into()),
        other => {
            return Err(match near(other, words()) {
                Some(near) => format!("`{other}` is no operation: did you mean `{near}`?"),
                None => format!("`{other}` is no operation: known are {KNOWN}"),
            });
        }
    })
}

fn the_lock(raw: &Raw, locks: &Locks) -> Result<LockId, String> {
    let name = raw.lock.as_deref().ok_or("`lock` is missing")?;
    named(name, locks)
}

fn event(raw: &Raw, locks: &Locks) -> Result<LockId, String> {
    let lock = the_lock(raw, locks)?;
    let Lock { name, kind, .. } = &locks.all[lock];
    if kind.is_event() { Ok(lock) } else { Err(format!("`{name}` is no completion, and no work")) }
}

fn is_of_case(kind: LockKind) -> bool {
    !matches!(kind, LockKind::Rcu | LockKind::FsReclaim | LockKind::WwContext)
}

fn named(name: &str, locks: &Locks) -> Result<LockId, String> {
    let found = locks.all.iter().position(|lock| lock.name == name && is_of_case(lock.kind));
    found.ok_or_else(|| {
        let known: Vec<&str> =
            locks.all.iter().filter(|lock| is_of_case(lock.kind)).map(|lock| lock.name.as_str()).collect();
        match near(name, known.iter().copied()) {
            Some(near) => format!("`{name}` is no lock of this case: did you mean `{near}`?"),
            None => format!("`{name}` is no lock of this case: {}", known.join(", ")),
        }
    })
}

fn context(name: &str, locks: &Locks) -> Result<LockId, String> {
    let full = format!("ctx:{name}");
    let found = locks.all.iter().position(|lock| lock.name == full);
    found.ok_or_else(|| format!("`{name}` is no context of this case (ww_ctxs)"))
}

fn nest(raw: &Raw, locks: &Locks) -> Result<Option<LockId>, String> {
    let Some(name) = raw.nest.as_deref() else { return Ok(None) };
    match name.strip_prefix("ctx:") {
        Some(name) => context(name, locks).map(Some),
        None => named(name, locks).map(Some),
    }
}

fn reads(raw: &Raw) -> Result<Option<bool>, String> {
    match raw.mode.as_deref() {
        None => Ok(None),
        Some("write") => Ok(Some(false)),
        Some("read") => Ok(Some(true)),
        Some(other) => Err(format!("mode is `{other}`: read or write")),
    }
}

fn subclass(raw: &Raw) -> Result<u8, String> {
    let subclass = raw.subclass.unwrap_or(0);
    if subclass < SUBCLASSES { Ok(subclass) } else { Err(format!("subclass {subclass}: at most {}", SUBCLASSES - 1)) }
}

fn rcu(raw: &Raw, locks: &Locks) -> Result<Op, String> {
    let enter = raw.op == "rcu_lock";
    let flavour = match raw.flavour.as_deref() {
        None | Some("rcu") => Flavour::Rcu,
        Some("bh" | "rcu_bh") => Flavour::Bh,
        Some("sched" | "rcu_sched") => Flavour::Sched,
        Some("srcu") => {
            let lock = the_lock(raw, locks)?;
            return Ok(if enter {
                Op::Lock { lock, read: true, nest: None, subclass: 0 }
            } else {
                Op::Unlock { lock, read: Some(true) }
            });
        }
        Some(other) => return Err(format!("flavour is `{other}`: rcu, rcu_bh, rcu_sched or srcu")),
    };
    Ok(if enter { Op::RcuLock(flavour) } else { Op::RcuUnlock(flavour) })
}

/// Flags by their names, joined by `|`; what a base flag set allows is that of `gfp_types.h`.
fn gfp(raw: &Raw) -> Result<Gfp, String> {
    let text = raw.gfp.as_deref().ok_or("`gfp` is missing")?;
    let mut gfp = Gfp { reclaims: false, io: false, fs: false, untracked: false };
    for flag in text.split('|').map(str::trim) {
        match flag {
            "GFP_KERNEL" | "GFP_USER" | "GFP_HIGHUSER" | "GFP_KERNEL_ACCOUNT" => {
                (gfp.reclaims, gfp.io, gfp.fs) = (true, true, true);
            }
            "GFP_NOFS" => (gfp.reclaims, gfp.io) = (true, true),
            "GFP_NOIO" | "__GFP_DIRECT_RECLAIM" | "__GFP_RECLAIM" => gfp.reclaims = true,
            "__GFP_IO" => gfp.io = true,
            "__GFP_FS" => gfp.fs = true,
            "GFP_ATOMIC" | "GFP_NOWAIT" | "__GFP_HIGH" | "__GFP_KSWAPD_RECLAIM" => {}
            "__GFP_NOLOCKDEP" => gfp.untracked = true,
            "__GFP_ZERO" | "__GFP_NOWARN" | "__GFP_NORETRY" | "__GFP_NOFAIL" | "__GFP_ACCOUNT" => {}
            other => return Err(format!("gfp has `{other}`, which is no flag that is known here")),
        }
    }
    Ok(gfp)
}

fn transaction(raw: &Raw, locks: &Locks) -> Result<Op, String> {
    let lock = || the_lock(raw, locks);
    let maybe = || raw.ww.as_deref().map(|name| context(name, locks)).transpose();
    let ctx = || maybe()?.ok_or_else(|| "`ww` is missing".to_owned());
    Ok(match raw.op.as_str() {
        "ww_ctx_init" => Op::WwInit(ctx()?),
        "ww_ctx_done" => Op::WwDone(ctx()?),
        "ww_ctx_fini" => Op::WwFini(ctx()?),
        "ww_ctx_clone" => clone(raw, locks)?,
        "ww_lock" => Op::WwLock {
            lock: lock()?,
            ctx: maybe()?,
            slow: raw.slow.unwrap_or(false),
            outcome: match raw.ret.as_deref() {
                None | Some("ok") => Outcome::Taken,
                Some("EALREADY") => Outcome::Already,
                Some("EDEADLK") => Outcome::Deadlock,
                Some("busy" | "EINTR") => Outcome::Busy,
                Some(other) => return Err(format!("ret is `{other}`: ok, EALREADY, EDEADLK or EINTR")),
            },
        },
        "ww_trylock" => Op::WwTrylock {
            lock: lock()?,
            ctx: maybe()?,
            ok: match raw.ret.as_deref() {
                None | Some("ok") => true,
                Some("busy" | "EALREADY" | "EDEADLK") => false,
                Some(other) => return Err(format!("ret is `{other}`: ok or busy")),
            },
        },
        "ww_unlock" => Op::WwUnlock { lock: lock()? },
        other => return Err(format!("`{other}` is no operation of transactions")),
    })
}

/// A copy of a context: whichever of `from`, `to` and `ww` are written. With one name alone it goes to, or comes from, the other
/// context of the case.
fn clone(raw: &Raw, locks: &Locks) -> Result<Op, String> {
    let word = |names: &[&str]| names.iter().find_map(|name| raw.rest.get(*name).and_then(Value::as_str));
    let from = raw.from.as_deref().or_else(|| word(&["src", "source", "of"]));
    let to = raw.to.as_deref().or_else(|| word(&["dst", "dest", "into", "as"]));
    let (from, to) = match (from, to, raw.ww.as_deref()) {
        (Some(from), Some(to), _) | (Some(from), None, Some(to)) | (None, Some(to), Some(from)) => {
            (context(from, locks)?, context(to, locks)?)
        }
        (None, None, Some(from)) => {
            let from = context(from, locks)?;
            let other = |(id, lock): (usize, &Lock)| (lock.kind == LockKind::WwContext && id != from).then_some(id);
            (from, locks.all.iter().enumerate().find_map(other).ok_or("`to` is missing")?)
        }
        _ => return Err("`from` and `to` are missing".into()),
    };
    Ok(Op::WwClone { from, to })
}

fn assertion(raw: &Raw, locks: &Locks) -> Result<Op, String> {
    let claim = match raw.op.as_str() {
        "assert_held" | "assert_held_once" => match reads(raw)? {
            None => Claim::Held,
            Some(true) => Claim::HeldRead,
            Some(false) => Claim::HeldWrite,
        },
        "assert_held_write" => Claim::HeldWrite,
        "assert_held_read" => Claim::HeldRead,
        "assert_not_held" => Claim::NotHeld,
        "assert_none_held" | "assert_none_held_once" => Claim::NoneHeld,
        "assert_class_name_unchanged" | "assert_name_unchanged" | "assert_class_name" => Claim::Name,
        other => return Err(format!("`{other}` is no assertion")),
    };
    let lock = match claim {
        Claim::NoneHeld | Claim::Name => None,
        _ => Some(the_lock(raw, locks)?),
    };
    Ok(Op::Assert { claim, lock })
}

/// `o1.owner_ctx`, `t.ww_class`, `t.stamp`: an object or a context, and a field of it.
fn poke(raw: &Raw, locks: &Locks) -> Result<Poke, String> {
    let target = raw.target.as_deref().ok_or("`target` is missing")?;
    let (object, field) = target.rsplit_once('.').ok_or_else(|| format!("target is `{target}`: object.field"))?;
    // A field may be one of the mutex inside: o1.base.owner.
    let object = object.strip_suffix(".base").unwrap_or(object);
    let value = raw.value.as_ref().unwrap_or(&Value::Null);
    let is_null =
        value.is_null() || value == 0 || matches!(value.as_str(), Some("NULL" | "null" | "none" | "None" | "0"));
    let is_object = |lock: &Lock| {
        lock.kind != LockKind::WwContext && (lock.name == object || lock.name.ends_with(&format!(".{object}")))
    };
    let object_id = locks.all.iter().position(is_object);
    let context_id = context(object.trim_start_matches("ctx:"), locks).ok();
    match (object_id, context_id) {
        (Some(lock), _) if field.contains("ctx") => Ok(Poke::Owner(lock, !is_null)),
        (_, Some(ctx)) if field.contains("class") => Ok(Poke::Class(ctx)),
        (_, Some(ctx)) if field == "acquired" => {
            let count = value.as_u64().and_then(|count| u32::try_from(count).ok());
            Ok(Poke::Acquired(ctx, count.unwrap_or(u32::from(!is_null))))
        }
        (_, Some(ctx)) if field.starts_with("done") => Ok(Poke::Done(ctx, !is_null)),
        (Some(_), _) | (_, Some(_)) => Ok(Poke::Other),
        _ => Err(format!("`{object}` is neither a lock nor a context of this case")),
    }
}

/// The step as a reader of a report wants it.
pub(super) fn text(raw: &Raw) -> String {
    let mut text = raw.op.clone();
    let name = |name: &Option<String>| name.clone().unwrap_or_default();
    match raw.op.as_str() {
        "rcu_lock" | "rcu_unlock" if raw.lock.is_none() => text += &format!(" {}", name(&raw.flavour)),
        _ => {}
    }
    if let Some(lock) = &raw.lock {
        text += &format!(" {lock}");
    }
    for (key, value) in [("", &raw.gfp), ("", &raw.target), ("ctx ", &raw.ww), ("under ", &raw.nest)] {
        if let Some(value) = value {
            text += &format!(" {key}{value}");
        }
    }
    if raw.mode.as_deref() == Some("read") {
        text += " (read)";
    }
    if let Some(subclass) = raw.subclass.filter(|subclass| *subclass > 0) {
        text += &format!(" (subclass {subclass})");
    }
    if let Some(ret) = raw.ret.as_deref().filter(|ret| *ret != "ok") {
        text += &format!(" = {ret}");
    }
    text
}
