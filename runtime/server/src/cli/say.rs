//! The one place that prints. Results go to stdout, everything else to stderr.
//!
//! A reader that has gone away (`sluice ... | head`) isn't an error: what follows is dropped, and the command still
//! ends with its own exit code.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};
use std::sync::atomic::{AtomicBool, Ordering};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use super::failure::{Answer, Failure};

static READER_GONE: AtomicBool = AtomicBool::new(false);

/// A line of the result.
///
/// # Errors
/// Where stdout can't be written, a reader that has gone away excepted.
pub fn out(line: impl Display) -> Answer {
    raw(format!("{line}\n").as_bytes())
}

/// Bytes of the result.
///
/// # Errors
/// As [`out`].
pub fn raw(bytes: &[u8]) -> Answer {
    if reader_is_gone() {
        return Ok(());
    }
    let mut stdout = stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            READER_GONE.store(true, Ordering::Relaxed);
            Ok(())
        }
        Err(error) => Err(Failure::Fault(format!("failed to write the output: {error}"))),
    }
}

/// Whether nobody reads the result any more, so that an endless command may end.
pub fn reader_is_gone() -> bool {
    READER_GONE.load(Ordering::Relaxed)
}

/// A line beside the result, on stderr. That it can't be written changes nothing.
pub fn note(line: impl Display) {
    let _ = writeln!(stderr().lock(), "{line}");
}

/// The result for a program.
///
/// # Errors
/// As [`out`].
pub fn json(value: &impl Serialize) -> Answer {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::Fault(format!("failed to write the output: {error}")))?;
    out(text)
}

/// A table for people, as wide as the terminal, where there is one.
pub fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_header(header);
    if let Some(width) = width() {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    table.add_rows(rows.into_iter().map(|row| row.map(|cell| plain(&cell))));
    table.trim_fmt()
}

/// Names and values, one a line.
pub fn fields(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = pairs.iter().map(|(name, value)| format!("{name:width$}  {}", plain(value)));
    lines.collect::<Vec<_>>().join("\n")
}

/// The text without control characters: what others wrote may not steer the terminal of whoever reads it. A line of its
/// own begins with a bar, so that it can't pass for one of the program's.
pub fn plain(text: &str) -> String {
    let steers = |c: char| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
    };
    let shown = |c: char| match c {
        '\n' => "\n| ".to_owned(),
        c if steers(c) => '\u{fffd}'.to_string(),
        c => c.to_string(),
    };
    text.chars().map(shown).collect()
}

/// A moment, as people write it, in UTC.
pub fn moment(at_ms: i64) -> String {
    let seconds = at_ms.div_euclid(1_000);
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}

/// Year, month and day of a day counted from 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The width to fold tables to; none where the result goes to a file or a program.
fn width() -> Option<u16> {
    if !stdout().is_terminal() {
        return None;
    }
    let stated = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    Some(stated.unwrap_or(120).max(40))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_utc() {
        assert_eq!(moment(0), "1970-01-01 00:00:00Z");
        assert_eq!(moment(951_782_400_000), "2000-02-29 00:00:00Z");
        assert_eq!(moment(1_700_000_000_999), "2023-11-14 22:13:20Z");
        assert_eq!(moment(-1), "1969-12-31 23:59:59Z");
    }

    #[test]
    fn what_others_wrote_cannot_steer_the_terminal() {
        let text = table(["statement"], [["a\u{1b}[2Jb".to_owned()]]);
        assert!(!text.contains('\u{1b}'));
    }
}
