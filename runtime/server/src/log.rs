//! The node's own voice: one line of JSON an event, on standard error, with an allow-list of fields.
//!
//! A log is an exit for data. So only this workspace's own events are written, and of those only fields that are named
//! here; whatever else is in an event is dropped, not masked.
//!
//! # Does not guarantee
//! That a field of the list holds nothing that it shouldn't: `fault` is a text for the node's own people. A log is for
//! custodians, never for operators.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::prelude::*;

/// The fields that are written.
pub const FIELDS: [&str; 18] = [
    "message",
    "incident",
    "fault",
    "code",
    "kind",
    "job",
    "grant",
    "request",
    "release",
    "dataset",
    "module",
    "attempt",
    "person",
    "method",
    "route",
    "status",
    "elapsed_ms",
    "address",
];

/// Fields longer than this are cut.
const BYTES_MAX: usize = 2_000;

static SET: AtomicBool = AtomicBool::new(false);

/// Sends the process's events of `level` and above to standard error, and of a panic no more than where it was: its
/// message may quote values. The second call does nothing.
pub fn start(level: Level) {
    if !SET.swap(true, Ordering::SeqCst) {
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(fault = place, "a panic");
        }));
        let _ = tracing_subscriber::registry().with(Lines { level }).try_init();
    }
}

struct Lines {
    level: Level,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        ours(metadata.target()) && *metadata.level() <= self.level
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = line(event);
        line.push('\n');
        // A log that can't be written is no reason to stop.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

fn ours(target: &str) -> bool {
    target == "sluice" || target.starts_with("sluice_") || target.starts_with("sluice::")
}

fn line(event: &Event<'_>) -> String {
    let mut fields = Kept(Map::new());
    event.record(&mut fields);
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let at_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    fields.0.insert("at_ms".to_owned(), Value::from(at_ms));
    fields.0.insert("level".to_owned(), Value::from(event.metadata().level().as_str()));
    Value::Object(fields.0).to_string()
}

struct Kept(Map<String, Value>);

impl Kept {
    fn keep(&mut self, field: &Field, value: Value) {
        if FIELDS.contains(&field.name()) {
            self.0.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Kept {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let end = value.floor_char_boundary(BYTES_MAX);
        self.keep(field, value.get(..end).unwrap_or_default().into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if FIELDS.contains(&field.name()) {
            self.record_str(field, &format!("{value:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    struct Caught(Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Caught {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            self.0.lock().expect("no test panics while it holds this").push(line(event));
        }
    }

    #[test]
    fn attack_14_a_field_that_is_not_listed_is_dropped() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let subscriber = tracing_subscriber::registry().with(Caught(Arc::clone(&lines)));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(job = "job_1", row = "Ada,1815", count = 3, "a run ended");
        });
        let lines = lines.lock().expect("no test panics while it holds this");
        let line: Value = serde_json::from_str(&lines[0]).expect("each line is JSON");
        assert_eq!((&line["job"], &line["message"]), (&Value::from("job_1"), &Value::from("a run ended")));
        assert!(line.get("row").is_none() && line.get("count").is_none());
    }
}
