//! A report that has no table.
//!
//! **Claim**: whatever went wrong in a `report` run, nothing of it is released, and reviewers see what it was.
//! **Limits**: that the operator sees `under review` all the same is the server's duty. **Source**: attacks.md, row 42:
//! "trap iff bit i of the target". **Example**: fault `trapped`: refuse, empty table.

use super::{Check, not_applicable, pass};
use crate::appetite::Appetite;
use crate::candidate::{Body, Candidate, ReportFault};
use crate::finding::{CheckName, Finding, Verdict};

/// The check.
pub struct Fault;

impl Check for Fault {
    fn name(&self) -> CheckName {
        CheckName::Fault
    }

    fn run(&self, candidate: &Candidate, _appetite: &Appetite) -> Vec<Finding> {
        let Body::Written(written) = candidate.body() else {
            return not_applicable(self.name());
        };
        match written.fault() {
            None => pass(self.name(), "The run ended by itself."),
            Some(fault) => vec![Finding::whole(self.name(), Verdict::Refuse, topic(fault), sentence(fault).to_owned())],
        }
    }
}

fn topic(fault: ReportFault) -> &'static str {
    match fault {
        ReportFault::Trapped => "trapped",
        ReportFault::OutOfFuel => "out_of_fuel",
        ReportFault::OutOfMemory => "out_of_memory",
        ReportFault::BrokenContract => "broken_contract",
        ReportFault::QueryFailed => "query_failed",
        ReportFault::TimedOut => "timed_out",
    }
}

fn sentence(fault: ReportFault) -> &'static str {
    match fault {
        ReportFault::Trapped => "The module trapped; there is no table.",
        ReportFault::OutOfFuel => "The module ran out of fuel; there is no table.",
        ReportFault::OutOfMemory => "The module ran out of memory; there is no table.",
        ReportFault::BrokenContract => "What the module wrote isn't a table of its contract.",
        ReportFault::QueryFailed => "An input query failed; there is no table.",
        ReportFault::TimedOut => "The run was ended by the backstop; there is no table.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{floor, ids, report, worst};
    use sluice_domain::grade::Grade;

    #[test]
    fn every_fault_refuses() {
        let cases = [
            (ReportFault::Trapped, "fault:trapped", "The module trapped; there is no table."),
            (ReportFault::OutOfFuel, "fault:out_of_fuel", "The module ran out of fuel; there is no table."),
            (ReportFault::OutOfMemory, "fault:out_of_memory", "The module ran out of memory; there is no table."),
            (
                ReportFault::BrokenContract,
                "fault:broken_contract",
                "What the module wrote isn't a table of its contract.",
            ),
            (ReportFault::QueryFailed, "fault:query_failed", "An input query failed; there is no table."),
            (ReportFault::TimedOut, "fault:timed_out", "The run was ended by the backstop; there is no table."),
        ];
        for (fault, id, sentence) in cases {
            let findings = Fault.run(&report(vec![vec![0, 5]], Some(fault)), &floor(Grade::Open));
            assert_eq!((ids(&findings), worst(&findings)), (vec![id.to_owned()], Verdict::Refuse));
            assert_eq!(findings[0].sentence(), sentence);
        }
        assert_eq!(worst(&Fault.run(&report(vec![vec![0, 5]], None), &floor(Grade::Open))), Verdict::Pass);
    }
}
