//! The archive of a subject domain: what has left it, and what was counted for it. Releases that people let out are
//! there with all their figures, and so is everything that sealed families publish, asked for or not.
//!
//! # Guarantees
//! What is left behind is whole on the disk before the event that lets it out, and stays while that event is there.
//!
//! # Does not guarantee
//! - That every seal is compared with: at most [`SEALED_FIGURES_MAX`] figures are, the newest seals first. Where there
//!   are more, the archive says so.
//! - That what was counted is still there: a figure without contributions is worked out by nobody, and is a finding.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use sluice_disclosure::appetite::Rules;
use sluice_disclosure::candidate::Contributions as Entries;
use sluice_disclosure::families::behind::{Behind, RELEASE, Spot as BehindSpot};
use sluice_disclosure::families::layout::Layout;
use sluice_disclosure::families::microdata::Microdata;
use sluice_disclosure::families::sealed::SealedTables;
use sluice_disclosure::history::report::{Books, HistoryFinding, findings};
use sluice_disclosure::history::table::{Index, Origin, Spot};
use sluice_disclosure::history::{
    Bar, Contributions, Domain, Figure, Keys, Other, Place, Standing, near, structure, triples,
};
use sluice_domain::contract::{Contract, Tabulation};
use sluice_domain::digest::Commitment;
use sluice_domain::family::FamilySeal;
use sluice_domain::id::{ReleaseId, SnapshotId};
use sluice_domain::job::Job;
use sluice_domain::release::ReleaseEntry;
use sluice_domain::state::State;
use sluice_engine::raw::{Kept, KeptFault};
use sluice_engine::snapshot::{alone, merged_groups};

use super::Node;
use super::attempt::folder_name;
use super::stop::{Done, Fault, Stop};
use crate::files::{self, Home, Key};

/// What one release, or one seal, may leave behind, in bytes.
const FIGURES_BYTES_MAX: u64 = 1 << 31;
const COUNTS_BYTES_MAX: u64 = 1 << 34;
/// Figures of sealed families that a candidate is compared with, at most.
pub(super) const SEALED_FIGURES_MAX: usize = 100_000;

/// Contributions that are kept at hand while figures are compared: 64 MB of them.
const KNOWN_MAX: usize = 2_000_000;

/// What makes the keys of a subject domain.
pub(super) struct Keyring {
    key: Key,
    /// The snapshots whose groups count, of all datasets of the domain.
    grouped: Vec<PathBuf>,
}

impl Keyring {
    /// Of a domain, with the groups of its newest snapshots. One that is about to be sealed is the newest of its dataset.
    pub fn of(node: &Node, state: &State, domain: &str, sealing: Option<(&str, &SnapshotId)>) -> Done<Keyring> {
        let home = &node.desk().home;
        let newest = |name: &str| match sealing {
            Some((dataset, snapshot)) if dataset == name => Some(home.snapshot(snapshot)),
            _ => state.newest_snapshot(name).map(|snapshot| home.snapshot(&snapshot.id)),
        };
        let grouped = state.datasets.values().filter(|dataset| dataset.group.is_some() && dataset.is_of(domain));
        Ok(Keyring {
            key: node.desk().derived(&format!("history\n{domain}"))?,
            grouped: grouped.filter_map(|dataset| newest(&dataset.name)).collect(),
        })
    }

