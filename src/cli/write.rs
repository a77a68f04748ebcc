//! Files that are written as a whole or not at all: into a file beside, which is then renamed.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// Can the file be written? Asked before anything is explored.
pub fn check(path: &Path) -> Result<()> {
    ensure!(path != Path::new("-"), "'-' is no file to write: name one; /dev/stdout is standard output");
    ensure!(path.file_name().is_some() && !path.is_dir(), "{}: that is no file", path.display());
    let folder = folder(path);
    ensure!(folder.is_dir(), "{}: there is no directory {}", path.display(), folder.display());
    Ok(())
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Writes the text. Nothing is left beside the file if that fails, and a file that was there stays as it is. A link is followed; what is no
/// regular file (a pipe, a device) is written to.
pub fn whole(path: &Path, text: &str) -> Result<()> {
    check(path)?;
    put(path, text).with_context(|| format!("writing {}", path.display()))
}

fn put(path: &Path, text: &str) -> std::io::Result<()> {
    let is_special = std::fs::metadata(path).is_ok_and(|it| !it.is_file());
    if is_special || ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder)) {
        return OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes());
    }
    let path = &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = folder(path).join(format!(".{name}.{}", std::process::id()));
    let written = std::fs::File::create(&beside)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        _ = std::fs::remove_file(&beside);
    }
    written
}
