//! Families: proposed, looked at beforehand, vetted by people, sealed with a snapshot, and answered from.
//!
//! # Guarantees
//! - One family or snapshot of the node is vetted or sealed at a time, so what was protected together is what is on
//!   record together.
//! - Sealed tables are opened only if they are, byte for byte, what the seal on record commits to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use sluice_disclosure::families::answer::FamilyAnswer;
use sluice_disclosure::families::behind::{Behind, Spot};
use sluice_disclosure::families::layout::Layout;
use sluice_disclosure::families::matching::{Asked, LookUp, Outside, find};
use sluice_disclosure::families::microdata::Microdata;
use sluice_disclosure::families::seal::{Moment, Sealing, Unsealable, seal};
use sluice_disclosure::families::sealed::SealedTables;
use sluice_disclosure::history::report::Topic;
use sluice_disclosure::history::{Figure, Place, Standing};
use sluice_disclosure::{Appetite, Overrides};
use sluice_domain::contract::{Contract, Tabulation};
use sluice_domain::dataset::Dataset;
use sluice_domain::digest::Commitment;
use sluice_domain::event::Happening;
use sluice_domain::family::{Family, FamilySeal, FamilyState, VETS};
use sluice_domain::grant::Grant;
use sluice_domain::id::SnapshotId;
use sluice_domain::job::Route;
use sluice_domain::people::{Actor, OrganisationKind};
use sluice_domain::permission::{Act, require};
use sluice_domain::policy;
use sluice_domain::refusal::{Code, Refusal};
use sluice_domain::state::State;
use sluice_engine::ask::{Admitted, Work};
use sluice_engine::tally::{TALLY, Tally};

use super::archive::{Archive, Keyring, Laid, leave_sealed};
use super::book::Book;
use super::desk::Once;
use super::stop::{Done, Fault, Stop, off};
use super::{Node, show};
use crate::api::types::{FamilyPreview, FamilyView, ProposeFamily};
use crate::files::{self, Key};

const SEALED_BYTES_MAX: u64 = 1 << 30;
/// Datasets whose newest sealed tables are kept in memory.
const OPENED_MAX: usize = 64;
/// How often cells are withheld for what is out already, and the rest is looked at again.
const HOLDS_MAX: u32 = 32;
const TALLY_BYTES_MAX: u64 = 1 << 34;

/// Tables that were opened, by their commitment.
pub(super) type Opened = Mutex<BTreeMap<String, Arc<SealedTables>>>;

/// Tables that are protected and kept, and whose event isn't written yet.
pub(super) struct Protected {
    /// The families, as they were.
    families: Vec<Family>,
    /// Those that are answered from it.
    answered: Vec<String>,
    content: Commitment,
}

/// Tables that are protected, and not yet kept.
struct Made {
    answered: Vec<String>,
    sealed: Arc<SealedTables>,
    laid: Laid,
}

impl Protected {
    /// The seal that goes on record.
    pub fn seal(&self, dataset: &str, snapshot: &SnapshotId, sealed_at_ms: i64) -> FamilySeal {
        FamilySeal {
            snapshot: snapshot.clone(),
            dataset: dataset.to_owned(),
            families: self.answered.clone(),
            content: self.content.clone(),
            sealed_at_ms,
        }
    }

    /// Whether the dataset's families still are what was protected.
    pub fn holds(&self, state: &State, dataset: &str) -> bool {
        ever_vetted(state, dataset).eq(self.families.iter())
    }
}

/// The families of a dataset that were vetted at some time: what they published stays in every later protection.
fn ever_vetted<'a>(state: &'a State, dataset: &'a str) -> impl Iterator<Item = &'a Family> + Clone {
    let of = state.families.values().filter(move |family| family.terms.dataset == dataset);
    of.filter(|family| family.vets.len() >= VETS)
}

