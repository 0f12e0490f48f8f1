//! The primary rules against ACRO: of the same contributions under the same appetite, ACRO and Sluice mask the same
//! cells, or Sluice masks more for a reason that is listed here.
//!
//! # Guarantees
//! Every cell of every table is compared, empty ones included, rule by rule where both have the rule: the threshold,
//! the (n,k) rule and the p% rule. What ACRO masks, Sluice masks. A difference without a reason fails.
//!
//! # Does not guarantee
//! Anything of secondary suppression or history: ACRO has none, and its masks are of primary cells alone.

use std::collections::{BTreeMap, BTreeSet};

use sluice_disclosure::appetite::{Appetite, Dominance, Overrides, Rules};
use sluice_disclosure::evidence::{Collector, Evidence, Unit};
use sluice_disclosure::primary::{Bounds, Quantity, Rule, broken};
use sluice_domain::grade::Grade;

use crate::support::acro::data::{edges, flights, people};
use crate::support::acro::{Asked, Cell, Microdata, appetite, ask};

/// Why Sluice masks a cell that ACRO doesn't, or masks it for another reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    /// Who contributes 0 doesn't count towards a sum's threshold; ACRO counts rows.
    Contributors,
    /// Too few units without the largest legal entity, of which ACRO knows nothing.
    Groups,
    /// Dominance or p% among legal entities.
    AmongGroups,
    /// A second (n,k) rule; ACRO has one.
    SecondDominance,
    /// The pq rule; ACRO has none.
    PriorPosterior,
    /// All contribute the same; ACRO has that check, and runs it on no sum.
    AllEqual,
    /// The distances to a declared bound are dominated; ACRO knows no bounds.
    Complement,
    /// A measure of few values is a dimension, and too few have the value 0; ACRO has no such rule.
    Category,
    /// Masked by both, but not by the same rule: ACRO's p% rule takes nothing of nothing for less than p percent; ours
    /// finds too few contributors.
    AllZero,
}

/// What was found of one table.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    cells: usize,
    empty: usize,
    /// Those that ACRO masks, and so does Sluice.
    both: usize,
    /// Those that Sluice alone masks.
    ours: usize,
    /// For how many cells each reason holds; for one cell several may.
    reasons: BTreeMap<Reason, usize>,
}

/// The evidence of each cell that isn't empty.
type Evidences<'a> = BTreeMap<&'a [String], Evidence>;

/// The evidence with each unit by itself, as ACRO sees it, and with units in their groups.
fn evidence(data: &Microdata) -> [Evidences<'_>; 2] {
    [false, true].map(|grouped| {
        let mut collectors: BTreeMap<&[String], Collector> = BTreeMap::new();
        for part in &data.contributions {
            let group = if grouped { part.group } else { u64::from(part.unit) };
            let unit = Unit { subject: part.unit, group, records: 1, values: &part.values };
            collectors.entry(&part.codes).or_insert_with(|| Collector::new(part.values.len())).add(unit);
        }
        collectors.into_iter().map(|(codes, collector)| (codes, collector.finish())).collect()
    })
}

/// What Sluice knows of one table.
struct Ours<'a> {
    asked: Asked<'a>,
    alone: &'a Evidences<'a>,
    grouped: &'a Evidences<'a>,
}

