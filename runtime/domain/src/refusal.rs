//! Refusals: the expected errors, and the only ones that an operator sees.
//!
//! Every refusal is decided on static grounds: the request, public metadata, the grant, the module's bytes, what
//! `describe` returned in an instance without data. Its text may therefore be shown in full. Nothing here may be
//! built from a row, a count of rows, or the text of an error that a row could have caused.

use serde::{Deserialize, Serialize};

/// Why something was refused: a closed code, a fixed sentence, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{sentence}{}", detail.as_ref().map(|text| format!(" ({text})")).unwrap_or_default())]
pub struct Refusal {
    /// The closed code.
    pub code: Code,
    /// The fixed sentence for the code.
    pub sentence: String,
    /// What exactly broke the rule, from static facts only.
    pub detail: Option<String>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident, $text:literal, $status:literal, $sentence:literal;)*) => {
        /// The closed list of refusals.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {$(
            $(#[$doc])*
            #[serde(rename = $text)]
            $name,
        )*}

        impl Code {
            /// Every code, for tables and tests.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// The code as text.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {$(Code::$name => $text,)*}
            }

            /// The HTTP status that goes with the code.
            #[must_use]
            pub fn status(self) -> u16 {
                match self {$(Code::$name => $status,)*}
            }

            /// The fixed sentence.
            #[must_use]
            pub fn sentence(self) -> &'static str {
                match self {$(Code::$name => $sentence,)*}
            }
        }
    };
}

codes! {
    /// No valid token.
    Unauthenticated, "unauthenticated", 401, "No valid token was given.";
    /// The person may not do this.
    Forbidden, "forbidden", 403, "This role may not do that.";
    /// The person's own organisation submitted it.
    ConflictOfInterest, "conflict_of_interest", 403, "Nobody decides on what they or their organisation submitted.";
    /// Nothing there, or nothing that this person may see.
    NotFound, "not_found", 404, "There is nothing here that you may see.";
    /// Not possible in this state.
    WrongState, "wrong_state", 409, "That can't be done in the present state.";
    /// The same thing exists already.
    Exists, "exists", 409, "This is registered already.";
    /// An idempotency key was used for something else.
    KeyReused, "idempotency_key_reused", 409, "This idempotency key was used for a different request.";
    /// The request isn't well formed.
    Malformed, "malformed", 400, "The request isn't well formed.";
    /// Too large.
    TooLarge, "too_large", 413, "The request is larger than this node accepts.";
    /// Too many requests.
    TooMany, "too_many_requests", 429, "Too many requests; wait and try again.";
    /// The contract breaks a rule.
    Contract, "contract", 422, "The contract breaks a rule.";
    /// The query breaks a rule of the plan guard.
    Plan, "plan", 422, "The query breaks a rule of the plan guard.";
    /// The query can't be attributed to one subject at a time.
    Unit, "privacy_unit", 422, "Not every row of the query comes from one subject and public tables.";
    /// The request goes beyond the grant.
    Scope, "scope", 403, "The grant doesn't cover that.";
    /// The grant isn't in force.
    GrantNotInForce, "grant_not_in_force", 403, "The grant isn't in force.";
    /// The data's grade doesn't permit it.
    GradeForbids, "grade", 403, "The grade of the data doesn't permit that.";
    /// The module isn't acceptable.
    Module, "module", 422, "The module isn't acceptable.";
    /// The module's `describe` failed.
    Describe, "describe", 422, "The module's describe failed.";
    /// The data file doesn't match the dictionary, or can't be read. Shown to custodians only.
    Ingest, "ingest", 422, "The data can't be taken in as declared.";
    /// A family can't be protected. Shown to the agency only.
    Family, "family", 422, "The family can't be protected.";
    /// A number of releases, jobs or bits is used up.
    Quota, "quota", 429, "The grant's quota is used up.";
    /// The node is stopping or can't write.
    Unavailable, "unavailable", 503, "The node can't do that just now.";
}

impl Refusal {
    /// A refusal without detail.
    #[must_use]
    pub fn of(code: Code) -> Refusal {
        Refusal { code, sentence: code.sentence().to_owned(), detail: None }
    }

    /// A refusal with a detail made of static facts.
    #[must_use]
    pub fn with(code: Code, detail: impl Into<String>) -> Refusal {
        Refusal { code, sentence: code.sentence().to_owned(), detail: Some(detail.into()) }
    }

    /// The contract breaks a rule.
    #[must_use]
    pub fn contract(detail: String) -> Refusal {
        Refusal::with(Code::Contract, detail)
    }

    /// The plan guard's rule `rule` is broken.
    #[must_use]
    pub fn plan(rule: impl Into<String>) -> Refusal {
        Refusal::with(Code::Plan, rule)
    }
}
