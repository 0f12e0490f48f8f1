//! Releases: that each part has to agree with the others, and that bytes are served with their receipt alone.

use std::collections::BTreeMap;

use sluice_disclosure::candidate::{Raw, RunFacts};
use sluice_disclosure::{Appetite, Assessment, Candidate, Context, ReleaseTable, assess};
use sluice_domain::contract::{Contract, ReportColumn, Reporting, ValueDomain};
use sluice_domain::digest::Commitment;
use sluice_domain::grade::{Grade, Lane};
use sluice_domain::grant::{Grant, GrantState, Mode, Terms, Tightening};
use sluice_domain::id::{GrantId, JobId, ReleaseId, RequestId};
use sluice_domain::job::{Job, JobState};
use sluice_domain::limits::Limits;
use sluice_domain::release::Basis;
use sluice_domain::review::{Reason, ReleaseRequest, RequestState, Verdict, Vote};

use super::{Place, change, fault, trusted};
use crate::event::NewEvent;
use crate::receipt::ReceiptFault;
use crate::release::{Approval, Charge, RECORD, Release, Served, Unsealed};

const KEY: [u8; 32] = [4; 32];

fn contract() -> Contract {
    let domain = ValueDomain::Number { unit: String::new(), lower: 0, upper: 100, step: 1, scale: 0 };
    Contract::Report(Reporting {
        inputs: vec!["SELECT 1".to_owned()],
        columns: vec![ReportColumn { name: "n".to_owned(), domain }],
        rows: 2,
        constants: Vec::new(),
    })
}

fn candidate(value: i64) -> Candidate {
    let raw = Raw::Rows { rows: vec![vec![value]], fault: None, facts: RunFacts::default() };
    Candidate::new(contract(), raw, &Limits::default()).unwrap()
}

fn assessment(value: i64) -> Assessment {
    assess(&candidate(value), &Appetite::floor(Grade::Open).unwrap(), &Context::default())
}

fn grant() -> Grant {
    let terms = Terms {
        operator: "operator".to_owned(),
        purpose: String::new(),
        mode: Mode::Scenario,
        datasets: Vec::new(),
        lanes: vec![Lane::Report],
        tightening: Tightening::default(),
        method: sluice_domain::method::Method::default(),
        signatures: 1,
        reviewers: 2,
        from_ms: 0,
        until_ms: 10,
        jobs_max: 1,
        report_bits_max: 1_000,
        conditions: String::new(),
    };
    Grant {
        id: GrantId::new([1; 16]),
        terms,
        owners: vec!["agency".to_owned()],
        drafted_by: "custodian".to_owned(),
        state: GrantState::InForce,
        signatures: Vec::new(),
        jobs_admitted: 1,
        report_bits: 100,
        suspended_by: Default::default(),
    }
}

fn job() -> Job {
    Job {
        id: JobId::new([2; 16]),
        grant: grant().id,
        organisation: "operator".to_owned(),
        person: "author".to_owned(),
        lane: Lane::Report,
        module: None,
        params: BTreeMap::new(),
        contract: contract(),
        snapshots: BTreeMap::new(),
        route: sluice_domain::job::Route::default(),
        relations: Vec::new(),
        admitted_at_ms: 0,
        slot_ms: 1,
        fixed_slot_at_ms: None,
        state: JobState::UnderReview,
        state_at_ms: 0,
        review_at_ms: None,
        attempts: 1,
        incidents: 0,
    }
}

fn vote(person: &str, verdict: Verdict) -> Vote {
    Vote { person: person.to_owned(), agency: "agency".to_owned(), verdict, reason: Reason::Fits, note: None, at_ms: 0 }
}

fn request() -> ReleaseRequest {
    ReleaseRequest {
        id: RequestId::new([3; 16]),
        job: job().id,
        owners: vec!["agency".to_owned()],
        organisation: "operator".to_owned(),
        candidate: Commitment::new(&KEY, &candidate(7).to_inside_bytes()),
        assessment: assessment(7).commitment(&KEY),
        round: 1,
        reviewers: 2,
        state: RequestState::Voting,
        votes: vec![vote("first", Verdict::Approve)],
        tightening: Tightening::default(),
        exceptions: Vec::new(),
    }
}

fn approval() -> Approval {
    Approval::of(&request(), vote("second", Verdict::Approve)).unwrap_or_else(|fault| panic!("{fault}"))
}

fn charge() -> Charge {
    Charge::of(&job(), &grant()).unwrap_or_else(|fault| panic!("{fault}"))
}

