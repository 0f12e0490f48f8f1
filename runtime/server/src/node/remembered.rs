//! Admissions that are remembered: under one grant the same query is planned and put to the guard once.
//!
//! What a worker says of a query without a module depends on the grant's tables, the query, the limits and the engine, and
//! on no data. So what it said once holds as long as the node runs.
//!
//! # Guarantees
//! Nothing is remembered across grants, nor forgotten for another's sake, so nobody learns from an answer's time what is
//! asked under another grant. A query under changed tables, columns or a changed filter is another one. What a module says of itself isn't remembered.
//!
//! # Does not guarantee
//! That the same operator's second request takes as long as the first.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use sluice_domain::digest::sha256_hex;
use sluice_domain::id::GrantId;
use sluice_engine::ask::{Admitted, TableSpec, Work};

/// How many are remembered of one grant; the one that was asked for longest ago is forgotten first.
const MOST: usize = 8;

/// Of each grant the admissions by what they depend on, the last one asked for first.
#[derive(Default)]
pub(super) struct Remembered(Mutex<BTreeMap<GrantId, OfGrant>>);

/// Of one grant, each with its key.
type OfGrant = VecDeque<(String, Arc<Admitted>)>;

/// What an admission under one grant depends on; none of a module's. It stays in memory.
pub(super) fn key(tables: &[TableSpec], work: &Work) -> Option<String> {
    match work {
        Work::Plan(plan) => serde_json::to_vec(&(tables, plan)).ok().map(|bytes| sha256_hex(&bytes)),
        Work::Module { .. } => None,
    }
}

impl Remembered {
    pub(super) fn get(&self, grant: &GrantId, key: &str) -> Option<Arc<Admitted>> {
        let mut grants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = grants.get_mut(grant)?;
        let place = held.iter().position(|(own, _)| own == key)?;
        let found = held.remove(place)?;
        held.push_front(found.clone());
        Some(found.1)
    }

    pub(super) fn put(&self, grant: &GrantId, key: String, admitted: Arc<Admitted>) {
        let mut grants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = grants.entry(grant.clone()).or_default();
        held.retain(|(own, _)| *own != key);
        held.push_front((key, admitted));
        held.truncate(MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_domain::contract::{Contract, Reporting};
    use sluice_engine::ask::Plan;

    fn plan(sql: &str) -> Work {
        Work::Plan(Plan {
            sql: sql.to_owned(),
            dimensions: Vec::new(),
            measures: Vec::new(),
            statistics: Vec::new(),
            margins: Vec::new(),
            cells_per_subject: None,
            rows_per_subject: None,
        })
    }

    fn table(filter: Option<&str>) -> TableSpec {
        TableSpec {
            name: "t".to_owned(),
            columns: Vec::new(),
            granted: vec!["a".to_owned()],
            row_filter: filter.map(str::to_owned),
            subject: None,
            unique: Vec::new(),
            snapshot: None,
        }
    }

    #[test]
    fn another_table_filter_or_query_is_another_admission() {
        let of = |filter, sql| key(&[table(filter)], &plan(sql));
        let one = of(None, "SELECT 1");
        assert!(one.is_some() && one == of(None, "SELECT 1"));
        for other in [of(Some("a = 1"), "SELECT 1"), of(None, "SELECT 2")] {
            assert!(other.is_some() && other != one);
        }
        let narrower = TableSpec { granted: Vec::new(), ..table(None) };
        assert_ne!(key(&[narrower], &plan("SELECT 1")), one);
        let module = Work::Module {
            lane: sluice_domain::grade::Lane::Tabulate,
            digest: String::new(),
            params: std::collections::BTreeMap::new(),
        };
        assert_eq!(key(&[table(None)], &module), None);
    }

    #[test]
    fn attack_40_what_was_asked_for_longest_ago_is_forgotten_and_only_for_its_own_grants_sake() {
        let contract =
            Contract::Report(Reporting { inputs: Vec::new(), columns: Vec::new(), rows: 0, constants: Vec::new() });
        let admitted = Arc::new(Admitted { contract, selection: Err(Vec::new()), sources: Vec::new() });
        let remembered = Remembered::default();
        let [own, other] = [GrantId::new([1; 16]), GrantId::new([2; 16])];
        for place in 0..MOST {
            remembered.put(&own, place.to_string(), Arc::clone(&admitted));
        }
        assert!(remembered.get(&own, "0").is_some() && remembered.get(&other, "0").is_none());
        for more in 0..3 * MOST {
            remembered.put(&other, more.to_string(), Arc::clone(&admitted));
        }
        assert!(remembered.get(&own, "1").is_some());
        remembered.put(&own, "more".to_owned(), admitted);
        assert!(remembered.get(&own, "0").is_some() && remembered.get(&own, "more").is_some());
        assert!(remembered.get(&own, "2").is_none() && remembered.get(&own, "3").is_some());
    }
}
