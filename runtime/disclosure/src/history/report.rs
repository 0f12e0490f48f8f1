//! What history has against a candidate, exactly and in words for reviewers.
//!
//! # Guarantees
//! Every near pair and triple is worked out, or reported as one that couldn't be; those whose difference is harmless
//! fall away. Ids are stable: they name the figures and nothing that was counted. Sorted by id.
//!
//! # Does not guarantee
//! That any of it may be shown to an operator: whether something was found is an exact oracle. No `Debug`, no serde.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::contributions::Contributions;
use super::difference::{Difference, Term};
use super::figure::{Figure, Place, Standing};
use super::keys::Domain;
use super::near::{Other, Search};
use super::triple::Triples;
use crate::appetite::Rules;
use crate::finding::escaped;
use crate::primary::Rule;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// A difference that says too much of some.
    Difference,
    /// The same figure is out under another plan.
    Same,
    /// A figure that is withheld follows exactly.
    Protected,
    /// A combination of many figures that says too much of some.
    Structure,
    /// What is out says too much of some, whatever becomes of the candidate.
    Out,
    /// A pair that couldn't be worked out.
    Unverified,
    /// The search was cut short.
    Incomplete,
}

/// A finding of history. No `Debug`: it is made from data.
#[must_use = "a finding that nobody reads blocks nothing"]
#[derive(Clone, PartialEq, Eq)]
pub struct HistoryFinding {
    /// Such as `history:R-1:flights/carrier%3DAA:subjects:R-2:...`.
    pub id: String,
    /// What was found.
    pub topic: Topic,
    /// The figures and their coefficients, the candidate's first; 0 where a coefficient isn't a small whole number.
    pub terms: Vec<(i32, Place)>,
    /// Subjects that it isolates; 0 where that isn't known.
    pub subjects: u64,
    /// Groups that they form.
    pub groups: u64,
    /// The primary rules that the difference breaks.
    pub broken: Vec<Rule>,
    /// In words.
    pub sentence: String,
}

/// Where figures and their contributions are found.
#[derive(Clone, Copy)]
pub struct Books<'a> {
    /// The candidate's figures.
    pub candidate: &'a [Figure],
    /// The archive's.
    pub archive: &'a [Figure],
    /// The universes: grand totals of a snapshot.
    pub universes: &'a [Figure],
    /// The contributions of a figure, as kept; none where they are lost.
    pub kept: &'a dyn Fn(&Place) -> Option<Arc<Contributions>>,
    /// The subjects.
    pub domain: &'a Domain,
    /// The rules.
    pub rules: &'a Rules,
}

/// The findings of a search for pairs and of one for triples.
#[must_use = "findings that nobody reads block nothing"]
pub fn findings(search: &Search, triples: &Triples, books: &Books<'_>) -> Vec<HistoryFinding> {
    let mut found = BTreeMap::new();
    let mut push = |finding: Option<HistoryFinding>| {
        if let Some(finding) = finding {
            found.insert(finding.id.clone(), finding);
        }
    };
    // The pairs of one figure lie together, so what it adds up is fetched once for all of them.
    for pairs in search.near.chunk_by(|a, b| a.candidate == b.candidate) {
        let own = pairs.first().and_then(|near| books.candidate.get(near.candidate));
        let Some(own) = own else { continue };
        let kept = (books.kept)(&own.place);
        for terms in pairs.iter().flat_map(|near| books.partners(near.other)) {
            push(books.judge(kept.as_ref(), std::iter::once((1, own)).chain(terms).collect()));
        }
    }
    for triple in &triples.found {
        let term = |(other, coefficient): (Other, i32)| Some((coefficient, books.figure(other)?));
        if let Some(terms) = triple.terms.into_iter().map(term).collect::<Option<Vec<_>>>() {
            let terms = own_first(terms);
            let kept = terms.first().and_then(|(_, own)| (books.kept)(&own.place));
            push(books.judge(kept.as_ref(), terms));
        }
    }
    if search.left_out > 0 || triples.cut {
        push(Some(incomplete(search.left_out)));
    }
    found.into_values().collect()
}

/// Puts a term of the candidate first, with the coefficient 1.
fn own_first(mut terms: Vec<(i32, &Figure)>) -> Vec<(i32, &Figure)> {
    terms.reverse();
    let sign = terms.first().map_or(1, |(sign, _)| *sign);
    terms.into_iter().map(|(coefficient, figure)| (coefficient * sign, figure)).collect()
}

