//! How a job comes to be admitted: on static grounds, before any data is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluice_disclosure::families::answer::FamilyAnswer;
use sluice_domain::contract::Contract;
use sluice_domain::event::Happening;
use sluice_domain::family::{FamilySeal, FamilyState};
use sluice_domain::grade::Lane;
use sluice_domain::grant::Grant;
use sluice_domain::id::{GrantId, JobId, SnapshotId};
use sluice_domain::job::{Job, JobState, Route};
use sluice_domain::limits::Limits;
use sluice_domain::people::Actor;
use sluice_domain::permission::{Act, require};
use sluice_domain::policy;
use sluice_domain::refusal::{Code, Refusal};
use sluice_domain::relation::{self, Relation};
use sluice_domain::state::State;
use sluice_engine::ask::{Admitted, TableSpec, Work};

use super::book::Book;
use super::desk::Once;
use super::families::route_of;
use super::seal::Sealed;
use super::stop::{Done, Stop, off};
use super::{Node, grants, remembered, show};
use crate::api::types::{JobView, SubmitJob};

/// The name of a job's work in its folder.
pub(super) const WORK: &str = "work.json";
const WORK_BYTES_MAX: u64 = 1024 * 1024;

/// What was settled before the seat is taken.
struct Settled {
    contract: Contract,
    snapshots: BTreeMap<String, SnapshotId>,
    route: Route,
    /// Between the contract's measures, as the dictionaries have them.
    relations: Vec<Relation>,
    /// Where it is looked up: the answer, and the seal that it is from.
    answer: Option<(FamilyAnswer, FamilySeal)>,
}

/// The tables of a grant, as they are shown to the engine; with `snapshot`, where each lies.
pub(super) fn tables(
    state: &State,
    grant: &Grant,
    snapshot: impl Fn(&str) -> Option<std::path::PathBuf>,
) -> Result<Vec<TableSpec>, Refusal> {
    let table = |granted: &sluice_domain::grant::GrantedDataset| {
        let dataset = state.datasets.get(&granted.dataset).ok_or_else(|| Refusal::of(Code::NotFound))?;
        Ok(TableSpec {
            granted: granted.columns.clone(),
            row_filter: granted.row_filter.clone(),
            ..TableSpec::whole(dataset, snapshot(&dataset.name))
        })
    };
    grant.terms.datasets.iter().map(table).collect()
}

/// The newest snapshot of each dataset: they are pinned, and what is sealed later doesn't matter to the job.
fn pinned(state: &State, grant: &Grant) -> Result<BTreeMap<String, SnapshotId>, Refusal> {
    let newest = |granted: &sluice_domain::grant::GrantedDataset| {
        let name = granted.dataset.clone();
        match state.newest_snapshot(&name) {
            Some(snapshot) => Ok((name, snapshot.id.clone())),
            None => Err(Refusal::with(Code::WrongState, format!("`{name}` has no snapshot yet"))),
        }
    };
    grant.terms.datasets.iter().map(newest).collect()
}

/// What computes, if the request says so plainly.
fn work(state: &State, grant: &Grant, ask: &SubmitJob, limits: &Limits) -> Result<Work, Refusal> {
    let malformed = |text: &str| Err(Refusal::with(Code::Malformed, text));
    let short = |(name, value): (&String, &String)| name.len() <= 200 && value.len() <= limits.param_bytes_max;
    if ask.params.len() > limits.params_max || !ask.params.iter().all(short) {
        return malformed("there are too many parameters, or one is too long");
    }
    match (&ask.plan, &ask.module) {
        (Some(plan), None) => {
            if ask.lane != Lane::Tabulate || !ask.params.is_empty() {
                return malformed("a job without a module is of lane tabulate and has no parameters");
            }
            Ok(Work::Plan(plan.clone()))
        }
        (None, Some(digest)) => {
            let Some(module) = state.module(&grant.terms.operator, digest) else {
                return Err(Refusal::with(Code::NotFound, "your organisation has submitted no such module"));
            };
            if !module.may_run_under(grant) {
                return Err(Refusal::with(Code::Module, "this module was revoked"));
            }
            if module.lane != ask.lane {
                let detail = format!("the module is of lane {}", module.lane.as_str());
                return Err(Refusal::with(Code::Module, detail));
            }
            Ok(Work::Module { lane: ask.lane, digest: digest.clone(), params: ask.params.clone() })
        }
        _ => malformed("a job has either a plan or a module"),
    }
}

