//! Modules: what operators upload, known by who uploaded it and by its digest.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::grade::Lane;
use crate::grant::Grant;

/// Whether a module may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModuleState {
    /// It passed the static checks and may be named in jobs.
    Accepted,
    /// An authority revoked it: it may not run any more.
    Revoked,
}

/// A module. The record says nothing of what it does: it is treated as hostile whatever it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// SHA-256 of its bytes, which are the operator's own.
    pub digest: String,
    /// The lane whose world it exports.
    pub lane: Lane,
    /// Length of its bytes.
    pub bytes: u64,
    /// Functions that it defines.
    pub functions: u32,
    /// What it imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// What it does, in its author's words.
    pub statement: String,
    /// Who submitted it.
    pub person: String,
    /// For which organisation.
    pub organisation: String,
    /// When.
    pub submitted_at_ms: i64,
    /// Whether it may run.
    pub state: ModuleState,
    /// The agencies that revoked it: it may not run on data of theirs any more.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub revoked_by: BTreeSet<String>,
}

impl Module {
    /// Whether it may run under a grant: no authority and none of the agencies whose data it is has revoked it.
    #[must_use]
    pub fn may_run_under(&self, grant: &Grant) -> bool {
        self.state == ModuleState::Accepted && !grant.owners.iter().any(|owner| self.revoked_by.contains(owner))
    }

    /// What it is kept under.
    #[must_use]
    pub fn key(&self) -> String {
        key(&self.organisation, &self.digest)
    }
}

/// What an organisation's module is kept under. Two organisations may submit the same bytes: each has an entry of its
/// own, and neither learns of the other's.
#[must_use]
pub fn key(organisation: &str, digest: &str) -> String {
    format!("{organisation}/{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::{GrantState, Mode, Terms, Tightening};
    use crate::id::GrantId;

    #[test]
    fn an_agency_revokes_a_module_for_its_own_data_and_an_authority_for_all() {
        let mut module = Module {
            digest: String::new(),
            lane: Lane::Tabulate,
            bytes: 0,
            functions: 0,
            imports: Vec::new(),
            exports: Vec::new(),
            statement: String::new(),
            person: "olga".to_owned(),
            organisation: "operator".to_owned(),
            submitted_at_ms: 0,
            state: ModuleState::Accepted,
            revoked_by: BTreeSet::from(["tax".to_owned()]),
        };
        let terms = Terms {
            operator: "operator".to_owned(),
            purpose: String::new(),
            mode: Mode::Scenario,
            datasets: Vec::new(),
            lanes: Vec::new(),
            tightening: Tightening::default(),
            method: crate::method::Method::default(),
            signatures: 1,
            reviewers: 1,
            from_ms: 0,
            until_ms: 1,
            jobs_max: 1,
            report_bits_max: 0,
            conditions: String::new(),
        };
        let grant = |owners: &[&str]| Grant {
            id: GrantId::new([0; 16]),
            terms: terms.clone(),
            owners: owners.iter().map(|owner| (*owner).to_owned()).collect(),
            drafted_by: String::new(),
            state: GrantState::InForce,
            signatures: Vec::new(),
            suspended_by: BTreeSet::new(),
            jobs_admitted: 0,
            report_bits: 0,
        };
        let owners: [&[&str]; 3] = [&["tax"], &["health"], &["health", "tax"]];
        let runs = |module: &Module| owners.map(|owners| module.may_run_under(&grant(owners)));
        assert_eq!(runs(&module), [false, true, false]);
        module.state = ModuleState::Revoked;
        assert_eq!(runs(&module), [false, false, false]);
    }
}
