//! A node's first events, and what is put right at every start.

use std::collections::BTreeSet;
use std::sync::Arc;

use sluice_domain::event::{Happening, IncidentKind};
use sluice_domain::job::JobState;
use sluice_domain::people::{Actor, Organisation, OrganisationKind, Person, Role, Token};

use super::desk::{Desk, OpenError};
use super::people;
use super::stop::{Done, Stop};

/// How long the first tokens live.
const DAYS: u32 = 365;

type Line = (&'static str, &'static str, &'static str, Role);

/// The administrator of every node.
const ADMINISTRATOR: [Line; 1] = [("admin", "The administrator", "node", Role::Administrator)];

/// The people of a starter node: name, title, organisation, role.
const STARTERS: [Line; 8] = [
    ("carol", "Carol, custodian", "agency", Role::Custodian),
    ("cyrus", "Cyrus, custodian", "agency", Role::Custodian),
    ("rosa", "Rosa, reviewer", "agency", Role::Reviewer),
    ("ravi", "Ravi, reviewer", "agency", Role::Reviewer),
    ("rita", "Rita, reviewer", "agency", Role::Reviewer),
    ("olga", "Olga, operator", "operator", Role::Operator),
    ("abel", "Abel, auditor", "authority", Role::Auditor),
    ("rex", "Rex, regulator", "authority", Role::Regulator),
];

/// Writes a new ledger's first events: the node's own organisation and its administrator, and with `starter` an
/// agency, an operator and an authority with their people. Every person's token goes to `HOME/tokens/NAME`.
pub(super) async fn bootstrap(desk: &Arc<Desk>, starter: bool) -> Result<(), OpenError> {
    let begun = async {
        let sitting = desk.sit(None).await?;
        if sitting.book.size > 0 {
            return Ok(());
        }
        let mut happenings = vec![organisation("node", "This node", OrganisationKind::Node)];
        if starter {
            happenings.push(organisation("agency", "The agency", OrganisationKind::Agency));
            happenings.push(organisation("operator", "The operator", OrganisationKind::Operator));
            happenings.push(organisation("authority", "The authority", OrganisationKind::Authority));
        }
        let starters = if starter { &STARTERS[..] } else { &[] };
        for line in ADMINISTRATOR.iter().chain(starters) {
            happenings.extend(person(desk, line, sitting.now_ms)?);
        }
        sitting.commit(&Actor::node(), happenings, None, |_| ()).await
    };
    begun.await.map_err(ready)
}

fn organisation(id: &str, title: &str, kind: OrganisationKind) -> Happening {
    let (id, title) = (id.to_owned(), title.to_owned());
    Happening::OrganisationAdded { organisation: Organisation { legal_group: id.clone(), id, title, kind } }
}

fn person(desk: &Desk, (id, title, organisation, role): &Line, now_ms: i64) -> Done<[Happening; 2]> {
    let person = Person {
        id: (*id).to_owned(),
        title: (*title).to_owned(),
        organisation: (*organisation).to_owned(),
        roles: BTreeSet::from([*role]),
    };
    let (secret, token): (String, Token) = people::draw_token(desk, id, *role, DAYS, now_ms)?;
    // Before the event: a token on record whose secret is lost would lock everyone out.
    crate::files::write(&desk.home.token(id), secret.as_bytes()).map_err(Stop::fault("write a token"))?;
    Ok([Happening::PersonAdded { person }, Happening::TokenIssued { token }])
}

/// Records the attempts that were open when the node stopped: their jobs are run again.
pub(super) async fn recover(desk: &Arc<Desk>) -> Done<()> {
    loop {
        let sitting = desk.sit(None).await?;
        let open = sitting.book.state.jobs.values().filter(|job| job.state == JobState::Admitted).filter_map(|job| {
            let last = sitting.book.attempts(&job.id).last()?;
            last.failed.is_none().then(|| Happening::AttemptFailed {
                job: job.id.clone(),
                attempt: last.attempt,
                incident: IncidentKind::NodeStopped,
            })
        });
        let failed: Vec<Happening> = open.take(100).collect();
        if failed.is_empty() {
            return Ok(());
        }
        sitting.commit(&Actor::node(), failed, None, |_| ()).await?;
    }
}

fn ready(stop: Stop) -> OpenError {
    match stop {
        Stop::Refused(refusal) => OpenError::Ready(refusal.to_string()),
        Stop::Fault(fault) => OpenError::Ready(fault.to_string()),
        Stop::Again(_) => OpenError::Ready("it was begun before".to_owned()),
    }
}