impl Ours<'_> {
    fn broken(&self, evidence: &Evidences<'_>, codes: &[String]) -> BTreeSet<Rule> {
        let (quantity, bounds): (Quantity, Bounds) = match self.asked.measure {
            None => (Quantity::Subjects, None),
            Some(index) => (Quantity::Sum(index), self.asked.data.measures[index].1),
        };
        let empty = Collector::new(self.asked.data.measures.len()).finish();
        let evidence = evidence.get(codes).unwrap_or(&empty);
        broken(evidence, quantity, bounds, self.asked.rules).into_iter().collect()
    }

    /// The rules that ACRO has as well.
    fn shared(&self) -> [(&'static str, Rule); 3] {
        let rules = self.asked.rules;
        let Dominance { n, k_percent } = rules.dominance[0];
        [
            ("MinimumThresholdCheck", Rule::Threshold),
            ("NKCheck", Rule::Dominance { n, k: k_percent }),
            ("PPercentCheck", Rule::PriorPosterior { p: rules.p_percent, q: 100 }),
        ]
    }

    /// Why our mask of this cell isn't ACRO's; nothing where it is. Panics over a difference without a reason.
    fn compare(&self, theirs: &Cell) -> (bool, BTreeSet<Reason>) {
        let at = format!("{} {:?} {:?}", self.asked.data.name, self.asked.measure, theirs.codes);
        let (alone, grouped) = (self.broken(self.alone, &theirs.codes), self.broken(self.grouped, &theirs.codes));
        assert!(alone.is_subset(&grouped), "{at}: groups make nothing safer");
        let empty = !self.alone.contains_key(theirs.codes.as_slice());
        let mut reasons = BTreeSet::new();
        for (check, rule) in self.shared() {
            match (theirs.failed.contains(check), alone.contains(&rule)) {
                (true, false)
                    if check == "PPercentCheck" && theirs.value == 0 && alone.contains(&Rule::Contributors) =>
                {
                    reasons.insert(Reason::AllZero);
                }
                (theirs, ours) => assert_eq!(theirs, ours, "{at}: {check}"),
            }
        }
        let known = self.shared().map(|(check, _)| check);
        let others = theirs.failed.iter().filter(|check| !known.contains(&check.as_str()));
        for check in others {
            assert!(check == "PresenceOfZeroCheck" && empty, "{at}: {check}");
        }
        if !theirs.failed.is_empty() {
            assert!(!alone.is_empty(), "{at}: masked by ACRO alone");
        } else {
            reasons.extend(grouped.iter().map(|rule| self.reason(*rule, alone.contains(rule))));
        }
        if let Some(suppressed) = theirs.suppressed {
            assert_eq!(suppressed, !theirs.failed.is_empty() || theirs.value == 0, "{at}: what ACRO shows");
            assert!(!suppressed || !grouped.is_empty(), "{at}: suppressed by ACRO alone");
        }
        (!grouped.is_empty(), reasons)
    }

    /// The reason behind a rule that masks a cell which ACRO shows.
    fn reason(&self, rule: Rule, alone: bool) -> Reason {
        assert!(!alone || self.shared().iter().all(|(_, shared)| *shared != rule), "{rule:?} is a rule of ACRO's too");
        match rule {
            Rule::Contributors => Reason::Contributors,
            Rule::Groups => Reason::Groups,
            Rule::AllEqual => Reason::AllEqual,
            Rule::Complement => Reason::Complement,
            Rule::Category => Reason::Category,
            Rule::Dominance { .. } | Rule::PriorPosterior { .. } if !alone => Reason::AmongGroups,
            Rule::Dominance { .. } => Reason::SecondDominance,
            Rule::PriorPosterior { .. } => Reason::PriorPosterior,
            Rule::Threshold | Rule::Relation | Rule::History => {
                panic!("subjects are counted alike, measures are unrelated, and nothing is out")
            }
        }
    }

    fn found(&self, theirs: &[Cell]) -> Found {
        let mut found = Found { cells: theirs.len(), ..Found::default() };
        let mut seen = BTreeSet::new();
        for cell in theirs {
            assert!(seen.insert(cell.codes.as_slice()), "{:?} is there twice", cell.codes);
            let (masked, reasons) = self.compare(cell);
            found.empty += usize::from(!self.alone.contains_key(cell.codes.as_slice()));
            found.both += usize::from(!cell.failed.is_empty());
            found.ours += usize::from(masked && cell.failed.is_empty());
            for reason in reasons {
                *found.reasons.entry(reason).or_default() += 1;
            }
        }
        assert!(self.alone.keys().all(|codes| seen.contains(codes)), "ACRO has every cell");
        found
    }
}

/// The floor of open data, which is ACRO's own default; a stricter one of the same rules; and one with more rules.
fn appetites() -> [(&'static str, Rules); 3] {
    let floor = |grade| Appetite::floor(grade).expect("it has a floor");
    let stricter = Overrides {
        threshold: Some(30),
        dominance: vec![Dominance { n: 2, k_percent: 60 }],
        p_percent: Some(40),
        ..Overrides::default()
    };
    let tight = floor(Grade::Open).tightened(&stricter).expect("it is stricter");
    [
        ("open", floor(Grade::Open).rules().clone()),
        ("tight", tight.rules().clone()),
        ("restricted", floor(Grade::Restricted).rules().clone()),
    ]
}

/// How many cells a table may have for ACRO's suppressed table to be asked for: it runs a query for each masked cell.
const SUPPRESSED: usize = 400;

/// How many cells there are when all codes are crossed.
fn crossed(data: &Microdata) -> usize {
    let codes = |place: usize| data.contributions.iter().map(|part| &part.codes[place]).collect::<BTreeSet<_>>().len();
    (0..data.dimensions.len()).map(codes).product()
}

/// The appetite and the figure of each table that is compared of these data: the count and every sum.
fn asked<'a>(data: &'a Microdata, appetites: &'a [(&'static str, Rules)]) -> Vec<(String, Asked<'a>)> {
    let small = crossed(data) <= SUPPRESSED;
    let figures = std::iter::once(None).chain((0..data.measures.len()).map(Some));
    let asked = figures.flat_map(|measure| {
        appetites.iter().enumerate().map(move |(place, (appetite, rules))| {
            let figure = measure.map_or("count", |index| data.measures[index].0);
            let asked = Asked { data, measure, rules, suppress: small && place == 0 };
            (format!("{}, {figure}, {appetite}", data.name), asked)
        })
    });
    asked.collect()
}

