//! Releases: listed, and fetched with their receipt in hand.
//!
//! # Guarantees
//! Bytes are served only after the release's receipt was made and verified, and only if they are, byte for byte, what
//! the receipt says left.

use sluice_domain::event::Happening;
use sluice_domain::id::ReleaseId;
use sluice_domain::job::Visible;
use sluice_domain::people::{Actor, OrganisationKind};
use sluice_domain::permission::{Act, require};
use sluice_domain::policy;
use sluice_domain::refusal::Code;
use sluice_domain::release::ReleaseEntry;
use sluice_ledger::release::RECORD;
use sluice_ledger::{Receipt, Served};

use super::book::Book;
use super::stop::{Done, Fault, Stop, off};
use super::{Node, seal, show};
use crate::api::types::ReleaseView;

/// Whether the actor may see the release: an operator from the slot in which its job shows as released.
fn sees_release(book: &Book, actor: &Actor, release: &ReleaseEntry, now_ms: i64) -> bool {
    let Some(job) = book.state.jobs.get(&release.job) else { return false };
    let operates = book.state.kind_of(&actor.organisation) == Some(OrganisationKind::Operator);
    policy::sees_job(&book.state, actor, job) && (!operates || job.visible(now_ms) == Visible::Released)
}

impl Node {
    /// The releases that the actor may see, oldest first.
    ///
    /// # Errors
    /// Another role.
    pub fn releases(&self, actor: &Actor) -> Done<Vec<ReleaseView>> {
        require(actor, Act::ReadReleases)?;
        let (book, now_ms) = (self.desk().book(), self.desk().now_ms());
        let mut seen: Vec<&ReleaseEntry> =
            book.state.releases.values().filter(|release| sees_release(&book, actor, release, now_ms)).collect();
        seen.sort_by_key(|release| (release.sealed_at_ms, release.id.clone()));
        Ok(seen.into_iter().map(|release| show::release(&book.state, release)).collect())
    }

    /// One release.
    ///
    /// # Errors
    /// None that the actor may see.
    pub fn release(&self, actor: &Actor, id: &str) -> Done<ReleaseView> {
        require(actor, Act::ReadReleases)?;
        let release = self.find_release(actor, id)?;
        Ok(show::release(&self.desk().book().state, &release))
    }

    /// A release's receipt: the same one every time, as it was when the release was sealed.
    ///
    /// # Errors
    /// None that the actor may see.
    pub async fn receipt(&self, actor: &Actor, id: &str) -> Done<Receipt> {
        require(actor, Act::ReadReleases)?;
        let release = self.find_release(actor, id)?;
        self.receipt_of(&release.id).await
    }

    /// A release's SDC record, as it left.
    ///
    /// # Errors
    /// None that the actor may see.
    pub async fn record(&self, actor: &Actor, id: &str) -> Done<Served> {
        require(actor, Act::ReadReleases)?;
        let release = self.find_release(actor, id)?;
        self.bytes_of(&release, RECORD).await
    }

    /// A release's data. That it was fetched goes on record before it is handed out.
    ///
    /// # Errors
    /// None that the actor may fetch, or no such format.
    pub async fn fetch(&self, actor: &Actor, id: &str, format: &str) -> Done<Served> {
        require(actor, Act::FetchRelease)?;
        let release = self.find_release(actor, id)?;
        if !crate::render::FORMATS.contains(&format) {
            return Err(Stop::with(Code::Malformed, "a format is csv, parquet or arrow"));
        }
        let bytes = self.bytes_of(&release, format).await?;
        let happened = vec![Happening::ReleaseFetched { release: release.id.clone(), format: format.to_owned() }];
        self.desk().sit(None).await?.commit(actor, happened, None, |_| ()).await?;
        Ok(bytes)
    }

    fn find_release(&self, actor: &Actor, id: &str) -> Done<ReleaseEntry> {
        let (book, now_ms) = (self.desk().book(), self.desk().now_ms());
        let release = ReleaseId::parse(id).and_then(|id| book.state.releases.get(&id));
        let seen = release.filter(|release| sees_release(&book, actor, release, now_ms));
        seen.cloned().ok_or_else(|| Stop::of(Code::NotFound))
    }

    /// The receipt, against the checkpoint of the commit that sealed the release: a later one would tell how far the
    /// ledger is by now, and so what other jobs have just come to.
    async fn receipt_of(&self, id: &ReleaseId) -> Done<Receipt> {
        let seq = self.desk().book().receipts.get(id).copied();
        let seq = seq.ok_or_else(|| Fault::new("make a receipt", "the release isn't in the ledger"))?;
        Ok(self.desk().store.receipt(seq).await?)
    }

    async fn bytes_of(&self, release: &ReleaseEntry, format: &str) -> Done<Served> {
        let receipt = self.receipt_of(&release.id).await?;
        let artefact = release.artefacts.iter().find(|artefact| artefact.format == format);
        let bytes_max = artefact.ok_or_else(|| Stop::of(Code::NotFound))?.bytes;
        let path = self.desk().home.release(&release.id).join(seal::file_name(format));
        let bytes = off(move || crate::files::read(&path, bytes_max).map_err(Stop::fault("read a release"))).await?;
        let trusted = self.desk().store.verifier();
        Served::new(&receipt, &trusted, &release.id, format, bytes)
            .map_err(Stop::fault("match a release with its receipt"))
    }

    /// Writes the ledger out, for whoever may audit it.
    ///
    /// # Errors
    /// Another role.
    pub fn may_export(&self, actor: &Actor) -> Done<()> {
        Ok(require(actor, Act::ExportLedger)?)
    }

    /// Writes the ledger, as large as it is now.
    ///
    /// # Errors
    /// A ledger that can't be read, or a reader who went away.
    pub async fn export(&self, writer: &mut (impl tokio::io::AsyncWrite + Unpin)) -> Done<u64> {
        sluice_ledger::export(&self.desk().store, writer).await.map_err(Stop::fault("export the ledger"))
    }
}
