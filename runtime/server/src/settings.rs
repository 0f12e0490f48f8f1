//! What can be set, in `HOME/sluice.toml`. Everything has a default, and a setting that isn't known is an error.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sluice_domain::limits::Limits;

/// The name of the settings' file in the home folder.
pub const FILE: &str = "sluice.toml";

/// Why the settings can't be used. Each is one plain sentence for whoever starts the node.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file is there and can't be read.
    #[error("failed to read {FILE}: {0}")]
    Read(#[source] std::io::Error),
    /// The file isn't TOML, or names something that isn't a setting.
    #[error("failed to understand {FILE}: {0}")]
    Form(String),
    /// A value out of its range.
    #[error("failed to use {FILE}: {0}")]
    Range(&'static str),
    /// An address that isn't loopback.
    #[error("failed to listen on {0}: this version binds to loopback only, such as 127.0.0.1:7380")]
    NotLoopback(SocketAddr),
}

/// What can be set. Units come last in the names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the node listens.
    pub listen: SocketAddr,
    /// The ledger's name, used when the node is made; it can't change afterwards.
    pub origin: String,
    /// The length of a slot: operators see changes only at the end of one.
    pub slot_ms: i64,
    /// How many slots after its admission a `report` job is shown as under review, whatever its run does.
    pub report_slots: u32,
    /// Workers that are started before they are needed.
    pub spare_workers: usize,
    /// Runs at the same time.
    pub runs_max: usize,
    /// Partitions of one run; 0 takes as many as there are cores.
    pub partitions: usize,
    /// The pause after the first failed attempt; it doubles with each further one.
    pub backoff_ms: u64,
    /// The longest JSON body.
    pub body_bytes_max: usize,
    /// The longest data file.
    pub upload_bytes_max: u64,
    /// The time that an ordinary request may take.
    pub request_ms_max: u64,
    /// The time that an upload, a submission or a rerun may take.
    pub long_request_ms_max: u64,
    /// Requests per minute for each token.
    pub token_requests_per_minute: u32,
    /// Requests per minute for each address without a token.
    pub address_requests_per_minute: u32,
    /// Bounds on contracts, modules and runs.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7380)),
            origin: "sluice.local/node".to_owned(),
            slot_ms: 60_000,
            report_slots: 5,
            spare_workers: 2,
            runs_max: 2,
            partitions: 0,
            backoff_ms: 500,
            body_bytes_max: 512 * 1024,
            upload_bytes_max: 16 * 1024 * 1024 * 1024,
            request_ms_max: 30_000,
            long_request_ms_max: 900_000,
            token_requests_per_minute: 6_000,
            address_requests_per_minute: 1_200,
            limits: Limits::default(),
        }
    }
}

impl Settings {
    /// Reads the settings of a home folder; the defaults where it has no file.
    ///
    /// # Errors
    /// A file that can't be read or understood, or a value out of its range.
    pub fn load(home: &Path) -> Result<Settings, SettingsError> {
        match std::fs::read_to_string(home.join(FILE)) {
            Ok(text) => Settings::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Settings::default()),
            Err(error) => Err(SettingsError::Read(error)),
        }
    }

    /// Reads settings from TOML.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn parse(text: &str) -> Result<Settings, SettingsError> {
        let settings: Settings =
            toml::from_str(text).map_err(|error| SettingsError::Form(error.message().to_owned()))?;
        settings.check()?;
        Ok(settings)
    }

    /// Checks ranges, and that the address is loopback.
    ///
    /// # Errors
    /// The first value out of its range.
    pub fn check(&self) -> Result<(), SettingsError> {
        if !self.listen.ip().is_loopback() {
            return Err(SettingsError::NotLoopback(self.listen));
        }
        let day_ms = 86_400_000;
        let rules = [
            ((100..=day_ms).contains(&self.slot_ms), "slot_ms is between 100 and a day"),
            ((1..=10_000).contains(&self.report_slots), "report_slots is between 1 and 10000"),
            ((1..=64).contains(&self.runs_max), "runs_max is between 1 and 64"),
            (self.spare_workers <= 64, "spare_workers is at most 64"),
            (self.partitions <= 1_024, "partitions is at most 1024"),
            (self.body_bytes_max <= 900_000, "body_bytes_max is at most 900000, since an event has to hold it"),
            (self.request_ms_max > 0 && self.long_request_ms_max > 0, "a request may take more than 0 milliseconds"),
            (
                self.token_requests_per_minute > 0 && self.address_requests_per_minute > 0,
                "at least one request per minute has to be allowed",
            ),
            (self.limits.attempts_max > 0, "limits.attempts_max is at least 1"),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(SettingsError::Range(rule)),
            None => Ok(()),
        }
    }

    /// How many partitions a run has.
    #[must_use]
    pub fn partitions(&self) -> usize {
        match self.partitions {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            partitions => partitions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_the_defaults() {
        assert_eq!(Settings::parse("").expect("defaults are in range"), Settings::default());
    }

    #[test]
    fn what_is_not_known_or_out_of_range_is_refused() {
        for text in ["speed = 9", "slot_ms = 0", "runs_max = 0", "listen = \"0.0.0.0:80\"", "[limits]\nspeed = 1", "="]
        {
            assert!(Settings::parse(text).is_err(), "{text}");
        }
        let set = Settings::parse("slot_ms = 1000\n[limits]\nattempts_max = 2").expect("both are settings");
        assert_eq!((set.slot_ms, set.limits.attempts_max), (1_000, 2));
    }
}
