//! The tree against the published vectors and against RFC 6962 written down naively.

use sha2::{Digest, Sha256};

use super::Seeded;
use crate::merkle::{
    Hash, Hashes, MAX_PROOF, MAX_SIZE, Tree, consistency_positions, hash_leaf, inclusion_positions, leaf_hash,
    parse_hex, prove_consistency, prove_inclusion, verify_consistency, verify_inclusion,
};

const LEAVES: u64 = 33;

/// RFC 6962, section 2.1, as it is written.
fn naive(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::from_bytes(Sha256::digest(b"").into()),
        [leaf] => *leaf,
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            let (left, right) = (naive(&leaves[..split]), naive(&leaves[split..]));
            let node = [&[1], left.bytes().as_slice(), right.bytes()].concat();
            Hash::from_bytes(Sha256::digest(node).into())
        }
    }
}

/// Every root and every stored hash of a tree of 33 leaves.
fn grown() -> (Vec<Hash>, Vec<Hash>, Hashes) {
    let (mut tree, mut leaves, mut roots, mut stored) =
        (Tree::empty(), vec![], vec![Tree::empty().root()], Hashes::new());
    for number in 0..LEAVES {
        let leaf = leaf_hash(&[3; 16], &number.to_be_bytes());
        leaves.push(leaf);
        stored.extend(tree.push(leaf));
        roots.push(tree.root());
    }
    (leaves, roots, stored)
}

#[test]
fn the_roots_of_the_certificate_transparency_vectors() {
    let vectors = [
        ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
        ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
        ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
        ("5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
        ("606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
    ];
    let mut tree = Tree::empty();
    for (leaf, root) in vectors {
        tree.push(hash_leaf(&hex::decode(leaf).unwrap()));
        assert_eq!(tree.root().to_string(), root, "after leaf {leaf}");
    }
}

#[test]
fn a_leaf_is_salt_and_event_behind_a_zero_byte() {
    let expected: [u8; 32] = Sha256::digest([&[0], [5; 16].as_slice(), b"event"].concat()).into();
    assert_eq!(leaf_hash(&[5; 16], b"event").bytes(), &expected);
    assert_ne!(leaf_hash(&[5; 16], b"event"), leaf_hash(&[6; 16], b"event"));
}

#[test]
fn every_root_is_that_of_the_rfc_and_survives_a_resume() {
    let (leaves, roots, stored) = grown();
    for size in 0..=usize::try_from(LEAVES).unwrap() {
        assert_eq!(roots[size], naive(&leaves[..size]));
        let resumed = Tree::resume(u64::try_from(size).unwrap(), &stored).unwrap();
        assert_eq!(resumed.root(), roots[size]);
    }
    assert!(Tree::resume(LEAVES, &Hashes::new()).is_none());
    assert!(Tree::resume(MAX_SIZE + 1, &stored).is_none());
}

#[test]
fn every_inclusion_proof_verifies_and_no_altered_one_does() {
    let (leaves, roots, stored) = grown();
    let random = Seeded::new(5);
    for size in 1..=LEAVES {
        let root = roots[usize::try_from(size).unwrap()];
        for seq in 0..size {
            let leaf = leaves[usize::try_from(seq).unwrap()];
            let needed: Hashes =
                inclusion_positions(size, seq).into_iter().map(|position| (position, stored[&position])).collect();
            let proof = prove_inclusion(size, seq, &needed).unwrap();
            assert!(verify_inclusion(&proof, size, root, seq, leaf), "{seq} of {size}");
            assert!(!verify_inclusion(&proof, size, root, seq, roots[0]));
            assert!(!verify_inclusion(&proof, size, roots[0], seq, leaf));
            assert!(!verify_inclusion(&proof, size, root, size, leaf));
            assert!(!verify_inclusion(&[proof.as_slice(), &[leaf]].concat(), size, root, seq, leaf));
            if !proof.is_empty() {
                let mut altered = proof.clone();
                let at = random.below(altered.len());
                let mut bytes = *altered[at].bytes();
                bytes[random.below(32)] ^= 1;
                altered[at] = Hash::from_bytes(bytes);
                assert!(!verify_inclusion(&altered, size, root, seq, leaf));
                assert!(!verify_inclusion(&proof[1..], size, root, seq, leaf));
            }
        }
        assert!(prove_inclusion(size, size, &stored).is_none());
    }
}

#[test]
fn every_consistency_proof_verifies_and_none_for_another_past() {
    let (_, roots, stored) = grown();
    for to in 1..=LEAVES {
        for from in 1..=to {
            let (old, new) = (roots[usize::try_from(from).unwrap()], roots[usize::try_from(to).unwrap()]);
            let needed: Hashes =
                consistency_positions(from, to).into_iter().map(|position| (position, stored[&position])).collect();
            let proof = prove_consistency(from, to, &needed).unwrap();
            assert!(verify_consistency(&proof, (from, old), (to, new)), "{from} to {to}");
            assert!(!verify_consistency(&proof, (from, roots[0]), (to, new)));
            assert!(!verify_consistency(&proof, (from, old), (to, roots[0])));
        }
    }
    assert!(verify_consistency(&[], (0, roots[0]), (5, roots[5])));
    assert!(!verify_consistency(&[], (0, roots[1]), (5, roots[5])));
    assert!(prove_consistency(3, 2, &stored).is_none());
}

#[test]
fn sizes_and_proofs_out_of_range_are_refused_and_do_not_panic() {
    let (leaves, roots, stored) = grown();
    let long = vec![leaves[0]; MAX_PROOF + 1];
    for size in [0, 1, MAX_SIZE, MAX_SIZE + 1, u64::MAX] {
        for seq in [0, 1, MAX_SIZE, u64::MAX] {
            assert!(!verify_inclusion(&long, size, roots[1], seq, leaves[0]));
            assert!(!verify_inclusion(&long[..MAX_PROOF], size, roots[1], seq, leaves[0]));
            assert!(!verify_consistency(&long, (seq.max(1), roots[1]), (size, roots[2])));
            if size > MAX_SIZE || seq >= size {
                assert!(prove_inclusion(size, seq, &stored).is_none());
                assert!(inclusion_positions(size, seq).is_empty());
            }
        }
    }
}

#[test]
fn hex_has_one_spelling() {
    assert_eq!(parse_hex::<2>("0aff"), Some([10, 255]));
    for other in ["0AFF", "0afF", "0af", "0aff0", " aff", "0aff\n", "0xff", ""] {
        assert_eq!(parse_hex::<2>(other), None, "{other}");
    }
}
