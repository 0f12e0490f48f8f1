//! A release as CSV: RFC 4180, UTF-8, lines end with CR LF, one header line.
//!
//! # Guarantees
//! The same table gives the same bytes. Integers are written exactly, with the decimals of their column. What is
//! withheld is [`SUPPRESSED`](crate::SUPPRESSED), without quotes. A text that a spreadsheet could take for a formula
//! begins with an apostrophe; a text that begins with one gets another, so that no two labels become the same.
//!
//! # Does not guarantee
//! That a reader knows `c` for missing: tell it (`na_values="c"`). Numbers keep their minus sign.
//!
//! # Example
//! `carrier,subjects` / `AA,120` / `'=cmd,c`

use crate::table::{ReleaseTable, Value, render};

/// The table as CSV.
#[must_use]
pub fn to_csv(table: &ReleaseTable) -> Vec<u8> {
    let mut text = String::new();
    let names = table.columns().iter().map(|column| field(&neutral(&column.name)));
    line(&mut text, names);
    for row in table.rows() {
        let values = row.iter().zip(table.columns()).map(|(value, column)| match value {
            Value::Label(label) => field(&neutral(label)),
            Value::Integer(_) | Value::Suppressed => field(&render(value, &column.kind)),
        });
        line(&mut text, values);
    }
    text.into_bytes()
}

fn line(text: &mut String, fields: impl Iterator<Item = String>) {
    let fields: Vec<String> = fields.collect();
    text.push_str(&fields.join(","));
    text.push_str("\r\n");
}

fn field(text: &str) -> String {
    let plain = !text.contains([',', '"', '\r', '\n']);
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

/// The text with an apostrophe before it where its first character, blanks aside, starts a formula in some
/// spreadsheet; full-width forms count, since spreadsheets in Chinese and Japanese take them.
fn neutral(text: &str) -> String {
    let starts = |c: char| matches!(c, '=' | '+' | '-' | '@' | '\'' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠');
    let control_first = text.chars().next().is_some_and(starts);
    let visible_first = text.trim_start().chars().next().is_some_and(starts);
    if control_first || visible_first { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{ColumnKind, TableColumn};

    fn csv(label: &str) -> String {
        let integer = ColumnKind::Integer { scale: 1, unit: "min".to_owned() };
        let columns = vec![
            TableColumn { name: "carrier".to_owned(), kind: ColumnKind::Label },
            TableColumn { name: "delay".to_owned(), kind: integer.clone() },
            TableColumn { name: "early".to_owned(), kind: integer },
        ];
        let rows = vec![vec![Value::Label(label.to_owned()), Value::Integer(-25), Value::Suppressed]];
        String::from_utf8(to_csv(&ReleaseTable::new(columns, rows, Vec::new()))).expect("CSV is UTF-8")
    }

    #[test]
    fn a_plain_table() {
        assert_eq!(csv("AA"), "carrier,delay,early\r\nAA,-2.5,c\r\n");
        assert_eq!(csv("a,\"b\""), "carrier,delay,early\r\n\"a,\"\"b\"\"\",-2.5,c\r\n");
    }

    #[test]
    fn attack_34_formulas_are_neutralised() {
        for label in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1", "'=1"] {
            let text = csv(label);
            let body = text.split_once("\r\n").map(|(_, body)| body).unwrap_or_default();
            let first = body.trim_start_matches('"');
            assert!(first.starts_with('\''), "{label:?} became {body:?}");
        }
        assert_ne!(csv("=1"), csv("'=1"));
    }
}
