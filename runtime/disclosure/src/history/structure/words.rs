//! The findings in words, in the manner of [`super::super::report`].

use sha2::{Digest, Sha256};

use super::super::difference::Difference;
use super::super::figure::Place;
use super::super::report::{HistoryFinding, Topic, counted, reasons};
use crate::finding::escaped;

/// Most figures that an id names; the rest is in a digest of all of them.
const NAMED_MAX: usize = 8;

/// Figures and their coefficients, the candidate's first; 0 where a coefficient isn't known to be a small whole number.
pub(super) type Terms<'a> = Vec<(i32, &'a Place)>;

/// A combination that says too much of some.
pub(super) fn isolates(terms: &Terms<'_>, difference: &Difference) -> HistoryFinding {
    let sentence = format!(
        "a combination of {} isolates {} of {}: {}",
        counted(terms.len() as u64, "figure"),
        counted(difference.subjects, "subject"),
        counted(difference.groups, "group"),
        reasons(difference)
    );
    finding(Topic::Structure, terms, Some(difference), sentence)
}

/// A withheld figure that follows; it is the last term.
pub(super) fn follows(terms: &Terms<'_>) -> HistoryFinding {
    let figures = counted(terms.len().saturating_sub(1) as u64, "figure");
    let sentence = format!("a combination of {figures} says exactly what is withheld");
    finding(Topic::Protected, terms, None, sentence)
}

/// What is out isolates somebody whatever becomes of the candidate. It doesn't say how often: that would change with
/// every release, and isn't about the candidate.
pub(super) fn out_already() -> HistoryFinding {
    let sentence = "combinations of what is out already isolate some; the candidate adds nothing to those";
    whole("out", Topic::Out, sentence.to_owned())
}

/// What wasn't looked at; not how much of it, for the same reason.
pub(super) fn unchecked(left_out: bool, lost: bool, cut: bool) -> HistoryFinding {
    let reasons = [
        left_out.then_some("figures beyond the bounds of the check"),
        lost.then_some("figures whose contributions are lost"),
        cut.then_some("combinations that take more work than the check may do"),
    ];
    let reasons: Vec<&str> = reasons.into_iter().flatten().collect();
    let sentence = format!("combinations of many figures weren't looked at in full; left out: {}", reasons.join(", "));
    whole("unchecked", Topic::Incomplete, sentence)
}

fn whole(name: &str, topic: Topic, sentence: String) -> HistoryFinding {
    let id = format!("history:structure:{name}");
    HistoryFinding { id, topic, terms: Vec::new(), subjects: 0, groups: 0, broken: Vec::new(), sentence }
}

fn finding(topic: Topic, terms: &Terms<'_>, known: Option<&Difference>, sentence: String) -> HistoryFinding {
    HistoryFinding {
        id: format!("history:structure:{}", names(terms)),
        topic,
        terms: terms.iter().map(|(coefficient, place)| (*coefficient, (*place).clone())).collect(),
        subjects: known.map_or(0, |known| known.subjects),
        groups: known.map_or(0, |known| known.groups),
        broken: known.map(|known| known.broken.clone()).unwrap_or_default(),
        sentence,
    }
}

fn names(terms: &Terms<'_>) -> String {
    let name = |(coefficient, place): &(i32, &Place)| {
        let sign = match coefficient {
            0 => "~".to_owned(),
            1 => "+".to_owned(),
            -1 => "-".to_owned(),
            other => format!("{other:+}*"),
        };
        let words = [&place.release, &place.cell, &place.quantity, &place.snapshot].map(|word| escaped(word));
        format!("{sign}{}", words.join(":"))
    };
    let all: Vec<String> = terms.iter().map(name).collect();
    if all.len() <= NAMED_MAX {
        return all.join(":");
    }
    let digest = hex::encode(Sha256::digest(all.join(":")).iter().take(8).copied().collect::<Vec<u8>>());
    let named: Vec<String> = all.iter().take(NAMED_MAX).cloned().collect();
    format!("{}:and-{}-more:{digest}", named.join(":"), all.len() - NAMED_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(count: usize) -> Vec<Place> {
        let word = |text: &str| text.to_owned();
        let place = |cell: usize| Place {
            release: word("R"),
            cell: format!("c={cell}"),
            quantity: word("q"),
            snapshot: word("s"),
        };
        (0..count).map(place).collect()
    }

    #[test]
    fn ids_name_figures_and_their_coefficients() {
        let places = places(10);
        let terms: Terms<'_> = [1, -1, 3, -2, 0].into_iter().zip(&places).collect();
        let id = follows(&terms).id;
        let names = "+R:c%3D0:q:s:-R:c%3D1:q:s:+3*R:c%3D2:q:s:-2*R:c%3D3:q:s:~R:c%3D4:q:s";
        assert_eq!(id, format!("history:structure:{names}"));
        let of = |coefficients: [i32; 10]| follows(&coefficients.into_iter().zip(&places).collect()).id;
        let (long, other) = (of([1; 10]), of([1, 1, 1, 1, 1, 1, 1, 1, 1, -1]));
        assert!(long.contains(":+R:c%3D7:q:s:and-2-more:") && !long.contains("c%3D8"));
        assert!(long != other && long == of([1; 10]));
    }

    #[test]
    fn sentences_say_what_was_left_out() {
        assert_eq!(
            unchecked(true, true, true).sentence,
            "combinations of many figures weren't looked at in full; left out: figures beyond the bounds of the check, \
             figures whose contributions are lost, combinations that take more work than the check may do"
        );
        let cut = "left out: combinations that take more work than the check may do";
        assert!(unchecked(false, false, true).sentence.ends_with(cut));
    }
}
