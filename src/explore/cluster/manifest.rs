//! A checkpoint: what all workers knew at the end of an epoch, when no state was under way.
//!
//! It is a directory that all processes see. Each worker has a log there, to which it adds the states that it takes for new, and writes a *part* at the end of
//! each epoch: which states are still open, and what it has seen. The manifest says how much of which log counts, and which parts. It is
//! renamed into its place last, by process 0, when all parts are on the disk. So whatever is killed when, the manifest that is there
//! is of one closed epoch.
//!
//! A run that goes on reads all logs. Every worker takes the states that are its own now, so the number of workers may be another; it
//! begins a new log, and the old ones are only read.

use std::collections::HashSet;
use std::fs::{self, File};
use std::hash::Hasher;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Cluster;
use super::parcel::{Log, Part};
use crate::engine::fingerprint::Fingerprint;
use crate::explore::explicit::log::{Journal, LOGS_MAX, Name, Origin, Saved, log_of, origin_of, summed, text};
use crate::explore::explicit::machine::Program;
use crate::explore::explicit::owner::{Owner, record_bytes};
use crate::explore::files::{self, Locked};

/// Version of what is written.
const VERSION: u32 = 1;

const MANIFEST: &str = "manifest.json";

/// Bytes of a manifest or a part, at most: 24 bytes for each open state, and what was seen.
const TEXT_BYTES_MAX: u64 = 64 << 30;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Manifest {
    cluster_checkpoint: u32,
    about: String,
    words: usize,
    epoch: u64,
    /// All logs, by number.
    logs: Vec<Log>,
    parts: Vec<(String, String)>,
}

/// What a run begins with: nothing, or what an earlier one has left.
#[derive(Default)]
pub(super) struct Begun {
    directory: Option<PathBuf>,
    about: String,
    words: usize,
    record_bytes: usize,
    manifest: Option<Manifest>,
    /// What names it to the other processes.
    pub name: String,
    _locked: Option<Locked>,
}

fn sum_of(bytes: &[u8]) -> String {
    let mut sum = Fingerprint::default();
    sum.write(bytes);
    text(&sum)
}

impl Begun {
    /// Looks for a checkpoint, and whether one can be written.
    pub fn read(cluster: &Cluster, program: &Program) -> Result<Begun, String> {
        let Some((directory, _)) = &cluster.checkpoint else { return Ok(Begun::default()) };
        let failed = |what: &str, error: io::Error| format!("{}: {what}: {error}", directory.display());
        fs::create_dir_all(directory).map_err(|error| failed("the checkpoint's directory cannot be made", error))?;
        let mut begun = Begun {
            directory: Some(directory.clone()),
            about: format!("{}, build {}", cluster.input, cluster.build),
            words: program.words(),
            record_bytes: record_bytes(program),
            ..Begun::default()
        };
        let path = directory.join(MANIFEST);
        if cluster.process == 0 {
            let locked = Locked::new(&path).map_err(|error| failed("the checkpoint cannot be written", error))?;
            let taken = || format!("{}: another run explores with this checkpoint", directory.display());
            begun._locked = Some(locked.ok_or_else(taken)?);
        }
        let bytes = match files::read_up_to(&path, TEXT_BYTES_MAX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(begun),
            read => read.map_err(|error| failed("the manifest cannot be read", error))?,
        };
        let unfit = |why: String| format!("{}: {why}", path.display());
        let manifest: Manifest =
            serde_json::from_slice(&bytes).map_err(|error| unfit(format!("this is no manifest: {error}")))?;
        if manifest.cluster_checkpoint != VERSION {
            return Err(unfit(format!("version {} of a checkpoint, not {VERSION}", manifest.cluster_checkpoint)));
        }
        if (&manifest.about, manifest.words) != (&begun.about, begun.words) {
            return Err(unfit(format!("a checkpoint of {}; asked for is {}", manifest.about, begun.about)));
        }
        if manifest.logs.len() + cluster.peers() > LOGS_MAX {
            return Err(unfit(format!("more than {LOGS_MAX} logs: it was begun again too often")));
        }
        begun.name = sum_of(&bytes);
        begun.manifest = Some(manifest);
        Ok(begun)
    }

    /// Logs of earlier runs.
    pub fn logs(&self) -> usize {
        self.manifest.as_ref().map_or(0, |manifest| manifest.logs.len())
    }

    fn path(&self, file: &str) -> Option<PathBuf> {
        self.directory.as_ref().map(|directory| directory.join(file))
    }

    /// A new log of that number, if logs are kept.
    pub fn journal(&self, number: usize) -> Result<Option<Journal>, String> {
        let Some(path) = self.path(&log_file(number)) else { return Ok(None) };
        Journal::create(&path).map(Some).map_err(|error| format!("{}: cannot be written: {error}", path.display()))
    }

