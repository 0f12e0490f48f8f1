//! History: what has left a subject domain, and what a candidate gives away together with it. Evidence for reviewers;
//! no operator ever learns whether there was any.
//!
//! # Guarantees
//! - What a release leaves behind is on the disk before its event, and is never removed while the event is there:
//!   whatever becomes of a release, what is out is out.
//! - A decision is made on what was out when its reviewers last looked: where more is out by then, the candidate is
//!   compared again and the votes are void.
//!
//! # Does not guarantee
//! - That releases whose kept contributions are gone can be compared exactly: their pairs are findings as such.
//! - Anything about reports: the host counts nothing in them.

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
use sluice_disclosure::{Appetite, Candidate, Context, OutsideFinding, ReleaseTable, Verdict, assess};
use sluice_domain::contract::{Contract, Tabulation};
use sluice_domain::digest::Commitment;
use sluice_domain::event::Happening;
use sluice_domain::id::{JobId, ReleaseId};
use sluice_domain::job::Job;
use sluice_domain::people::Actor;
use sluice_domain::review::ReleaseRequest;
use sluice_domain::state::State;
use sluice_engine::raw::Kept;

use super::Node;
use super::attempt::folder_name;
use super::book::Book;
use super::inside::{self, Inside};
use super::stop::{Done, Fault, Stop, off};
use crate::files::{self, Home, Key};

/// What one release may leave behind, in bytes.
const FIGURES_BYTES_MAX: u64 = 1 << 31;
/// What one legal entity may use of a domain's quota, in percent.
const SHARE_PERCENT: u8 = 25;

/// What is needed to compare: read off the book, so that the work is done off the runtime's threads.
pub(super) struct Comparison {
    home: Home,
    secret: Key,
    domain: String,
    snapshot: String,
    /// The snapshots whose groups count, of all datasets of the domain.
    grouped: Vec<PathBuf>,
    contract: Tabulation,
    folder: PathBuf,
    snapshots: Vec<PathBuf>,
    /// Every release of the domain: its contract, its folder and its legal entity.
    out: Vec<Earlier>,
    entity: String,
    n_public: u64,
}

/// A release that is out.
struct Earlier {
    id: ReleaseId,
    contract: Tabulation,
    snapshot: String,
    folder: PathBuf,
    entity: String,
}

/// The subject domain of a job: that of the first dataset with subjects that it reads.
pub(super) fn domain_of<'a>(state: &'a State, job: &'a Job) -> Option<(&'a str, String)> {
    job.snapshots.iter().find_map(|(name, snapshot)| {
        let subject = state.datasets.get(name)?.subject.as_ref()?;
        Some((subject.domain.as_str(), snapshot.to_string()))
    })
}

impl Comparison {
    /// Of a job whose attempt kept its contributions in `folder`; none of a report.
    pub fn of(node: &Node, state: &State, job: &Job, folder: PathBuf) -> Option<Comparison> {
        let Contract::Tabulate(contract) = &job.contract else { return None };
        let (domain, snapshot) = domain_of(state, job)?;
        let home = node.desk().home.clone();
        let entity = |organisation: &str| {
            state.organisations.get(organisation).map(|entry| entry.legal_group.clone()).unwrap_or_default()
        };
        let of_domain = state
            .datasets
            .values()
            .filter(|dataset| dataset.subject.as_ref().is_some_and(|subject| subject.domain == domain));
        let newest = |name: &str| state.newest_snapshot(name).map(|snapshot| home.snapshot(&snapshot.id));
        let grouped = of_domain.clone().filter(|dataset| dataset.group.is_some());
        let grouped = grouped.filter_map(|dataset| newest(&dataset.name)).collect();
        let n_public = of_domain.map(|dataset| dataset.n_public).max().unwrap_or(1);
        let out = state.releases.values().filter_map(|release| {
            let job = state.jobs.get(&release.job)?;
            let Contract::Tabulate(contract) = &job.contract else { return None };
            let (of, snapshot) = domain_of(state, job)?;
            (of == domain && job.route.family().is_none()).then(|| Earlier {
                id: release.id.clone(),
                contract: contract.clone(),
                snapshot,
                folder: home.job(&job.id).join(folder_name(job.attempts)),
                entity: entity(&job.organisation),
            })
        });
        Some(Comparison {
            secret: node.desk().master,
            domain: domain.to_owned(),
            snapshot,
            grouped,
            contract: contract.clone(),
            folder,
            snapshots: job.snapshots.values().map(|id| home.snapshot(id)).collect(),
            out: out.collect(),
            entity: entity(&job.organisation),
            n_public,
            home,
        })
    }

