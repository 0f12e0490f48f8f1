//! The release table: what would leave, typed.

use sluice_domain::contract::Dimension;

/// How a withheld value is written in text: Eurostat's flag for "confidential". Small, empty or withheld for another
/// reason: there is one symbol, so that it says nothing but "withheld".
pub const SUPPRESSED: &str = "c";

/// The label that stands for "all" in the row of a total. No dimension may declare it.
pub const TOTAL: &str = "*";

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnKind {
    /// Labels from the contract.
    Label,
    /// Integers in units of `10^-scale`.
    Integer {
        /// Decimal places.
        scale: u8,
        /// The unit, in words.
        unit: String,
    },
}

/// A column: public, since it follows from the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// The name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// One value of the table.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// A label of the contract, or [`TOTAL`].
    Label(String),
    /// An integer in its column's units.
    Integer(i128),
    /// Withheld.
    Suppressed,
}

/// The table that would be released, in the contract's order.
///
/// It has no `Debug`, no `Display` and no serde: until it is sealed it stays inside.
#[derive(Clone, PartialEq, Eq)]
pub struct ReleaseTable {
    columns: Vec<TableColumn>,
    rows: Vec<Vec<Value>>,
    notes: Vec<String>,
}

impl ReleaseTable {
    pub(crate) fn new(columns: Vec<TableColumn>, rows: Vec<Vec<Value>>, notes: Vec<String>) -> ReleaseTable {
        ReleaseTable { columns, rows, notes }
    }

    /// The same columns without any row: what is left of a table that is refused.
    pub(crate) fn emptied(self) -> ReleaseTable {
        ReleaseTable { rows: Vec::new(), ..self }
    }

    /// The columns: dimensions first, then statistics.
    #[must_use]
    pub fn columns(&self) -> &[TableColumn] {
        &self.columns
    }

    /// The rows; each has a value for each column.
    #[must_use]
    pub fn rows(&self) -> &[Vec<Value>] {
        &self.rows
    }

    /// What was done to the figures, in words that follow from contract and appetite alone.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// How many values are withheld.
    #[must_use]
    pub fn suppressed_values(&self) -> u64 {
        self.rows.iter().flatten().filter(|value| **value == Value::Suppressed).count() as u64
    }

    /// Canonical bytes, for a **keyed** commitment while the table is inside, and for a digest once it is released.
    ///
    /// Every text is preceded by its length and every value by its kind, so that two tables never share their bytes.
    #[must_use]
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut bytes = b"sluice.table/1\n".to_vec();
        count(&mut bytes, self.columns.len());
        for column in &self.columns {
            text(&mut bytes, &column.name);
            match &column.kind {
                ColumnKind::Label => bytes.push(0),
                ColumnKind::Integer { scale, unit } => {
                    bytes.extend([1, *scale]);
                    text(&mut bytes, unit);
                }
            }
        }
        count(&mut bytes, self.rows.len());
        for value in self.rows.iter().flatten() {
            match value {
                Value::Label(label) => {
                    bytes.push(0);
                    text(&mut bytes, label);
                }
                Value::Integer(integer) => {
                    bytes.push(1);
                    bytes.extend(integer.to_be_bytes());
                }
                Value::Suppressed => bytes.push(2),
            }
        }
        count(&mut bytes, self.notes.len());
        for note in &self.notes {
            text(&mut bytes, note);
        }
        bytes
    }
}

fn count(bytes: &mut Vec<u8>, count: usize) {
    bytes.extend((count as u64).to_be_bytes());
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    count(bytes, text.len());
    bytes.extend(text.as_bytes());
}

/// A value as text: exact decimals, [`SUPPRESSED`] for what is withheld. Not yet fit for a CSV file.
#[must_use]
pub fn render(value: &Value, kind: &ColumnKind) -> String {
    match (value, kind) {
        (Value::Label(label), _) => label.clone(),
        (Value::Suppressed, _) => SUPPRESSED.to_owned(),
        (Value::Integer(integer), ColumnKind::Integer { scale, .. }) => decimal(*integer, *scale),
        (Value::Integer(integer), ColumnKind::Label) => integer.to_string(),
    }
}

/// `integer * 10^-scale`, written out with exactly `scale` decimals.
#[must_use]
pub fn decimal(integer: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let digits = format!("{:0>width$}", integer.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if integer < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Every combination of codes of `dimensions` in the contract's order, the last dimension fastest.
pub(crate) fn every_code<'a, D>(dimensions: D) -> impl Iterator<Item = Vec<u32>>
where
    D: IntoIterator<Item = &'a Dimension>,
{
    let lengths: Vec<u64> = dimensions.into_iter().map(|dimension| dimension.labels.len() as u64).collect();
    let cells = lengths.iter().fold(1_u64, |product, length| product.saturating_mul(*length));
    (0..cells).map(move |index| {
        let mut rest = index;
        let mut codes: Vec<u32> = lengths
            .iter()
            .rev()
            .map(|length| {
                let code = rest % length;
                rest /= length;
                u32::try_from(code).unwrap_or(u32::MAX)
            })
            .collect();
        codes.reverse();
        codes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        let cases =
            [(0, 0, "0"), (5, 2, "0.05"), (-5, 2, "-0.05"), (-1234, 3, "-1.234"), (100, 2, "1.00"), (-7, 0, "-7")];
        for (integer, scale, text) in cases {
            assert_eq!(decimal(integer, scale), text);
        }
        assert_eq!(decimal(i128::MIN, 1), "-17014118346046923173168730371588410572.8");
    }

    #[test]
    fn codes_come_in_the_order_of_the_contract() {
        let dimension = |labels: usize| Dimension { name: "d".to_owned(), labels: vec!["x".to_owned(); labels] };
        let codes: Vec<Vec<u32>> = every_code(&[dimension(2), dimension(3)]).collect();
        assert_eq!(codes, [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]);
        assert_eq!(every_code(&[]).collect::<Vec<_>>(), [Vec::<u32>::new()]);
    }
}
