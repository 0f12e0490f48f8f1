//! The Merkle tree of RFC 6962 over the ledger's leaves.
//!
//! One root stands for every event up to it. A proof of about log2(size) hashes shows that one event is under a root,
//! or that one root extends another, without showing any other event.
//!
//! A leaf is `SHA-256(0x00 || salt || event)`, a node `SHA-256(0x01 || left || right)`. The salt is 16 random bytes:
//! without it, whoever holds a proof could guess the events beside theirs and check the guess.
//!
//! The arithmetic of positions and proofs is `tlog_tiles`, a port of the code behind Go's checksum database. This file
//! only gives it our types and splits each proof into *which hashes are needed* and *build it from them*, so that the
//! hashes can be fetched from a database in between.
//!
//! # Guarantees
//! - Two different sequences of leaves have different roots, as far as SHA-256 is collision resistant.
//! - No input makes verification panic: sizes above [`MAX_SIZE`] and proofs that are too long are refused first.
//!
//! # Does not guarantee
//! - That a root is anybody's: that is the [checkpoint](crate::checkpoint)'s signature.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use tlog_tiles::tlog;

/// Bytes in a salt.
pub const SALT_BYTES: usize = 16;
/// The largest tree that is dealt with; positions stay far from overflow below it.
pub const MAX_SIZE: u64 = 1 << 61;
/// No honest proof of a tree of at most [`MAX_SIZE`] leaves has more hashes.
pub const MAX_PROOF: usize = 128;

/// The random bytes in front of an event in its leaf.
pub type Salt = [u8; SALT_BYTES];

/// Hashes by their stored position.
pub type Hashes = BTreeMap<u64, Hash>;

