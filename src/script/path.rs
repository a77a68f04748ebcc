//! What the path walk and the access modes refuse, before any lease is looked at.
//!
//! Locking designs don't differ here, so neither do eras: these are the results of Linux 6.18 for root. One directory,
//! plain names; a file that `O_CREAT` makes is there from then on.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::kernel::{Errno, Result};

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Access {
    /// `O_RDONLY`.
    #[serde(rename = "r")]
    Read,
    /// `O_WRONLY`.
    #[serde(rename = "w")]
    Write,
    /// `O_RDWR`.
    #[serde(rename = "rw")]
    ReadWrite,
}

impl Access {
    /// Does it include writing?
    pub fn writes(self) -> bool {
        self != Access::Read
    }
}

/// Flags of open(2) by their names without `O_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)]
pub enum OpenFlag {
    Nonblock,
    Trunc,
    Creat,
    Excl,
    Append,
    Path,
    Directory,
}

/// Number of a file, in order of appearance.
pub type FileIndex = usize;

/// The directory.
#[derive(Clone, Debug)]
pub struct Directory {
    names: BTreeMap<String, FileIndex>,
    is_dir: Vec<bool>,
}

impl Directory {
    /// The directory of a script at its start.
    pub fn new(files: &BTreeMap<String, bool>) -> Directory {
        let names = files.keys().cloned().zip(0..).collect();
        Directory { names, is_dir: files.values().copied().collect() }
    }

    /// Name of a file.
    pub fn name(&self, file: FileIndex) -> &str {
        let named = self.names.iter().find(|(_, known)| **known == file);
        named.map(|(name, _)| name.as_str()).expect("every file of the directory has a name")
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.is_dir.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.is_dir.is_empty()
    }

    /// Is it a directory?
    pub fn is_dir(&self, file: FileIndex) -> bool {
        self.is_dir[file]
    }

    /// The file that an open is about; made, if `O_CREAT` asks for it.
    ///
    /// # Errors
    /// Those of open(2) that come before a lease is broken.
    pub fn open(&mut self, path: &str, access: Access, flags: &[OpenFlag]) -> Result<FileIndex> {
        let has = |flag| flags.contains(&flag);
        let create = has(OpenFlag::Creat);
        if create && has(OpenFlag::Directory) {
            return Err(Errno::EINVAL);
        }
        let Some(&file) = self.names.get(path) else {
            return if create { Ok(self.create(path)) } else { Err(Errno::ENOENT) };
        };
        let is_dir = self.is_dir[file];
        if create && has(OpenFlag::Excl) {
            return Err(Errno::EEXIST);
        }
        if is_dir && (create || access.writes() || has(OpenFlag::Trunc)) {
            return Err(Errno::EISDIR);
        }
        if !is_dir && has(OpenFlag::Directory) {
            return Err(Errno::ENOTDIR);
        }
        Ok(file)
    }

    fn create(&mut self, path: &str) -> FileIndex {
        self.is_dir.push(false);
        self.names.insert(path.to_owned(), self.is_dir.len() - 1);
        self.is_dir.len() - 1
    }

    /// The file that truncate(2) is about.
    ///
    /// # Errors
    /// Those of truncate(2) that come before a lease is broken.
    pub fn truncate(&self, path: &str, len: i64) -> Result<FileIndex> {
        if len < 0 {
            return Err(Errno::EINVAL);
        }
        let &file = self.names.get(path).ok_or(Errno::ENOENT)?;
        if self.is_dir[file] { Err(Errno::EISDIR) } else { Ok(file) }
    }
}

/// ftruncate(2) on an open file: it breaks no lease, so nothing else happens.
///
/// # Errors
/// `EINVAL` if the file is not open for writing.
pub fn ftruncate(is_open_for_write: bool, len: i64) -> Result<()> {
    if len < 0 || !is_open_for_write { Err(Errno::EINVAL) } else { Ok(()) }
}