    /// How many releases there are to compare with.
    pub fn out(&self) -> u64 {
        self.out.len() as u64
    }

    fn entries(&self) -> Done<Entries> {
        let contract = Contract::Tabulate(self.contract.clone());
        let kept = Kept::read(&contract, &self.folder, &self.snapshots);
        Ok(kept.map_err(Stop::fault("read what a run kept"))?.contributions)
    }

    /// The subjects, as many as any of these has, with their groups where the domain has some.
    fn keys(&self, entries: &[&Entries]) -> Done<Keys> {
        let subjects = entries.iter().flat_map(|entries| entries.iter().map(|entry| entry.subject)).max();
        let count = subjects.map_or(0, |last| last as usize + 1);
        let secret = Commitment::new(&self.secret, format!("history\n{}", self.domain).as_bytes());
        let mut key: Key = [0; 32];
        hex::decode_to_slice(secret.as_str(), &mut key).map_err(Stop::fault("make a key"))?;
        if self.grouped.is_empty() {
            return Ok(Keys::new(&key, Domain::ungrouped(count as u32), 0));
        }
        let mut groups: Vec<u64> = (0..count as u32).map(sluice_engine::tally::alone).collect();
        for snapshot in &self.grouped {
            let pairs = sluice_engine::snapshot::groups(snapshot).map_err(Stop::fault("read groups"))?;
            for (subject, group) in pairs.unwrap_or_default() {
                if let Some(slot) = groups.get_mut(subject as usize) {
                    *slot = group;
                }
            }
        }
        // Sketches made under other groups aren't comparable: another epoch tells them apart.
        let mut hash = Sha256::new();
        groups.iter().for_each(|group| hash.update(group.to_le_bytes()));
        let epoch = hash.finalize().first_chunk().map_or(1, |bytes| u64::from_le_bytes(*bytes)) | 1;
        Ok(Keys::new(&key, Domain::grouped(groups), epoch))
    }

    /// What is known of the candidate from what is out.
    pub fn context(&self, candidate: &Candidate, appetite: &Appetite, context: Context) -> Done<Context> {
        let table = assess(candidate, appetite, &context);
        let entries = self.entries()?;
        let origin = self.origin("candidate", &entries);
        let earlier: BTreeMap<&str, (&Earlier, Option<Entries>)> =
            self.out.iter().map(|earlier| (earlier.id.as_str(), (earlier, earlier.entries()))).collect();
        let all: Vec<&Entries> =
            std::iter::once(&entries).chain(earlier.values().filter_map(|(_, entries)| entries.as_ref())).collect();
        let keys = self.keys(&all)?;
        let own = origin.figures(&keys, table.table()).map_err(Stop::fault("make a table's figures"))?;
        let mut archive = Vec::new();
        for earlier in &self.out {
            archive.extend(self.left_behind(&earlier.id)?);
        }
        let candidates: Vec<Figure> = own.iter().map(|(_, figure)| figure.clone()).collect();
        let universes: Vec<Figure> = archive.iter().filter(|figure| is_total(figure)).cloned().collect();
        let bar = Bar::new(appetite.rules(), keys.domain().is_grouped());
        let (search, triples) = (near(&candidates, &archive, &universes, &bar), triples(&candidates, &archive, &bar));
        let kept = |place: &Place| -> Option<Arc<Contributions>> {
            if place.release == "candidate" {
                let (spot, _) = own.iter().find(|(_, figure)| figure.place() == place)?;
                return origin.of(spot).map(Arc::new);
            }
            let (earlier, entries) = earlier.get(place.release.as_str())?;
            let origin = earlier.origin(entries.as_ref()?);
            let (spot, _) = origin.spots().find(|(_, other)| other == place)?;
            origin.of(&spot).map(Arc::new)
        };
        let books = Books {
            candidate: &candidates,
            archive: &archive,
            universes: &universes,
            kept: &kept,
            domain: keys.domain(),
            rules: appetite.rules(),
        };
        let spots: BTreeMap<&Place, &Spot> = own.iter().map(|(spot, figure)| (figure.place(), spot)).collect();
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
        for earlier in &self.out {
            let more = out(archive, Some(earlier.id.as_str()));
            let entry = used.entry(earlier.entity.clone()).or_default();
            entry.figures += more.figures;
            entry.rank += more.rank;
        }
        let caps = Caps::of(self.n_public, appetite.rules().threshold, SHARE_PERCENT);
        let exceeded = caps.exceeded(&used, &self.entity, &out(own, None));
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
        let keys = self.keys(&[&entries])?;
        let origin = Origin { release: id.as_str(), ..self.origin("", &entries) };
        let figures = origin.figures(&keys, table).map_err(Stop::fault("make a table's figures"))?;
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

    fn origin<'a>(&'a self, release: &'a str, entries: &'a Entries) -> Origin<'a> {
        Origin { release, snapshot: &self.snapshot, contract: &self.contract, entries }
    }
}