/// A SHA-256 hash; shown as lower-case hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The hash with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 lower-case hex digits; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        parse_hex(text).map(Self)
    }

    const fn inner(self) -> tlog::Hash {
        tlog::Hash(self.0)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Reads `N` bytes from lower-case hex, and from nothing else, so that one value has one text.
pub fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return None;
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

/// The leaf hash of `event` behind `salt`.
pub fn leaf_hash(salt: &Salt, event: &[u8]) -> Hash {
    hash_leaf(&[salt.as_slice(), event].concat())
}

pub(crate) fn hash_leaf(data: &[u8]) -> Hash {
    Hash(tlog::record_hash(data).0)
}

/// A growing tree, of which only the hashes that the next leaf or the root can need are kept: at most 64.
///
/// ```
/// use sluice_ledger::merkle::{Tree, leaf_hash};
/// let mut tree = Tree::empty();
/// let stored = tree.push(leaf_hash(&[7; 16], b"first"));
/// assert_eq!((tree.size(), stored.len()), (1, 1));
/// ```
#[derive(Clone)]
pub struct Tree {
    size: u64,
    edge: Hashes,
}

impl Tree {
    /// The tree without leaves.
    pub fn empty() -> Self {
        Self { size: 0, edge: Hashes::new() }
    }

    /// The positions whose hashes [`Tree::resume`] needs for a tree of `size` leaves.
    pub fn edge_positions(size: u64) -> Vec<u64> {
        tlog::sub_tree_index(0, size.min(MAX_SIZE), Vec::new())
    }

    /// Goes on from a stored tree; `None` when a hash of the edge is missing or the size is out of range.
    pub fn resume(size: u64, stored: &Hashes) -> Option<Self> {
        if size > MAX_SIZE {
            return None;
        }
        let edge = Self::edge_positions(size)
            .into_iter()
            .map(|position| stored.get(&position).map(|hash| (position, *hash)))
            .collect::<Option<Hashes>>()?;
        Some(Self { size, edge })
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf and returns the hashes to be stored for it, with their positions.
    pub fn push(&mut self, leaf: Hash) -> Vec<(u64, Hash)> {
        let first = tlog::stored_hash_index(0, self.size);
        let new = tlog::stored_hashes_for_record_hash(self.size, leaf.inner(), &Stored(&self.edge))
            .expect("the edge holds every complete subtree left of the next leaf");
        let new: Vec<(u64, Hash)> = (first..).zip(new.into_iter().map(|hash| Hash(hash.0))).collect();
        self.edge.extend(new.iter().copied());
        self.size += 1;
        let keep = Self::edge_positions(self.size);
        self.edge.retain(|position, _| keep.contains(position));
        new
    }

    /// The root.
    pub fn root(&self) -> Hash {
        let root = tlog::tree_hash(self.size, &Stored(&self.edge))
            .expect("the edge holds exactly the subtrees that make up the root");
        Hash(root.0)
    }
}

/// The positions whose hashes the inclusion proof of leaf `seq` in a tree of `size` leaves is made of.
pub fn inclusion_positions(size: u64, seq: u64) -> Vec<u64> {
    wanted(size, |reader| tlog::prove_record(size, seq, reader))
}

/// The inclusion proof of leaf `seq` in a tree of `size` leaves; `None` when a hash is missing or `seq` is not below `size`.
pub fn prove_inclusion(size: u64, seq: u64, stored: &Hashes) -> Option<Vec<Hash>> {
    proof(size, tlog::prove_record(size.min(MAX_SIZE), seq, &Stored(stored)))
}

/// The positions whose hashes the proof that the tree of `to` leaves extends that of `from` is made of.
pub fn consistency_positions(from: u64, to: u64) -> Vec<u64> {
    wanted(to, |reader| tlog::prove_tree(to, from, reader))
}

/// The proof that the tree of `to` leaves extends that of `from`; `None` when a hash is missing or `from` isn't in `1..=to`.
pub fn prove_consistency(from: u64, to: u64, stored: &Hashes) -> Option<Vec<Hash>> {
    proof(to, tlog::prove_tree(to.min(MAX_SIZE), from, &Stored(stored)))
}

/// Whether `leaf` is leaf number `seq` of the tree of `size` leaves with this root.
pub fn verify_inclusion(proof: &[Hash], size: u64, root: Hash, seq: u64, leaf: Hash) -> bool {
    in_range(size, proof) && tlog::check_record(&inner(proof), size, root.inner(), seq, leaf.inner()).is_ok()
}

/// Whether the tree of `to` leaves begins with the leaves of the tree of `from`.
///
/// Every tree extends the empty one, and that needs no proof: `from == 0` holds with an empty proof only.
pub fn verify_consistency(proof: &[Hash], from: (u64, Hash), to: (u64, Hash)) -> bool {
    if from.0 == 0 {
        return proof.is_empty() && from.1 == Tree::empty().root() && to.0 <= MAX_SIZE;
    }
    in_range(to.0, proof) && tlog::check_tree(&inner(proof), to.0, to.1.inner(), from.0, from.1.inner()).is_ok()
}

fn in_range(size: u64, proof: &[Hash]) -> bool {
    size <= MAX_SIZE && proof.len() <= MAX_PROOF
}

fn inner(proof: &[Hash]) -> Vec<tlog::Hash> {
    proof.iter().map(|hash| hash.inner()).collect()
}

fn proof(size: u64, built: Result<Vec<tlog::Hash>, tlog::Error>) -> Option<Vec<Hash>> {
    if size > MAX_SIZE {
        return None;
    }
    Some(built.ok()?.into_iter().map(|hash| Hash(hash.0)).collect())
}

/// Runs a proof on blanks, to learn which positions it reads.
fn wanted(size: u64, prove: impl FnOnce(&Blanks) -> Result<Vec<tlog::Hash>, tlog::Error>) -> Vec<u64> {
    let blanks = Blanks(RefCell::default());
    if size <= MAX_SIZE && prove(&blanks).is_ok() {
        return blanks.0.into_inner();
    }
    Vec::new()
}

struct Stored<'a>(&'a Hashes);

impl tlog::HashReader for Stored<'_> {
    fn read_hashes(&self, positions: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        let find = |position| self.0.get(position).map(|hash| hash.inner());
        positions.iter().map(find).collect::<Option<_>>().ok_or(tlog::Error::IndexesNotInTree)
    }
}

struct Blanks(RefCell<Vec<u64>>);

impl tlog::HashReader for Blanks {
    fn read_hashes(&self, positions: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        self.0.borrow_mut().extend_from_slice(positions);
        Ok(vec![tlog::Hash::default(); positions.len()])
    }
}