fn bytes(_: &ReleaseTable) -> Option<Vec<(&'static str, Vec<u8>)>> {
    Some(vec![("csv", b"n\n7\n".to_vec())])
}

fn seal(assessment: &Assessment, approval: &Approval, charge: &Charge) -> Result<Release, Unsealed> {
    Release::seal(ReleaseId::new([9; 16]), (assessment, &KEY), approval, charge, bytes)
}

#[test]
fn only_votes_that_let_it_out_are_an_approval() {
    for verdict in [Verdict::Reject, Verdict::RequestChanges] {
        assert_eq!(fault(Approval::of(&request(), vote("second", verdict))), Unsealed::NotApproved);
    }
    let alone = ReleaseRequest { votes: Vec::new(), ..request() };
    assert_eq!(fault(Approval::of(&alone, vote("first", Verdict::Approve))), Unsealed::NotApproved);
}

#[test]
fn a_job_is_charged_to_its_own_grant_and_within_its_account() {
    let other = Grant { id: GrantId::new([8; 16]), ..grant() };
    assert_eq!(fault(Charge::of(&job(), &other)), Unsealed::NotCharged);
    let unpaid = Grant { report_bits: 0, ..grant() };
    assert_eq!(fault(Charge::of(&job(), &unpaid)), Unsealed::NotCharged);
    let none = Grant { jobs_admitted: 0, ..grant() };
    assert_eq!(fault(Charge::of(&job(), &none)), Unsealed::NotCharged);
}

#[test]
fn attack_31_what_was_not_voted_on_is_not_sealed() {
    assert_eq!(fault(seal(&assessment(8), &approval(), &charge())), Unsealed::OtherAssessment);
    let sealed = Release::seal(ReleaseId::new([9; 16]), (&assessment(7), &[5; 32]), &approval(), &charge(), bytes);
    assert_eq!(fault(sealed), Unsealed::OtherAssessment);
    let elsewhere = Job { id: JobId::new([7; 16]), ..job() };
    let elsewhere = Charge::of(&elsewhere, &grant()).unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(fault(seal(&assessment(7), &approval(), &elsewhere)), Unsealed::OtherJob);
    let unrendered = Release::seal(ReleaseId::new([9; 16]), (&assessment(7), &KEY), &approval(), &charge(), |_| None);
    assert_eq!(fault(unrendered), Unsealed::Render);
}

#[test]
fn a_release_states_the_votes_the_job_and_the_digest_of_each_file() {
    let release = seal(&assessment(7), &approval(), &charge()).unwrap_or_else(|fault| panic!("{fault}"));
    let entry = release.entry(5);
    let Basis::Reviewed { approvals, .. } = entry.basis else { panic!("people let it out") };
    assert_eq!((approvals, entry.sealed_at_ms, &entry.job), (2, 5, &job().id));
    let formats: Vec<&str> = entry.artefacts.iter().map(|artefact| artefact.format.as_str()).collect();
    assert_eq!(formats, ["csv", RECORD]);
    let digest = sluice_domain::digest::sha256_hex(b"n\n7\n");
    assert_eq!((entry.artefacts[0].sha256.as_str(), entry.artefacts[0].bytes), (digest.as_str(), 4));
    assert_eq!(release.files()[1].1, assessment(7).record().to_json());
}

#[tokio::test]
async fn bytes_are_served_with_their_own_receipt_and_no_other() {
    let place = Place::new();
    let store = place.open().await;
    let release = seal(&assessment(7), &approval(), &charge()).unwrap_or_else(|fault| panic!("{fault}"));
    let mut body = serde_json::to_value(release.entry(5)).unwrap();
    body["kind"] = "release_sealed".into();
    let event = NewEvent { kind: "release_sealed".to_owned(), body: body.to_string() };
    let appended = store.append(change(0, vec![event])).await.unwrap();
    let receipt = store.receipt(appended.first_seq).await.unwrap();
    let served = |id: &ReleaseId, bytes: &[u8]| Served::new(&receipt, &trusted(), id, "csv", bytes.to_vec());
    let good = served(release.id(), b"n\n7\n").map(|served| (served.format().to_owned(), served.into_bytes()));
    assert_eq!(good, Ok(("csv".to_owned(), b"n\n7\n".to_vec())));
    assert_eq!(fault(served(release.id(), b"n\n8\n")), ReceiptFault::OtherDigest);
    assert_eq!(fault(served(&ReleaseId::new([1; 16]), b"n\n7\n")), ReceiptFault::OtherRelease);
}
