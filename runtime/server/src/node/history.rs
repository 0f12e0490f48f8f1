//! History: what has left a subject domain, and what a candidate gives away together with it. Evidence for reviewers;
//! no operator ever learns whether there was any.
//!
//! # Guarantees
//! - What a release leaves behind is on the disk before its event, and is never removed while the event is there:
//!   whatever becomes of a release, what is out is out.
//! - A decision is made on what is out by then: where that is more than a candidate was compared with, it is compared
//!   again, and where something else is found, the votes are void.
//!
//! # Does not guarantee
//! - That releases whose kept contributions are gone can be compared exactly: their pairs are findings as such.
//! - Anything about reports: the host counts nothing in them.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use sluice_disclosure::candidate::Contributions as Entries;
use sluice_disclosure::finding::CheckName;
use sluice_disclosure::history::quota::{Caps, Used};
use sluice_disclosure::history::report::{Books, findings};
use sluice_disclosure::history::table::{Origin, Spot};
use sluice_disclosure::history::{Bar, Contributions, Domain, Figure, Keys, Place, Standing, near, triples};
use sluice_disclosure::{Appetite, Context, OutsideFinding, ReleaseTable, Verdict, assess};
use sluice_domain::contract::{Contract, Tabulation};
use sluice_domain::event::Happening;
use sluice_domain::id::{JobId, ReleaseId};
use sluice_domain::job::Job;
use sluice_domain::people::Actor;
use sluice_domain::refusal::Code;
use sluice_domain::release::ReleaseEntry;
use sluice_domain::review::ReleaseRequest;
use sluice_domain::state::State;
use sluice_engine::raw::{Kept, KeptFault};
use sluice_engine::snapshot::{alone, merged_groups};

use super::attempt::folder_name;
use super::book::Book;
use super::inside::{self, Inside, Loaded};
use super::stop::{Done, Fault, Stop, off};
use super::{Node, grants};
use crate::files::{self, Home, Key};

/// What one release may leave behind, in bytes.
const FIGURES_BYTES_MAX: u64 = 1 << 31;
/// What places of the candidate have for the name of a release.
const CANDIDATE: &str = "candidate";
/// What one legal entity may use of a domain's quota, in percent.
const SHARE_PERCENT: u8 = 25;

/// What is needed to compare: read off the book, so that the work is done off the runtime's threads.
pub(super) struct Comparison {
    home: Home,
    key: Key,
    own: Counted,
    /// The snapshots whose groups count, of all datasets of the domain.
    grouped: Vec<PathBuf>,
    /// Every release of the domain.
    out: Vec<(ReleaseId, Counted)>,
    n_public: u64,
    /// The threshold without a request's exceptions: a quota isn't the rule that they loosen.
    threshold: u64,
}

/// A job whose run kept what it counted.
struct Counted {
    contract: Tabulation,
    snapshot: String,
    folder: PathBuf,
    entity: String,
}

impl Counted {
    fn new(state: &State, job: &Job, contract: &Tabulation, snapshot: String, folder: PathBuf) -> Counted {
        let entity = state.organisations.get(&job.organisation).map(|entry| entry.legal_group.clone());
        Counted { contract: contract.clone(), snapshot, folder, entity: entity.unwrap_or_default() }
    }

    fn entries(&self) -> Result<Entries, KeptFault> {
        Kept::contributions(&self.contract, &self.folder)
    }

    fn origin<'a>(&'a self, release: &'a str, entries: &'a Entries) -> Origin<'a> {
        Origin { release, snapshot: &self.snapshot, contract: &self.contract, entries }
    }
}

/// The subject domain of a job: that of the first dataset with subjects that it reads.
pub(super) fn domain_of<'a>(state: &'a State, job: &'a Job) -> Option<(&'a str, String)> {
    job.snapshots.iter().find_map(|(name, snapshot)| {
        let subject = state.datasets.get(name)?.subject.as_ref()?;
        Some((subject.domain.as_str(), snapshot.to_string()))
    })
}

