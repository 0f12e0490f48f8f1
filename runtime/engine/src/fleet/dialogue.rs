//! One order to one worker, and its answer or the end of the process.

use std::sync::Arc;
use std::time::Duration;

use sluice_domain::refusal::{Code, Refusal};

use super::spawn::Spare;
use super::{Cancel, Inner, Stop};
use crate::ask::{Answer, Ask, Order, Work};
use crate::cache::Artefact;
use crate::fault::Fault;
use crate::frame;
use crate::worker::Fenced;

/// Bytes of raw output's own form beside its content.
const RAW_SLACK_BYTES: u64 = 64 * 1024;
/// Idle workers that may be found dead in a row before it is called a fault.
const DEAD_MAX: u32 = 4;

/// A dialogue with a worker.
pub(super) struct Told {
    pub(super) answer: Answer,
    pub(super) raw: Option<Vec<u8>>,
    pub(super) fences: Vec<String>,
}

/// How a dialogue ended without an answer.
pub(super) enum Cut {
    Cancelled,
    TimedOut,
    Died(String),
    Fault(Fault),
}

impl Inner {
    /// The artefact of a module, for work that has one.
    pub(super) async fn artefact(self: &Arc<Inner>, work: &Work) -> Result<Option<Artefact>, Refusal> {
        let Work::Module { digest, .. } = work else { return Ok(None) };
        let (inner, digest) = (Arc::clone(self), digest.clone());
        let read = tokio::task::spawn_blocking(move || inner.cache.artefact(&digest)).await;
        let artefact = read.map_err(|_| Refusal::of(Code::Unavailable))?;
        artefact.map(Some).ok_or_else(|| Refusal::with(Code::Module, "it isn't compiled on this node"))
    }

    /// A request that nobody can cancel.
    pub(super) async fn ask(&self, ask: Ask, artefact: Option<Artefact>, within: Duration) -> Result<Answer, Stop> {
        let told = self.converse(ask, artefact, within, &Cancel::default()).await;
        told.map(|told| told.answer).map_err(|cut| match cut {
            Cut::Fault(fault) => Stop::Fault(fault),
            Cut::TimedOut => Stop::Fault(Fault::new("the worker took too long")),
            Cut::Died(text) => Stop::Fault(Fault::new(text)),
            Cut::Cancelled => Stop::Fault(Fault::new("nobody could have cancelled this")),
        })
    }

    /// A worker that is alive.
    async fn spare(&self) -> Result<Spare, Fault> {
        let mut fault = Fault::new("no worker stays alive");
        for _ in 0..DEAD_MAX {
            match self.spares.lock().await.recv().await {
                Some(Ok(mut spare)) => {
                    if spare.process.is_alive() {
                        return Ok(spare);
                    }
                    let end = spare.process.end(Duration::ZERO).await;
                    fault = Fault::new(format!("a worker died before it had an order: {end}"));
                }
                Some(Err(failed)) => fault = failed,
                None => return Err(Fault::new("the thread that starts workers has ended")),
            }
        }
        Err(fault)
    }

    pub(super) async fn converse(
        &self,
        ask: Ask,
        artefact: Option<Artefact>,
        within: Duration,
        cancel: &Cancel,
    ) -> Result<Told, Cut> {
        let Spare { process, mut socket } = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(Cut::Cancelled),
            spare = self.spare() => spare.map_err(Cut::Fault)?,
        };
        let order = Order { ask, limits: self.limits.clone(), has_artefact: artefact.is_some() };
        let raw_bytes_max = self.limits.raw_output_bytes_max.saturating_add(RAW_SLACK_BYTES);
        let dialogue = async {
            frame::send_async(&mut socket, &order).await?;
            if let Some(artefact) = artefact {
                frame::write_async(&mut socket, artefact.bytes()).await?;
            }
            let Fenced(fences) = frame::receive_async(&mut socket).await?;
            let answer: Answer = frame::receive_async(&mut socket).await?;
            let raw = match answer {
                Answer::Raw => Some(frame::read_async(&mut socket, raw_bytes_max).await?),
                _ => None,
            };
            Ok::<Told, std::io::Error>(Told { answer, raw, fences })
        };
        let outcome = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Cut::Cancelled),
            outcome = tokio::time::timeout(within, dialogue) => outcome.map_err(|_| Cut::TimedOut),
        };
        match outcome {
            Ok(Ok(told)) => {
                // It has nothing more to say, and nobody waits for its end.
                tokio::spawn(process.end(Duration::from_millis(100)));
                Ok(told)
            }
            Ok(Err(error)) => {
                let end = process.end(Duration::from_secs(1)).await;
                Err(Cut::Died(format!("the worker gave no answer ({error}); {end}")))
            }
            Err(cut) => {
                process.end(Duration::ZERO).await;
                Err(cut)
            }
        }
    }
}
