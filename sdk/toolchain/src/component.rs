//! From a core module to a component.

use wasmparser::{BinaryReader, BinaryReaderError};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::{BuildError, Lane};

/// Sections with this start tell `wit-component` what the module exports.
const TYPE_SECTION: &str = "component-type";
/// Bytes of magic and version before the first section.
const HEADER: usize = 8;
/// The byte of the header that tells a component (1) from a core module (0).
const LAYER: usize = 6;
/// The id of a custom section, in both.
const CUSTOM: u8 = 0;
/// The ids of a component's sections that are binaries themselves: a core module, a component.
const NESTED: [u8; 2] = [1, 4];

/// Makes a validated component of a core module that carries its world's description, as `wit-bindgen` leaves it.
/// Names, producers and all other custom sections are left behind: they run nothing, and they tell about the author.
///
/// # Errors
/// Where it is no module, or not one of a world.
pub fn componentize(module: &[u8]) -> Result<Vec<u8>, BuildError> {
    let failed = |error: &dyn std::fmt::Display| BuildError::Component(error.to_string());
    let bare = strip(module, &|name: &str| name.starts_with(TYPE_SECTION)).map_err(|error| failed(&error))?;
    // Without a description `wit-component` makes an empty component, which would be refused only much later.
    if bare == strip(module, &|_: &str| false).map_err(|error| failed(&error))? {
        return Err(failed(&"it exports nothing; the SDK's export_tabulate! or export_report! is missing"));
    }
    let component = ComponentEncoder::default()
        .validate(true)
        .module(&bare)
        .and_then(|encoder| encoder.encode())
        .map_err(|error| failed(&format!("{error:#}")))?;
    strip(&component, &|_: &str| false).map_err(|error| failed(&error))
}

/// As [`componentize`], for a core module without a description of its world, such as one written by hand: it is given
/// the lane's.
///
/// # Errors
/// As [`componentize`].
pub fn componentize_core(module: &[u8], lane: Lane) -> Result<Vec<u8>, BuildError> {
    let failed = |error: &dyn std::fmt::Display| BuildError::Component(error.to_string());
    let mut resolve = Resolve::default();
    let mut described = module.to_vec();
    resolve
        .push_str("sluice.wit", include_str!("../../rust/wit/sluice.wit"))
        .and_then(|package| resolve.select_world(&[package], Some(&format!("{}-module", lane.name()))))
        .and_then(|world| embed_component_metadata(&mut described, &resolve, world, StringEncoding::UTF8))
        .map_err(|error| failed(&format!("{error:#}")))?;
    componentize(&described)
}

/// Copies a binary, module or component, without its custom sections but for those to keep; nested ones likewise.
fn strip(binary: &[u8], keep: &impl Fn(&str) -> bool) -> Result<Vec<u8>, BinaryReaderError> {
    let mut reader = BinaryReader::new(binary, 0);
    let mut out = reader.read_bytes(HEADER)?.to_vec();
    let nests: &[u8] = if binary.get(LAYER) == Some(&1) { &NESTED } else { &[] };
    while !reader.eof() {
        let id = reader.read_u8()?;
        let length = reader.read_var_u32()? as usize;
        let content = reader.read_bytes(length)?;
        if id == CUSTOM && !keep(BinaryReader::new(content, 0).read_string()?) {
            continue;
        }
        out.push(id);
        if nests.contains(&id) {
            section(&mut out, &strip(content, keep)?);
        } else {
            section(&mut out, content);
        }
    }
    Ok(out)
}

/// Appends a section's length, in LEB128, and its content.
fn section(out: &mut Vec<u8>, content: &[u8]) {
    let mut length = content.len();
    while length > 0x7f {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(content);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An empty module with two custom sections.
    const MODULE: &[u8] = b"\0asm\x01\0\0\0\0\x06\x04nameA\0\x08\x05keep!xx";

    #[test]
    fn leaves_custom_sections_behind() {
        assert_eq!(strip(MODULE, &|_: &str| true).expect("a module"), MODULE);
        assert_eq!(strip(MODULE, &|_: &str| false).expect("a module"), &MODULE[..8]);
        assert_eq!(
            strip(MODULE, &|name: &str| name == "keep!").expect("a module"),
            [&MODULE[..8], &MODULE[16..]].concat()
        );
    }

    #[test]
    fn a_module_written_by_hand_is_given_its_world() {
        let text = include_str!("../../../tests/guests/spin_start.wat");
        let core = wat::parse_str(text).expect("it is WebAssembly");
        assert!(matches!(componentize(&core), Err(BuildError::Component(_))));
        let component = componentize_core(&core, Lane::Tabulate).expect("it has the lane's exports");
        assert_eq!(component.get(LAYER), Some(&1));
        assert!(componentize_core(&core, Lane::Report).is_err());
    }

    #[test]
    fn what_has_no_world_is_no_module() {
        assert!(matches!(componentize(b"not wasm"), Err(BuildError::Component(_))));
        assert!(matches!(componentize(&MODULE[..7]), Err(BuildError::Component(_))));
    }
}