/// The rules of a dataset's families: the floor of the highest grade that they show, tightened as each asks.
fn appetite(dataset: &Dataset, families: &[Family]) -> Result<Appetite, Refusal> {
    let mut grade = dataset.grade;
    for family in families {
        grade = grade.max(policy::granted_grade(dataset, family.terms.shown()));
    }
    let mut appetite = Appetite::floor(grade)?;
    for family in families {
        let tightening = &family.terms.tightening;
        let raised = |asked: Option<u64>, now: u64| asked.map(|asked| asked.max(now));
        let rules = appetite.rules();
        let overrides = Overrides {
            threshold: raised(tightening.threshold, rules.threshold),
            rounding_base: raised(tightening.rounding, rules.rounding_base),
            ..Overrides::default()
        };
        appetite = appetite.tightened(&overrides)?;
    }
    Ok(appetite)
}

fn unsealable(why: &Unsealable) -> Stop {
    Stop::with(Code::Family, why.to_string())
}

impl Node {
    /// Proposes a family of the actor's own agency's dataset.
    ///
    /// # Errors
    /// Terms that break a rule, a name that is taken.
    pub async fn propose_family(&self, actor: &Actor, ask: ProposeFamily, once: Option<&Once>) -> Done<FamilyView> {
        require(actor, Act::ProposeFamily)?;
        self.desk().again(once).await?;
        let sitting = self.desk().sit(once).await?;
        policy::may_propose_family(&sitting.book.state, actor, &ask.terms, sitting.now_ms)?;
        let family = Family {
            terms: ask.terms,
            agency: actor.organisation.clone(),
            proposed_by: actor.person.clone(),
            proposed_at_ms: sitting.now_ms,
            vets: Vec::new(),
            state: FamilyState::Proposed,
        };
        let dataset = sitting.book.state.datasets.get(&family.terms.dataset);
        appetite(dataset.ok_or_else(|| Stop::of(Code::NotFound))?, std::slice::from_ref(&family))?;
        let view = show::family(&family, &sitting.book.state);
        sitting.commit(actor, vec![Happening::FamilyProposed { family: Box::new(family) }], once, |_| view).await
    }

    /// The families that the actor may see, in the order of their keys: their own agency's, and for others those that
    /// were vetted.
    ///
    /// # Errors
    /// Another role.
    pub fn families(&self, actor: &Actor) -> Done<Vec<FamilyView>> {
        require(actor, Act::ReadCatalogue)?;
        let book = self.desk().book();
        let seen = book.state.families.values().filter(|family| sees(&book.state, actor, family));
        Ok(seen.map(|family| show::family(family, &book.state)).collect())
    }

    /// One family.
    ///
    /// # Errors
    /// None that the actor may see.
    pub fn family(&self, actor: &Actor, key: &str) -> Done<FamilyView> {
        require(actor, Act::ReadCatalogue)?;
        let book = self.desk().book();
        let family = book.state.families.get(key).filter(|family| sees(&book.state, actor, family));
        family.map(|family| show::family(family, &book.state)).ok_or_else(|| Stop::of(Code::NotFound))
    }

    /// What would be published of the newest snapshot if the family were vetted beside those that are. For the agency's
    /// eyes only; nothing is kept.
    ///
    /// # Errors
    /// Another agency's family, no snapshot yet, or families that can't be protected together.
    pub async fn preview_family(&self, actor: &Actor, key: &str) -> Done<FamilyPreview> {
        require(actor, Act::PreviewFamily)?;
        let _turn = self.families_turn().await;
        let book = self.desk().book();
        let family = policy::own_family(&book.state, actor, key)?;
        let dataset = family.terms.dataset.clone();
        let snapshot = book.state.newest_snapshot(&dataset).ok_or_else(no_snapshot)?;
        let tables = self.tables(&book.state, &dataset, &snapshot.id, snapshot.sealed_at_ms, Some(family)).await?;
        Ok(FamilyPreview::new(family, &tables.sealed))
    }

