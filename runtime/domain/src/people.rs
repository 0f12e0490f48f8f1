//! Organisations, people and roles, and which roles exclude each other.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::refusal::{Code, Refusal};

/// What an organisation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrganisationKind {
    /// Holds data.
    Agency,
    /// Uses data under a grant.
    Operator,
    /// Supervises or audits.
    Authority,
    /// Keeps this node running, and touches neither data nor decisions.
    Node,
}

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    /// Its short name.
    pub id: String,
    /// Its name in full.
    pub title: String,
    /// What it is.
    pub kind: OrganisationKind,
    /// The legal-entity group that it belongs to; quotas and conflicts are counted by group.
    pub legal_group: String,
}

/// What a person may act as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Registers data, drafts and signs grants, sees incidents.
    Custodian,
    /// Reads candidates and votes on them.
    Reviewer,
    /// Submits modules and jobs, fetches releases.
    Operator,
    /// Supervises; may stop, may not decide.
    Regulator,
    /// Reads everything but data, changes nothing.
    Auditor,
    /// Adds people and tokens, and nothing else.
    Administrator,
}

impl Role {
    /// Every role, for tables and tests.
    pub const ALL: [Role; 6] =
        [Role::Custodian, Role::Reviewer, Role::Operator, Role::Regulator, Role::Auditor, Role::Administrator];

    /// The role's name, as in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Custodian => "custodian",
            Role::Reviewer => "reviewer",
            Role::Operator => "operator",
            Role::Regulator => "regulator",
            Role::Auditor => "auditor",
            Role::Administrator => "administrator",
        }
    }

    /// The kind of organisation whose people may have this role.
    #[must_use]
    pub fn home(self) -> OrganisationKind {
        match self {
            Role::Custodian | Role::Reviewer => OrganisationKind::Agency,
            Role::Operator => OrganisationKind::Operator,
            Role::Regulator | Role::Auditor => OrganisationKind::Authority,
            Role::Administrator => OrganisationKind::Node,
        }
    }
}

/// Pairs of roles that one person may not hold together: whoever prepares or grants doesn't review, whoever
/// supervises doesn't audit themselves. Pairs that [`Role::home`] already keeps apart aren't listed.
pub const CONFLICTS: [(Role, Role); 2] = [(Role::Custodian, Role::Reviewer), (Role::Regulator, Role::Auditor)];

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Their short name.
    pub id: String,
    /// Their name in full.
    pub title: String,
    /// The organisation that they belong to.
    pub organisation: String,
    /// What they may act as.
    pub roles: BTreeSet<Role>,
}

impl Person {
    /// Whether these roles may be held together in that kind of organisation.
    ///
    /// # Errors
    /// A role that has no place in the organisation, or two that conflict.
    pub fn check(&self, organisation: &Organisation) -> Result<(), Refusal> {
        if self.roles.is_empty() {
            return Err(Refusal::with(Code::Malformed, "a person needs a role"));
        }
        if let Some(role) = self.roles.iter().find(|role| role.home() != organisation.kind) {
            return Err(Refusal::with(
                Code::ConflictOfInterest,
                format!("{} isn't a role of that kind of organisation", role.as_str()),
            ));
        }
        if let Some((a, b)) = CONFLICTS.iter().find(|(a, b)| self.roles.contains(a) && self.roles.contains(b)) {
            return Err(Refusal::with(
                Code::ConflictOfInterest,
                format!("{} and {} can't be held together", a.as_str(), b.as_str()),
            ));
        }
        Ok(())
    }
}

/// Who does something: a person in a role, for an organisation; or the node itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// The person, or `node`.
    pub person: String,
    /// Their organisation, or `node`.
    pub organisation: String,
    /// The role that they act in; none for the node itself.
    pub role: Option<Role>,
}

impl Actor {
    /// The node, acting by itself.
    #[must_use]
    pub fn node() -> Actor {
        Actor { person: "node".to_owned(), organisation: "node".to_owned(), role: None }
    }

    /// Whether the actor acts in this role.
    #[must_use]
    pub fn is(&self, role: Role) -> bool {
        self.role == Some(role)
    }
}

/// A token, without its secret: the SHA-256 of 256 random bits can't be tried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Its name.
    pub id: crate::id::TokenId,
    /// Whose it is.
    pub person: String,
    /// The role that it acts in.
    pub role: Role,
    /// SHA-256 of the secret, in hexadecimal.
    pub sha256: String,
    /// When it dies.
    pub expires_at_ms: i64,
    /// Whether it was revoked.
    pub revoked: bool,
}
