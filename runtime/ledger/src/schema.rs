//! The tables, as SQLite is told to make them.
//!
//! Queries elsewhere are in the SQL that PostgreSQL also speaks: `$1`, BIGINT, TEXT, `ON CONFLICT`. What differs is
//! here: types that only one of them has, and the triggers that keep the append-only tables append-only.

/// The version of the tables; another one isn't opened.
pub const SCHEMA_VERSION: i64 = 2;

/// Makes the tables that aren't there yet.
pub const SQLITE: &[&str] = &[
    // One row: where the ledger ends. Appending is a compare-and-swap on it.
    "CREATE TABLE IF NOT EXISTS head (
        id BIGINT PRIMARY KEY CHECK (id = 1),
        schema_version BIGINT NOT NULL,
        size BIGINT NOT NULL,
        checkpoint TEXT NOT NULL
    )",
    "CREATE TABLE IF NOT EXISTS events (
        seq BIGINT PRIMARY KEY,
        at_ms BIGINT NOT NULL,
        kind TEXT NOT NULL,
        body TEXT NOT NULL,
        salt TEXT NOT NULL,
        leaf TEXT NOT NULL
    )",
    // The tree's hashes by stored position; see merkle.
    "CREATE TABLE IF NOT EXISTS hashes (
        position BIGINT PRIMARY KEY,
        hash TEXT NOT NULL
    )",
    "CREATE TABLE IF NOT EXISTS checkpoints (
        size BIGINT PRIMARY KEY,
        note TEXT NOT NULL
    )",
    // The state that events made; `seq` is the last event that wrote the document.
    "CREATE TABLE IF NOT EXISTS documents (
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        seq BIGINT NOT NULL REFERENCES events (seq),
        body TEXT NOT NULL,
        PRIMARY KEY (kind, id)
    )",
    "CREATE TABLE IF NOT EXISTS idempotency (
        actor TEXT NOT NULL,
        key TEXT NOT NULL,
        request_sha256 TEXT NOT NULL,
        response TEXT NOT NULL,
        at_ms BIGINT NOT NULL,
        PRIMARY KEY (actor, key)
    )",
    // Against our own mistakes; whoever owns the file can drop them, and is found out by the checkpoints.
    "CREATE TRIGGER IF NOT EXISTS events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER IF NOT EXISTS events_keep BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER IF NOT EXISTS hashes_stay BEFORE UPDATE ON hashes BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER IF NOT EXISTS hashes_keep BEFORE DELETE ON hashes BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER IF NOT EXISTS checkpoints_stay BEFORE UPDATE ON checkpoints BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER IF NOT EXISTS checkpoints_keep BEFORE DELETE ON checkpoints BEGIN SELECT RAISE(ABORT, 'append only'); END",
];
