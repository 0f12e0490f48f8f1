//! Documents: the state as the store keeps it, a text for each noun.

use serde_json::Value;

use crate::id::{GrantId, JobId, ReleaseId, RequestId, SnapshotId, TokenId};
use crate::state::State;

/// A document of the state: its noun and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DocumentKey {
    /// The noun.
    pub noun: &'static str,
    /// The name.
    pub id: String,
}

impl State {
    /// A document as JSON, for the store.
    #[must_use]
    pub fn document(&self, key: &DocumentKey) -> Option<Value> {
        fn json<T: serde::Serialize>(value: Option<&T>) -> Option<Value> {
            value.map(|value| serde_json::to_value(value).expect("the nouns hold only what JSON can say"))
        }
        let id = key.id.as_str();
        match key.noun {
            "organisation" => json(self.organisations.get(id)),
            "person" => json(self.people.get(id)),
            "token" => json(TokenId::parse(id).and_then(|id| self.tokens.get(&id))),
            "dataset" => json(self.datasets.get(id)),
            "snapshot" => json(SnapshotId::parse(id).and_then(|id| self.snapshots.get(&id))),
            "family" => json(self.families.get(id)),
            "seal" => json(SnapshotId::parse(id).and_then(|id| self.seals.get(&id))),
            "grant" => json(GrantId::parse(id).and_then(|id| self.grants.get(&id))),
            "module" => json(self.modules.get(id)),
            "job" => json(JobId::parse(id).and_then(|id| self.jobs.get(&id))),
            "request" => json(RequestId::parse(id).and_then(|id| self.requests.get(&id))),
            "release" => json(ReleaseId::parse(id).and_then(|id| self.releases.get(&id))),
            _ => None,
        }
    }

    /// Every document's key, in order.
    #[must_use]
    pub fn keys(&self) -> Vec<DocumentKey> {
        let mut keys = Vec::new();
        let mut add = |noun: &'static str, ids: Vec<String>| {
            keys.extend(ids.into_iter().map(|id| DocumentKey { noun, id }));
        };
        add("organisation", self.organisations.keys().cloned().collect());
        add("person", self.people.keys().cloned().collect());
        add("token", self.tokens.keys().map(|id| id.as_str().to_owned()).collect());
        add("dataset", self.datasets.keys().cloned().collect());
        add("snapshot", self.snapshots.keys().map(|id| id.as_str().to_owned()).collect());
        add("family", self.families.keys().cloned().collect());
        add("seal", self.seals.keys().map(|id| id.as_str().to_owned()).collect());
        add("grant", self.grants.keys().map(|id| id.as_str().to_owned()).collect());
        add("module", self.modules.keys().cloned().collect());
        add("job", self.jobs.keys().map(|id| id.as_str().to_owned()).collect());
        add("request", self.requests.keys().map(|id| id.as_str().to_owned()).collect());
        add("release", self.releases.keys().map(|id| id.as_str().to_owned()).collect());
        keys
    }
}