    /// Gives a worker what is its own of what earlier runs have left; false if there is nothing.
    pub fn restore(&self, owner: &mut dyn Owner, me: usize, peers: usize) -> Result<bool, String> {
        let (Some(manifest), Some(directory)) = (&self.manifest, &self.directory) else { return Ok(false) };
        let mut open: HashSet<Name> = HashSet::new();
        for (number, (file, sum)) in manifest.parts.iter().enumerate() {
            let saved = part(&directory.join(file), sum)?;
            open.extend(&saved.open);
            if number % peers == me {
                owner.recall(saved);
            }
        }
        for (number, log) in manifest.logs.iter().enumerate() {
            let path = directory.join(&log.file);
            let read =
                |place: u64, record: &[u8], name: Name| owner.restore(number, place, record, open.contains(&name));
            each(&path, log, number, self.record_bytes, read)?;
        }
        Ok(true)
    }

    /// Where a state of an earlier run came from.
    pub fn came_from(&self, name: Name) -> Result<Origin, String> {
        let (log, place) = log_of(name);
        let path = self.path(&log_file(log)).expect("internal error: an old log without a checkpoint");
        let read = || {
            let mut file = File::open(&path)?;
            let mut record = vec![0; self.record_bytes];
            file.seek(SeekFrom::Start(place * self.record_bytes as u64))?;
            file.read_exact(&mut record)?;
            Ok(origin_of(&record))
        };
        read().map_err(|error: io::Error| format!("{}: cannot be read: {error}", path.display()))
    }

    /// Writes what a worker needs beside its log.
    pub fn write_part(&self, epoch: u64, saved: &Saved) -> Result<Part, String> {
        let file = format!("part-{epoch}-{}.json", saved.log);
        let path = self.path(&file).expect("internal error: a part without a checkpoint");
        let bytes = serde_json::to_vec(saved).expect("a part is plain data");
        files::write_whole(&path, |out| out.write_all(&bytes))
            .map_err(|error| format!("{}: cannot be written: {error}", path.display()))?;
        let log = Log { file: log_file(saved.log), records: saved.records, sum: saved.sum.clone() };
        Ok(Part { log, file, sum: sum_of(&bytes) })
    }

    /// Makes these parts, in the order of workers, the ones that count. What does not count any more is removed.
    pub fn close(&self, epoch: u64, parts: &[Part]) -> Result<(), String> {
        let path = self.path(MANIFEST).expect("internal error: a manifest without a checkpoint");
        let old = self.manifest.iter().flat_map(|manifest| manifest.logs.iter().cloned());
        let manifest = Manifest {
            cluster_checkpoint: VERSION,
            about: self.about.clone(),
            words: self.words,
            epoch,
            logs: old.chain(parts.iter().map(|part| part.log.clone())).collect(),
            parts: parts.iter().map(|part| (part.file.clone(), part.sum.clone())).collect(),
        };
        let bytes = serde_json::to_vec(&manifest).expect("a manifest is plain data");
        files::write_whole(&path, |out| out.write_all(&bytes))
            .map_err(|error| format!("{}: cannot be written: {error}", path.display()))?;
        self.sweep(|file| file.starts_with("part-") && parts.iter().all(|part| part.file != file))
    }

    /// The number of the next epoch.
    pub fn next_epoch(&self) -> u64 {
        self.manifest.as_ref().map_or(1, |manifest| manifest.epoch + 1)
    }

    /// All is seen: nothing is left to go on from.
    pub fn remove(&self) -> Result<(), String> {
        let Some(path) = self.path(MANIFEST) else { return Ok(()) };
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(format!("{}: a checkpoint that is done with cannot be removed: {error}", path.display()));
            }
            _ => {}
        }
        self.sweep(|file| file.starts_with("part-") || file.starts_with("log-"))
    }

    fn sweep(&self, is_old: impl Fn(&str) -> bool) -> Result<(), String> {
        let directory = self.directory.as_ref().expect("internal error: a checkpoint without a directory");
        let failed = |error: io::Error| format!("{}: cannot be cleared: {error}", directory.display());
        for entry in fs::read_dir(directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name().to_str().is_some_and(&is_old) {
                fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        Ok(())
    }
}

fn log_file(number: usize) -> String {
    format!("log-{number}")
}

fn part(path: &Path, sum: &str) -> Result<Saved, String> {
    let unfit = |why: String| format!("{}: {why}", path.display());
    let bytes = files::read_up_to(path, TEXT_BYTES_MAX).map_err(|error| unfit(format!("cannot be read: {error}")))?;
    if sum_of(&bytes) != sum {
        return Err(unfit("damaged: its sum is not that of the manifest".to_owned()));
    }
    serde_json::from_slice(&bytes).map_err(|error| unfit(format!("this is no part of a checkpoint: {error}")))
}

/// Goes through the records of a log that count.
fn each(
    path: &Path,
    log: &Log,
    number: usize,
    size: usize,
    mut told: impl FnMut(u64, &[u8], Name),
) -> Result<(), String> {
    let mut sum = Fingerprint::default();
    let mut read = || -> io::Result<()> {
        let mut file = BufReader::new(File::open(path)?);
        let mut record = vec![0; size];
        for place in 0..log.records {
            file.read_exact(&mut record)?;
            summed(&mut sum, &record);
            told(place, &record, crate::explore::explicit::log::name(number, place));
        }
        Ok(())
    };
    read().map_err(|error| format!("{}: cannot be read: {error}", path.display()))?;
    if text(&sum) == log.sum {
        return Ok(());
    }
    Err(format!("{}: damaged: its sum is not that of the manifest", path.display()))
}
