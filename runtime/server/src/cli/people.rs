//! `sluice person` and `sluice token`: who is there, and as whom they may act.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sluice_domain::people::{OrganisationKind, Role};
use sluice_server::api::types::{AddOrganisation, AddPerson, IssueToken, IssuedToken};
use sluice_server::node::OfflineError;

use super::failure::{Answer, Failure};
use super::{Common, example, routes, say, serve, text_of, word};

/// Add people.
#[derive(Subcommand)]
pub enum Person {
    /// Add an organisation
    #[command(after_help = example!(
        "sluice --as admin person add-organisation acme --title \"Acme Analytics\" --kind operator"
    ))]
    AddOrganisation {
        /// Its short name
        id: String,
        /// Its name in full
        #[arg(long)]
        title: String,
        /// agency, operator or authority
        #[arg(long, value_parser = word::<OrganisationKind>)]
        kind: OrganisationKind,
        /// The legal-entity group that it belongs to [default: its own name]
        #[arg(long)]
        group: Option<String>,
    },
    /// Add a person
    #[command(after_help = example!(
        "sluice --as admin person add nora --title \"Nora\" --organisation agency --roles reviewer"
    ))]
    Add {
        /// Their short name
        id: String,
        /// Their name in full
        #[arg(long)]
        title: String,
        /// The organisation that they belong to
        #[arg(long)]
        organisation: String,
        /// What they may act as
        #[arg(long, value_delimiter = ',', required = true, value_parser = word::<Role>)]
        roles: Vec<Role>,
    },
    /// Say who the caller is
    #[command(name = "me", after_help = example!("sluice --as olga person me"))]
    Me,
}

/// Issue, list and revoke tokens.
#[derive(Subcommand)]
pub enum Token {
    /// Issue a token; its secret is shown this once
    #[command(after_help = example!("sluice --as admin token issue nora --role reviewer --out tokens/nora"))]
    Issue(Issue),
    /// List all tokens, dead ones among them; no secret is shown
    #[command(after_help = example!("sluice --as admin token list"))]
    List,
    /// Revoke a token
    #[command(after_help = example!("sluice --as admin token revoke TOKEN"))]
    Revoke {
        /// The token, by its name
        id: String,
    },
}

#[derive(Args)]
pub struct Issue {
    /// Whose it is
    person: String,
    /// The role that it acts in
    #[arg(long, value_parser = word::<Role>)]
    role: Role,
    /// How many days it lives, 1 to 366 [default: 90]
    #[arg(long)]
    days: Option<u32>,
    /// Where the secret goes, for its owner alone to read [default: stdout]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Issue it in the folder of a node that doesn't run, where no token lives that could ask: it goes on record as
    /// the node's own act
    #[arg(long)]
    offline: bool,
}

impl Person {
    pub fn run(self, common: &Common) -> Answer {
        let node = common.connect()?;
        match self {
            Person::AddOrganisation { id, title, kind, group } => {
                let body = AddOrganisation { id, title, kind, legal_group: group };
                let added = routes::add_organisation(&node, &body)?;
                if common.json {
                    say::json(&added)
                } else {
                    say::out(format_args!("{}: {}", added.id, text_of(&added.kind)))
                }
            }
            Person::Add { id, title, organisation, roles } => {
                let body = AddPerson { id, title, organisation, roles: roles.into_iter().collect::<BTreeSet<_>>() };
                let added = routes::add_person(&node, &body)?;
                if common.json {
                    say::json(&added)
                } else {
                    say::out(format_args!("{} of {}", added.id, added.organisation))
                }
            }
            Person::Me => {
                let me = routes::me(&node)?;
                if common.json {
                    return say::json(&me);
                }
                say::out(say::fields(&[
                    ("person", me.person),
                    ("organisation", me.organisation),
                    ("role", me.role.as_str().to_owned()),
                    ("token expires", say::moment(me.expires_at_ms)),
                ]))
            }
        }
    }
}

impl Token {
    pub fn run(self, common: &Common) -> Answer {
        match self {
            Token::Issue(issue) => issue.run(common),
            Token::List => list(common),
            Token::Revoke { id } => {
                routes::revoke_token(&common.connect()?, &id)?;
                if common.json { say::json(&serde_json::json!({ "revoked": id })) } else { say::out("revoked") }
            }
        }
    }
}

impl Issue {
    fn run(self, common: &Common) -> Answer {
        let ask = IssueToken { person: self.person, role: self.role, days: self.days };
        let issued = match self.offline {
            true => offline(common, ask)?,
            false => routes::issue_token(&common.connect()?, &ask)?,
        };
        let Some(path) = self.out else {
            if common.json {
                return say::json(&issued);
            }
            say::note(format_args!("token {}; the secret isn't shown again", issued.id));
            return say::out(issued.secret.unwrap_or_default());
        };
        let secret = issued.secret.unwrap_or_default();
        let path = std::path::absolute(&path).unwrap_or(path);
        sluice_server::files::write(&path, secret.as_bytes()).map_err(|error| Failure::file("write", &path, &error))?;
        say::out(format_args!("token {}: its secret is in {}", issued.id, path.display()))
    }
}

fn offline(common: &Common, ask: IssueToken) -> Answer<IssuedToken> {
    let home = common.home();
    let issued = serve::runtime()?.block_on(sluice_server::node::Node::issue_token_offline(&home, ask));
    issued.map_err(|error| unavailable(&home, &error))
}

/// Why nothing was done in a home folder.
pub fn unavailable(home: &Path, error: &OfflineError) -> Failure {
    let text = format!("{}: {error}", home.display());
    match error {
        OfflineError::NoNode | OfflineError::Running | OfflineError::Refused(_) => Failure::Usage(text),
        OfflineError::Open(_) | OfflineError::Fault(_) => Failure::Fault(text),
    }
}

fn list(common: &Common) -> Answer {
    let tokens = routes::tokens(&common.connect()?)?;
    if common.json {
        return say::json(&tokens);
    }
    let rows = tokens.into_iter().map(|token| {
        let revoked = if token.revoked { "yes" } else { "no" };
        [token.id, token.person, token.role.as_str().to_owned(), say::moment(token.expires_at_ms), revoked.to_owned()]
    });
    say::out(say::table(["token", "person", "role", "expires", "revoked"], rows))
}
