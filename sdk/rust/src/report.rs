//! Lane `report`: one instance reads all granted rows and returns one bounded table, which two people read.

use crate::{Params, ReportContract, Rows};

/// A module of lane `report`; exported with [`crate::export_report`].
pub trait Report {
    /// The contract. Runs first, in an instance without data.
    ///
    /// # Errors
    /// A sentence for the operator: no data has been read, so it is shown as it is.
    fn describe(params: &Params) -> Result<ReportContract, String>;

    /// Reads the inputs and returns the table.
    fn run(inputs: &mut Inputs, constants: &[u64]) -> Table;
}

/// One batch of an input.
pub struct Batch(Vec<u64>);

impl Batch {
    /// Its rows. Empty where the host sent something that isn't an arena.
    #[must_use]
    pub fn rows(&self) -> Rows<'_> {
        const EMPTY: &[u64] = &[crate::arena::VERSION, 0, 0, 0, 0];
        Rows::new(&self.0).or_else(|| Rows::new(EMPTY)).expect("an arena without columns is a whole header")
    }
}

/// The contract's inputs, batch by batch.
pub struct Inputs(Box<dyn FnMut(u32) -> Vec<u64>>);

impl Inputs {
    /// Inputs that come from a function: the host's, or a test's. An empty list is the end.
    pub fn new(next: impl FnMut(u32) -> Vec<u64> + 'static) -> Self {
        Self(Box::new(next))
    }

    /// The next batch of the input at a position; `None` after the last.
    pub fn next(&mut self, input: u32) -> Option<Batch> {
        let words = (self.0)(input);
        (!words.is_empty()).then_some(Batch(words))
    }
}

/// The table that a report returns, row by row.
#[derive(Default)]
pub struct Table(Vec<u64>);

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a row: a label's position or a number for each column, in the contract's order.
    pub fn row(&mut self, values: &[i64]) {
        self.0.extend(values.iter().map(|&value| value as u64));
    }

    /// The words that go to the host.
    #[must_use]
    pub fn into_words(self) -> Vec<u64> {
        self.0
    }
}

/// Exports a type that implements [`Report`] as this module. Compiles to nothing outside of `wasm32`.
#[macro_export]
macro_rules! export_report {
    ($module:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Exported = $crate::wire::ReportModule<$module>;
    $crate::wire::report::export!(Exported with_types_in $crate::wire::report);
        };
    };
}
