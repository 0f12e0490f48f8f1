//! Organisations, people, tokens, and who is calling.

use std::sync::Arc;

use sluice_domain::event::Happening;
use sluice_domain::id::{TokenId, is_slug};
use sluice_domain::people::{Actor, Organisation, OrganisationKind, Person, Role, Token};
use sluice_domain::permission::{Act, require};
use sluice_domain::refusal::Code;
use subtle::ConstantTimeEq;

use super::desk::{Desk, Once};
use super::stop::{Done, Stop};
use super::{Node, show};
use crate::api::types::{
    AddOrganisation, AddPerson, IssueToken, IssuedToken, Me, OrganisationView, PersonView, TokenView,
};

/// Days that a token lives when nothing is said.
const DAYS: u32 = 90;
const DAY_MS: i64 = 86_400_000;
/// What every secret begins with, so that a leaked one can be searched for.
const SECRET: &str = "sluice_";
const TITLE_BYTES_MAX: usize = 400;

/// Who is calling, with which token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The person in their role.
    pub actor: Actor,
    /// The token.
    pub token: TokenId,
}

/// Draws a token of 256 bits and the entry that goes on record.
pub(super) fn draw_token(desk: &Desk, person: &str, role: Role, days: u32, now_ms: i64) -> Done<(String, Token)> {
    let secret = format!("{SECRET}{}", hex::encode(desk.random::<32>()?));
    let token = Token {
        id: TokenId::new(desk.random()?),
        person: person.to_owned(),
        role,
        sha256: sluice_domain::digest::sha256_hex(secret.as_bytes()),
        expires_at_ms: now_ms.saturating_add(i64::from(days).saturating_mul(DAY_MS)),
        revoked: false,
    };
    Ok((secret, token))
}

impl Node {
    /// Who holds this secret, if its token lives and its person still has the role.
    #[must_use]
    pub fn authenticate(&self, secret: &str) -> Option<Caller> {
        if !secret.starts_with(SECRET) || secret.len() > 128 {
            return None;
        }
        // The look-up is by a digest that a caller can't steer; the last word is a comparison in constant time.
        let sha256 = sluice_domain::digest::sha256_hex(secret.as_bytes());
        let book = self.desk().book();
        let id = book.tokens.get(&sha256)?;
        let token = book.state.tokens.get(id)?;
        let same: bool = token.sha256.as_bytes().ct_eq(sha256.as_bytes()).into();
        same.then(|| self.caller(id)).flatten()
    }

    /// Who holds this token, if it still lives.
    #[must_use]
    pub fn caller(&self, id: &TokenId) -> Option<Caller> {
        let book = self.desk().book();
        let token = book.state.tokens.get(id)?;
        let person = book.state.people.get(&token.person)?;
        let lives = !token.revoked && self.desk().now_ms() < token.expires_at_ms && person.roles.contains(&token.role);
        lives.then(|| Caller {
            actor: Actor {
                person: person.id.clone(),
                organisation: person.organisation.clone(),
                role: Some(token.role),
            },
            token: id.clone(),
        })
    }

    /// Who the caller is.
    ///
    /// # Errors
    /// A token that has died meanwhile.
    pub fn me(&self, caller: &Caller) -> Done<Me> {
        let book = self.desk().book();
        let token = book.state.tokens.get(&caller.token).ok_or_else(|| Stop::of(Code::Unauthenticated))?;
        let person = book.state.people.get(&token.person).ok_or_else(|| Stop::of(Code::Unauthenticated))?;
        Ok(Me {
            person: person.id.clone(),
            title: person.title.clone(),
            organisation: person.organisation.clone(),
            role: token.role,
            token: token.id.to_string(),
            expires_at_ms: token.expires_at_ms,
        })
    }

    /// Adds an organisation.
    ///
    /// # Errors
    /// A name that is taken or isn't one; a kind that isn't added.
    pub async fn add_organisation(
        &self,
        actor: &Actor,
        ask: AddOrganisation,
        once: Option<&Once>,
    ) -> Done<OrganisationView> {
        require(actor, Act::AddPeople)?;
        self.desk().again(once).await?;
        let legal_group = ask.legal_group.unwrap_or_else(|| ask.id.clone());
        check_name(&ask.id, &ask.title)?;
        if !is_slug(&legal_group) || ask.kind == OrganisationKind::Node {
            return Err(Stop::with(
                Code::Malformed,
                "the kind is agency, operator or authority; the group a plain name",
            ));
        }
        let organisation = Organisation { id: ask.id, title: ask.title, kind: ask.kind, legal_group };
        let sitting = self.desk().sit(once).await?;
        if sitting.book.state.organisations.contains_key(&organisation.id) {
            return Err(Stop::with(Code::Exists, "the organisation's name is taken"));
        }
        let view = show::organisation(&organisation);
        sitting.commit(actor, vec![Happening::OrganisationAdded { organisation }], once, |_| view).await
    }