    /// Vets a family for the actor's agency. The second person's word seals it with the newest snapshot.
    ///
    /// # Errors
    /// Another agency's family, its author, a second time, or families that can't be protected together.
    pub async fn vet_family(&self, actor: &Actor, key: &str, once: Option<&Once>) -> Done<FamilyView> {
        require(actor, Act::VetFamily)?;
        let book = self.desk().again(once).await?;
        policy::may_vet_family(&book.state, actor, key)?;
        let _turn = self.families_turn().await;
        let book = self.desk().book();
        let family = policy::own_family(&book.state, actor, key)?.clone();
        let dataset = family.terms.dataset.clone();
        let snapshot = book.state.newest_snapshot(&dataset).cloned();
        let protected = match &snapshot {
            Some(snapshot) if family.vets.len() + 1 >= VETS => {
                Some(self.protect(&book.state, &dataset, &snapshot.id, snapshot.sealed_at_ms, Some(&family)).await?)
            }
            _ => None,
        };
        let sitting = self.desk().sit(once).await?;
        let state = &sitting.book.state;
        policy::may_vet_family(state, actor, key)?;
        let newest = state.newest_snapshot(&dataset);
        if newest != snapshot.as_ref() || state.families.get(key) != Some(&family) {
            return Err(Stop::of(Code::Unavailable));
        }
        let mut happened = vec![Happening::FamilyVetted { family: key.to_owned() }];
        if let (Some(protected), Some(snapshot)) = (&protected, &snapshot) {
            let seal = protected.seal(&dataset, &snapshot.id, sitting.now_ms);
            happened.push(Happening::FamiliesSealed { seal });
        }
        sitting.commit(actor, happened, once, |book| viewed(book, key)).await?.ok_or_else(|| Stop::of(Code::NotFound))
    }

    /// Withdraws a family: nothing is answered from it any more. What is out stays out.
    ///
    /// # Errors
    /// Another agency's family, or one that is withdrawn.
    pub async fn withdraw_family(&self, actor: &Actor, key: &str, once: Option<&Once>) -> Done<FamilyView> {
        require(actor, Act::WithdrawFamily)?;
        self.desk().again(once).await?;
        let sitting = self.desk().sit(once).await?;
        policy::may_withdraw_family(&sitting.book.state, actor, key)?;
        let happened = vec![Happening::FamilyWithdrawn { family: key.to_owned() }];
        sitting.commit(actor, happened, once, |book| viewed(book, key)).await?.ok_or_else(|| Stop::of(Code::NotFound))
    }

    /// Protects the vetted families of a dataset over a snapshot that isn't on record yet; none where there are none.
    pub(super) async fn protect_snapshot(
        &self,
        state: &State,
        dataset: &str,
        snapshot: &SnapshotId,
        now_ms: i64,
    ) -> Done<Option<Protected>> {
        if ever_vetted(state, dataset).next().is_none() {
            return Ok(None);
        }
        self.protect(state, dataset, snapshot, now_ms, None).await.map(Some)
    }

    /// Protects and keeps.
    async fn protect(
        &self,
        state: &State,
        dataset: &str,
        snapshot: &SnapshotId,
        as_of_ms: i64,
        more: Option<&Family>,
    ) -> Done<Protected> {
        let families: Vec<Family> = ever_vetted(state, dataset).cloned().collect();
        let Made { answered, sealed, laid } = self.tables(state, dataset, snapshot, as_of_ms, more).await?;
        let key: Key = self.desk().random()?;
        let home = self.desk().home.clone();
        let keyring = Keyring::of(self, state, domain(state, dataset), Some((dataset, snapshot)))?;
        let (snapshot, tables) = (snapshot.clone(), Arc::clone(&sealed));
        let content = off(move || {
            let content = sealed.commitment(&key);
            let mut bytes = hex::encode(key).into_bytes();
            bytes.push(b'\n');
            bytes.extend(sealed.to_inside_bytes());
            files::write(&home.seal(&content), &bytes).map_err(Stop::fault("keep sealed tables"))?;
            leave_sealed(&home, (&content, &snapshot), &keyring, laid, &sealed)?;
            Ok(content)
        });
        let content = content.await?;
        // Before anybody asks: the first answer takes no longer than another, and so tells nobody that it is the first.
        self.keep_open(state, &content, tables);
        Ok(Protected { families, answered, content })
    }

