//! The anchor: the last signed checkpoint, in a small file outside the database.
//!
//! A database is easily put back to an old copy, by mistake or to get spent budget back. The anchor remembers how far
//! the ledger had come. It is written after the commit, so a crash in between leaves it behind, which is fine as long
//! as the database contains it; a database that is behind the anchor was rolled back.
//!
//! # Does not guarantee
//! - Anything against whoever puts back database *and* anchor. Keep the anchor on another volume, and hand checkpoints
//!   to others (receipts do): theirs can't be put back.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::checkpoint::{Checkpoint, MAX_NOTE_BYTES};
use crate::fault::StoreFault;
use crate::key::VerifierKey;

/// Reads the anchor; `None` when there is no file.
pub(crate) fn read(path: &Path, key: &VerifierKey) -> Result<Option<Checkpoint>, StoreFault> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(fault) if fault.kind() == ErrorKind::NotFound => return Ok(None),
        Err(_) => return Err(StoreFault::AnchorUnreadable),
    };
    let mut note = String::new();
    let limit = u64::try_from(MAX_NOTE_BYTES).unwrap_or(u64::MAX);
    file.take(limit).read_to_string(&mut note).map_err(|_| StoreFault::AnchorUnreadable)?;
    Checkpoint::verify(&note, key).map(Some).map_err(|_| StoreFault::AnchorUnreadable)
}

/// Writes the anchor so that a reader finds the old one or the new one, and after a power cut too.
pub(crate) fn write(path: &Path, note: &str) -> std::io::Result<()> {
    let fresh = beside(path);
    let written = replace(path, &fresh, note);
    if written.is_err() {
        // What is left over is only litter; the fault that counts is the one above.
        let _ = std::fs::remove_file(&fresh);
    }
    written
}

fn replace(path: &Path, fresh: &Path, note: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(fresh)?;
    file.write_all(note.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(fresh, path)?;
    sync_folder(path)
}

/// Makes a file's name outlast a power cut.
pub(crate) fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// A name that no other process and no other store in this one uses.
pub(crate) fn beside(path: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.{next}.tmp", std::process::id()));
    PathBuf::from(name)
}
