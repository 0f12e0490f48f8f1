//! Organisations, people and tokens.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sluice_domain::people::{OrganisationKind, Role};
use utoipa::ToSchema;

/// Adds an organisation.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddOrganisation {
    /// Its short name: lower-case letters, digits, underscores and hyphens.
    pub id: String,
    /// Its name in full.
    pub title: String,
    /// `agency`, `operator` or `authority`.
    #[schema(value_type = String)]
    pub kind: OrganisationKind,
    /// The legal-entity group; its own name where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_group: Option<String>,
}

/// An organisation.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OrganisationView {
    /// Its short name.
    pub id: String,
    /// Its name in full.
    pub title: String,
    /// What it is.
    #[schema(value_type = String)]
    pub kind: OrganisationKind,
    /// The legal-entity group.
    pub legal_group: String,
}

/// Adds a person.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddPerson {
    /// Their short name.
    pub id: String,
    /// Their name in full.
    pub title: String,
    /// The organisation that they belong to.
    pub organisation: String,
    /// What they may act as.
    #[schema(value_type = Vec<String>)]
    pub roles: BTreeSet<Role>,
}

/// A person.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PersonView {
    /// Their short name.
    pub id: String,
    /// Their name in full.
    pub title: String,
    /// The organisation that they belong to.
    pub organisation: String,
    /// What they may act as.
    #[schema(value_type = Vec<String>)]
    pub roles: BTreeSet<Role>,
}

/// Issues a token.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueToken {
    /// Whose it is.
    pub person: String,
    /// The role that it acts in; one of the person's.
    #[schema(value_type = String)]
    pub role: Role,
    /// How many days it lives, 1 to 366; 90 where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

/// A token that was just issued. The secret is shown this once.
///
/// A repeated request with the same idempotency key is answered without the secret: it isn't kept anywhere.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct IssuedToken {
    /// Its name.
    pub id: String,
    /// Whose it is.
    pub person: String,
    /// The role that it acts in.
    #[schema(value_type = String)]
    pub role: Role,
    /// When it dies.
    pub expires_at_ms: i64,
    /// The secret, for `Authorization: Bearer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// A token, without its secret.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TokenView {
    /// Its name.
    pub id: String,
    /// Whose it is.
    pub person: String,
    /// The role that it acts in.
    #[schema(value_type = String)]
    pub role: Role,
    /// When it dies.
    pub expires_at_ms: i64,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// Who the caller is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The person.
    pub person: String,
    /// Their name in full.
    pub title: String,
    /// Their organisation.
    pub organisation: String,
    /// The role that the token acts in.
    #[schema(value_type = String)]
    pub role: Role,
    /// The token's name.
    pub token: String,
    /// When it dies.
    pub expires_at_ms: i64,
}