    /// The tables of a dataset's families over one snapshot, with everything that was sealed before as constraints.
    async fn tables(
        &self,
        state: &State,
        dataset: &str,
        snapshot: &SnapshotId,
        as_of_ms: i64,
        more: Option<&Family>,
    ) -> Done<Made> {
        let entry = state.datasets.get(dataset).ok_or_else(|| Stop::of(Code::NotFound))?.clone();
        let mut families: Vec<Family> = ever_vetted(state, dataset).cloned().collect();
        families.extend(more.filter(|more| !families.iter().any(|family| family.key() == more.key())).cloned());
        let answered = families.iter().filter(|family| family.state != FamilyState::Withdrawn).map(Family::key);
        let answered: Vec<String> = answered.collect();
        let appetite = appetite(&entry, &families)?;
        let layout = Layout::new(&entry.dictionary, &families);
        let layout = Arc::new(layout.map_err(|misfit| Stop::with(Code::Family, misfit.to_string()))?);
        let mut seals: Vec<FamilySeal> = state.seals.values().filter(|seal| seal.dataset == dataset).cloned().collect();
        seals.sort_by_key(|seal| {
            (state.snapshots.get(&seal.snapshot).map_or(0, |snapshot| snapshot.sealed_at_ms), seal.sealed_at_ms)
        });
        let mut before = Vec::new();
        for seal in &seals {
            let microdata = self.tallied(&layout, &seal.snapshot).await?;
            before.push(Moment { sealed: self.reopened(seal).await?, microdata });
        }
        // A snapshot that is sealed already has just been counted.
        let own = seals.iter().position(|seal| &seal.snapshot == snapshot);
        let fresh = if own.is_none() { Some(self.tallied(&layout, snapshot).await?) } else { None };
        let archive = Archive::of(self, state, domain(state, dataset), Some((dataset, snapshot)))?;
        let snapshot = snapshot.clone();
        off(move || {
            let microdata = own.and_then(|own| before.get(own)).map(|moment| &moment.microdata).or(fresh.as_ref());
            let microdata = microdata.ok_or_else(|| Stop::of(Code::NotFound))?;
            let (rules, held) = (appetite.rules(), &BTreeSet::new());
            let sealing = Sealing { layout: &layout, microdata, as_of_ms, rules, before: &before, held };
            let sealed = Arc::new(beside(&sealing, &archive, &snapshot)?);
            let microdata = microdata.clone();
            Ok(Made { answered, sealed, laid: Laid { layout, microdata } })
        })
        .await
    }

    /// What is counted of a snapshot, in a worker.
    async fn tallied(&self, layout: &Arc<Layout>, snapshot: &SnapshotId) -> Done<Microdata> {
        let mark = hex::encode(self.desk().random::<8>()?);
        let folder = self.desk().home.tally(&mark);
        let tally = Tally {
            snapshot: self.desk().home.snapshot(snapshot),
            columns: layout.columns.iter().cloned().zip(layout.codes.iter().cloned()).collect(),
            measures: layout
                .measures
                .iter()
                .map(|(measure, bounds)| (measure.column.clone(), measure.scale, *bounds))
                .collect(),
            folder: folder.clone(),
        };
        let done = self.fleet().tally(tally).await;
        let layout = Arc::clone(layout);
        let read = off(move || {
            let bytes = match done {
                Ok(()) => files::read(&folder.join(TALLY), TALLY_BYTES_MAX).map_err(Stop::fault("read a tally")),
                Err(stop) => Err(stop.into()),
            };
            // It holds counts of single subjects; the sweep takes what can't be removed now.
            let _ = std::fs::remove_dir_all(&folder);
            Microdata::read(&layout, &bytes?).map_err(Stop::fault("read a tally"))
        });
        read.await
    }

    /// The tables of a seal that is on record.
    async fn sealed(&self, seal: &FamilySeal) -> Done<Arc<SealedTables>> {
        let known = self.opened().lock().ok().and_then(|opened| opened.get(seal.content.as_str()).cloned());
        if let Some(tables) = known {
            return Ok(tables);
        }
        let tables = Arc::new(self.reopened(seal).await?);
        self.keep_open(&self.desk().book().state, &seal.content, Arc::clone(&tables));
        Ok(tables)
    }

