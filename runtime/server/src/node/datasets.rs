//! The catalogue, and data files on their way in.

use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;
use sluice_domain::dataset::{Dataset, DatasetState, Snapshot};
use sluice_domain::digest::Commitment;
use sluice_domain::event::Happening;
use sluice_domain::id::SnapshotId;
use sluice_domain::people::Actor;
use sluice_domain::permission::{Act, require};
use sluice_domain::policy;
use sluice_domain::refusal::Code;
use sluice_engine::ask::{Draft, Format, Ingest, Ingested};
use tokio::io::AsyncWriteExt;

use super::desk::Once;
use super::stop::{Done, Stop, off};
use super::{Node, show};
use crate::api::types::{
    DatasetView, DraftedDictionary, RegisterDataset, SealedSnapshot, SnapshotReport, SnapshotView,
};

/// A registration lasts a year when nothing is said.
const YEAR_MS: i64 = 366 * 86_400_000;
const THRESHOLDS: std::ops::RangeInclusive<u64> = 2..=1_000_000;

/// A data file on its way in: inside the home folder, of bounded length, and gone when this is dropped.
pub struct Upload {
    path: PathBuf,
    file: tokio::fs::File,
    mac: Hmac<Sha256>,
    left: u64,
}

impl Upload {
    /// Takes the next piece.
    ///
    /// # Errors
    /// [`Code::TooLarge`] beyond the limit; a file that can't be written.
    pub async fn write(&mut self, piece: &[u8]) -> Done<()> {
        let length = piece.len() as u64;
        self.left = self.left.checked_sub(length).ok_or_else(|| Stop::of(Code::TooLarge))?;
        self.mac.update(piece);
        self.file.write_all(piece).await.map_err(Stop::fault("keep an upload"))
    }

    /// Ends it, and gives a keyed digest of all of it.
    ///
    /// # Errors
    /// A file that can't be written.
    pub async fn finish(&mut self) -> Done<String> {
        self.file.flush().await.map_err(Stop::fault("keep an upload"))?;
        Ok(hex::encode(self.mac.clone().finalize().into_bytes()))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // What can't be removed now is swept at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// What stays inside of a snapshot's sealing: the commitment can be opened with it.
#[derive(Serialize)]
struct SnapshotNote<'a> {
    key: String,
    content: &'a str,
    taken_in: &'a Ingested,
}

impl Node {
    /// Begins to take in a data file.
    ///
    /// # Errors
    /// A file that can't be made.
    pub async fn upload(&self) -> Done<Upload> {
        let name = hex::encode(self.desk().random::<16>()?);
        let path = self.desk().home.uploads().join(name);
        let file = tokio::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path).await;
        let file = file.map_err(Stop::fault("keep an upload"))?;
        let mac = Hmac::<Sha256>::new_from_slice(&self.desk().master).map_err(Stop::fault("keep an upload"))?;
        Ok(Upload { path, file, mac, left: self.settings().upload_bytes_max })
    }

    /// Asks whether the actor may draft a dictionary, before a file is taken in.
    ///
    /// # Errors
    /// Another role.
    pub fn may_draft_dictionary(&self, actor: &Actor) -> Done<()> {
        Ok(require(actor, Act::RegisterDataset)?)
    }

    /// Drafts a dictionary, for the custodian's eyes only. Nothing is kept.
    ///
    /// # Errors
    /// A file that can't be read, a threshold out of range.
    pub async fn draft_dictionary(
        &self,
        actor: &Actor,
        upload: &Upload,
        format: Format,
        subject: Option<String>,
        threshold: u64,
    ) -> Done<DraftedDictionary> {
        self.may_draft_dictionary(actor)?;
        if !THRESHOLDS.contains(&threshold) {
            return Err(Stop::with(Code::Malformed, "a threshold is between 2 and 1000000"));
        }
        let draft = Draft { file: upload.path().to_owned(), format, subject, threshold };
        let drafted = self.fleet().draft(draft).await?;
        Ok(DraftedDictionary { dictionary: drafted.dictionary, n_public: drafted.n_public, remarks: drafted.remarks })
    }

    /// Registers a dataset for the actor's own agency.
    ///
    /// # Errors
    /// A malformed entry, a name or item that is taken.
    pub async fn register(&self, actor: &Actor, ask: RegisterDataset, once: Option<&Once>) -> Done<DatasetView> {
        require(actor, Act::RegisterDataset)?;
        self.desk().again(once).await?;
        let sitting = self.desk().sit(once).await?;
        let now_ms = sitting.now_ms;
        let dataset = Dataset {
            item_code: ask.item_code.unwrap_or_else(|| ask.name.clone()),
            name: ask.name,
            title: ask.title,
            agency: actor.organisation.clone(),
            subject: ask.subject,
            unique: ask.unique,
            group: ask.group,
            grade: ask.grade,
            n_public: ask.n_public,
            dictionary: ask.dictionary,
            state: DatasetState::Registered,
            registered_at_ms: now_ms,
            lapses_at_ms: ask.lapses_at_ms.unwrap_or_else(|| now_ms.saturating_add(YEAR_MS)),
        };
        policy::may_register(&sitting.book.state, actor, &dataset)?;
        let view = show::dataset(&dataset);
        let happened = vec![Happening::DatasetRegistered { dataset: Box::new(dataset) }];
        sitting.commit(actor, happened, once, |_| view).await
    }

