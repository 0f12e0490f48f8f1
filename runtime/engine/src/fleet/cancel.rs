//! A way to end a run from outside.

use std::sync::Arc;

use tokio::sync::watch;

/// Shared between whoever runs and whoever may end it. Cloning gives another handle to the same.
#[derive(Clone, Default)]
pub struct Cancel(Arc<watch::Sender<bool>>);

impl Cancel {
    /// Ends it. Can't be taken back.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was ended.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is ended.
    pub(crate) async fn cancelled(&self) {
        let mut learns = self.0.subscribe();
        // The sender is `self`: it outlives the wait.
        let _ended = learns.wait_for(|ended| *ended).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_handle_learns_of_it() {
        let one = Cancel::default();
        let other = one.clone();
        assert!(!other.is_cancelled());
        one.cancel();
        assert!(other.is_cancelled());
        other.cancelled().await;
        assert!(!Cancel::default().is_cancelled());
    }
}
