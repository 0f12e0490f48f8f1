//! Compiled modules, kept so that a module is compiled once.
//!
//! *Guarantees*: what is loaded from here is what this node's compiler made of the module that the name says, under the
//! engine's present settings: a MAC under a key of the node's covers all three. A file that anyone else wrote or changed
//! isn't loaded; the module is compiled anew.
//!
//! *Doesn't guarantee*: that an artefact is there. The cache may be emptied at any time.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::ask::Artefact;
use crate::fault::Fault;

/// The end of an artefact's file name.
const ARTEFACT: &str = "cwasm";
/// The end of the file name of the MAC beside it.
const MAC: &str = "mac";
/// Digits of the engine's digest that stand in a file name; the MAC covers all of them.
const ENGINE_DIGITS: usize = 16;

/// A MAC in the making.
pub(crate) struct ArtefactMac(Hmac<Sha256>);

impl ArtefactMac {
    /// Compares in constant time.
    pub(crate) fn is(self, mac: &[u8]) -> bool {
        self.0.verify_slice(mac).is_ok()
    }

    fn hex(self) -> String {
        hex::encode(self.0.finalize().into_bytes())
    }
}

/// The MAC of an artefact: over the engine's digest, the module's digest and the bytes.
pub(crate) fn mac(key: &[u8; 32], engine: &str, module: &str, bytes: &[u8]) -> ArtefactMac {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in [engine.as_bytes(), module.as_bytes(), bytes] {
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part);
    }
    ArtefactMac(mac)
}

/// The module that an artefact's file name speaks of.
pub(crate) fn module_of(file: &Path) -> Option<&str> {
    let (module, _) = file.file_name()?.to_str()?.split_once('.')?;
    is_digest(module).then_some(module)
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
        let Some(artefact) = self.artefact(module) else { return false };
        let (Ok(bytes), Ok(expected)) = (fs::read(&artefact.file), hex::decode(&artefact.mac)) else { return false };
        mac(&self.key, &self.engine, module, &bytes).is(&expected)
    }

    /// Where the module's artefact is. Its MAC is checked by whoever loads it, over the bytes that are loaded.
    pub(crate) fn artefact(&self, module: &str) -> Option<Artefact> {
        let file = self.file(module, ARTEFACT)?;
        let mac = fs::read_to_string(self.file(module, MAC)?).ok()?;
        file.is_file().then(|| Artefact { file, mac: mac.trim().to_owned(), key: self.key })
    }

    /// Keeps what the compiler answered.
    ///
    /// # Errors
    /// The files can't be written.
    pub(crate) fn keep(&self, module: &str, bytes: &[u8]) -> Result<(), Fault> {
        let no_digest = || Fault::new("a module is kept under its digest, which this isn't");
        let artefact = self.file(module, ARTEFACT).ok_or_else(no_digest)?;
        let beside = self.file(module, MAC).ok_or_else(no_digest)?;
        let mac = mac(&self.key, &self.engine, module, bytes).hex();
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
        assert_eq!(module_of(&artefact.file), Some(module().as_str()));
        fs::write(&artefact.file, b"machine cod3").expect("a folder of our own");
        assert!(!cache.has(&module()));
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
