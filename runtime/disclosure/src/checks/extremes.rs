//! Extremes: least, largest and most frequent values.
//!
//! **Claim**: a counted table has no extremes: a contract can ask for counts, sums and ratios only. A report's column of
//! numbers whose name says that it is an extreme is refused; every other column of numbers is put before reviewers, who
//! must read from the source that it isn't one. **Limits**: a name is only what the module's author says, and the
//! machine can't know what a module wrote. **Source**: disclosure.md, section 2 ("min/max never"); attacks.md, row 36.
//! **Example**: a column `max_delay`: refuse. `delay`: refer. Labels alone: pass.

use sluice_domain::contract::{Reporting, ValueDomain};

use super::{Check, or_pass, pass};
use crate::appetite::Appetite;
use crate::candidate::{Body, Candidate};
use crate::finding::{CheckName, Finding, Verdict};

/// The check.
pub struct Extremes;

/// Words that name an extreme wherever they stand in a name.
const ANYWHERE: [&str; 8] = ["max", "maximum", "minimum", "largest", "smallest", "highest", "lowest", "extreme"];

/// Words that name an extreme where a name begins with them: at the end `min` is minutes, and `mode` a kind.
const FIRST: [&str; 3] = ["min", "mode", "modal"];

impl Check for Extremes {
    fn name(&self) -> CheckName {
        CheckName::Extremes
    }

    fn run(&self, candidate: &Candidate, _appetite: &Appetite) -> Vec<Finding> {
        match candidate.body() {
            Body::Counted(_) => pass(self.name(), "A contract can ask for counts, sums and ratios only."),
            Body::Written(written) => or_pass(columns(written.contract()), self.name(), "No column has numbers."),
        }
    }
}

fn columns(contract: &Reporting) -> Vec<Finding> {
    let numbers = contract.columns.iter().filter(|column| matches!(column.domain, ValueDomain::Number { .. }));
    let finding = |column: &sluice_domain::contract::ReportColumn| {
        let name = &column.name;
        let (verdict, sentence) = if is_extreme(name) {
            (Verdict::Refuse, format!("{name} is an extreme by its name: it is one subject's value."))
        } else {
            (Verdict::Refer, format!("Whether {name} is an extreme can't be known: read the source."))
        };
        Finding::whole(CheckName::Extremes, verdict, name, sentence)
    };
    numbers.map(finding).collect()
}

fn is_extreme(name: &str) -> bool {
    let mut words = name.split('_');
    let first = words.clone().next().is_some_and(|word| FIRST.contains(&word));
    first || words.any(|word| ANYWHERE.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Table, floor, ids, report, reporting};
    use sluice_domain::grade::Grade;

    #[test]
    fn the_worked_example() {
        let run = |candidate: &Candidate| Extremes.run(candidate, &floor(Grade::Open));
        let findings = run(&report(Vec::new(), None));
        assert_eq!(ids(&findings), ["extremes:delay"]);
        assert_eq!(findings[0].verdict(), Verdict::Refer);
        assert_eq!(ids(&run(&Table::new(&[&["AA"]]).candidate())), ["extremes:all"]);

        let mut contract = reporting();
        contract.columns[1].name = "max_delay".to_owned();
        assert_eq!(columns(&contract)[0].verdict(), Verdict::Refuse);
        contract.columns.pop();
        assert!(columns(&contract).is_empty());
    }

    #[test]
    fn minutes_and_modes_of_transport_are_no_extremes() {
        for name in ["delay_min", "transport_mode", "maxima_city", "mean", "minutes"] {
            assert!(!is_extreme(name), "{name}");
        }
        for name in ["min_delay", "min", "mode", "mode_of_age", "delay_max", "largest_firm", "dep_delay_maximum"] {
            assert!(is_extreme(name), "{name}");
        }
    }
}