impl Node {
    /// Puts a job to the policies and the guard, charges the grant, and admits it; the run comes later. Every refusal
    /// is on static grounds, is told in full, and goes on record by its code.
    ///
    /// # Errors
    /// The refusal.
    pub async fn submit(&self, actor: &Actor, ask: SubmitJob, once: Option<&Once>) -> Done<JobView> {
        require(actor, Act::SubmitJob)?;
        let book = self.desk().again(once).await?;
        match self.admit(&book, actor, &ask, once).await {
            Err(Stop::Refused(refusal)) if refusal.code != Code::Unavailable => {
                let grant = GrantId::parse(&ask.grant).and_then(|id| book.state.grants.get(&id));
                let own = grant.filter(|grant| grant.terms.operator == actor.organisation);
                let grant = own.map(|grant| grant.id.clone());
                let happened = vec![Happening::JobRefused { grant, lane: Some(ask.lane), code: refusal.code }];
                self.desk().sit(None).await?.commit(actor, happened, None, |_| ()).await?;
                Err(Stop::Refused(refusal))
            }
            done => done,
        }
    }

    async fn admit(&self, book: &Book, actor: &Actor, ask: &SubmitJob, once: Option<&Once>) -> Done<JobView> {
        let id = GrantId::parse(&ask.grant).ok_or_else(|| Stop::of(Code::NotFound))?;
        let grant = book.state.grants.get(&id).ok_or_else(|| Stop::of(Code::NotFound))?;
        policy::may_submit(&book.state, actor, grant, ask.lane, self.desk().now_ms())?;
        let work = work(&book.state, grant, ask, &self.settings().limits)?;
        let Settled { contract, snapshots, route, relations, answer } =
            self.settle(book, grant, ask.lane, &work).await?;
        let job = Job {
            id: JobId::new(self.desk().random()?),
            grant: grant.id.clone(),
            organisation: actor.organisation.clone(),
            person: actor.person.clone(),
            lane: ask.lane,
            module: ask.module.clone(),
            params: ask.params.clone(),
            contract,
            snapshots,
            route,
            relations,
            admitted_at_ms: 0,
            slot_ms: self.settings().slot_ms,
            fixed_slot_at_ms: None,
            state: JobState::Admitted,
            state_at_ms: 0,
            review_at_ms: None,
            attempts: 0,
            incidents: 0,
        };
        let id = job.id.clone();
        let entered = match answer {
            None => {
                self.keep_work(&id, &work).await?;
                self.enter(actor, ask, job, None, once).await
            }
            Some((answer, seal)) => {
                // Its bytes are written before the seat is taken: nobody waits for them.
                let ((), sealed) = tokio::try_join!(self.keep_work(&id, &work), self.look_up(&job, answer, &seal))?;
                let entered = self.enter(actor, ask, job, Some((&sealed, &seal)), once).await;
                if matches!(entered, Err(Stop::Refused(_) | Stop::Again(_))) {
                    sealed.discard(&self.desk().home).await;
                }
                entered
            }
        };
        if matches!(entered, Err(Stop::Refused(_) | Stop::Again(_))) {
            // After a fault the job may be on record.
            let _ = tokio::fs::remove_dir_all(self.desk().home.job(&id)).await;
        }
        entered
    }

    /// The contract, fixed without data.
    async fn settle(&self, book: &Book, grant: &Grant, lane: Lane, work: &Work) -> Done<Settled> {
        let tables = tables(&book.state, grant, |_| None)?;
        let snapshots = pinned(&book.state, grant)?;
        grants::appetite(&book.state, grant)?;
        let admitted = self.admitted(grant, tables, work).await?;
        if admitted.contract.lane() != lane {
            return Err(Stop::with(Code::Contract, "the contract is of another lane"));
        }
        let looked_up = Node::route(&book.state, grant, work, &admitted, &snapshots);
        let route = route_of(&looked_up);
        let answer = match (&looked_up, &admitted.contract) {
            (Ok(look_up), Contract::Tabulate(contract)) => {
                Some(self.answer(&book.state, look_up, contract, &snapshots).await?)
            }
            _ => None,
        };
        let dictionary = |name: &str| book.state.datasets.get(name).map(|dataset| &dataset.dictionary);
        let relations = relation::between(&admitted.sources, dictionary);
        Ok(Settled { contract: admitted.contract.clone(), snapshots, route, relations, answer })
    }

