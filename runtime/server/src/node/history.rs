//! History: what has left a subject domain, and what a candidate gives away together with it. Evidence for reviewers;
//! no operator ever learns whether there was any.
//!
//! # Guarantees
//! A decision is made on what is out by then: where that is more than a candidate was compared with, it is compared
//! again, and where something else is found, the votes are void.
//!
//! # Does not guarantee
//! - That releases whose kept contributions are gone can be compared exactly: their pairs are findings as such.
//! - Anything about reports: the host counts nothing in them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use sluice_disclosure::candidate::Contributions as Entries;
use sluice_disclosure::finding::CheckName;
use sluice_disclosure::history::quota::{Caps, Used};
use sluice_disclosure::history::table::Spot;
use sluice_disclosure::history::{Contributions, Figure, Place, Standing};
use sluice_disclosure::{Appetite, Candidate, Context, OutsideFinding, ReleaseTable, Verdict, assess};
use sluice_domain::contract::Contract;
use sluice_domain::event::Happening;
use sluice_domain::id::{JobId, ReleaseId};
use sluice_domain::job::Job;
use sluice_domain::people::Actor;
use sluice_domain::refusal::Code;
use sluice_domain::review::ReleaseRequest;
use sluice_domain::state::State;

use super::archive::{Archive, Counted, SEALED_FIGURES_MAX, domain_of, mark, subjects, write_figures};
use super::attempt::folder_name;
use super::book::Book;
use super::inside::{self, Inside, Loaded};
use super::stop::{Done, Stop, off};
use super::{Node, grants};
use crate::files::Home;

/// What places of the candidate have for the name of a release.
const CANDIDATE: &str = "candidate";
/// What one legal entity may use of a domain's quota, in percent.
const SHARE_PERCENT: u8 = 25;

/// What is needed to compare: read off the book, so that the work is done off the runtime's threads.
pub(super) struct Comparison {
    home: Home,
    own: Counted,
    archive: Archive,
    mark: u64,
    n_public: u64,
    /// The threshold without a request's exceptions: a quota isn't the rule that they loosen.
    threshold: u64,
}

/// A mark of what is out of the domain of a job's candidate: where it is the same, nothing more is. None where nothing
/// is compared.
pub(super) fn out(state: &State, job: &JobId) -> Option<u64> {
    let job = state.jobs.get(job).filter(|job| matches!(job.contract, Contract::Tabulate(_)))?;
    let (domain, _) = domain_of(state, job)?;
    Some(mark(state, domain))
}

impl Comparison {
    /// Of a job whose attempt kept its contributions in `folder`; none of a report.
    pub fn of(node: &Node, state: &State, job: &Job, folder: PathBuf) -> Done<Option<Comparison>> {
        let Contract::Tabulate(contract) = &job.contract else { return Ok(None) };
        let Some((domain, snapshot)) = domain_of(state, job) else { return Ok(None) };
        let of_domain = state.datasets.values().filter(|dataset| dataset.is_of(domain));
        let grant = state.grants.get(&job.grant).ok_or_else(gone)?;
        Ok(Some(Comparison {
            home: node.desk().home.clone(),
            threshold: grants::appetite(state, grant)?.rules().threshold,
            own: Counted::new(state, job, contract, snapshot, folder),
            archive: Archive::of(node, state, domain, None)?,
            mark: mark(state, domain),
            n_public: of_domain.map(|dataset| dataset.n_public).max().unwrap_or(1),
        }))
    }

    /// A mark of what there is to compare with; see [`out`].
    pub fn out(&self) -> u64 {
        self.mark
    }

    fn entries(&self) -> Done<Entries> {
        self.own.entries().map_err(Stop::fault("read what a run kept"))
    }

    /// The context of a candidate that nobody has compared yet under these rules, with what it gives away together with what is
    /// out; and the mark of what that was. A report is compared with nothing.
    pub fn first(
        comparison: Option<&Comparison>,
        candidate: &Candidate,
        appetite: &Appetite,
        context: Context,
    ) -> Done<(Context, u64)> {
        let Some(comparison) = comparison else { return Ok((context, 0)) };
        let shown = assess(candidate, appetite, &context);
        Ok((comparison.context(shown.table(), appetite, context)?, comparison.out()))
    }

    /// What is known from what is out of the candidate that shows this table.
    pub fn context(&self, table: &ReleaseTable, appetite: &Appetite, context: Context) -> Done<Context> {
        let entries = self.entries()?;
        let origin = self.own.origin(CANDIDATE, &entries);
        let opened = self.archive.open(subjects(&entries))?;
        let keys = opened.keys()?;
        let own = origin.figures(&keys, table).map_err(Stop::fault("make a table's figures"))?;
        let (spots, candidates): (Vec<Spot>, Vec<Figure>) = own.into_iter().unzip();
        let spots: BTreeMap<&Place, &Spot> = candidates.iter().map(Figure::place).zip(&spots).collect();
        let index = origin.index();
        let kept = |place: &Place| -> Option<Arc<Contributions>> {
            origin.of(&index, spots.get(place).filter(|_| place.release == CANDIDATE)?).map(Arc::new)
        };
        let found = opened.found(&candidates, &kept, (keys.domain(), appetite.rules()), false);
        let found = found.into_iter().map(|found| OutsideFinding {
            node: found.terms.first().and_then(|(_, place)| spots.get(place)).map(|(node, _)| node.clone()),
            id: found.id,
            check: CheckName::History,
            verdict: Verdict::Refer,
            sentence: found.sentence,
        });
        let mut history: Vec<OutsideFinding> = found.collect();
        history.extend(self.quota(appetite, opened.of_people(), &candidates));
        history.extend(opened.unchecked.then(unchecked));
        Ok(Context { history: Some(history), ..context })
    }