    /// The catalogue, in the order of names.
    ///
    /// # Errors
    /// Another role.
    pub fn datasets(&self, actor: &Actor) -> Done<Vec<DatasetView>> {
        require(actor, Act::ReadCatalogue)?;
        Ok(self.desk().book().state.datasets.values().map(show::dataset).collect())
    }

    /// One entry of the catalogue.
    ///
    /// # Errors
    /// No such dataset.
    pub fn dataset(&self, actor: &Actor, name: &str) -> Done<DatasetView> {
        require(actor, Act::ReadCatalogue)?;
        let book = self.desk().book();
        book.state.datasets.get(name).map(show::dataset).ok_or_else(|| Stop::of(Code::NotFound))
    }

    /// A dataset's snapshots, oldest first.
    ///
    /// # Errors
    /// No such dataset.
    pub fn snapshots(&self, actor: &Actor, name: &str) -> Done<Vec<SnapshotView>> {
        self.dataset(actor, name)?;
        let book = self.desk().book();
        let mut of: Vec<&Snapshot> = book.state.snapshots.values().filter(|entry| entry.dataset == name).collect();
        of.sort_by_key(|entry| (entry.sealed_at_ms, entry.id.clone()));
        Ok(of.into_iter().map(show::snapshot).collect())
    }

    /// Asks whether the actor may seal a snapshot, before a file is taken in.
    ///
    /// # Errors
    /// Another role, another agency's dataset, one that isn't in force.
    pub fn may_seal_snapshot(&self, actor: &Actor, name: &str) -> Done<()> {
        require(actor, Act::SealSnapshot)?;
        let book = self.desk().book();
        Ok(policy::may_seal_snapshot(&book.state, actor, name, self.desk().now_ms())?)
    }

    /// Seals a data file as a snapshot of a dataset. What was counted on the way is for the agency's custodians.
    ///
    /// # Errors
    /// As [`Node::may_seal_snapshot`], or a file that doesn't fit the dictionary.
    pub async fn seal_snapshot(
        &self,
        actor: &Actor,
        name: &str,
        upload: &Upload,
        format: Format,
        once: Option<&Once>,
    ) -> Done<SealedSnapshot> {
        self.may_seal_snapshot(actor, name)?;
        self.desk().again(once).await?;
        let book = self.desk().book();
        let dataset = policy::own_dataset(&book.state, actor, name)?.clone();
        let id = SnapshotId::new(self.desk().random()?);
        let ingest = Ingest {
            file: upload.path().to_owned(),
            format,
            dataset: Box::new(dataset),
            folder: self.desk().home.snapshot(&id),
            domains: self.desk().home.domains(),
        };
        let folder = ingest.folder.clone();
        let sealed = match self.fleet().ingest(ingest).await {
            Ok(taken_in) => self.enter_snapshot(actor, name, &id, taken_in, once).await,
            Err(stop) => Err(stop.into()),
        };
        if matches!(sealed, Err(Stop::Refused(_) | Stop::Again(_))) {
            // A snapshot that no event names is of no use. After a fault it may be on record: the sweep at the next
            // start asks the ledger.
            let _ = tokio::fs::remove_dir_all(folder).await;
        }
        sealed
    }

    async fn enter_snapshot(
        &self,
        actor: &Actor,
        name: &str,
        id: &SnapshotId,
        taken_in: Ingested,
        once: Option<&Once>,
    ) -> Done<SealedSnapshot> {
        let key = self.desk().random::<32>()?;
        let content = Commitment::new(&key, taken_in.content.as_bytes());
        let note = SnapshotNote { key: hex::encode(key), content: &taken_in.content, taken_in: &taken_in };
        let note = serde_json::to_vec(&note).map_err(Stop::fault("write a snapshot's note"))?;
        let path = self.desk().home.snapshot_note(id);
        off(move || crate::files::write(&path, &note).map_err(Stop::fault("write a snapshot's note"))).await?;
        let _turn = self.families_turn().await;
        let state = self.desk().book();
        let protected = self.protect_snapshot(&state.state, name, id, self.desk().now_ms()).await;
        // Families that can't be protected over it are no reason against the snapshot: people look at what is asked of it.
        let (protected, unprotected) = match protected {
            Ok(protected) => (protected, None),
            Err(Stop::Refused(refusal)) => (None, Some(refusal.to_string())),
            Err(stop) => return Err(stop),
        };
        let sitting = self.desk().sit(once).await?;
        policy::may_seal_snapshot(&sitting.book.state, actor, name, sitting.now_ms)?;
        if protected.as_ref().is_some_and(|protected| !protected.holds(&sitting.book.state, name)) {
            return Err(Stop::of(Code::Unavailable));
        }
        let (id, dataset, sealed_at_ms) = (id.clone(), name.to_owned(), sitting.now_ms);
        let seal = protected.as_ref().map(|protected| protected.seal(name, &id, sealed_at_ms));
        let snapshot = Snapshot { id, dataset, sealed_at_ms, content };
        let view = SealedSnapshot { snapshot: show::snapshot(&snapshot), report: None };
        let mut happened = vec![Happening::SnapshotSealed { snapshot }];
        happened.extend(seal.map(|seal| Happening::FamiliesSealed { seal }));
        let sealed = sitting.commit(actor, happened, once, |_| view).await?;
        let report = SnapshotReport {
            rows: taken_in.rows,
            subjects: taken_in.subjects,
            rows_without_subject: taken_in.rows_without_subject,
            misfits: taken_in.misfits,
            nulls: taken_in.nulls,
            families_not_sealed: unprotected,
        };
        Ok(SealedSnapshot { report: Some(report), ..sealed })
    }
}
