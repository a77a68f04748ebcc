//! How operations on objects of user-land code read: as Rust.

use super::Names;
use crate::event::{Access, Act, AluOp, Format, ObjectKind, Op, Rmw, View};

impl Names {
    /// The operation as Rust, if it is one of user-land code.
    pub(super) fn rust_op(&self, view: &dyn View, op: Op) -> Option<String> {
        let object = op.object()?;
        let info = view.object(object);
        if info.format != Format::Rust {
            return None;
        }
        let name = self.object(view, object);
        Some(match op {
            Op::Spawn(_, task) => format!("spawn {}", self.task(task)),
            Op::Join(_, task) => format!("join {}", self.task(task)),
            Op::Load(..) if info.kind == ObjectKind::Cell => format!("{name}.with()"),
            Op::Rmw(..) if info.kind == ObjectKind::Cell => format!("{name}.with_mut()"),
            Op::Load(_, access) => format!("{name}.load({})", ordering(access)),
            Op::Store(_, value, access) => format!("{name}.store({}, {})", number(value), ordering(access)),
            Op::Rmw(_, rmw, access) => format!("{name}.{}", rmw_text(rmw, access)),
            Op::Acquire(_) if info.kind == ObjectKind::RwSem => format!("{name}.write()"),
            Op::TryAcquire(_) if info.kind == ObjectKind::RwSem => format!("{name}.try_write()"),
            Op::Acquire(_) => format!("{name}.lock()"),
            Op::TryAcquire(_) => format!("{name}.try_lock()"),
            Op::Release(_) | Op::ReleaseRead(_) => format!("{name} unlocked"),
            Op::AcquireRead(_) => format!("{name}.read()"),
            Op::Down(_) => format!("{name}.wait()"),
            Op::Enqueue(_) => format!("{name}.wait()"),
            Op::Dequeue(_) => format!("{name}: waits no more"),
            Op::Wake(_) => format!("{name}.notify_all()"),
            Op::Act(_, act) => act_text(act, &name),
            _ => return None,
        })
    }
}

fn act_text(act: Act, name: &str) -> String {
    match act {
        Act::TryRead => format!("{name}.try_read()"),
        Act::Post => format!("{name}.notify()"),
        Act::Send(_) => format!("{name}.send()"),
        Act::TrySend(_) => format!("{name}.try_send()"),
        Act::Recv => format!("{name}.recv()"),
        Act::TryRecv => format!("{name}.try_recv()"),
        Act::HangUp => format!("{name}: a sender is dropped"),
        Act::Close => format!("{name}: the receiver is dropped"),
        Act::Drop(_) => format!("{name}: a handle is dropped"),
        Act::WakeOne => format!("{name}.notify_one()"),
        Act::Wait => format!("{name}: wakes up"),
        Act::Doze => format!("{name}: wakes up, or times out"),
        Act::Spin(_) => "yields".to_owned(),
    }
}

/// A number as it is kept: small negative ones read with their sign.
fn number(value: u64) -> String {
    (value as i64).to_string()
}

fn ordering(access: Access) -> &'static str {
    match access {
        Access::Plain => "plain",
        Access::Once | Access::Relaxed => "Relaxed",
        Access::Acquire => "Acquire",
        Access::Release => "Release",
        Access::AcqRel => "AcqRel",
        Access::Full => "SeqCst",
    }
}

fn rmw_text(rmw: Rmw, access: Access) -> String {
    let order = ordering(access);
    match rmw {
        Rmw::Add(by) => format!("fetch_add({}, {order})", number(by)),
        Rmw::Xchg(new) => format!("swap({}, {order})", number(new)),
        Rmw::CmpXchg(old, new) => format!("compare_exchange({}, {}, {order})", number(old), number(new)),
        Rmw::Cas(old, new, failure) => {
            let failure = ordering(failure);
            format!("compare_exchange({}, {}, {order}, {failure})", number(old), number(new))
        }
        Rmw::IncNotZero => "upgrade()".to_owned(),
        Rmw::Claim(_) | Rmw::Vacate(_) => "claim()".to_owned(),
        Rmw::Alu(alu, by) => {
            let what = match alu.what {
                AluOp::Add => "add",
                AluOp::Sub => "sub",
                AluOp::And => "and",
                AluOp::Nand => "nand",
                AluOp::Or => "or",
                AluOp::Xor => "xor",
                AluOp::Max => "max",
                AluOp::Min => "min",
            };
            format!("fetch_{what}({}, {order})", number(by))
        }
    }
}