/// What is out of a domain: releases that people let out, each with its job, its contract and its snapshot.
fn out_of<'a>(
    state: &'a State,
    domain: &'a str,
) -> impl Iterator<Item = (&'a ReleaseEntry, &'a Job, &'a Tabulation, String)> {
    state.releases.values().filter_map(move |release| {
        let job = state.jobs.get(&release.job)?;
        let Contract::Tabulate(contract) = &job.contract else { return None };
        let (of, snapshot) = domain_of(state, job)?;
        (of == domain && job.route.family().is_none()).then_some((release, job, contract, snapshot))
    })
}

/// How many releases there are to compare a job's candidate with; none where it isn't compared.
pub(super) fn out(state: &State, job: &JobId) -> Option<u64> {
    let job = state.jobs.get(job).filter(|job| matches!(job.contract, Contract::Tabulate(_)))?;
    let (domain, _) = domain_of(state, job)?;
    Some(out_of(state, domain).count() as u64)
}

impl Comparison {
    /// Of a job whose attempt kept its contributions in `folder`; none of a report.
    pub fn of(node: &Node, state: &State, job: &Job, folder: PathBuf) -> Done<Option<Comparison>> {
        let Contract::Tabulate(contract) = &job.contract else { return Ok(None) };
        let Some((domain, snapshot)) = domain_of(state, job) else { return Ok(None) };
        let home = node.desk().home.clone();
        let of_domain = state
            .datasets
            .values()
            .filter(|dataset| dataset.subject.as_ref().is_some_and(|subject| subject.domain == domain));
        let newest = |name: &str| state.newest_snapshot(name).map(|snapshot| home.snapshot(&snapshot.id));
        let grouped = of_domain.clone().filter(|dataset| dataset.group.is_some());
        let grouped = grouped.filter_map(|dataset| newest(&dataset.name)).collect();
        let n_public = of_domain.map(|dataset| dataset.n_public).max().unwrap_or(1);
        let out = out_of(state, domain).map(|(release, job, contract, snapshot)| {
            let folder = home.job(&job.id).join(folder_name(job.attempts));
            (release.id.clone(), Counted::new(state, job, contract, snapshot, folder))
        });
        let grant = state.grants.get(&job.grant).ok_or_else(gone)?;
        Ok(Some(Comparison {
            threshold: grants::appetite(state, grant)?.rules().threshold,
            key: node.desk().derived(&format!("history\n{domain}"))?,
            own: Counted::new(state, job, contract, snapshot, folder),
            grouped,
            out: out.collect(),
            n_public,
            home,
        }))
    }

    /// How many releases there are to compare with.
    pub fn out(&self) -> u64 {
        self.out.len() as u64
    }

    fn entries(&self) -> Done<Entries> {
        self.own.entries().map_err(Stop::fault("read what a run kept"))
    }