    /// The keys of so many subjects, with their groups where the domain has some.
    pub fn keys(&self, subjects: u32) -> Done<Keys> {
        if self.grouped.is_empty() {
            return Ok(Keys::new(&self.key, Domain::ungrouped(subjects), 0));
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
        Ok(Keys::new(&self.key, Domain::grouped((0..subjects).map(group).collect()), epoch))
    }
}

/// Writes figures, after how many subjects there are at most.
pub(super) fn write_figures(path: &Path, subjects: u32, figures: &[Figure]) -> Done<()> {
    let mut bytes = subjects.to_le_bytes().to_vec();
    for figure in figures {
        let figure = figure.to_bytes();
        bytes.extend((figure.len() as u32).to_le_bytes());
        bytes.extend(figure);
    }
    files::write(path, &bytes).map_err(Stop::fault("keep figures"))
}

/// Reads what [`write_figures`] wrote.
fn read_figures(path: &Path) -> Done<(u32, Vec<Figure>)> {
    let bytes = files::read(path, FIGURES_BYTES_MAX).map_err(Stop::fault("read figures"))?;
    let garbled = || Stop::Fault(Fault::new("read figures", "they are cut short"));
    let (subjects, mut rest) = bytes.split_first_chunk::<4>().ok_or_else(garbled)?;
    let mut figures = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>().ok_or_else(garbled)?;
        let (figure, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(garbled)?;
        figures.push(Figure::from_bytes(figure).map_err(|_| garbled())?);
        rest = after;
    }
    Ok((u32::from_le_bytes(*subjects), figures))
}

/// What was counted for a seal, laid out.
pub(super) struct Laid {
    pub layout: Arc<Layout>,
    pub microdata: Microdata,
}

/// Keeps what these tables leave behind, before their event.
pub(super) fn leave_sealed(
    home: &Home,
    (content, snapshot): (&Commitment, &SnapshotId),
    keyring: &Keyring,
    laid: Laid,
    tables: &SealedTables,
) -> Done<()> {
    let Laid { layout, microdata } = laid;
    let counts = Behind::to_inside_bytes(&layout, &microdata);
    files::write(&home.seal_counts(content), &counts).map_err(Stop::fault("keep what was counted"))?;
    let behind = Behind::new((*layout).clone(), microdata);
    let subjects = behind.last_subject().map_or(0, |last| last + 1);
    let figures = behind.figures(&keyring.keys(subjects)?, snapshot.as_str(), tables);
    write_figures(&home.seal_figures(content), subjects, &figures.map_err(Stop::fault("make a seal's figures"))?)
}

/// What was counted for a seal that is on record.
fn counted(home: &Home, content: &Commitment) -> Done<Behind> {
    let bytes = files::read(&home.seal_counts(content), COUNTS_BYTES_MAX).map_err(Stop::fault("read counts"))?;
    Behind::from_inside_bytes(&bytes).ok_or_else(|| Stop::Fault(Fault::new("read counts", "they are garbled")))
}

/// The seals of a domain, newest first.
fn seals_of<'a>(state: &'a State, domain: &str) -> Vec<&'a FamilySeal> {
    let of = |seal: &&FamilySeal| state.datasets.get(&seal.dataset).is_some_and(|dataset| dataset.is_of(domain));
    let mut seals: Vec<&FamilySeal> = state.seals.values().filter(of).collect();
    seals.sort_by(|a, b| (b.sealed_at_ms, &b.snapshot).cmp(&(a.sealed_at_ms, &a.snapshot)));
    seals
}

/// A job whose run kept what it counted.
pub(super) struct Counted {
    contract: Tabulation,
    snapshot: String,
    folder: PathBuf,
    /// Whose it is.
    pub entity: String,
}

impl Counted {
    /// Of a job of this contract, over this snapshot, whose attempt kept it in `folder`.
    pub fn new(state: &State, job: &Job, contract: &Tabulation, snapshot: String, folder: PathBuf) -> Counted {
        let entity = state.organisations.get(&job.organisation).map(|entry| entry.legal_group.clone());
        Counted { contract: contract.clone(), snapshot, folder, entity: entity.unwrap_or_default() }
    }

    /// What each subject brought to each inner cell.
    pub fn entries(&self) -> Result<Entries, KeptFault> {
        Kept::contributions(&self.contract, &self.folder)
    }

    /// As the figures of a release, or of a candidate.
    pub fn origin<'a>(&'a self, release: &'a str, entries: &'a Entries) -> Origin<'a> {
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

