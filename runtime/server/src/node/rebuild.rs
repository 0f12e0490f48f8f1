//! What happens before a node opens: the state is rebuilt from all events and compared with the documents.

use sluice_domain::event::Event;
use sluice_domain::state::{DocumentKey, State};
use sluice_ledger::Store;
use sluice_ledger::read::MAX_PAGE;

use super::book::Book;
use super::desk::OpenError;

/// The nouns whose documents are kept.
const NOUNS: [&str; 10] =
    ["organisation", "person", "token", "dataset", "snapshot", "grant", "module", "job", "request", "release"];

/// The book that the ledger's events add up to.
///
/// # Errors
/// An event that can't be read, or that doesn't follow from those before it.
pub(super) async fn rebuild(store: &Store) -> Result<Book, OpenError> {
    let mut book = Book::default();
    loop {
        let page = store.events(book.size, MAX_PAGE).await?;
        if page.is_empty() {
            return Ok(book);
        }
        for entry in page {
            let wrong = |why: String| OpenError::Rebuild(format!("event {}: {why}", entry.seq));
            let event: Event = serde_json::from_str(&entry.body).map_err(|_| wrong("it can't be read".to_owned()))?;
            if event.at_ms != entry.at_ms || entry.seq != book.size {
                return Err(wrong("its time or number isn't the ledger's".to_owned()));
            }
            book.apply(&event).map_err(|unsound| wrong(unsound.to_string()))?;
        }
    }
}

/// Compares the documents with the state that the events add up to.
///
/// # Errors
/// The first document that is another one, or missing.
pub(super) async fn compare(store: &Store, state: &State) -> Result<(), OpenError> {
    let mut kept = 0_usize;
    for noun in NOUNS {
        let mut after = String::new();
        loop {
            let page = store.documents(noun, &after, MAX_PAGE).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.id);
            for document in page {
                let key = DocumentKey { noun, id: document.id };
                let body: Option<serde_json::Value> = serde_json::from_str(&document.body).ok();
                if body.is_none() || body != state.document(&key) {
                    return Err(OpenError::Rebuild(format!("{noun} `{}` isn't what its events say", key.id)));
                }
                kept += 1;
            }
        }
    }
    if kept != state.keys().len() {
        return Err(OpenError::Rebuild("a document is missing".to_owned()));
    }
    Ok(())
}
