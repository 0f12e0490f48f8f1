//! What sealed families leave in the history of their subject domain: made and kept when they are sealed, and read
//! again whenever a candidate is compared.
//!
//! # Guarantees
//! Both files are whole on the disk before the seal's event. They are named by the seal's commitment.
//!
//! # Does not guarantee
//! That every seal is compared with: at most [`SEALED_FIGURES_MAX`] figures are, the newest seals first. Where there are
//! more, that is a finding.

use std::path::PathBuf;

use sha2::{Digest, Sha256};
use sluice_disclosure::families::behind::Behind;
use sluice_disclosure::families::layout::Layout;
use sluice_disclosure::families::microdata::Microdata;
use sluice_disclosure::families::sealed::SealedTables;
use sluice_disclosure::history::{Domain, Figure, Keys};
use sluice_domain::digest::Commitment;
use sluice_domain::family::FamilySeal;
use sluice_domain::id::SnapshotId;
use sluice_domain::state::State;
use sluice_engine::snapshot::{alone, merged_groups};

use super::Node;
use super::stop::{Done, Fault, Stop};
use crate::files::{self, Home, Key};

/// What one release, or one seal, may leave behind, in bytes.
const FIGURES_BYTES_MAX: u64 = 1 << 31;
const COUNTS_BYTES_MAX: u64 = 1 << 34;
/// Figures of sealed families that a candidate is compared with, at most.
pub(super) const SEALED_FIGURES_MAX: usize = 100_000;

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
        let grouped = state.datasets.values().filter(|dataset| {
            dataset.group.is_some() && dataset.subject.as_ref().is_some_and(|subject| subject.domain == domain)
        });
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
pub(super) fn write_figures(path: &std::path::Path, subjects: u32, figures: &[Figure]) -> Done<()> {
    let mut bytes = subjects.to_le_bytes().to_vec();
    for figure in figures {
        let figure = figure.to_bytes();
        bytes.extend((figure.len() as u32).to_le_bytes());
        bytes.extend(figure);
    }
    files::write(path, &bytes).map_err(Stop::fault("keep figures"))
}

/// Reads what [`write_figures`] wrote.
pub(super) fn read_figures(path: &std::path::Path) -> Done<(u32, Vec<Figure>)> {
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
pub(super) struct Counted {
    pub layout: std::sync::Arc<Layout>,
    pub microdata: Microdata,
}

/// Keeps what these tables leave behind, before their event.
pub(super) fn leave(
    home: &Home,
    (content, snapshot): (&Commitment, &SnapshotId),
    keyring: &Keyring,
    counted: Counted,
    tables: &SealedTables,
) -> Done<()> {
    let Counted { layout, microdata } = counted;
    let counts = Behind::to_inside_bytes(&layout, &microdata);
    files::write(&home.seal_counts(content), &counts).map_err(Stop::fault("keep what was counted"))?;
    let behind = Behind::new((*layout).clone(), microdata);
    let subjects = behind.last_subject().map_or(0, |last| last + 1);
    let figures = behind.figures(&keyring.keys(subjects)?, snapshot.as_str(), tables);
    write_figures(&home.seal_figures(content), subjects, &figures.map_err(Stop::fault("make a seal's figures"))?)
}

/// What was counted for a seal that is on record.
pub(super) fn counted(home: &Home, content: &Commitment) -> Done<Behind> {
    let bytes = files::read(&home.seal_counts(content), COUNTS_BYTES_MAX).map_err(Stop::fault("read counts"))?;
    Behind::from_inside_bytes(&bytes).ok_or_else(|| Stop::Fault(Fault::new("read counts", "they are garbled")))
}

/// The seals of a domain, newest first.
pub(super) fn seals_of<'a>(state: &'a State, domain: &str) -> Vec<&'a FamilySeal> {
    let of = |seal: &&FamilySeal| {
        let subject = state.datasets.get(&seal.dataset).and_then(|dataset| dataset.subject.as_ref());
        subject.is_some_and(|subject| subject.domain == domain)
    };
    let mut seals: Vec<&FamilySeal> = state.seals.values().filter(of).collect();
    seals.sort_by(|a, b| (b.sealed_at_ms, &b.snapshot).cmp(&(a.sealed_at_ms, &a.snapshot)));
    seals
}
