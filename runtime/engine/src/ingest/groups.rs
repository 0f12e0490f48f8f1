//! Which group (legal entity, household) each subject is of, and which columns have one value for each subject.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

use datafusion::arrow::array::{ArrayRef, AsArray, UInt32Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result as PlanResult;
use sluice_domain::dataset::Dataset;
use sluice_domain::refusal::{Code, Refusal};

use crate::snapshot::{GROUPS, number};

/// The groups of the subjects of one snapshot.
pub(super) struct GroupsOf {
    place: usize,
    of: BTreeMap<u32, u64>,
}

impl GroupsOf {
    pub(super) fn of(dataset: &Dataset) -> Option<GroupsOf> {
        let group = dataset.group.as_ref()?;
        let place = dataset.dictionary.columns.iter().position(|column| &column.name == group)?;
        Some(GroupsOf { place, of: BTreeMap::new() })
    }

    /// Notes the groups of these rows. Of a subject that is found in several the one of the least number counts; one
    /// that is found in none is a group by itself.
    pub(super) fn note(&mut self, columns: &[ArrayRef], owned: &UInt32Array) -> PlanResult<()> {
        let Some(column) = columns.get(self.place) else { return Ok(()) };
        let texts = cast(column, &DataType::Utf8)?;
        for (subject, group) in owned.iter().zip(texts.as_string::<i32>()) {
            if let (Some(subject), Some(group)) = (subject, group) {
                let number = number("group", group.as_bytes());
                self.of.entry(subject).and_modify(|known| *known = number.min(*known)).or_insert(number);
            }
        }
        Ok(())
    }

    /// Writes pairs of ordinal and group, in the order of ordinals.
    pub(super) fn write(&self, folder: &Path) -> std::io::Result<()> {
        let path = folder.join(GROUPS);
        let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
        for (subject, group) in &self.of {
            file.write_all(&subject.to_le_bytes())?;
            file.write_all(&group.to_le_bytes())?;
        }
        file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
    }
}

/// Columns of which each subject has one value.
#[derive(Default)]
pub(super) struct Fixed(Vec<(String, usize, HashMap<u32, u64>)>);

impl Fixed {
    pub(super) fn of(dataset: &Dataset) -> Fixed {
        let columns = dataset.dictionary.columns.iter().enumerate();
        Fixed(
            columns
                .filter(|(_, column)| column.per_subject)
                .map(|(place, column)| (column.name.clone(), place, HashMap::new()))
                .collect(),
        )
    }

    /// Holds rows to the declaration. That there is no value is one too.
    pub(super) fn check(&mut self, columns: &[ArrayRef], owned: &UInt32Array) -> Result<(), Refusal> {
        for (name, place, known) in &mut self.0 {
            let unread = |_| Refusal::with(Code::Ingest, format!("`{name}` can't be compared"));
            let Some(column) = columns.get(*place) else { continue };
            let texts = cast(column, &DataType::Utf8).map_err(unread)?;
            for (subject, value) in owned.iter().zip(texts.as_string::<i32>()) {
                let Some(subject) = subject else { continue };
                let value = value.map_or(0, |value| number("value", value.as_bytes()));
                if *known.entry(subject).or_insert(value) != value {
                    let text =
                        format!("`{name}` is declared to have one value for each subject, and a subject has two");
                    return Err(Refusal::with(Code::Ingest, text));
                }
            }
        }
        Ok(())
    }
}
