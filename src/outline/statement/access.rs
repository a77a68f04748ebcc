//! Accesses as figures have them: `STORE x = 1`, `<write barrier>`, `deref p->x`.

use super::{Expr, Stmt};
use crate::outline::words;

/// `STORE x = 1`, `LOAD x`, `<write barrier>`, as the kernel's text on memory barriers has them.
pub(super) fn read(text: &str) -> Option<Stmt> {
    let bare = text.trim().trim_end_matches([';', ',']).trim_end();
    let call = |name: &str, args: Vec<String>, result| Some(Stmt::Call { name: name.to_owned(), args, result });
    if let Some(inside) = bare.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
        let lower = inside.to_ascii_lowercase();
        let kind = lower.strip_suffix("barrier")?.trim();
        return call(
            match kind {
                "write" => "smp_wmb",
                "read" | "data dependency" | "address-dependency" | "address dependency" => "smp_rmb",
                _ => "smp_mb",
            },
            Vec::new(),
            None,
        );
    }
    let rest = |word: &str| bare.strip_prefix(word).filter(|rest| rest.starts_with(' ')).map(str::trim);
    let path = |text: &str| Some(words::plain(text)).filter(|_| words::is_path(text));
    if let Some(rest) = rest("STORE").or_else(|| rest("Store")) {
        let (target, value) = rest.split_once('=').unwrap_or((rest, "1"));
        return call("STORE", vec![path(target.trim())?, value.trim().to_owned()], None);
    }
    if let Some(found) = followed(bare) {
        return Some(found);
    }
    let from = path(rest("LOAD").or_else(|| rest("Load"))?.split('=').next()?.trim())?;
    call("LOAD", vec![from.clone()], Some(format!("r_{from}")))
}

/// Verbs of what looks behind a pointer.
const READING: [&str; 16] = [
    "read",
    "reads",
    "deref",
    "derefs",
    "dereference",
    "dereferences",
    "access",
    "accesses",
    "use",
    "uses",
    "touch",
    "touches",
    "load",
    "loads",
    "check",
    "checks",
];

/// Verbs of what writes there.
const WRITING: [&str; 10] =
    ["write", "writes", "set", "sets", "store", "stores", "update", "updates", "modify", "modifies"];

/// `deref p->x`, `writes p->x`
fn followed(bare: &str) -> Option<Stmt> {
    let (verb, path) = bare.split_once(' ')?;
    let path = path.trim();
    let lower = verb.to_ascii_lowercase();
    if !path.contains("->") || !words::is_name(path) {
        return None;
    }
    if WRITING.contains(&lower.as_str()) {
        return Some(Stmt::Assign(path.to_owned(), Expr::Int(1)));
    }
    READING.contains(&lower.as_str()).then(|| looked_at(path))
}

/// A path that is read.
pub(in crate::outline) fn looked_at(path: &str) -> Stmt {
    let local: String = path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    Stmt::Assign(format!("r_{local}"), Expr::Name(path.to_owned()))
}