impl Earlier {
    fn entries(&self) -> Option<Entries> {
        let contract = Contract::Tabulate(self.contract.clone());
        Kept::read(&contract, &self.folder, &[]).ok().map(|kept| kept.contributions)
    }

    fn origin<'a>(&'a self, entries: &'a Entries) -> Origin<'a> {
        Origin { release: self.id.as_str(), snapshot: &self.snapshot, contract: &self.contract, entries }
    }
}

/// Whether a figure is a grand total: every dimension is added up.
fn is_total(figure: &Figure) -> bool {
    figure.standing() == Standing::Released && figure.place().cell.split('/').all(|part| part.ends_with("=*"))
}

impl Node {
    /// The comparison of a request's candidate; none of a report.
    pub(super) fn comparison(&self, state: &State, job: &JobId) -> Option<Comparison> {
        let job = state.jobs.get(job)?;
        Comparison::of(self, state, job, self.desk().home.job(&job.id).join(folder_name(job.attempts)))
    }

    /// Compares a candidate again where more is out than when it was last compared: its votes are then void. Says
    /// whether it was.
    pub(super) async fn refresh(&self, book: &Book, request: &ReleaseRequest) -> Done<bool> {
        let Some(comparison) = self.comparison(&book.state, &request.job) else { return Ok(false) };
        let inside = Inside::at(self.desk().home.request(&request.id));
        if !request.is_open() || inside.compared(request)? == comparison.out() {
            return Ok(false);
        }
        let job = book.state.jobs.get(&request.job).ok_or_else(gone)?;
        let grant = book.state.grants.get(&job.grant).ok_or_else(gone)?;
        let appetite = inside::appetite(&book.state, grant, request)?;
        let (on_record, limits, fresh) = (request.clone(), self.settings().limits.clone(), self.desk().random()?);
        let compared = off(move || {
            let (candidate, _) = inside.load(&on_record, &appetite, &limits)?;
            let known = comparison.context(&candidate, &appetite, inside.context(&on_record)?)?;
            let known = (known, comparison.out());
            inside.reassess(&on_record, &appetite, (&appetite, Some(&known)), &fresh, &limits)
        });
        let assessment = compared.await?;
        let sitting = self.desk().sit(None).await?;
        let inside = Inside::at(self.desk().home.request(&request.id));
        if sitting.book.state.requests.get(&request.id) != Some(request) {
            inside.forget(&assessment);
            return Err(Stop::of(sluice_domain::refusal::Code::Unavailable));
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
    Stop::of(sluice_domain::refusal::Code::NotFound)
}