    /// Whether more would be out than a domain, or this legal entity, may have. Every figure is taken for independent.
    fn quota(&self, appetite: &Appetite, archive: &[Figure], own: &[Figure]) -> Vec<OutsideFinding> {
        let out = |figures: &[Figure], of: Option<&str>| {
            let released = figures.iter().filter(|figure| figure.standing() == Standing::Released);
            let released = released.filter(|figure| of.is_none_or(|id| figure.place().release == id)).count() as u64;
            Used { figures: released, rank: released }
        };
        let mut used: BTreeMap<String, Used> = BTreeMap::new();
        for (release, counted) in &self.archive.out {
            let more = out(archive, Some(release.as_str()));
            let entry = used.entry(counted.entity.clone()).or_default();
            entry.figures += more.figures;
            entry.rank += more.rank;
        }
        let caps = Caps::of(self.n_public, appetite.rules().threshold.max(self.threshold), SHARE_PERCENT);
        let exceeded = caps.exceeded(&used, &self.own.entity, &out(own, None));
        let found = exceeded.into_iter().map(|exceeded| OutsideFinding {
            id: format!("history:quota:{exceeded:?}").to_lowercase(),
            check: CheckName::History,
            verdict: Verdict::Refer,
            node: None,
            sentence: exceeded.sentence().to_owned(),
        });
        found.collect()
    }

    /// Writes what a release leaves behind, before its event.
    pub fn leave(&self, id: &ReleaseId, table: &ReleaseTable) -> Done<()> {
        let entries = self.entries()?;
        let subjects = subjects(&entries);
        let keys = self.archive.keyring().keys(subjects)?;
        let figures = self
            .own
            .origin(id.as_str(), &entries)
            .figures(&keys, table)
            .map_err(Stop::fault("make a table's figures"))?;
        let figures: Vec<Figure> = figures.into_iter().map(|(_, figure)| figure).collect();
        write_figures(&self.home.figures(id), subjects, &figures)
    }
}

/// The finding that not every seal was compared with.
fn unchecked() -> OutsideFinding {
    OutsideFinding {
        id: "history:families:unchecked".to_owned(),
        check: CheckName::History,
        verdict: Verdict::Refer,
        node: None,
        sentence: format!(
            "the sealed families of this subject domain have more than {SEALED_FIGURES_MAX} figures; those of the \
             oldest snapshots weren't compared"
        ),
    }
}

impl Node {
    /// The comparison of a request's candidate; none of a report.
    pub(super) fn comparison(&self, state: &State, job: &JobId) -> Done<Option<Comparison>> {
        let Some(job) = state.jobs.get(job) else { return Ok(None) };
        Comparison::of(self, state, job, self.desk().home.job(&job.id).join(folder_name(job.attempts)))
    }

    /// Compares a candidate again where more is out than when it was last compared. Its votes are void where that finds
    /// something else than was found before; says whether it did.
    pub(super) async fn refresh(&self, book: &Book, request: &ReleaseRequest) -> Done<bool> {
        let Some(out) = out(&book.state, &request.job).filter(|_| request.is_open()) else { return Ok(false) };
        let inside = Inside::at(self.desk().home.request(&request.id));
        let on_record = request.clone();
        if off(move || inside.compared(&on_record)).await? == out {
            return Ok(false);
        }
        let Some(comparison) = self.comparison(&book.state, &request.job)? else { return Ok(false) };
        let job = book.state.jobs.get(&request.job).ok_or_else(gone)?;
        let grant = book.state.grants.get(&job.grant).ok_or_else(gone)?;
        let appetite = inside::appetite(&book.state, grant, request)?;
        let inside = Inside::at(self.desk().home.request(&request.id));
        let (on_record, limits, fresh) = (request.clone(), self.settings().limits.clone(), self.desk().random()?);
        let compared = off(move || {
            let Loaded { candidate, assessment, key, context, .. } = inside.load(&on_record, &appetite, &limits)?;
            let context = comparison.context(assessment.table(), &appetite, context)?;
            let found = assess(&candidate, &appetite, &context);
            // Where nothing else is found, reviewers have seen all there is to see.
            let key = if found.commitment(&key) == on_record.assessment { key } else { fresh };
            inside.keep_again(&found, &key, &context, comparison.out())
        });
        let assessment = compared.await?;
        if assessment == request.assessment {
            return Ok(false);
        }
        let sitting = self.desk().sit(None).await?;
        let inside = Inside::at(self.desk().home.request(&request.id));
        if sitting.book.state.requests.get(&request.id) != Some(request) {
            inside.forget(&assessment);
            return Err(Stop::of(Code::Unavailable));
        }
        let happened = vec![Happening::CandidateReplaced {
            request: request.id.clone(),
            candidate: request.candidate.clone(),
            assessment,
            tightening: request.tightening.clone(),
        }];
        sitting.commit(&Actor::node(), happened, None, |_| true).await
    }
}

fn gone() -> Stop {
    Stop::of(Code::NotFound)
}
