//! Modules: submitted by digest, examined before they are on record, revoked.

use std::sync::Arc;

use sluice_domain::digest::sha256_hex;
use sluice_domain::event::Happening;
use sluice_domain::module::{Module, ModuleState};
use sluice_domain::people::{Actor, Role};
use sluice_domain::permission::{Act, require};
use sluice_domain::refusal::Code;

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
    /// A module that isn't acceptable, one that another organisation submitted, or one that was revoked.
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
        let sitting = self.desk().sit().await?;
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
        };
        let view = show::module(&module);
        let happened = vec![Happening::ModuleSubmitted { module: Box::new(module) }];
        sitting.commit(actor, happened, once, |_| view).await
    }

    fn known(&self, actor: &Actor, digest: &str) -> Done<Option<ModuleView>> {
        let book = self.desk().book();
        match book.state.modules.get(digest) {
            None => Ok(None),
            Some(module) if module.state == ModuleState::Revoked => {
                Err(Stop::with(Code::Module, "this module was revoked"))
            }
            Some(module) if module.organisation == actor.organisation => Ok(Some(show::module(module))),
            Some(_) => Err(Stop::with(Code::Exists, "another organisation submitted these bytes")),
        }
    }

    /// The modules that the actor may see: an operator those of their own organisation.
    ///
    /// # Errors
    /// Another role.
    pub fn modules(&self, actor: &Actor) -> Done<Vec<ModuleView>> {
        require(actor, Act::ReadModules)?;
        let book = self.desk().book();
        Ok(book.state.modules.values().filter(|module| sees_module(actor, module)).map(show::module).collect())
    }

    /// One module.
    ///
    /// # Errors
    /// None that the actor may see.
    pub fn module(&self, actor: &Actor, digest: &str) -> Done<ModuleView> {
        require(actor, Act::ReadModules)?;
        let book = self.desk().book();
        let module = book.state.modules.get(digest).filter(|module| sees_module(actor, module));
        module.map(show::module).ok_or_else(|| Stop::of(Code::NotFound))
    }

    /// Revokes a module: it may not be named any more, and its jobs stop.
    ///
    /// # Errors
    /// No such module, or one that was revoked.
    pub async fn revoke_module(&self, actor: &Actor, digest: &str, once: Option<&Once>) -> Done<ModuleView> {
        require(actor, Act::RevokeModule)?;
        self.desk().again(once).await?;
        let sitting = self.desk().sit().await?;
        let module = sitting.book.state.modules.get(digest).ok_or_else(|| Stop::of(Code::NotFound))?;
        if module.state == ModuleState::Revoked {
            return Err(Stop::of(Code::WrongState));
        }
        let happened = vec![Happening::ModuleRevoked { module: digest.to_owned() }];
        let view = |book: &super::book::Book| book.state.modules.get(digest).map(show::module);
        let view = sitting.commit(actor, happened, once, view).await?;
        self.stop_ended().await?;
        view.ok_or_else(|| Stop::of(Code::NotFound))
    }
}

fn sees_module(actor: &Actor, module: &Module) -> bool {
    !actor.is(Role::Operator) || module.organisation == actor.organisation
}
