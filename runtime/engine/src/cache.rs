//! Compiled modules, kept so that a module is compiled once.
//!
//! *Guarantees*: what is loaded from here is what this node's compiler made of the module that the name says, under the
//! engine's present settings: a MAC under a key of the node's covers all three. A file that anyone else wrote or changed
//! isn't loaded; the module is compiled anew. The key stays in the server: a worker is handed the bytes, so that nothing
//! that breaks out of a guest finds the key in its process.
//!
//! *Doesn't guarantee*: that an artefact is there. The cache may be emptied at any time.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::fault::Fault;

/// The end of an artefact's file name.
const ARTEFACT: &str = "cwasm";
/// The end of the file name of the MAC beside it.
const MAC: &str = "mac";
/// Digits of the engine's digest that stand in a file name; the MAC covers all of them.
const ENGINE_DIGITS: usize = 16;

/// A compiled module: bytes that this node's own compiler made for this engine, and that nobody changed.
///
/// There are two ways to one, and both are the node's own: out of the cache with its MAC compared, and in a worker over
/// the socket that its server gave it.
pub struct Artefact(Vec<u8>);

impl Artefact {
    /// What came over the socket that this worker was started with, which nobody but the server writes to.
    pub(crate) fn from_server(bytes: Vec<u8>) -> Artefact {
        Artefact(bytes)
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The MAC of an artefact: over the engine's digest, the module's digest and the bytes.
fn mac(key: &[u8; 32], engine: &str, module: &str, bytes: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in [engine.as_bytes(), module.as_bytes(), bytes] {
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part);
    }
    mac
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A folder of compiled modules.
pub(crate) struct Cache {
    folder: PathBuf,
    key: [u8; 32],
    engine: String,
}

impl Cache {
    /// Opens the folder, and makes it where it isn't there.
    ///
    /// # Errors
    /// The folder can't be made.
    pub(crate) fn open(folder: PathBuf, key: [u8; 32], engine: String) -> Result<Cache, Fault> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|error| Fault::while_doing("making the folder of compiled modules", error))?;
        Ok(Cache { folder, key, engine })
    }

    fn file(&self, module: &str, end: &str) -> Option<PathBuf> {
        let engine = self.engine.get(..ENGINE_DIGITS)?;
        is_digest(module).then(|| self.folder.join(format!("{module}.{engine}.{end}")))
    }

    /// Whether the module's artefact is here and its MAC is right.
    pub(crate) fn has(&self, module: &str) -> bool {
        self.artefact(module).is_some()
    }

    /// The module's artefact. The MAC is compared over the very bytes that are given out.
    pub(crate) fn artefact(&self, module: &str) -> Option<Artefact> {
        let expected = fs::read_to_string(self.file(module, MAC)?).ok()?;
        let expected = hex::decode(expected.trim()).ok()?;
        let bytes = fs::read(self.file(module, ARTEFACT)?).ok()?;
        // Compares in constant time.
        mac(&self.key, &self.engine, module, &bytes).verify_slice(&expected).ok()?;
        Some(Artefact(bytes))
    }

    /// Keeps what the compiler answered.
    ///
    /// # Errors
    /// The files can't be written.
    pub(crate) fn keep(&self, module: &str, bytes: &[u8]) -> Result<(), Fault> {
        let no_digest = || Fault::new("a module is kept under its digest, which this isn't");
        let artefact = self.file(module, ARTEFACT).ok_or_else(no_digest)?;
        let beside = self.file(module, MAC).ok_or_else(no_digest)?;
        let mac = hex::encode(mac(&self.key, &self.engine, module, bytes).finalize().into_bytes());
        write(&artefact, bytes)
            .and_then(|()| write(&beside, mac.as_bytes()))
            .map_err(|error| Fault::while_doing("keeping a compiled module", error))
    }
}

/// Writes under another name first, so that a reader sees the old file or the new one and never a part.
fn write(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut salt = [0_u8; 8];
    getrandom::fill(&mut salt).map_err(std::io::Error::other)?;
    let temporary = file.with_extension(format!("{}.tmp", hex::encode(salt)));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut opened| opened.write_all(bytes).and_then(|()| opened.sync_all()))
        .and_then(|()| fs::rename(&temporary, file));
    if written.is_err() {
        // The first error is the one to tell.
        let _gone = fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGINE: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    fn module() -> String {
        "ab".repeat(32)
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("sluice-cache-{}-{name}", std::process::id()));
        let _gone = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn what_is_kept_is_found_and_a_changed_byte_is_noticed() {
        let folder = folder("changed");
        let cache = Cache::open(folder.clone(), [7; 32], ENGINE.to_owned()).expect("a folder of our own");
        assert!(!cache.has(&module()));
        cache.keep(&module(), b"machine code").expect("a folder of our own");
        assert!(cache.has(&module()));
        let artefact = cache.artefact(&module()).expect("just kept");
        assert_eq!(artefact.bytes(), b"machine code");
        let file = cache.file(&module(), ARTEFACT).expect("a digest");
        fs::write(file, b"machine cod3").expect("a folder of our own");
        assert!(!cache.has(&module()));
        assert!(cache.artefact(&module()).is_none(), "bytes that aren't ours are given to nobody");
        cache.keep(&module(), b"machine code").expect("compiled anew");
        assert!(cache.has(&module()));
        fs::remove_dir_all(folder).expect("a folder of our own");
    }

    #[test]
    fn another_key_engine_or_module_is_noticed() {
        let folder = folder("other");
        let cache = Cache::open(folder.clone(), [7; 32], ENGINE.to_owned()).expect("a folder of our own");
        cache.keep(&module(), b"machine code").expect("a folder of our own");
        let other = Cache::open(folder.clone(), [8; 32], ENGINE.to_owned()).expect("a folder of our own");
        assert!(!other.has(&module()));
        // The same name, another engine behind the digits that stand in it.
        let engine = format!("{}{}", &ENGINE[..ENGINE_DIGITS], "0".repeat(64 - ENGINE_DIGITS));
        let other = Cache::open(folder.clone(), [7; 32], engine).expect("a folder of our own");
        assert!(!other.has(&module()));
        for end in [ARTEFACT, MAC] {
            let from = cache.file(&module(), end).expect("a digest");
            fs::copy(from, cache.file(&"cd".repeat(32), end).expect("a digest")).expect("a folder of our own");
        }
        assert!(!cache.has(&"cd".repeat(32)));
        assert!(!cache.has("../../etc/passwd"));
        fs::remove_dir_all(folder).expect("a folder of our own");
    }
}