    /// Keeps tables in memory, and of the others those that answers may come from.
    fn keep_open(&self, state: &State, content: &Commitment, tables: Arc<SealedTables>) {
        let newest: BTreeSet<&str> = newest_seals(state).map(|seal| seal.content.as_str()).collect();
        if let Ok(mut opened) = self.opened().lock() {
            opened.retain(|content, _| newest.contains(content.as_str()));
            if opened.len() < OPENED_MAX {
                opened.insert(content.as_str().to_owned(), tables);
            }
        }
    }

    /// Opens the tables that answers come from. What can't be opened is said to whoever asks.
    pub(super) async fn open_families(&self) {
        let book = self.desk().book();
        for seal in newest_seals(&book.state).take(OPENED_MAX) {
            let _ = self.sealed(seal).await;
        }
    }

    /// The same, read from the disk.
    async fn reopened(&self, seal: &FamilySeal) -> Done<SealedTables> {
        let (path, content) = (self.desk().home.seal(&seal.content), seal.content.clone());
        off(move || {
            let wrong = || Stop::Fault(Fault::new("open sealed tables", "they aren't those on record"));
            let bytes = files::read(&path, SEALED_BYTES_MAX).map_err(Stop::fault("open sealed tables"))?;
            let (head, body) = bytes.split_at_checked(65).ok_or_else(wrong)?;
            let mut key: Key = [0; 32];
            hex::decode_to_slice(head.get(..64).unwrap_or_default(), &mut key).map_err(|_| wrong())?;
            if Commitment::new(&key, body) != content {
                return Err(wrong());
            }
            SealedTables::from_inside_bytes(body).ok_or_else(wrong)
        })
        .await
    }

    /// Whether a job is a look-up in a sealed family of the snapshots that it pins; on static grounds alone.
    pub(super) fn route(
        state: &State,
        grant: &Grant,
        work: &Work,
        admitted: &Admitted,
        snapshots: &BTreeMap<String, SnapshotId>,
    ) -> Result<LookUp, Outside> {
        let Contract::Tabulate(contract) = &admitted.contract else {
            return Err(Outside { parts: vec!["a report writes its own table".to_owned()], nearest: None });
        };
        let own = own_parts(grant, work, admitted);
        let selection = admitted.selection.as_ref().map_err(Vec::as_slice);
        let dataset = selection.map_or("", |selection| selection.table.as_str());
        let seal = snapshots.get(dataset).and_then(|snapshot| state.seals.get(snapshot));
        let sealed = seal.map(|seal| seal.families.as_slice()).unwrap_or_default();
        find(&Asked { selection, contract, own: &own }, sealed.iter().filter_map(|key| state.families.get(key)))
    }

    /// The answer to a look-up.
    pub(super) async fn answer(
        &self,
        state: &State,
        look_up: &LookUp,
        contract: &Tabulation,
        snapshots: &BTreeMap<String, SnapshotId>,
    ) -> Done<(FamilyAnswer, FamilySeal)> {
        let gone = || Stop::of(Code::Unavailable);
        let seal = snapshots.get(look_up.dataset()).and_then(|id| state.seals.get(id)).ok_or_else(gone)?;
        let tables = self.sealed(seal).await?;
        let answer = FamilyAnswer::new(look_up, contract, &tables);
        Ok((answer.map_err(Stop::fault("look a job up"))?, seal.clone()))
    }
}

/// The seals of the newest snapshots: jobs pin those.
fn newest_seals(state: &State) -> impl Iterator<Item = &FamilySeal> {
    let newest = state.datasets.keys().filter_map(|dataset| state.newest_snapshot(dataset));
    newest.filter_map(|snapshot| state.seals.get(&snapshot.id))
}

