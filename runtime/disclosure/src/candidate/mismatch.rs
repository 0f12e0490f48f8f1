//! Why a raw output isn't a candidate.

/// How the raw output contradicts its contract or itself. It names the rule and never a value, for the custodian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each message says what the variant is")]
pub enum Mismatch {
    #[error("the contract is of another lane than the output")]
    Lane,
    #[error("the contract breaks a rule of its own")]
    Contract,
    #[error("a cell's code isn't in its code list")]
    Code,
    #[error("a cell or a row has the wrong number of entries")]
    Arity,
    #[error("a cell without subjects is listed")]
    Empty,
    #[error("a cell has fewer records than subjects")]
    Records,
    #[error("cells hold more subjects than the run saw or the contract allows")]
    Subjects,
    #[error("a count of contributors doesn't fit the sums")]
    Contributors,
    #[error("a contribution or a sum is outside of the declared bounds")]
    Bounds,
    #[error("the largest contributors don't fit the sums")]
    Top,
    #[error("more rows than the contract allows")]
    Rows,
    #[error("a number is beyond what is counted exactly")]
    Range,
    #[error("the run's facts don't fit together")]
    Facts,
    #[error("a subject's contribution to a cell is listed twice")]
    Duplicate,
    #[error("a subject is in two groups, or a count of groups doesn't fit")]
    Group,
    #[error("a margin doesn't fit the inner cells")]
    Margin,
    #[error("a relation isn't one between measures of the contract")]
    Relation,
    #[error("the bytes aren't those of a candidate")]
    Bytes,
    #[error("the assessment is of another candidate")]
    OtherCandidate,
}
