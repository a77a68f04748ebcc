//! A call as traces show it, read back: `a = open(file, O_RDWR|O_NONBLOCK)`.

use super::word;
use crate::lease::{F_RDLCK, F_UNLCK, F_WRLCK, OpenFlags};
use crate::scenario::Call;

/// The calls, as they are written.
const CALLS: &str = "h = open(file, FLAGS) · close(h) · h = dup(h) · fcntl(h, F_SETLEASE, TYPE) · fcntl(h, F_GETLEASE) · \
fcntl(h, F_SETOWN, PID) · fcntl(h, F_GETOWN) · vfs_setlease(h, TYPE) · truncate(file) · kill(TASK) · read(/proc/locks) · sleep(lease_break_time)";

/// Commands of `fcntl(2)`.
const COMMANDS: [&str; 4] = ["F_SETLEASE", "F_GETLEASE", "F_SETOWN", "F_GETOWN"];

/// A call as text. Tasks are named, not counted.
pub(super) fn to_text(call: &Call, tasks: &[&str]) -> String {
    match call {
        Call::Interrupt(task) => format!("kill({})", tasks[usize::from(*task)]),
        call => call.to_string(),
    }
}

/// Reads a call. Tasks are known by these names.
pub(super) fn parse(text: &str, tasks: &[&str]) -> Result<Call, String> {
    let (target, rest) = match text.split_once('=') {
        Some((target, rest)) => (Some(target.trim()), rest.trim()),
        None => (None, text.trim()),
    };
    let unclosed = || format!("`{text}` is no call: it has no `(...)` at its end");
    let (name, arguments) = rest.strip_suffix(')').and_then(|rest| rest.split_once('(')).ok_or_else(unclosed)?;
    let name = name.trim();
    let arguments: Vec<&str> = arguments.split(',').map(str::trim).collect();
    let call = match (name, &arguments[..], target) {
        ("open", [path, flags], Some(target)) => Call::Open(handle(target)?, open_flags(path, flags)?),
        ("dup", [from], Some(target)) => Call::Dup(handle(from)?, handle(target)?),
        ("close", [file], None) => Call::Close(handle(file)?),
        ("fcntl", [file, "F_SETLEASE", arg], None) => Call::SetLease(handle(file)?, lease_type(arg)?),
        ("fcntl", [file, "F_GETLEASE"], None) => Call::GetLease(handle(file)?),
        ("fcntl", [file, "F_SETOWN", pid], None) => Call::SetOwn(handle(file)?, process(pid)?),
        ("fcntl", [file, "F_GETOWN"], None) => Call::GetOwn(handle(file)?),
        ("fcntl", [_, command, ..], None) if !COMMANDS.contains(command) => {
            return Err(format!("unknown command `{command}` of fcntl: {} are known", COMMANDS.join(", ")));
        }
        ("vfs_setlease", [file, arg], None) => Call::VfsSetLease(handle(file)?, lease_type(arg)?),
        ("truncate", ["file"], None) => Call::Truncate,
        ("kill", [task], None) => Call::Interrupt(task_number(task, tasks)?),
        ("read", ["/proc/locks"], None) => Call::Locks,
        ("sleep", ["lease_break_time"], None) => Call::Overdue,
        ("open" | "dup" | "close" | "fcntl" | "vfs_setlease" | "truncate" | "kill" | "read" | "sleep", ..) => {
            return Err(format!("`{text}` has not the form of `{name}`: {}", form_of(name)));
        }
        _ => return Err(format!("unknown call `{name}`: the calls are {CALLS}")),
    };
    Ok(call)
}

fn form_of(name: &str) -> String {
    let forms: Vec<&str> = CALLS.split(" · ").filter(|form| form.contains(&format!("{name}("))).collect();
    forms.join(" or ")
}

fn handle(text: &str) -> Result<&'static str, String> {
    let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_name { Ok(word(text)) } else { Err(format!("`{text}` is no handle: a letter, then letters and digits")) }
}

fn open_flags(path: &str, text: &str) -> Result<OpenFlags, String> {
    let by_link = match path {
        "file" => false,
        "link" => true,
        other => {
            return Err(format!("unknown path `{other}`: `file`, or `link` for the same through another hard link"));
        }
    };
    let mut flags = OpenFlags { by_link, ..OpenFlags::default() };
    for (at, flag) in text.split('|').map(str::trim).enumerate() {
        match (at, flag) {
            (0, "O_RDONLY") => {}
            (0, "O_RDWR") => flags.write = true,
            (0, other) => return Err(format!("unknown access mode `{other}`: O_RDONLY or O_RDWR comes first")),
            (_, "O_NONBLOCK") if !flags.nonblock => flags.nonblock = true,
            (_, "O_TRUNC") if !flags.trunc => flags.trunc = true,
            (_, "O_NONBLOCK" | "O_TRUNC") => return Err(format!("`{flag}` comes twice")),
            (_, other) => return Err(format!("unknown flag `{other}`: O_NONBLOCK and O_TRUNC are known")),
        }
    }
    Ok(flags)
}

fn lease_type(text: &str) -> Result<i32, String> {
    match text {
        "F_RDLCK" => Ok(F_RDLCK),
        "F_WRLCK" => Ok(F_WRLCK),
        "F_UNLCK" => Ok(F_UNLCK),
        other => Err(format!("unknown lease type `{other}`: F_RDLCK, F_WRLCK, F_UNLCK")),
    }
}

fn process(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("`{text}` is no process: a number, that of the first task is 1"))
}

fn task_number(name: &str, tasks: &[&str]) -> Result<u8, String> {
    let at = tasks.iter().position(|task| *task == name);
    at.map(|at| at as u8).ok_or_else(|| format!("unknown task `{name}`: the tasks are {}", tasks.join(", ")))
}