/// A mark of what is out of a domain: where it is the same, nothing more is.
pub(super) fn mark(state: &State, domain: &str) -> u64 {
    let mut hash = Sha256::new();
    for (release, ..) in out_of(state, domain) {
        hash.update(release.id.as_str());
    }
    for seal in seals_of(state, domain) {
        hash.update(seal.content.as_str());
    }
    hash.finalize().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// What is out of a domain, read off the book, so that the work is done off the runtime's threads.
pub(super) struct Archive {
    home: Home,
    keyring: Keyring,
    /// Every release of the domain that people let out.
    pub out: Vec<(ReleaseId, Counted)>,
    /// Every seal of the domain's families, newest first.
    seals: Vec<(SnapshotId, Commitment)>,
}

impl Archive {
    /// Of a domain. While families of a dataset are sealed over a snapshot, its own seals aren't in it: the seal itself
    /// takes those into account.
    pub fn of(node: &Node, state: &State, domain: &str, sealing: Option<(&str, &SnapshotId)>) -> Done<Archive> {
        let home = node.desk().home.clone();
        let out = out_of(state, domain).map(|(release, job, contract, snapshot)| {
            let folder = home.job(&job.id).join(folder_name(job.attempts));
            (release.id.clone(), Counted::new(state, job, contract, snapshot, folder))
        });
        let own = |seal: &&FamilySeal| sealing.is_some_and(|(dataset, _)| dataset == seal.dataset);
        let seals = seals_of(state, domain).into_iter().filter(|seal| !own(seal));
        Ok(Archive {
            keyring: Keyring::of(node, state, domain, sealing)?,
            out: out.collect(),
            seals: seals.map(|seal| (seal.snapshot.clone(), seal.content.clone())).collect(),
            home,
        })
    }

    /// Whether nothing is out.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty() && self.seals.is_empty()
    }

    /// The domain's keys.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Reads the figures of all, beside so many subjects of the caller's own.
    pub fn open(&self, subjects: u32) -> Done<Opened<'_>> {
        let mut opened = Opened {
            archive: self,
            figures: Vec::new(),
            of_people: 0,
            subjects,
            releases: self.out.iter().map(|(id, _)| (id.as_str(), OnceCell::new())).collect(),
            seals: BTreeMap::new(),
            unchecked: false,
        };
        for (release, _) in &self.out {
            opened.take(read_figures(&self.home.figures(release))?);
        }
        opened.of_people = opened.figures.len();
        for (snapshot, content) in &self.seals {
            let (subjects, figures) = read_figures(&self.home.seal_figures(content))?;
            if opened.figures.len() - opened.of_people + figures.len() > SEALED_FIGURES_MAX {
                opened.unchecked = true;
                break;
            }
            opened.take((subjects, figures));
            opened.seals.insert(snapshot.as_str(), (content, OnceCell::new()));
        }
        Ok(opened)
    }
}

/// What a release counted, with where its figures are.
struct OfRelease {
    entries: Entries,
    places: BTreeMap<Place, Spot>,
    index: Index,
}

/// What a seal counted, with where its figures are.
type OfSeal = (Behind, BTreeMap<Place, BehindSpot>);

/// An archive whose figures are read; what was counted is read when it is first asked for.
pub(super) struct Opened<'a> {
    archive: &'a Archive,
    figures: Vec<Figure>,
    /// So many of the figures, the first ones, are of releases that people let out.
    of_people: usize,
    subjects: u32,
    releases: BTreeMap<&'a str, OnceCell<Option<OfRelease>>>,
    seals: BTreeMap<&'a str, (&'a Commitment, OnceCell<Option<OfSeal>>)>,
    /// Whether there are more seals than are compared with.
    pub unchecked: bool,
}