    /// Adds a person.
    ///
    /// # Errors
    /// A name that is taken or isn't one; no such organisation; roles that can't be held there, or together.
    pub async fn add_person(&self, actor: &Actor, ask: AddPerson, once: Option<&Once>) -> Done<PersonView> {
        require(actor, Act::AddPeople)?;
        self.desk().again(once).await?;
        check_name(&ask.id, &ask.title)?;
        let person = Person { id: ask.id, title: ask.title, organisation: ask.organisation, roles: ask.roles };
        let sitting = self.desk().sit(once).await?;
        let state = &sitting.book.state;
        let Some(organisation) = state.organisations.get(&person.organisation) else {
            return Err(Stop::with(Code::NotFound, "there is no such organisation"));
        };
        person.check(organisation)?;
        if state.people.contains_key(&person.id) {
            return Err(Stop::with(Code::Exists, "the person's name is taken"));
        }
        let view = show::person(&person);
        sitting.commit(actor, vec![Happening::PersonAdded { person }], once, |_| view).await
    }

    /// Issues a token. Its secret is in this answer and nowhere else.
    ///
    /// # Errors
    /// No such person, or a role that the person doesn't have.
    pub async fn issue_token(&self, actor: &Actor, ask: IssueToken, once: Option<&Once>) -> Done<IssuedToken> {
        require(actor, Act::IssueTokens)?;
        self.desk().again(once).await?;
        issue(self.desk(), actor, ask, once).await
    }

    /// All tokens, dead ones among them, in the order of their people. Neither a secret nor its digest is shown.
    ///
    /// # Errors
    /// Another role.
    pub fn tokens(&self, actor: &Actor) -> Done<Vec<TokenView>> {
        require(actor, Act::IssueTokens)?;
        let book = self.desk().book();
        let mut tokens: Vec<TokenView> = book.state.tokens.values().map(show::token).collect();
        tokens.sort_by(|a, b| (&a.person, &a.id).cmp(&(&b.person, &b.id)));
        Ok(tokens)
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// No such token.
    pub async fn revoke_token(&self, actor: &Actor, id: &str, once: Option<&Once>) -> Done<TokenView> {
        require(actor, Act::IssueTokens)?;
        self.desk().again(once).await?;
        let sitting = self.desk().sit(once).await?;
        let id = TokenId::parse(id).filter(|id| sitting.book.state.tokens.contains_key(id));
        let id = id.ok_or_else(|| Stop::of(Code::NotFound))?;
        let happened = vec![Happening::TokenRevoked { token: id.clone() }];
        let view = sitting.commit(actor, happened, once, |book| book.state.tokens.get(&id).map(show::token)).await?;
        view.ok_or_else(|| Stop::of(Code::NotFound))
    }
}

/// Issues a token on behalf of an actor who may. Its secret is in the answer and nowhere else.
pub(super) async fn issue(desk: &Arc<Desk>, actor: &Actor, ask: IssueToken, once: Option<&Once>) -> Done<IssuedToken> {
    let days = ask.days.unwrap_or(DAYS);
    if !(1..=366).contains(&days) {
        return Err(Stop::with(Code::Malformed, "a token lives between 1 and 366 days"));
    }
    let sitting = desk.sit(once).await?;
    let Some(person) = sitting.book.state.people.get(&ask.person) else {
        return Err(Stop::with(Code::NotFound, "there is no such person"));
    };
    if !person.roles.contains(&ask.role) {
        return Err(Stop::with(Code::ConflictOfInterest, "the person doesn't have that role"));
    }
    let (secret, token) = draw_token(desk, &ask.person, ask.role, days, sitting.now_ms)?;
    let view = IssuedToken {
        id: token.id.to_string(),
        person: token.person.clone(),
        role: token.role,
        expires_at_ms: token.expires_at_ms,
        secret: None,
    };
    let issued = sitting.commit(actor, vec![Happening::TokenIssued { token }], once, |_| view).await?;
    Ok(IssuedToken { secret: Some(secret), ..issued })
}

fn check_name(id: &str, title: &str) -> Done<()> {
    let titled = !title.trim().is_empty() && title.len() <= TITLE_BYTES_MAX && !title.chars().any(char::is_control);
    // `node` is who acts when nobody does.
    if is_slug(id) && id != "node" && titled {
        return Ok(());
    }
    let rule =
        "a name is lower-case letters, digits, underscores and hyphens, at most 48; a title has at most 400 bytes";
    Err(Stop::with(Code::Malformed, rule))
}
