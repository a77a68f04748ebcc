//! Files that are whole or not there: written beside their place and renamed, read up to a bound, locked by one process.
//!
//! What is written goes to a new file in the same directory first. So a full disk, a signal or a power cut leaves the file that was
//! there before, and a symbolic link in its place is replaced, not followed. On an error the new file is removed again.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// Bytes of a text that is read, at most: scenarios, schedules and scripts are far smaller.
pub const TEXT_BYTES_MAX: u64 = 64 << 20;

/// The path with something added to its name.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Removes a file when it goes out of scope.
struct Unfinished<'a>(&'a Path);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        // What went wrong before is the error that is told.
        _ = fs::remove_file(self.0);
    }
}

/// Opens the file in which another is written before it takes its place. One that a killed process has left there is removed;
/// it was never whole.
fn create(new: &Path) -> io::Result<File> {
    match fs::remove_file(new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // A new file: what another process or a link has put there in the meantime is not written to.
    OpenOptions::new().write(true).create_new(true).open(new)
}

/// Where a file is written that this process alone writes, because it has [`Locked`] it.
const OF_LOCKED: &str = ".tmp";

/// Writes a file as a whole, or leaves what was there. Other processes may do the same.
///
/// # Errors
/// If it cannot be written. Nothing is left beside it then.
pub fn write_whole(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    write(path, &format!(".{}.tmp", std::process::id()), content)
}

/// The same for a file that is locked. What a process that was killed has left beside it is removed.
pub(super) fn write_locked(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    write(path, OF_LOCKED, content)
}

fn write(path: &Path, ending: &str, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let new = beside(path, ending);
    let file = create(&new)?;
    let unfinished = Unfinished(&new);
    let mut out = BufWriter::new(file);
    content(&mut out)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(&new, path)?;
    std::mem::forget(unfinished);
    Ok(())
}

/// Can a locked file be written there?
///
/// # Errors
/// If not.
pub(super) fn try_place(path: &Path) -> io::Result<()> {
    let new = beside(path, OF_LOCKED);
    create(&new).and_then(|_| fs::remove_file(&new))
}

/// Reads at most that many bytes of a file. A device without an end is refused, as is a file that is too large.
///
/// # Errors
/// If it cannot be read.
pub fn read_up_to(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {bytes_max} bytes")));
    }
    Ok(bytes)
}

/// Reads a text of a size that a text has.
///
/// # Errors
/// If it cannot be read, is no UTF-8, or has more than [`TEXT_BYTES_MAX`] bytes.
pub fn read_text(path: &Path) -> io::Result<String> {
    let bytes = read_up_to(path, TEXT_BYTES_MAX)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no UTF-8 text"))
}

/// A file that belongs to this process until it is dropped, whatever ends the process.
#[derive(Debug)]
pub(super) struct Locked {
    path: PathBuf,
    /// The lock is the operating system's, on the open file.
    _file: File,
}

impl Locked {
    /// Locks the file at `path` by a file beside it; `None` if another process has it.
    ///
    /// # Errors
    /// If that file cannot be made.
    pub fn new(path: &Path) -> io::Result<Option<Locked>> {
        let path = beside(path, ".lock");
        loop {
            let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // The process that had it may have removed it after it was opened here: then the lock is on no file.
            if is_same(&file, &path) {
                return Ok(Some(Locked { path, _file: file }));
            }
        }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Still locked here: whoever opens it from now on makes a new one.
        _ = fs::remove_file(&self.path);
    }
}

#[cfg(unix)]
fn is_same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata().map(id), fs::metadata(path).map(id)), (Ok(here), Ok(there)) if here == there)
}

#[cfg(not(unix))]
fn is_same(_file: &File, path: &Path) -> bool {
    // An open file cannot be removed there.
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("lockwright-{name}-{}", std::process::id()));
        _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a directory for the test");
        path
    }

    #[test]
    fn file_that_cannot_be_written_whole_is_left_as_it_was() {
        let directory = directory("whole");
        let file = directory.join("file");
        fs::write(&file, "before").expect("a file");

        let error = write_whole(&file, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("no room"))
        });

        assert_eq!(error.expect_err("it fails").to_string(), "no room");
        assert_eq!(fs::read_to_string(&file).expect("it is there"), "before");
        assert_eq!(fs::read_dir(&directory).expect("a directory").count(), 1);
        fs::remove_dir_all(directory).expect("it can be removed");
    }

    #[test]
    fn file_is_locked_once_and_free_again_when_the_lock_is_dropped() {
        let directory = directory("locked");
        let file = directory.join("file");

        let first = Locked::new(&file).expect("it can be made").expect("nobody has it");
        assert!(Locked::new(&file).expect("it can be opened").is_none());
        drop(first);
        assert!(Locked::new(&file).expect("it can be made").is_some());
        assert_eq!(fs::read_dir(&directory).expect("a directory").count(), 0, "nothing is left");
        fs::remove_dir_all(directory).expect("it can be removed");
    }
}