    /// The subjects, as many as any of these has, with their groups where the domain has some.
    fn keys<'a>(&self, entries: impl IntoIterator<Item = &'a Entries>) -> Done<Keys> {
        let subjects = entries.into_iter().flat_map(|entries| entries.iter().map(|entry| entry.subject)).max();
        let count = subjects.map_or(0, |last| last as usize + 1) as u32;
        if self.grouped.is_empty() {
            return Ok(Keys::new(&self.key, Domain::ungrouped(count), 0));
        }
        let declared = merged_groups(&self.grouped).map_err(Stop::fault("read groups"))?.unwrap_or_default();
        // Sketches made under other groups aren't comparable: another epoch tells them apart.
        let mut hash = Sha256::new();
        for (subject, group) in &declared {
            hash.update(subject.to_le_bytes());
            hash.update(group.to_le_bytes());
        }
        let epoch = hash.finalize().first_chunk().map_or(1, |bytes| u64::from_le_bytes(*bytes)) | 1;
        let group = |subject: u32| declared.get(&subject).copied().unwrap_or_else(|| alone(subject));
        Ok(Keys::new(&self.key, Domain::grouped((0..count).map(group).collect()), epoch))
    }

    /// What is known from what is out of the candidate that shows this table.
    pub fn context(&self, table: &ReleaseTable, appetite: &Appetite, context: Context) -> Done<Context> {
        let entries = self.entries()?;
        let origin = self.own.origin(CANDIDATE, &entries);
        let earlier: Vec<(&ReleaseId, &Counted, Entries)> = self
            .out
            .iter()
            .filter_map(|(release, counted)| Some((release, counted, counted.entries().ok()?)))
            .collect();
        let keys = self.keys(earlier.iter().map(|(_, _, entries)| entries).chain([&entries]))?;
        let own = origin.figures(&keys, table).map_err(Stop::fault("make a table's figures"))?;
        let (spots, candidates): (Vec<Spot>, Vec<Figure>) = own.into_iter().unzip();
        let spots: BTreeMap<&Place, &Spot> = candidates.iter().map(Figure::place).zip(&spots).collect();
        let mut archive = Vec::new();
        for (release, _) in &self.out {
            archive.extend(self.left_behind(release)?);
        }
        let universes: Vec<Figure> = archive.iter().filter(|figure| is_total(figure)).cloned().collect();
        let bar = Bar::new(appetite.rules(), keys.domain().is_grouped());
        let (search, triples) = (near(&candidates, &archive, &universes, &bar), triples(&candidates, &archive, &bar));
        let earlier = earlier.iter().map(|(release, counted, entries)| {
            (release.as_str(), (counted.origin(release.as_str(), entries), OnceCell::<BTreeMap<Place, Spot>>::new()))
        });
        let earlier: BTreeMap<&str, _> = earlier.collect();
        let kept = |place: &Place| -> Option<Arc<Contributions>> {
            if place.release == CANDIDATE {
                return origin.of(spots.get(place)?).map(Arc::new);
            }
            let (origin, places) = earlier.get(place.release.as_str())?;
            let places = places.get_or_init(|| origin.spots().map(|(spot, place)| (place, spot)).collect());
            origin.of(places.get(place)?).map(Arc::new)
        };
        let books = Books {
            candidate: &candidates,
            archive: &archive,
            universes: &universes,
            kept: &kept,
            domain: keys.domain(),
            rules: appetite.rules(),
        };
        let found = findings(&search, &triples, &books).into_iter().map(|found| OutsideFinding {
            node: found.terms.first().and_then(|(_, place)| spots.get(place)).map(|(node, _)| node.clone()),
            id: found.id,
            check: CheckName::History,
            verdict: Verdict::Refer,
            sentence: found.sentence,
        });
        let mut history: Vec<OutsideFinding> = found.collect();
        history.extend(self.quota(appetite, &archive, &candidates));
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
        for (release, counted) in &self.out {
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
        let keys = self.keys([&entries])?;
        let figures = self
            .own
            .origin(id.as_str(), &entries)
            .figures(&keys, table)
            .map_err(Stop::fault("make a table's figures"))?;
        let mut bytes = Vec::new();
        for (_, figure) in figures {
            let figure = figure.to_bytes();
            bytes.extend((figure.len() as u32).to_le_bytes());
            bytes.extend(figure);
        }
        files::write(&self.home.figures(id), &bytes).map_err(Stop::fault("keep a release's figures"))
    }

    fn left_behind(&self, id: &ReleaseId) -> Done<Vec<Figure>> {
        let bytes = files::read(&self.home.figures(id), FIGURES_BYTES_MAX);
        let mut rest: &[u8] = &bytes.map_err(Stop::fault("read a release's figures"))?;
        let garbled = || Stop::Fault(Fault::new("read a release's figures", "they are cut short"));
        let mut figures = Vec::new();
        while !rest.is_empty() {
            let (length, after) = rest.split_first_chunk::<4>().ok_or_else(garbled)?;
            let (figure, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(garbled)?;
            figures.push(Figure::from_bytes(figure).map_err(|_| garbled())?);
            rest = after;
        }
        Ok(figures)
    }
}

/// Whether a figure is a grand total: every dimension is added up.
fn is_total(figure: &Figure) -> bool {
    figure.standing() == Standing::Released && figure.place().cell.split('/').all(|part| part.ends_with("=*"))
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
