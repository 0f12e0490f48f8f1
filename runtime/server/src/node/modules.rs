//! Modules: submitted by digest, examined before they are on record, revoked.

use std::sync::Arc;

use sluice_domain::digest::sha256_hex;
use sluice_domain::event::Happening;
use sluice_domain::module::{Module, ModuleState};
use sluice_domain::people::Actor;
use sluice_domain::permission::{Act, require};
use sluice_domain::policy;
use sluice_domain::refusal::Code;
use sluice_domain::state::State;

use super::book::Book;
use super::desk::Once;
use super::stop::{Done, Stop, off};
use super::{Node, show};
use crate::api::types::ModuleView;

const STATEMENT_BYTES_MAX: usize = 4_000;

impl Node {
    /// Asks whether the actor may submit a module, before its bytes are taken in.
    ///
    /// # Errors
    /// Another role.
    pub fn may_submit_module(&self, actor: &Actor) -> Done<()> {
        Ok(require(actor, Act::SubmitModule)?)
    }

    /// Takes a module: static checks and a bounded compile, neither of which runs it. A module that the organisation
    /// has submitted before is answered with its entry.
    ///
    /// # Errors
    /// A module that isn't acceptable, or one of the organisation's that was revoked.
    pub async fn submit_module(
        &self,
        actor: &Actor,
        wasm: Vec<u8>,
        statement: String,
        once: Option<&Once>,
    ) -> Done<ModuleView> {
        self.may_submit_module(actor)?;
        self.desk().again(once).await?;
        if statement.len() > STATEMENT_BYTES_MAX || statement.chars().any(|c| c.is_control() && c != '\n') {
            return Err(Stop::with(Code::Malformed, "a statement is plain text of at most 4000 bytes"));
        }
        let digest = sha256_hex(&wasm);
        if let Some(view) = self.known(actor, &digest)? {
            return Ok(view);
        }
        let wasm = Arc::new(wasm);
        let _turn = self.runs().admission().await?;
        let report = self.fleet().examine(wasm.to_vec()).await?;
        let path = self.desk().home.module(&digest);
        off(move || crate::files::write(&path, &wasm).map_err(Stop::fault("keep a module"))).await?;
        let sitting = self.desk().sit(once).await?;
        if let Some(view) = self.known(actor, &digest)? {
            return Ok(view);
        }
        let module = Module {
            digest,
            lane: report.lane,
            bytes: report.bytes,
            functions: report.functions,
            imports: report.imports,
            exports: report.exports,
            statement,
            person: actor.person.clone(),
            organisation: actor.organisation.clone(),
            submitted_at_ms: sitting.now_ms,
            state: ModuleState::Accepted,
            revoked_by: Default::default(),
        };
        let view = show::module(&module);
        let happened = vec![Happening::ModuleSubmitted { module: Box::new(module) }];
        sitting.commit(actor, happened, once, |_| view).await
    }

    /// The actor's organisation's own entry. Whether others have submitted the same bytes isn't told.
    fn known(&self, actor: &Actor, digest: &str) -> Done<Option<ModuleView>> {
        let book = self.desk().book();
        match book.state.module(&actor.organisation, digest) {
            Some(module) if module.state == ModuleState::Revoked => {
                Err(Stop::with(Code::Module, "this module was revoked"))
            }
            own => Ok(own.map(show::module)),
        }
    }

    /// The modules that the actor may see, by organisation and digest: an operator those of their own organisation.
    ///
    /// # Errors
    /// Another role.
    pub fn modules(&self, actor: &Actor) -> Done<Vec<ModuleView>> {
        require(actor, Act::ReadModules)?;
        let book = self.desk().book();
        let seen = book.state.modules.values().filter(|module| policy::sees_module(&book.state, actor, module));
        Ok(seen.map(show::module).collect())
    }

    /// One module. Where the actor sees the same bytes of several organisations, the first that isn't revoked.
    ///
    /// # Errors
    /// None that the actor may see.
    pub fn module(&self, actor: &Actor, digest: &str) -> Done<ModuleView> {
        require(actor, Act::ReadModules)?;
        let book = self.desk().book();
        let module = seen(&book.state, actor, digest).into_iter().min_by_key(|module| module.state);
        module.map(show::module).ok_or_else(|| Stop::of(Code::NotFound))
    }

    /// Revokes a module, of every organisation of which the actor sees it: an authority for good, an agency for data of
    /// its own. It may not be named any more there, and its jobs stop.
    ///
    /// # Errors
    /// None that the actor may see, or one that was revoked.
    pub async fn revoke_module(&self, actor: &Actor, digest: &str, once: Option<&Once>) -> Done<ModuleView> {
        require(actor, Act::RevokeModule)?;
        self.desk().again(once).await?;
        let sitting = self.desk().sit(once).await?;
        let seen = seen(&sitting.book.state, actor, digest);
        if seen.is_empty() {
            return Err(Stop::of(Code::NotFound));
        }
        let accepted = |module: &&Module| {
            module.state == ModuleState::Accepted && !module.revoked_by.contains(&actor.organisation)
        };
        let organisations: Vec<String> =
            seen.into_iter().filter(accepted).map(|module| module.organisation.clone()).collect();
        let Some(first) = organisations.first().cloned() else { return Err(Stop::of(Code::WrongState)) };
        let happening = Happening::ModuleRevoked { module: digest.to_owned(), organisations };
        let view = |book: &Book| book.state.module(&first, digest).map(show::module);
        let view = self.commit_with_stops(sitting, actor, happening, once, view).await?;
        view.ok_or_else(|| Stop::of(Code::NotFound))
    }
}

/// The entries of these bytes that the actor may see.
fn seen<'a>(state: &'a State, actor: &Actor, digest: &str) -> Vec<&'a Module> {
    let of_digest = state.modules.values().filter(|module| module.digest == digest);
    of_digest.filter(|module| policy::sees_module(state, actor, module)).collect()
}