    /// What a worker says of the work, now or before.
    async fn admitted(&self, grant: &Grant, tables: Vec<TableSpec>, work: &Work) -> Done<Arc<Admitted>> {
        let key = remembered::key(&tables, work);
        if let Some(admitted) = key.as_deref().and_then(|key| self.0.remembered.get(&grant.id, key)) {
            return Ok(admitted);
        }
        let _turn = self.runs().admission().await?;
        self.compiled(work).await?;
        let admitted = Arc::new(self.fleet().admit(tables, work.clone()).await?);
        admitted.contract.check(&self.settings().limits)?;
        if let Some(key) = key {
            self.0.remembered.put(&grant.id, key, Arc::clone(&admitted));
        }
        Ok(admitted)
    }

    /// Writes that a job was admitted, and where it is looked up, its release as well.
    async fn enter(
        &self,
        actor: &Actor,
        ask: &SubmitJob,
        job: Job,
        looked_up: Option<(&Sealed, &FamilySeal)>,
        once: Option<&Once>,
    ) -> Done<JobView> {
        let sitting = self.desk().sit(once).await?;
        let (state, now_ms) = (&sitting.book.state, sitting.now_ms);
        let grant = GrantId::parse(&ask.grant).and_then(|id| state.grants.get(&id));
        let grant = grant.ok_or_else(|| Stop::of(Code::NotFound))?;
        policy::may_submit(state, actor, grant, ask.lane, now_ms)?;
        work(state, grant, ask, &self.settings().limits)?;
        let report_bits = policy::charge(grant, &job.contract)?;
        let wait_ms = job.slot_ms.saturating_mul(i64::from(self.settings().report_slots));
        let fixed_slot_at_ms = (ask.lane == Lane::Report).then(|| now_ms.saturating_add(wait_ms));
        let job = Job { admitted_at_ms: now_ms, fixed_slot_at_ms, state_at_ms: now_ms, ..job };
        let attempts_max = self.settings().limits.attempts_max;
        let mut happened = vec![Happening::JobAdmitted { job: Box::new(job.clone()), report_bits }];
        if let Some((sealed, seal)) = looked_up {
            // What was vetted may have been withdrawn, or sealed anew, since.
            let family = job.route.family().and_then(|family| state.families.get(family));
            let vetted = family.is_some_and(|family| family.state == FamilyState::Vetted);
            if !vetted || state.seals.get(&seal.snapshot) != Some(seal) {
                return Err(Stop::of(Code::Unavailable));
            }
            happened.push(Happening::ReleaseSealed { release: Box::new(sealed.entry(now_ms)) });
        }
        let view = |book: &Book| {
            let entry = book.state.jobs.get(&job.id).unwrap_or(&job);
            show::job(book, actor, entry, attempts_max, now_ms)
        };
        let view = sitting.commit(actor, happened, once, view).await;
        self.runs().wake();
        view
    }

    async fn keep_work(&self, id: &JobId, work: &Work) -> Done<()> {
        let folder = self.desk().home.job(id);
        let bytes = serde_json::to_vec(work).map_err(Stop::fault("keep a job's work"))?;
        off(move || {
            crate::files::folder(&folder).map_err(Stop::fault("keep a job's work"))?;
            crate::files::write(&folder.join(WORK), &bytes).map_err(Stop::fault("keep a job's work"))
        })
        .await
    }

    /// What the job computes, as it was asked.
    pub(super) async fn work_of(&self, id: &JobId) -> Done<Work> {
        let path = self.desk().home.job(id).join(WORK);
        let read = off(move || crate::files::read(&path, WORK_BYTES_MAX).map_err(Stop::fault("read a job's work")));
        serde_json::from_slice(&read.await?).map_err(Stop::fault("read a job's work"))
    }

    /// Sees to it that the cache has the module: a new version of the engine doesn't use what an older one compiled.
    pub(super) async fn compiled(&self, work: &Work) -> Done<()> {
        let Work::Module { digest, .. } = work else { return Ok(()) };
        if self.fleet().is_compiled(digest) {
            return Ok(());
        }
        let (path, bytes_max) = (self.desk().home.module(digest), self.settings().limits.module_bytes_max as u64);
        let wasm = off(move || crate::files::read(&path, bytes_max).map_err(Stop::fault("read a module"))).await?;
        if &sluice_domain::digest::sha256_hex(&wasm) != digest {
            return Err(super::Fault::new("read a module", "its bytes aren't those that were submitted").into());
        }
        self.fleet().examine(wasm).await?;
        Ok(())
    }
}
