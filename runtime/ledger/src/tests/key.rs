//! Keys: their files, their texts, and what a signature has to be.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

use super::{ORIGIN, Place, Seeded, fault, key, trusted};
use crate::key::{KeyFault, SigningKey, VerifierKey};

#[test]
fn a_key_comes_back_from_its_file() {
    let place = Place::new();
    key().save(&place.path("key")).unwrap();
    let loaded = SigningKey::load(&place.path("key")).map_err(|fault| fault.to_string());
    assert_eq!(loaded.map(|key| key.verifier()), Ok(trusted()));
    let mode = std::fs::metadata(place.path("key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_key_file_that_others_can_touch_is_not_loaded() {
    let place = Place::new();
    let path = place.path("key");
    key().save(&path).unwrap();
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601] {
        set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        assert!(matches!(fault(SigningKey::load(&path)), KeyFault::Permissions), "{mode:o}");
    }
    set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    assert!(SigningKey::load(&path).is_ok());
}

#[test]
fn a_key_is_never_overwritten_and_a_broken_file_never_loaded() {
    let place = Place::new();
    let path = place.path("key");
    key().save(&path).unwrap();
    assert!(matches!(fault(key().save(&path)), KeyFault::Exists));
    let text = std::fs::read(&path).unwrap();
    for at in 0..text.len() {
        let mut broken = text.clone();
        broken[at] ^= 1;
        std::fs::write(&path, broken).unwrap();
        assert!(SigningKey::load(&path).is_err(), "byte {at}");
    }
    assert!(matches!(fault(SigningKey::load(&place.path("none"))), KeyFault::File(_)));
}

#[test]
fn names_are_short_and_without_space_and_plus() {
    for name in ["", "a b", "a+b", "a\nb", "größe", &"n".repeat(129)] {
        assert!(matches!(fault(SigningKey::generate(name, &Seeded::new(1))), KeyFault::Name), "{name}");
    }
}

#[test]
fn a_public_key_has_one_text() {
    let text = trusted().to_string();
    assert_eq!(text.parse::<VerifierKey>().unwrap(), trusted());
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut other = text.clone().into_bytes();
            other[at] ^= 1 << bit;
            let Ok(other) = String::from_utf8(other) else { continue };
            assert!(other.parse::<VerifierKey>().is_err(), "byte {at}, bit {bit}");
        }
    }
    for other in [format!("{text}\n"), format!(" {text}"), text[..text.len() - 4].to_owned()] {
        assert!(other.parse::<VerifierKey>().is_err(), "{other}");
    }
}

#[test]
fn the_text_and_the_signature_are_those_of_the_signed_note() {
    use signed_note::Verifier;
    let theirs = signed_note::StandardVerifier::new(&trusted().to_string()).unwrap();
    assert_eq!(theirs.name(), ORIGIN);
    assert_eq!(theirs.key_id().to_be_bytes(), trusted().id());
    assert!(theirs.verify(b"text", &key().sign(b"text")));
    assert!(trusted().verify(b"text", &key().sign(b"text")));
    assert!(!trusted().verify(b"other", &key().sign(b"text")));
}

#[test]
fn a_weak_key_signs_nothing() {
    use base64::Engine;
    use sha2::{Digest, Sha256};
    // The neutral element as the key, and as R with S = 0: a lax check takes it for a signature of every text.
    let mut neutral = [0_u8; 32];
    neutral[0] = 1;
    let encoded = [&[1], neutral.as_slice()].concat();
    let digest = Sha256::digest([b"weak\n".as_slice(), &encoded].concat());
    let base64 = base64::engine::general_purpose::STANDARD.encode(&encoded);
    let text = format!("weak+{}+{base64}", hex::encode(&digest[..4]));
    let mut signature = [0; 64];
    signature[0] = 1;
    let weak: VerifierKey = text.parse().unwrap();
    assert!(!weak.verify(b"any text", &signature));
}
