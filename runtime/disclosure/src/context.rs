//! The context of an assessment: what is known outside of the candidate, above all the history of releases.
//!
//! This crate is pure and sees one candidate. Whoever compares it with earlier releases hands over what they found, and
//! it becomes findings like any other, under the same commitment.
//!
//! # Guarantees
//! Without a comparison reviewers are told that there was none: silence is not a pass. Order doesn't matter.
//!
//! # Does not guarantee
//! That what is handed over is true. A place that isn't in the table counts as the whole of it.

use serde::{Deserialize, Serialize};

use crate::candidate::{Body, Candidate, Counted, Mismatch, Node};
use crate::finding::{CheckName, Finding, Scope, Verdict, labels};
use crate::publish::Method;

/// What a comparison outside of this crate found.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutsideFinding {
    /// Stable, such as `history:difference:d0=AA`.
    pub id: String,
    /// In whose name.
    pub check: CheckName,
    /// What follows.
    pub verdict: Verdict,
    /// The published cell that it is about, if it is about one.
    pub node: Option<Node>,
    /// In words, for reviewers.
    pub sentence: String,
}

/// What is known outside of the candidate.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// What a comparison with earlier releases found; `None` if there was no comparison.
    pub history: Option<Vec<OutsideFinding>>,
    /// How the table is protected.
    pub method: Method,
}

impl Context {
    /// Canonical bytes, **for inside only**.
    #[must_use]
    pub fn to_inside_bytes(&self) -> Vec<u8> {
        let mut sorted = self.clone();
        sorted.history.iter_mut().for_each(|findings| findings.sort());
        serde_json::to_vec(&sorted).expect("strings, integers and sequences always serialise")
    }

    /// Reads what [`Context::to_inside_bytes`] wrote.
    ///
    /// # Errors
    /// [`Mismatch::Bytes`] unless the bytes are exactly what would be written.
    pub fn from_inside_bytes(bytes: &[u8]) -> Result<Context, Mismatch> {
        let context: Context = serde_json::from_slice(bytes).map_err(|_| Mismatch::Bytes)?;
        if context.to_inside_bytes() == bytes { Ok(context) } else { Err(Mismatch::Bytes) }
    }

    /// The findings, at least one, sorted by id.
    pub(crate) fn findings(&self, candidate: &Candidate) -> Vec<Finding> {
        let whole = |verdict, topic, sentence: &str| {
            vec![Finding::whole(CheckName::History, verdict, topic, sentence.to_owned())]
        };
        let Some(history) = &self.history else {
            let sentence = "Earlier releases weren't compared: a difference between two tables may isolate someone.";
            return whole(Verdict::Refer, "unchecked", sentence);
        };
        if history.is_empty() {
            return whole(Verdict::Pass, "", "Nothing was found when earlier releases were compared.");
        }
        let mut history: Vec<&OutsideFinding> = history.iter().collect();
        history.sort();
        history.into_iter().map(|found| found.finding(candidate)).collect()
    }
}

impl OutsideFinding {
    fn finding(&self, candidate: &Candidate) -> Finding {
        let place = match (candidate.body(), &self.node) {
            (Body::Counted(counted), Some(node)) if is_published(counted, node) => {
                (Scope::Cell(node.clone()), Some(labels(counted, node)))
            }
            _ => (Scope::Whole, None),
        };
        Finding::outside((self.check, self.verdict), self.id.clone(), place, self.sentence.clone())
    }
}

fn is_published(counted: &Counted, node: &Node) -> bool {
    let dimensions = &counted.contract().dimensions;
    let declared = |(code, dimension): (&Option<u32>, &sluice_domain::contract::Dimension)| {
        code.is_none_or(|code| (code as usize) < dimension.labels.len())
    };
    let kept = || node.iter().zip(0_u32..).filter(|(code, _)| code.is_some()).map(|(_, index)| index);
    node.len() == dimensions.len()
        && node.iter().zip(dimensions).all(declared)
        && counted.planes().iter().any(|plane| plane.kept.iter().copied().eq(kept()))
}

#[cfg(test)]
mod tests {
    use sluice_domain::grade::Grade;

    use super::*;
    use crate::assessment::assess;
    use crate::table::Value;
    use crate::tests::factory::{Table, floor, ids};

    fn found(id: &str, verdict: Verdict, node: Option<Node>) -> OutsideFinding {
        let sentence = "One aircraft is isolated.".to_owned();
        OutsideFinding { id: id.to_owned(), check: CheckName::History, verdict, node, sentence }
    }

    #[test]
    fn what_is_found_outside_counts_as_what_is_found_inside() {
        let table = Table::new(&[&["AA", "UA"]]).subjects(&[0], 30).subjects(&[1], 30).margins(&[&[]]);
        let (candidate, appetite) = (table.candidate(), floor(Grade::Open));
        let assessed = |history: Option<Vec<OutsideFinding>>| {
            assess(&candidate, &appetite, &Context { history, ..Context::default() })
        };
        let silent = assessed(None);
        assert!(ids(silent.findings()).contains(&"history:unchecked".to_owned()));
        assert!(ids(assessed(Some(Vec::new())).findings()).contains(&"history:all".to_owned()));

        let (one, two) =
            (found("history:a", Verdict::Refer, None), found("history:b", Verdict::Suppress, Some(vec![Some(1)])));
        let told = assessed(Some(vec![two.clone(), one.clone()]));
        assert!(told.table().rows()[0][1] == Value::Integer(30) && told.table().rows()[1][1] == Value::Suppressed);
        assert!(told.canonical_bytes() == assessed(Some(vec![one, two])).canonical_bytes());
        assert!(told.canonical_bytes() != silent.canonical_bytes());
        // A place that isn't published is the whole.
        let nowhere = assessed(Some(vec![found("history:c", Verdict::Suppress, Some(vec![Some(2)]))]));
        assert!(nowhere.table().rows().is_empty());
    }

    #[test]
    fn the_inside_bytes_are_canonical() {
        let findings = vec![found("b", Verdict::Refer, None), found("a", Verdict::Refer, Some(vec![None, Some(3)]))];
        for history in [None, Some(Vec::new()), Some(findings)] {
            let context = Context { history, ..Context::default() };
            let bytes = context.to_inside_bytes();
            let read = Context::from_inside_bytes(&bytes);
            assert!(read.is_ok_and(|read| read.to_inside_bytes() == bytes));
            assert!(Context::from_inside_bytes(&bytes[1..]).is_err());
        }
    }
}
