//! `describe`: the contract, from an instance that has seen no data. So whatever goes wrong may be shown in full.

use std::collections::BTreeMap;

use sluice_domain::contract::Contract;
use sluice_domain::grade::Lane;
use sluice_domain::refusal::{Code, Refusal};
use wasmtime::component::{Instance, Lift};
use wasmtime::{Store, Trap};

use super::{Allowance, Clock, Guest, Held, Inner, wire};

/// Bytes that a contract may have on its way out of the guest.
const CONTRACT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Characters of the module's own text that are shown.
const SHOWN_CHARS_MAX: usize = 500;
/// Fuel for each millisecond that `describe` may take: a busy guest runs out of fuel, always at the same place, and not
/// of time.
const FUEL_PER_MS: u64 = 1_000_000;

impl Guest {
    /// The contract for these parameters. It has the module's lane and is otherwise unchecked.
    ///
    /// # Errors
    /// The module's own text, or how it failed.
    pub fn describe(&self, params: &BTreeMap<String, String>) -> Result<Contract, Refusal> {
        let inner = &*self.inner;
        if !inner.clock.start(&inner.engine) {
            return Err(Refusal::of(Code::Unavailable));
        }
        let allowance = Allowance {
            fuel: inner.limits.describe_ms_max.saturating_mul(FUEL_PER_MS),
            ticks: Clock::ticks(inner.limits.describe_ms_max),
            answer_bytes: CONTRACT_BYTES_MAX,
            next: None,
        };
        let mut store = inner.store(allowance).map_err(|_| Refusal::of(Code::Unavailable))?;
        let instance = inner.pre.instantiate(&mut store).map_err(|error| failed(inner, &store, &error))?;
        inner.check_work(&mut store, &instance)?;
        let params: Vec<wire::Param> =
            params.iter().map(|(name, value)| wire::Param { name: name.clone(), value: value.clone() }).collect();
        match inner.lane {
            Lane::Tabulate => inner.ask::<wire::Tabulation>(&mut store, &instance, &params),
            Lane::Report => inner.ask::<wire::Reporting>(&mut store, &instance, &params),
        }
    }
}

impl Inner {
    fn ask<C>(&self, store: &mut Store<Held>, instance: &Instance, params: &[wire::Param]) -> Result<Contract, Refusal>
    where
        C: Lift + Into<Contract> + 'static,
    {
        let describe = instance
            .get_typed_func::<(&[wire::Param],), (Result<C, String>,)>(&mut *store, self.describe)
            .map_err(|error| other_type("describe", &error))?;
        match describe.call(&mut *store, (params,)) {
            Ok((Ok(contract),)) => Ok(contract.into()),
            Ok((Err(text),)) => Err(Refusal::with(Code::Describe, shown(&text))),
            Err(error) => Err(failed(self, store, &error)),
        }
    }

    /// That `map` or `run` has the interface's type is found out here, before any data.
    fn check_work(&self, store: &mut Store<Held>, instance: &Instance) -> Result<(), Refusal> {
        let name = if self.lane == Lane::Tabulate { "map" } else { "run" };
        instance
            .get_typed_func::<(&[u64],), (Vec<u64>,)>(store, self.work)
            .map(|_| ())
            .map_err(|error| other_type(name, &error))
    }
}

fn other_type(name: &str, error: &wasmtime::Error) -> Refusal {
    let detail = format!("`{name}` hasn't the type that the interface gives it: {}", shown(&format!("{error:#}")));
    Refusal::with(Code::Module, detail)
}

/// In words that help: there was no data, so nothing needs hiding.
fn failed(inner: &Inner, store: &Store<Held>, error: &wasmtime::Error) -> Refusal {
    let bounds = &store.data().bounds;
    let detail = match error.downcast_ref::<Trap>() {
        _ if bounds.host_failed || super::linker::is_of_the_system(error) => return Refusal::of(Code::Unavailable),
        Some(Trap::OutOfFuel | Trap::Interrupt) => format!(
            "it didn't finish within {} ms or the fuel that stands for them: a contract is fixed facts, not computation",
            inner.limits.describe_ms_max
        ),
        Some(trap) if bounds.refused => format!(
            "it stopped ({trap}) after it had asked for more than the {} bytes of memory that a guest may have",
            inner.limits.guest_memory_bytes_max
        ),
        Some(Trap::UnreachableCodeReached) => "it stopped at an `unreachable` instruction, which is how a Rust panic \
            or a failed `unwrap` ends: return the reason as an error instead, and it is shown here"
            .to_owned(),
        Some(Trap::StackOverflow) => "its call stack is exhausted: is there a recursion without an end?".to_owned(),
        Some(Trap::MemoryOutOfBounds) => {
            "it reached outside of its memory, which is also how a recursion without an end \
            stops in Rust and C"
                .to_owned()
        }
        Some(trap) => format!("it trapped: {trap}"),
        None => format!("it returned what the interface doesn't allow: {}", shown(&error.root_cause().to_string())),
    };
    Refusal::with(Code::Describe, detail)
}

/// A module's own text as it may be shown: without control characters or such as turn the writing around, and not too
/// long.
pub(crate) fn shown(text: &str) -> String {
    let unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let mut chars = text.chars().map(|c| if unseen(c) { ' ' } else { c });
    let mut shown: String = chars.by_ref().take(SHOWN_CHARS_MAX).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_and_cleaned() {
        assert_eq!(shown("a\u{1b}[31m\nb"), "a [31m b");
        assert_eq!(shown(&"é".repeat(501)).chars().count(), 501);
        assert_eq!(shown(&"é".repeat(500)), "é".repeat(500));
    }
}