/// Compares all tables of these data, and gives a line for each.
fn compared(tables: &[Microdata]) -> Vec<String> {
    let appetites = appetites();
    let all: Vec<(String, Asked<'_>)> = tables.iter().flat_map(|data| asked(data, &appetites)).collect();
    let answers = ask(&all.iter().map(|(_, asked)| *asked).collect::<Vec<_>>()).tables;
    assert_eq!(answers.len(), all.len());
    let mut answers = all.iter().zip(&answers);
    let lines = tables.iter().flat_map(|data| {
        let [alone, grouped] = evidence(data);
        let own = answers.by_ref().take(asked(data, &appetites).len());
        let lines = own.map(|((name, asked), theirs)| {
            let Found { cells, empty, both, ours, reasons } =
                Ours { asked: *asked, alone: &alone, grouped: &grouped }.found(theirs);
            format!("{name}: {cells} cells, {empty} empty, {both} by both, {ours} by us alone, {reasons:?}")
        });
        lines.collect::<Vec<_>>()
    });
    lines.collect()
}

/// What is found of the flights. Where aircraft are grouped by carrier, a route that one carrier rules is masked.
const FLIGHTS: &str = "\
origin x carrier, count, open: 48 cells, 13 empty, 14 by both, 0 by us alone, {}
origin x carrier, count, tight: 48 cells, 13 empty, 18 by both, 0 by us alone, {}
origin x carrier, count, restricted: 48 cells, 13 empty, 14 by both, 0 by us alone, {}
origin x carrier, distance, open: 48 cells, 13 empty, 14 by both, 0 by us alone, {}
origin x carrier, distance, tight: 48 cells, 13 empty, 18 by both, 0 by us alone, {}
origin x carrier, distance, restricted: 48 cells, 13 empty, 14 by both, 0 by us alone, {}
origin x carrier, delay, open: 48 cells, 13 empty, 14 by both, 1 by us alone, {Contributors: 1}
origin x carrier, delay, tight: 48 cells, 13 empty, 18 by both, 0 by us alone, {}
origin x carrier, delay, restricted: 48 cells, 13 empty, 14 by both, 1 by us alone, {Contributors: 1}
month x carrier, count, open: 192 cells, 7 empty, 13 by both, 0 by us alone, {}
month x carrier, count, tight: 192 cells, 7 empty, 45 by both, 0 by us alone, {}
month x carrier, count, restricted: 192 cells, 7 empty, 13 by both, 0 by us alone, {}
month x carrier, distance, open: 192 cells, 7 empty, 13 by both, 0 by us alone, {}
month x carrier, distance, tight: 192 cells, 7 empty, 45 by both, 0 by us alone, {}
month x carrier, distance, restricted: 192 cells, 7 empty, 13 by both, 0 by us alone, {}
month x carrier, delay, open: 192 cells, 7 empty, 18 by both, 13 by us alone, {Contributors: 13}
month x carrier, delay, tight: 192 cells, 7 empty, 47 by both, 13 by us alone, {Contributors: 13}
month x carrier, delay, restricted: 192 cells, 7 empty, 21 by both, 10 by us alone, {Contributors: 10, SecondDominance: 2, PriorPosterior: 1}
origin x dest, by carrier, count, open: 312 cells, 89 empty, 101 by both, 211 by us alone, {Groups: 211}
origin x dest, by carrier, count, tight: 312 cells, 89 empty, 112 by both, 200 by us alone, {Groups: 200}
origin x dest, by carrier, count, restricted: 312 cells, 89 empty, 101 by both, 211 by us alone, {Groups: 211}
origin x dest, by carrier, distance, open: 312 cells, 89 empty, 101 by both, 211 by us alone, {Contributors: 211, Groups: 211, AmongGroups: 185, AllEqual: 3}
origin x dest, by carrier, distance, tight: 312 cells, 89 empty, 112 by both, 200 by us alone, {Contributors: 200, Groups: 200, AmongGroups: 198}
origin x dest, by carrier, distance, restricted: 312 cells, 89 empty, 101 by both, 211 by us alone, {Contributors: 211, Groups: 211, AmongGroups: 198, AllEqual: 3}
origin x dest, by carrier, delay, open: 312 cells, 89 empty, 101 by both, 211 by us alone, {Contributors: 211, Groups: 211, AmongGroups: 187, AllZero: 1}
origin x dest, by carrier, delay, tight: 312 cells, 89 empty, 113 by both, 199 by us alone, {Contributors: 199, Groups: 199, AmongGroups: 197, AllZero: 1}
origin x dest, by carrier, delay, restricted: 312 cells, 89 empty, 101 by both, 211 by us alone, {Contributors: 211, Groups: 211, AmongGroups: 199, SecondDominance: 1, AllZero: 1}
origin x dest x carrier, count, open: 4992 cells, 4554 empty, 4623 by both, 0 by us alone, {}
origin x dest x carrier, count, tight: 4992 cells, 4554 empty, 4655 by both, 0 by us alone, {}
origin x dest x carrier, count, restricted: 4992 cells, 4554 empty, 4623 by both, 0 by us alone, {}
origin x dest x carrier, distance, open: 4992 cells, 4554 empty, 4623 by both, 4 by us alone, {AllEqual: 4}
origin x dest x carrier, distance, tight: 4992 cells, 4554 empty, 4655 by both, 0 by us alone, {}
origin x dest x carrier, distance, restricted: 4992 cells, 4554 empty, 4623 by both, 4 by us alone, {AllEqual: 4}
origin x dest x carrier, delay, open: 4992 cells, 4554 empty, 4625 by both, 17 by us alone, {Contributors: 17, AllZero: 25}
origin x dest x carrier, delay, tight: 4992 cells, 4554 empty, 4658 by both, 31 by us alone, {Contributors: 31, AllZero: 25}
origin x dest x carrier, delay, restricted: 4992 cells, 4554 empty, 4625 by both, 17 by us alone, {Contributors: 17, SecondDominance: 1, AllZero: 25}";

/// What is found of the people: nobody under 15 earns, and nearly everybody works all days that there are.
const PEOPLE: &str = "\
people, count, open: 112 cells, 0 empty, 13 by both, 0 by us alone, {}
people, count, tight: 112 cells, 0 empty, 39 by both, 0 by us alone, {}
people, count, restricted: 112 cells, 0 empty, 13 by both, 0 by us alone, {}
people, income, open: 112 cells, 0 empty, 43 by both, 14 by us alone, {Contributors: 14, AllZero: 24}
people, income, tight: 112 cells, 0 empty, 73 by both, 14 by us alone, {Contributors: 14, AllZero: 24}
people, income, restricted: 112 cells, 0 empty, 50 by both, 12 by us alone, {Contributors: 12, SecondDominance: 1, PriorPosterior: 1, Complement: 1, AllZero: 24}
people, days, open: 112 cells, 0 empty, 13 by both, 80 by us alone, {AllEqual: 41, Complement: 39}
people, days, tight: 112 cells, 0 empty, 39 by both, 62 by us alone, {AllEqual: 23, Complement: 39}
people, days, restricted: 112 cells, 0 empty, 13 by both, 82 by us alone, {AllEqual: 41, Complement: 41}";

/// What is found at the edges; the 40 empty cells are crossings of codes.
const EDGES: &str = "\
edges, count, open: 49 cells, 40 empty, 41 by both, 0 by us alone, {}
edges, count, tight: 49 cells, 40 empty, 49 by both, 0 by us alone, {}
edges, count, restricted: 49 cells, 40 empty, 41 by both, 0 by us alone, {}
edges, value, open: 49 cells, 40 empty, 46 by both, 1 by us alone, {AllEqual: 1, AllZero: 1}
edges, value, tight: 49 cells, 40 empty, 49 by both, 0 by us alone, {AllZero: 1}
edges, value, restricted: 49 cells, 40 empty, 47 by both, 1 by us alone, {AllEqual: 1, AllZero: 1}";

#[test]
fn acros_defaults_are_the_floor_of_open_data() {
    let [(_, open), ..] = appetites();
    assert_eq!(ask(&[]).defaults, appetite(&open));
}

#[test]
fn masks_of_flights_are_acros_or_stricter_for_a_listed_reason() {
    let tables = [
        flights("origin x carrier", &["origin", "carrier"], false),
        flights("month x carrier", &["month", "carrier"], false),
        flights("origin x dest, by carrier", &["origin", "dest"], true),
        flights("origin x dest x carrier", &["origin", "dest", "carrier"], false),
    ];
    assert_eq!(compared(&tables), FLIGHTS.lines().collect::<Vec<_>>());
}

#[test]
fn masks_of_people_are_acros_or_stricter_for_a_listed_reason() {
    assert_eq!(compared(&[people()]), PEOPLE.lines().collect::<Vec<_>>());
}

#[test]
fn at_the_edge_of_a_rule_both_decide_alike() {
    assert_eq!(compared(&[edges()]), EDGES.lines().collect::<Vec<_>>());
}
