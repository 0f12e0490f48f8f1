//! Identifiers: a prefix that says what a thing is, and 128 random bits that say nothing about it.

use serde::{Deserialize, Serialize};

/// The most bytes of a name.
pub const NAME_BYTES_MAX: usize = 48;

/// Whether `text` is a name that may appear in SQL and in a release: lower-case letters, digits and underscores,
/// starting with a letter, at most 48 bytes. The narrow alphabet rules out look-alike names.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let starts = bytes.next().is_some_and(|byte| byte.is_ascii_lowercase());
    starts
        && text.len() <= NAME_BYTES_MAX
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Whether `text` may name a person or an organisation: as [`is_name`], with hyphens.
#[must_use]
pub fn is_slug(text: &str) -> bool {
    is_name(&text.replace('-', "_"))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// An identifier made of 128 bits of entropy.
            #[must_use]
            pub fn new(entropy: [u8; 16]) -> $name {
                $name(format!(concat!($prefix, "_{}"), hex::encode(entropy)))
            }

            /// Takes an identifier from outside, if it has this kind's form.
            #[must_use]
            pub fn parse(text: &str) -> Option<$name> {
                let digits = text.strip_prefix(concat!($prefix, "_"))?;
                let form = digits.len() == 32
                    && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
                form.then(|| $name(text.to_owned()))
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// A sealed copy of a dataset at one moment.
    SnapshotId = "snap";
    /// A permission to use datasets.
    GrantId = "grant";
    /// One run of a plan or a module.
    JobId = "job";
    /// A request that a candidate be let out.
    RequestId = "req";
    /// A vetted aggregate that left.
    ReleaseId = "rel";
    /// A token, by a name that isn't its secret.
    TokenId = "tok";
}
