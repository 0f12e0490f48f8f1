//! Lane `tabulate`: one subject at a time, added up by the host.

use crate::{Contract, Params, Rows};

/// A module of lane `tabulate`; exported with [`crate::export_tabulate`].
pub trait Tabulate {
    /// The contract. Runs first, in an instance without data.
    ///
    /// # Errors
    /// A sentence for the operator: no data has been read, so it is shown as it is.
    fn describe(params: &Params) -> Result<Contract, String>;

    /// Adds one subject's contributions. The instance is new and is thrown away afterwards: state kept in a static is
    /// gone with the next subject. A trap makes the subject contribute nothing, and nobody outside learns of it.
    fn map(subject: &Rows<'_>, out: &mut Contributions);
}

/// What one subject adds to the table. Several contributions to one cell are merged by the host.
#[derive(Default)]
pub struct Contributions(Vec<u64>);

impl Contributions {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one contribution: a code for each dimension, a value for each measure, in the contract's order. The host
    /// drops it where a code isn't in the list, and clamps the values.
    pub fn add(&mut self, codes: &[i64], values: &[i64]) {
        self.0.extend(codes.iter().chain(values).map(|&word| word as u64));
    }

    /// The words that go to the host.
    #[must_use]
    pub fn into_words(self) -> Vec<u64> {
        self.0
    }
}

/// The code of a label: its position in the list; `None` for a null and for a label that isn't listed.
///
/// ```
/// assert_eq!(sluice_guest::code(&["EWR", "JFK"], Some("JFK")), Some(1));
/// ```
#[must_use]
pub fn code(labels: &[&str], text: Option<&str>) -> Option<i64> {
    let text = text?;
    labels.iter().position(|&label| label == text).map(|position| position as i64)
}

/// Exports a type that implements [`Tabulate`] as this module. Compiles to nothing outside of `wasm32`.
#[macro_export]
macro_rules! export_tabulate {
    ($module:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Exported = $crate::wire::TabulateModule<$module>;
    $crate::wire::tabulate::export!(Exported with_types_in $crate::wire::tabulate);
        };
    };
}
