//! The desk: one writer, the ledger, and the book that everyone reads.
//!
//! # Guarantees
//! - One sitting at a time: policies are asked and events written on the same book.
//! - Events, documents and the answer to a repeated request are one transaction with a compare-and-swap on the
//!   ledger's size; the book changes only after it.
//! - A caller who goes away doesn't leave a sitting half done: what is written is taken into the book.
//! - At start the state is rebuilt from the events and compared with the documents; a difference stops the node.
//! - Times never go back.

use std::sync::Arc;

use serde::Serialize;
use sluice_domain::digest::Commitment;
use sluice_domain::event::{Event, Happening};
use sluice_domain::people::Actor;
use sluice_domain::refusal::Code;
use sluice_ledger::{
    Append, DocumentWrite, Entropy, IdempotencyWrite, NewEvent, OsEntropy, SigningKey, Store, StoreFault,
};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use super::book::Book;
use super::clock::{Clock, Monotone, not_before_ms};
use super::rebuild::{compare, rebuild};
use super::stop::{Done, Fault, Stop, off};
use crate::files::{Home, HomeFault, Key, Lock};

/// Why a node can't be opened. Each is one plain sentence for whoever starts it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The home folder can't be used.
    #[error(transparent)]
    Home(#[from] HomeFault),
    /// The ledger's key can't be used.
    #[error("failed to use the ledger's key: {0}")]
    Key(#[from] sluice_ledger::KeyFault),
    /// The ledger can't be opened or read.
    #[error("failed to open the ledger: {0}")]
    Ledger(#[from] StoreFault),
    /// The events don't add up to the documents.
    #[error("failed to rebuild the state from the ledger: {0}")]
    Rebuild(String),
    /// A folder can't be swept, or the first events can't be written.
    #[error("failed to make the node ready: {0}")]
    Ready(String),
}

/// A request that may be sent again under the same key.
#[derive(Debug, Clone)]
pub struct Once {
    /// Who asked.
    pub actor: String,
    /// The key that they gave.
    pub key: String,
    /// A keyed digest of what they asked.
    pub request: String,
}

/// The desk.
pub struct Desk {
    pub(crate) home: Home,
    pub(crate) store: Store,
    /// From which the keys of bounds and digests are made that have to be the same again.
    pub(crate) master: Key,
    pub(crate) entropy: Arc<dyn Entropy>,
    clock: Monotone,
    book: watch::Sender<Arc<Book>>,
    /// Whether memory and ledger may have come apart; then nothing is written any more.
    writing: Arc<Mutex<bool>>,
    _lock: Lock,
}

/// The writer's seat: nobody else writes while it is held.
pub struct Sitting {
    desk: Arc<Desk>,
    seat: OwnedMutexGuard<bool>,
    /// The book to decide on.
    pub book: Arc<Book>,
    /// The time of whatever is decided.
    pub now_ms: i64,
}

impl Desk {
    /// Opens the ledger of a home folder, and makes one where there is none.
    ///
    /// # Errors
    /// A home that another node holds, files that can't be used, a ledger that doesn't add up.
    pub async fn open(
        home: Home,
        origin: &str,
        clock: Box<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Arc<Desk>, OpenError> {
        let lock = home.lock()?;
        let master = home.key("master", &*entropy)?;
        let key = ledger_key(&home, origin, &*entropy)?;
        let store = Store::open(&home.database(), &home.anchor(), key, Box::new(OsEntropy)).await?;
        let book = rebuild(&store).await?;
        compare(&store, &book.state).await?;
        let mark_ms =
            crate::files::read(&home.clock(), 64).ok().and_then(|mark| String::from_utf8(mark).ok()?.parse().ok());
        let not_before_ms = not_before_ms(book.at_ms, mark_ms, clock.read_ms());
        let clock = Monotone::new(clock, not_before_ms);
        let (book, _) = watch::channel(Arc::new(book));
        let writing = Arc::new(Mutex::new(false));
        Ok(Arc::new(Desk { home, store, master, entropy, clock, book, writing, _lock: lock }))
    }

    /// The book as it is now.
    #[must_use]
    pub fn book(&self) -> Arc<Book> {
        self.book.borrow().clone()
    }

    /// Tells of each new book.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<Book>> {
        self.book.subscribe()
    }

    /// Now.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Writes down how far the node's time is, while it is ahead of the machine's: no restart turns it back.
    ///
    /// # Errors
    /// A file that can't be written.
    pub async fn keep_time(&self) -> Done<()> {
        let Some(mark_ms) = self.clock.mark_ms() else { return Ok(()) };
        let (path, mark) = (self.home.clock(), mark_ms.to_string());
        off(move || crate::files::write(&path, mark.as_bytes()).map_err(Stop::fault("keep the time"))).await
    }

    /// Random bytes.
    ///
    /// # Errors
    /// No entropy.
    pub fn random<const N: usize>(&self) -> Done<[u8; N]> {
        crate::files::random(&*self.entropy).map_err(Stop::fault("draw entropy"))
    }

    /// A key of its own for one purpose, always the same for the same words.
    ///
    /// # Errors
    /// None in practice: a commitment is as long as a key.
    pub fn derived(&self, purpose: &str) -> Done<Key> {
        let made = Commitment::new(&self.master, purpose.as_bytes());
        let mut key = [0; 32];
        hex::decode_to_slice(made.as_str(), &mut key).map_err(Stop::fault("make a key"))?;
        Ok(key)
    }

    /// Takes the writer's seat. A request that may be sent again is looked up once more: the same one may have been
    /// answered while this one waited, and whoever decides on the book then would refuse it as done.
    ///
    /// # Errors
    /// [`Code::Unavailable`] once memory and ledger may have come apart; as [`Desk::again`] says.
    pub async fn sit(self: &Arc<Desk>, once: Option<&Once>) -> Done<Sitting> {
        let seat = Arc::clone(&self.writing).lock_owned().await;
        if *seat {
            return Err(Stop::of(Code::Unavailable));
        }
        self.again(once).await?;
        Ok(Sitting { desk: Arc::clone(self), seat, book: self.book(), now_ms: self.now_ms() })
    }

    /// Whether the desk can still write.
    pub async fn is_sound(&self) -> bool {
        !*self.writing.lock().await
    }

    /// The answer that the same request was given before, as a stop; else a book that holds nothing of such an answer.
    /// What is decided before the seat is taken is decided on that book: a later one may show the request as done.
    ///
    /// # Errors
    /// [`Stop::Again`] with that answer; [`Code::KeyReused`] where the key was used for something else.
    pub async fn again(&self, once: Option<&Once>) -> Done<Arc<Book>> {
        // The book comes first: it is replaced after the answer is in the ledger.
        let book = self.book();
        let Some(once) = once else { return Ok(book) };
        match self.store.idempotency(&once.actor, &once.key).await? {
            None => Ok(book),
            Some(answered) if answered.request_sha256 == once.request => Err(Stop::Again(answered.response)),
            Some(_) => Err(Stop::of(Code::KeyReused)),
        }
    }
}

impl Sitting {
    /// Writes what happened, all or nothing, and answers from the book that follows. With `once`, the answer is kept
    /// in the same transaction, to be given again.
    ///
    /// # Errors
    /// A refusal where an event would be too large or the request was answered before; else a fault, and then either
    /// nothing was written or nothing more will be.
    pub async fn commit<T: Serialize>(
        self,
        actor: &Actor,
        happenings: Vec<Happening>,
        once: Option<&Once>,
        answer: impl FnOnce(&Book) -> T,
    ) -> Done<T> {
        let mut next = (*self.book).clone();
        let mut events = Vec::with_capacity(happenings.len());
        let mut keys = std::collections::BTreeSet::new();
        for happening in happenings {
            // A receipt goes to whoever fetches the release: it names the node that sealed it and not who voted last.
            let by = match happening {
                Happening::ReleaseSealed { .. } => Actor::node(),
                _ => actor.clone(),
            };
            let event = Event { actor: by, at_ms: self.now_ms, happening };
            keys.extend(next.apply(&event)?);
            events.push(new_event(&event)?);
        }
        let document = |key: &sluice_domain::state::DocumentKey| DocumentWrite {
            kind: key.noun.to_owned(),
            id: key.id.clone(),
            body: next.state.document(key).map(|document| document.to_string()),
        };
        let documents = keys.iter().map(document).collect();
        let answer = answer(&next);
        let idempotency = match once {
            None => None,
            Some(once) => Some(IdempotencyWrite {
                actor: once.actor.clone(),
                key: once.key.clone(),
                request_sha256: once.request.clone(),
                response: serde_json::to_string(&answer).map_err(Stop::fault("write an answer"))?,
            }),
        };
        let append = Append { expected_size: self.book.size, at_ms: self.now_ms, events, documents, idempotency };
        let desk = Arc::clone(&self.desk);
        // A task of its own: a caller who hangs up can't cut it in two.
        let written = tokio::spawn(self.write(append, next)).await;
        match written.map_err(Stop::fault("finish a commit"))? {
            Ok(()) => Ok(answer),
            Err(StoreFault::AlreadyAnswered) => {
                desk.again(once).await?;
                Err(Stop::of(Code::Unavailable))
            }
            Err(fault) => Err(fault.into()),
        }
    }

    async fn write(mut self, append: Append, next: Book) -> Result<(), StoreFault> {
        let store = &self.desk.store;
        match store.append(append).await {
            Ok(_) => {}
            Err(StoreFault::AnchorNotWritten { size }) if size == next.size => {
                tracing::error!("the anchor is behind the ledger; the next append mends it");
            }
            Err(fault @ (StoreFault::Full | StoreFault::Busy | StoreFault::AlreadyAnswered)) => return Err(fault),
            // The commit may or may not have happened: the ledger's size says which.
            Err(fault) => match store.size().await {
                Ok(size) if size == next.size => {}
                Ok(size) if size == self.book.size => return Err(fault),
                _ => {
                    *self.seat = true;
                    tracing::error!(fault = %fault, "the ledger and the node may have come apart; nothing is written");
                    return Err(fault);
                }
            },
        }
        self.desk.book.send_replace(Arc::new(next));
        Ok(())
    }
}

fn new_event(event: &Event) -> Done<NewEvent> {
    let body = serde_json::to_string(event).map_err(Stop::fault("write an event"))?;
    let new = NewEvent { kind: event.happening.kind().to_owned(), body };
    match new.check() {
        Ok(()) => Ok(new),
        Err(sluice_ledger::BodyFault::TooLong) => {
            Err(Stop::with(Code::TooLarge, "what would go on record is longer than an event may be"))
        }
        Err(fault) => Err(Stop::Fault(Fault::new("write an event", fault))),
    }
}

fn ledger_key(home: &Home, origin: &str, entropy: &dyn Entropy) -> Result<SigningKey, OpenError> {
    let path = home.ledger_key();
    if !path.exists() {
        SigningKey::generate(origin, entropy)?.save(&path)?;
    }
    Ok(SigningKey::load(&path)?)
}