impl<'a> Books<'a> {
    fn figure(&self, other: Other) -> Option<&'a Figure> {
        match other {
            Other::Own(place) => self.candidate.get(place),
            Other::Archive(place) | Other::Complement(place) => self.archive.get(place),
        }
    }

    /// What is taken off the candidate's figure: one figure, or a universe with a part put back.
    fn partners(&self, other: Other) -> Vec<Vec<(i32, &'a Figure)>> {
        let Some(figure) = self.figure(other) else { return Vec::new() };
        match other {
            Other::Own(_) | Other::Archive(_) => vec![vec![(-1, figure)]],
            Other::Complement(_) => {
                let universes = self.universes.iter().filter(|universe| figure.is_comparable(universe));
                universes.map(|universe| vec![(-1, universe), (1, figure)]).collect()
            }
        }
    }

    /// What figures give away together; the contributions of the first come with them, since many share it.
    fn judge(&self, first: Option<&Arc<Contributions>>, figures: Vec<(i32, &Figure)>) -> Option<HistoryFinding> {
        let others = figures.iter().skip(1).map(|(_, figure)| (self.kept)(&figure.place));
        let kept: Option<Vec<Arc<Contributions>>> = std::iter::once(first.cloned()).chain(others).collect();
        let Some(kept) = kept else {
            let sentence = "it can't be worked out, since the contributions of a figure are lost";
            return Some(finding(Topic::Unverified, &figures, None, sentence));
        };
        let terms: Vec<Term<'_>> = figures
            .iter()
            .zip(&kept)
            .map(|((coefficient, figure), contributions)| Term {
                coefficient: *coefficient,
                kind: figure.kind,
                contributions,
            })
            .collect();
        let difference = Difference::of(&terms, self.domain, self.rules);
        let protected = figures.iter().any(|(_, figure)| figure.standing == Standing::Protected);
        if difference.is_same() {
            return self.same(&figures, &difference, protected);
        }
        let whom = if protected { "what is withheld" } else { "what is out" };
        difference.is_unsafe().then(|| {
            let sentence = format!(
                "with {whom} it isolates {} of {}: {}",
                counted(difference.subjects, "subject"),
                counted(difference.groups, "group"),
                reasons(&difference)
            );
            finding(Topic::Difference, &figures, Some(&difference), &sentence)
        })
    }

    /// Nobody is left of a pair: a finding. Of three terms it is how totals add up, unless a withheld one follows.
    fn same(&self, figures: &[(i32, &Figure)], difference: &Difference, protected: bool) -> Option<HistoryFinding> {
        if protected {
            let sentence = "with what is out it says exactly what is withheld";
            return Some(finding(Topic::Protected, figures, Some(difference), sentence));
        }
        let own = figures.iter().all(|(_, figure)| self.candidate.iter().any(|own| std::ptr::eq(own, *figure)));
        (figures.len() == 2 && !own).then(|| {
            finding(
                Topic::Same,
                figures,
                Some(difference),
                "the same subjects with the same contributions are out already",
            )
        })
    }
}

fn finding(topic: Topic, figures: &[(i32, &Figure)], known: Option<&Difference>, sentence: &str) -> HistoryFinding {
    let terms: Vec<(i32, Place)> =
        figures.iter().map(|(coefficient, figure)| (*coefficient, figure.place.clone())).collect();
    // Others first: a reviewer looks a finding up by what is out.
    let names = terms.iter().skip(1).chain(terms.first()).map(|(coefficient, place)| {
        let sign = if *coefficient < 0 { "-" } else { "+" };
        let words = [&place.release, &place.cell, &place.quantity, &place.snapshot].map(|word| escaped(word));
        format!("{sign}{}", words.join(":"))
    });
    let id = format!("history:{}", names.collect::<Vec<_>>().join(":"));
    HistoryFinding {
        id,
        topic,
        terms,
        subjects: known.map_or(0, |known| known.subjects),
        groups: known.map_or(0, |known| known.groups),
        broken: known.map(|known| known.broken.clone()).unwrap_or_default(),
        sentence: sentence.to_owned(),
    }
}

fn incomplete(left_out: u64) -> HistoryFinding {
    HistoryFinding {
        id: "history:incomplete".to_owned(),
        topic: Topic::Incomplete,
        terms: Vec::new(),
        subjects: 0,
        groups: 0,
        broken: Vec::new(),
        sentence: format!("the search was cut short; at least {left_out} further pairs weren't worked out"),
    }
}

pub(super) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

pub(super) fn reasons(difference: &Difference) -> String {
    let few = difference.few.then(|| "fewer contribute than two releases must differ in".to_owned());
    few.into_iter().chain(difference.broken.iter().map(|rule| words(*rule))).collect::<Vec<_>>().join("; ")
}

/// A rule in words.
#[must_use]
pub fn words(rule: Rule) -> String {
    match rule {
        Rule::Threshold => "fewer subjects than the threshold".to_owned(),
        Rule::Contributors => "fewer subjects contribute than the threshold".to_owned(),
        Rule::Groups => "fewer groups than the threshold, or fewer subjects without the largest group".to_owned(),
        Rule::Dominance { n, k } => format!("the largest {n} hold at least {k} percent"),
        Rule::PriorPosterior { p, q } => {
            format!("the largest is known within {p} percent once the others are within {q} percent")
        }
        Rule::AllEqual => "all contribute the same".to_owned(),
        Rule::Category => "it has few values, and too few subjects have the value 0".to_owned(),
        Rule::Complement => "the distance to a declared bound is concentrated".to_owned(),
        Rule::Relation => "what follows from it by a declared relation breaks a rule".to_owned(),
        Rule::History => "together with what is out already it gives somebody away".to_owned(),
    }
}
