//! Permissions: may this role do this at all? One table, apart from the policies that ask about the thing's state.

use crate::people::{Actor, Role};
use crate::refusal::{Code, Refusal};

/// What can be asked of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each act is named as it is")]
pub enum Act {
    AddPeople,
    IssueTokens,
    RegisterDataset,
    SealSnapshot,
    ReadCatalogue,
    ProposeFamily,
    PreviewFamily,
    VetFamily,
    WithdrawFamily,
    DraftGrant,
    SignGrant,
    EndGrant,
    ReadGrants,
    SubmitModule,
    RevokeModule,
    ReadModules,
    SubmitJob,
    ReadJobs,
    CancelJob,
    ReadIncidents,
    EndJob,
    RerunJob,
    ReadRequests,
    ViewCandidate,
    Vote,
    TightenRequest,
    AskException,
    FetchRelease,
    ReadReleases,
    ExportLedger,
}

/// Who may do what.
pub const TABLE: &[(Act, &[Role])] = {
    use Role::{Administrator, Auditor, Custodian, Operator, Regulator, Reviewer};
    &[
        (Act::AddPeople, &[Administrator]),
        (Act::IssueTokens, &[Administrator]),
        (Act::RegisterDataset, &[Custodian]),
        (Act::SealSnapshot, &[Custodian]),
        (Act::ReadCatalogue, &[Custodian, Reviewer, Operator, Regulator, Auditor, Administrator]),
        (Act::ProposeFamily, &[Custodian]),
        (Act::PreviewFamily, &[Custodian, Reviewer]),
        (Act::VetFamily, &[Custodian, Reviewer]),
        (Act::WithdrawFamily, &[Custodian]),
        (Act::DraftGrant, &[Custodian]),
        (Act::SignGrant, &[Custodian]),
        (Act::EndGrant, &[Custodian, Regulator]),
        (Act::ReadGrants, &[Custodian, Reviewer, Operator, Regulator, Auditor]),
        (Act::SubmitModule, &[Operator]),
        (Act::RevokeModule, &[Custodian, Regulator]),
        (Act::ReadModules, &[Custodian, Reviewer, Operator, Regulator, Auditor]),
        (Act::SubmitJob, &[Operator]),
        (Act::ReadJobs, &[Custodian, Reviewer, Operator, Regulator, Auditor]),
        (Act::CancelJob, &[Operator]),
        (Act::ReadIncidents, &[Custodian, Regulator, Auditor]),
        (Act::EndJob, &[Custodian]),
        (Act::RerunJob, &[Custodian]),
        (Act::ReadRequests, &[Reviewer, Custodian, Regulator, Auditor]),
        (Act::ViewCandidate, &[Reviewer]),
        (Act::Vote, &[Reviewer]),
        (Act::TightenRequest, &[Custodian]),
        (Act::AskException, &[Custodian, Reviewer]),
        (Act::FetchRelease, &[Operator]),
        (Act::ReadReleases, &[Custodian, Reviewer, Operator, Regulator, Auditor]),
        (Act::ExportLedger, &[Auditor, Regulator]),
    ]
};

/// Whether a role may do that.
#[must_use]
pub fn permits(role: Role, act: Act) -> bool {
    TABLE.iter().any(|(listed, roles)| *listed == act && roles.contains(&role))
}

/// Asks for an act.
///
/// # Errors
/// [`Code::Forbidden`] where the actor's role may not.
pub fn require(actor: &Actor, act: Act) -> Result<(), Refusal> {
    match actor.role {
        Some(role) if permits(role, act) => Ok(()),
        _ => Err(Refusal::of(Code::Forbidden)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_who_decides_also_submits_or_administers() {
        let deciding = [Act::Vote, Act::SignGrant, Act::ViewCandidate, Act::VetFamily];
        let asking = [Act::SubmitJob, Act::SubmitModule, Act::AddPeople, Act::IssueTokens];
        for role in Role::ALL {
            let decides = deciding.iter().any(|act| permits(role, *act));
            let asks = asking.iter().any(|act| permits(role, *act));
            assert!(!(decides && asks), "{role:?} both decides and asks");
        }
        assert!(!Role::ALL.iter().any(|role| permits(*role, Act::Vote) && permits(*role, Act::SignGrant)));
    }

    #[test]
    fn policy_p25_an_auditor_changes_nothing() {
        let changing = [
            Act::AddPeople,
            Act::IssueTokens,
            Act::RegisterDataset,
            Act::SealSnapshot,
            Act::ProposeFamily,
            Act::VetFamily,
            Act::WithdrawFamily,
            Act::DraftGrant,
            Act::SignGrant,
            Act::EndGrant,
            Act::SubmitModule,
            Act::RevokeModule,
            Act::SubmitJob,
            Act::CancelJob,
            Act::EndJob,
            Act::RerunJob,
            Act::ViewCandidate,
            Act::Vote,
            Act::TightenRequest,
            Act::AskException,
            Act::FetchRelease,
        ];
        assert!(changing.iter().all(|act| !permits(Role::Auditor, *act)));
        assert!(permits(Role::Auditor, Act::ExportLedger));
    }

    #[test]
    fn every_act_is_listed_once_and_somebody_may_do_it() {
        for (position, (act, roles)) in TABLE.iter().enumerate() {
            assert!(!roles.is_empty(), "{act:?}");
            assert!(TABLE.iter().take(position).all(|(other, _)| other != act), "{act:?} twice");
        }
    }
}