impl Opened<'_> {
    fn take(&mut self, (subjects, figures): (u32, Vec<Figure>)) {
        self.subjects = self.subjects.max(subjects);
        self.figures.extend(figures);
    }

    /// The keys of every subject that is counted in any of it.
    pub fn keys(&self) -> Done<Keys> {
        self.archive.keyring.keys(self.subjects)
    }

    /// The figures of releases that people let out.
    pub fn of_people(&self) -> &[Figure] {
        self.figures.get(..self.of_people).unwrap_or_default()
    }

    /// What is known of these figures together with what is out; `own` gives their contributions. Of figures that are
    /// `protected` together already, what follows from them alone isn't said again, nor are long combinations looked at.
    pub fn found(
        &self,
        figures: &[Figure],
        own: &dyn Fn(&Place) -> Option<Arc<Contributions>>,
        (domain, rules): (&Domain, &Rules),
        protected: bool,
    ) -> Vec<HistoryFinding> {
        let universes: Vec<Figure> = self.figures.iter().filter(|figure| is_total(figure)).cloned().collect();
        let bar = Bar::new(rules, domain.is_grouped());
        let mut search = near(figures, &self.figures, &universes, &bar);
        let mut triples = triples(figures, &self.figures, &bar);
        if protected {
            let is_own = |other: &Other| matches!(other, Other::Own(_));
            search.near.retain(|near| !is_own(&near.other));
            triples.found.retain(|triple| !triple.terms.iter().all(|(other, _)| is_own(other)));
        }
        // Each figure is compared with many, so what it adds up is found once, as long as there is room for it.
        let known: RefCell<(usize, HashMap<Place, Arc<Contributions>>)> = RefCell::default();
        let kept = |place: &Place| {
            if let Some(found) = known.borrow().1.get(place) {
                return Some(Arc::clone(found));
            }
            let found = own(place).or_else(|| self.kept(place))?;
            let mut known = known.borrow_mut();
            known.0 += found.as_slice().len();
            if known.0 > KNOWN_MAX {
                *known = (found.as_slice().len(), HashMap::new());
            }
            known.1.insert(place.clone(), Arc::clone(&found));
            Some(found)
        };
        let archive = &self.figures;
        let books = Books { candidate: figures, archive, universes: &universes, kept: &kept, domain, rules };
        let mut found = findings(&search, &triples, &books);
        if !protected {
            found.extend(structure(&triples, &books));
        }
        found
    }

    /// The contributions of a figure of the archive.
    fn kept(&self, place: &Place) -> Option<Arc<Contributions>> {
        if place.release == RELEASE {
            let (content, of_seal) = self.seals.get(place.snapshot.as_str())?;
            let made = of_seal.get_or_init(|| {
                let behind = counted(&self.archive.home, content).ok()?;
                let spots = behind.spots(&place.snapshot).map(|(spot, place)| (place, spot)).collect();
                Some((behind, spots))
            });
            let (behind, spots) = made.as_ref()?;
            return behind.of(*spots.get(place)?).map(Arc::new);
        }
        let (release, of_release) = self.releases.get_key_value(place.release.as_str())?;
        let counted = self.archive.out.iter().find(|(id, _)| id.as_str() == *release).map(|(_, counted)| counted)?;
        let made = of_release.get_or_init(|| {
            let entries = counted.entries().ok()?;
            let origin = counted.origin(release, &entries);
            let (places, index) = (origin.spots().map(|(spot, place)| (place, spot)).collect(), origin.index());
            Some(OfRelease { places, index, entries })
        });
        let OfRelease { entries, places, index } = made.as_ref()?;
        counted.origin(release, entries).of(index, places.get(place)?).map(Arc::new)
    }
}

/// Whether a figure is a grand total: every dimension is added up.
fn is_total(figure: &Figure) -> bool {
    figure.standing() == Standing::Released && figure.place().cell.split('/').all(|part| part.ends_with("=*"))
}

/// How many subjects there are, at least, by the last that is counted.
pub(super) fn subjects(entries: &Entries) -> u32 {
    entries.iter().map(|entry| entry.subject).max().map_or(0, |last| last + 1)
}
