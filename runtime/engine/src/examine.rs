//! What can be said of a module by reading it, before anything of it is compiled or run.
//!
//! A component is read once, from front to back, and validated as it is read. Every refusal names a fact of the bytes.
//! It runs in the compiler's process, so that a fault of the parser is its own affair.

mod tally;

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use sluice_domain::grade::Lane;
use sluice_domain::limits::Limits;
use sluice_domain::refusal::{Code, Refusal};
use wasmparser::{Parser, Validator, WasmFeatures};

use crate::sandbox::shown;
use tally::Tally;

/// What a module is, by its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleReport {
    /// SHA-256 of its bytes.
    pub digest: String,
    /// The lane whose interface it exports.
    pub lane: Lane,
    /// Length of its bytes.
    pub bytes: u64,
    /// Functions that it defines.
    pub functions: u32,
    /// What it imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
}

/// WebAssembly 2.0 with constant expressions and components. No reference to host objects, threads, tail calls, relaxed
/// SIMD, second memory, 64-bit memory, exception or garbage collection.
fn features() -> WasmFeatures {
    WasmFeatures::WASM2
        .difference(WasmFeatures::GC_TYPES)
        .union(WasmFeatures::EXTENDED_CONST)
        .union(WasmFeatures::COMPONENT_MODEL)
}

/// Reads a module and says what it is.
///
/// # Errors
/// The first rule that it breaks.
pub fn examine(bytes: &[u8], limits: &Limits) -> Result<ModuleReport, Refusal> {
    check_form(bytes, limits)?;
    let mut tally = Tally::default();
    let mut validator = Validator::new_with_features(features());
    let mut allocations = wasmparser::FuncValidatorAllocations::default();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| invalid(&error))?;
        // Counted before it is validated: a bomb is refused for its size and not after its cost.
        if let ControlFlow::Break(refusal) = tally.take(&payload, limits).map_err(|error| invalid(&error))? {
            return Err(refusal);
        }
        if let wasmparser::ValidPayload::Func(function, body) =
            validator.payload(&payload).map_err(|error| invalid(&error))?
        {
            let mut function = function.into_validator(std::mem::take(&mut allocations));
            function.validate(&body).map_err(|error| invalid(&error))?;
            allocations = function.into_allocations();
        }
    }
    tally.report(bytes)
}

/// What can be said from the first bytes.
fn check_form(bytes: &[u8], limits: &Limits) -> Result<(), Refusal> {
    if bytes.len() > limits.module_bytes_max {
        return Err(refuse(format!("it has {} bytes; at most {} are accepted", bytes.len(), limits.module_bytes_max)));
    }
    if bytes.starts_with(b"\x7fELF") {
        return Err(refuse("it is compiled already: upload the .wasm file, and the node compiles it itself"));
    }
    match bytes {
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => {
            Err(refuse("it is a core module and not a component: build it with `sluice build`, which makes one of it"))
        }
        [0, b'a', b's', b'm', _, ..] => Ok(()),
        _ => Err(refuse("it isn't WebAssembly: upload the .wasm file that `sluice build` writes")),
    }
}

fn refuse(detail: impl Into<String>) -> Refusal {
    Refusal::with(Code::Module, detail)
}

fn invalid(error: &wasmparser::BinaryReaderError) -> Refusal {
    refuse(format!("it isn't a valid component at byte {}: {}", error.offset(), shown(error.message())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        let limits = Limits { module_bytes_max: 64, ..Limits::default() };
        let refusal = examine(bytes, &limits).expect_err("none of these is a module");
        assert_eq!(refusal.code, Code::Module);
        refusal.detail.expect("every one of these refusals has a detail")
    }

    /// A component's eight bytes, and what follows.
    fn component(rest: &[u8]) -> Vec<u8> {
        [b"\0asm\x0d\0\x01\0", rest].concat()
    }

    /// A core module as a component's first section.
    fn with_module(sections: &[u8]) -> Vec<u8> {
        let module = [b"\0asm\x01\0\0\0", sections].concat();
        let length = u8::try_from(module.len()).expect("a short module");
        component(&[&[1, length], module.as_slice()].concat())
    }

    #[test]
    fn refusals_name_the_fact() {
        let cases: [(&[u8], &str); 8] = [
            (&[0; 65], "at most 64 are accepted"),
            (b"", "isn't WebAssembly"),
            (b"PK\x03\x04", "isn't WebAssembly"),
            (b"\x7fELF\x02", "compiled already"),
            (b"\0asm\x01\0\0\0", "`sluice build`"),
            (b"\0asm\x0d\0", "isn't a valid component"),
            (&component(&[1, 40, 0]), "isn't a valid component"),
            (&component(&[]), "it exports nothing"),
        ];
        for (bytes, expected) in cases {
            let detail = refusal(bytes);
            assert!(detail.contains(expected), "{detail}");
        }
    }

    #[test]
    fn what_is_inside_is_bounded_too() {
        // A memory of 65,536 pages; two memories; a shared one; a table of 2^28 elements.
        let cases: [(&[u8], &str); 4] = [
            (&[5, 5, 1, 0, 0x80, 0x80, 4], "its memory starts with 4294967296 bytes"),
            (&[5, 5, 2, 0, 1, 0, 1], "more than 1 memory"),
            (&[5, 4, 1, 3, 1, 1], "isn't a valid component"),
            (&[4, 8, 1, 0x70, 0, 0x80, 0x80, 0x80, 0x80, 1], "a table starts with 268435456 elements"),
        ];
        for (sections, expected) in cases {
            let detail = refusal(&with_module(sections));
            assert!(detail.contains(expected), "{detail}");
        }
    }
}