/// Seals beside what is out of the subject domain already. Cells that would give somebody away with it are withheld, and
/// then the rest is looked at again, until nothing is found any more.
fn beside(sealing: &Sealing<'_>, archive: &Archive, snapshot: &SnapshotId) -> Done<SealedTables> {
    let mut sealed = seal(sealing).map_err(|why| unsealable(&why))?;
    if archive.is_empty() {
        return Ok(sealed);
    }
    let behind = Behind::new(sealing.layout.clone(), sealing.microdata.clone());
    let opened = archive.open(behind.last_subject().map_or(0, |last| last + 1))?;
    let keys = opened.keys()?;
    let spots: BTreeMap<Place, Spot> = behind.spots(snapshot.as_str()).map(|(spot, place)| (place, spot)).collect();
    let own = |place: &Place| behind.of(*spots.get(place)?).map(Arc::new);
    let mut held = BTreeSet::new();
    for _ in 0..HOLDS_MAX {
        let figures = behind.figures(&keys, snapshot.as_str(), &sealed);
        let figures = figures.map_err(Stop::fault("make a seal's figures"))?;
        let out: BTreeSet<&Place> =
            figures.iter().filter(|figure| figure.standing() == Standing::Released).map(Figure::place).collect();
        let found = opened.found(&figures, &own, (keys.domain(), sealing.rules), true);
        if opened.unchecked || found.iter().any(|found| found.topic == Topic::Incomplete) {
            return Err(unsealable(&Unsealable::History));
        }
        let harmful = found.iter().filter(|found| found.topic != Topic::Same);
        let terms = harmful.flat_map(|found| &found.terms).filter(|(_, place)| out.contains(place));
        let cells = terms.filter_map(|(_, place)| behind.cell(*spots.get(place)?));
        let before = held.len();
        held.extend(cells);
        if held.len() == before {
            return Ok(sealed);
        }
        sealed = seal(&Sealing { held: &held, ..*sealing }).map_err(|why| unsealable(&why))?;
    }
    Err(unsealable(&Unsealable::History))
}

/// The subject domain of a dataset with families.
fn domain<'a>(state: &'a State, dataset: &str) -> &'a str {
    let subject = state.datasets.get(dataset).and_then(|dataset| dataset.subject.as_ref());
    subject.map(|subject| subject.domain.as_str()).unwrap_or_default()
}

/// What a job sets of its own, and no family has.
fn own_parts(grant: &Grant, work: &Work, admitted: &Admitted) -> Vec<String> {
    let mut parts = Vec::new();
    // A family knows the rules of its data, and no grant's own.
    if !grant.terms.tightening.is_empty() {
        parts.push("the grant asks for stricter rules of its own".to_owned());
    }
    if let Work::Plan(plan) = work {
        if plan.measures.iter().any(|measure| measure.lower.is_some() || measure.upper.is_some()) {
            parts.push("bounds that the job sets".to_owned());
        }
        if plan.cells_per_subject.is_some() || plan.rows_per_subject.is_some() {
            parts.push("caps on cells or rows of a subject that the job sets".to_owned());
        }
    }
    if let Ok(selection) = &admitted.selection
        && grant.dataset(&selection.table).is_some_and(|granted| granted.row_filter.is_some())
    {
        parts.push("the grant shows some of the rows only".to_owned());
    }
    parts
}

/// How a job comes out, as it goes on record.
pub(super) fn route_of(looked_up: &Result<LookUp, Outside>) -> Route {
    match looked_up {
        Ok(look_up) => Route::Family { family: look_up.family().to_owned() },
        Err(outside) => Route::Reviewers { outside: outside.parts.clone(), nearest: outside.nearest.clone() },
    }
}

/// A family as it is shown.
fn viewed(book: &Book, key: &str) -> Option<FamilyView> {
    book.state.families.get(key).map(|family| show::family(family, &book.state))
}

fn no_snapshot() -> Stop {
    Stop::with(Code::WrongState, "the dataset has no snapshot yet")
}

fn sees(state: &State, actor: &Actor, family: &Family) -> bool {
    family.agency == actor.organisation
        || state.kind_of(&actor.organisation) == Some(OrganisationKind::Authority)
        || family.state == FamilyState::Vetted
}
