//! What is counted while a component is read, and what it comes to.

use std::ops::ControlFlow;

use sluice_domain::grade::Lane;
use sluice_domain::limits::Limits;
use sluice_domain::refusal::Refusal;
use wasmparser::{Encoding, Payload};

use super::{ModuleReport, refuse};
use crate::sandbox::{
    CORE_INSTANCES_PER_COMPONENT, MEMORIES_PER_COMPONENT, PAGE_BYTES, TABLES_PER_COMPONENT, export, imports,
    memory_bytes_max, shown, table_elements_max,
};

/// Components inside a component, and how deep. `wit-component` makes one for each exported interface.
const INNER_COMPONENTS_MAX: u32 = 16;
const DEPTH_MAX: u32 = 4;

/// What has been read so far.
#[derive(Default)]
pub(super) struct Tally {
    depth: u32,
    components: u32,
    modules: u32,
    functions: u32,
    memories: u32,
    tables: u32,
    imports: Vec<String>,
    exports: Vec<String>,
}

impl Tally {
    pub(super) fn take(&mut self, payload: &Payload<'_>, limits: &Limits) -> wasmparser::Result<ControlFlow<Refusal>> {
        let refuse = |detail: String| Ok(ControlFlow::Break(refuse(detail)));
        match payload {
            Payload::Version { encoding, .. } => {
                self.depth += 1;
                match encoding {
                    Encoding::Component => self.components += 1,
                    Encoding::Module => self.modules += 1,
                }
                if self.components > INNER_COMPONENTS_MAX + 1 || self.depth > DEPTH_MAX {
                    return refuse(format!("more than {INNER_COMPONENTS_MAX} components in it, or too deep"));
                }
                if self.modules > CORE_INSTANCES_PER_COMPONENT {
                    return refuse(format!("more than {CORE_INSTANCES_PER_COMPONENT} core modules in it"));
                }
            }
            Payload::End(_) => self.depth = self.depth.saturating_sub(1),
            Payload::CodeSectionStart { count, .. } => {
                self.functions = self.functions.saturating_add(*count);
                if self.functions > limits.module_functions_max {
                    return refuse(format!(
                        "it defines more than {} functions: build it for size",
                        limits.module_functions_max
                    ));
                }
            }
            Payload::MemorySection(section) => {
                for memory in section.clone() {
                    let bytes = memory?.initial.saturating_mul(PAGE_BYTES);
                    self.memories += 1;
                    if bytes > memory_bytes_max(limits) as u64 {
                        return refuse(format!(
                            "its memory starts with {bytes} bytes; a guest may have {}",
                            memory_bytes_max(limits)
                        ));
                    }
                }
                if self.memories > MEMORIES_PER_COMPONENT {
                    return refuse(format!("more than {MEMORIES_PER_COMPONENT} memory in it"));
                }
            }
            Payload::TableSection(section) => {
                for table in section.clone() {
                    let elements = table?.ty.initial;
                    self.tables += 1;
                    if elements > table_elements_max(limits) as u64 {
                        return refuse(format!(
                            "a table starts with {elements} elements; it may have {}",
                            table_elements_max(limits)
                        ));
                    }
                }
                if self.tables > TABLES_PER_COMPONENT {
                    return refuse(format!("more than {TABLES_PER_COMPONENT} tables in it"));
                }
            }
            Payload::ComponentImportSection(section) if self.depth == 1 => {
                for import in section.clone() {
                    self.imports.push(shown(import?.name.name));
                }
            }
            Payload::ComponentExportSection(section) if self.depth == 1 => {
                for export in section.clone() {
                    self.exports.push(shown(export?.name.name));
                }
            }
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    pub(super) fn report(self, bytes: &[u8]) -> Result<ModuleReport, Refusal> {
        let lane = match self.exports.as_slice() {
            [only] => [Lane::Tabulate, Lane::Report].into_iter().find(|lane| export(*lane) == only),
            _ => None,
        };
        let lane = lane.ok_or_else(|| {
            refuse(format!(
                "it exports {}; a module exports `{}` or `{}` and nothing else",
                list(&self.exports),
                export(Lane::Tabulate),
                export(Lane::Report)
            ))
        })?;
        if let Some(name) = self.imports.iter().find(|name| !imports(lane).contains(&name.as_str())) {
            let allowed: Vec<String> = imports(lane).iter().map(|name| (*name).to_owned()).collect();
            return Err(refuse(format!(
                "it imports `{name}`; a module of lane {} imports {}. There is no WASI here: no clock, randomness, file, \
                 socket or environment",
                lane.as_str(),
                list(&allowed)
            )));
        }
        Ok(ModuleReport {
            digest: sluice_domain::digest::sha256_hex(bytes),
            lane,
            bytes: bytes.len() as u64,
            functions: self.functions,
            imports: self.imports,
            exports: self.exports,
        })
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    names.iter().take(8).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
