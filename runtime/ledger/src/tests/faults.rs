//! Every point at which an append can fail, and what is left behind. After each the whole ledger verifies and opens.

use super::{ORIGIN, Place, Seeded, change, fault, grow, key, sound, trusted, vote};
use crate::anchor;
use crate::append::FaultPoint;
use crate::fault::StoreFault;
use crate::key::SigningKey;
use crate::store::Store;

fn inject(store: &Store, point: Option<FaultPoint>) {
    *store.fail_at.lock().unwrap() = point;
}

fn anchored(place: &Place) -> u64 {
    anchor::read(&place.path("anchor"), &trusted()).unwrap().unwrap().size
}

/// The point, the size that is left, the anchor that is left.
const TABLE: [(FaultPoint, u64, u64); 2] = [(FaultPoint::BeforeCommit, 3, 3), (FaultPoint::BeforeAnchor, 5, 3)];

#[tokio::test]
async fn each_fault_point_leaves_all_or_nothing() {
    for (point, size, anchor) in TABLE {
        let place = Place::new();
        let store = place.open().await;
        grow(&store, 2).await;
        inject(&store, Some(point));
        assert!(store.append(change(3, vec![vote(3), vote(4)])).await.is_err());
        assert_eq!((store.size().await.unwrap(), anchored(&place)), (size, anchor), "{point:?}");
        // The state went with the events: the document holds the size that its append was decided on.
        let document = store.document("job", "j1").await.unwrap().unwrap();
        assert_eq!(document.body, if size == 3 { "1" } else { "3" }, "{point:?}");
        assert_eq!(sound(&store).await.size, size);
        // A crash here, and a new start.
        drop(store);
        let store = place.open().await;
        assert_eq!((sound(&store).await.size, anchored(&place)), (size, size), "{point:?}");
        grow(&store, 1).await;
        assert_eq!((sound(&store).await.size, anchored(&place)), (size + 1, size + 1));
    }
}

#[tokio::test]
async fn the_same_append_again_is_a_conflict_in_every_case() {
    for (point, size, _) in TABLE {
        let place = Place::new();
        let store = place.open().await;
        grow(&store, 2).await;
        inject(&store, Some(point));
        assert!(store.append(change(3, vec![vote(3), vote(4)])).await.is_err());
        inject(&store, None);
        let again = store.append(change(3, vec![vote(3), vote(4)])).await;
        match point {
            FaultPoint::BeforeCommit => assert_eq!(again.unwrap().size, 5),
            FaultPoint::BeforeAnchor => {
                assert!(matches!(fault(again), StoreFault::Conflict { expected: 3, head } if head == size));
            }
        }
        let twice = fault(store.append(change(3, vec![vote(3), vote(4)])).await);
        assert!(matches!(twice, StoreFault::Conflict { expected: 3, head: 5 }));
        assert_eq!(sound(&store).await.size, 5);
    }
}

#[tokio::test]
async fn of_two_stores_on_one_file_one_wins_each_time() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    let mut won = 0;
    for size in 0..8 {
        let (a, b) = tokio::join!(one.append(change(size, vec![vote(1)])), two.append(change(size, vec![vote(2)])));
        for lost in [&a, &b].into_iter().filter_map(|result| result.as_ref().err()) {
            assert!(matches!(lost, StoreFault::Conflict { expected, head } if *expected == size && *head == size + 1));
        }
        assert!(a.is_ok() != b.is_ok());
        won += u64::from(a.is_ok());
    }
    assert!(won <= 8);
    assert_eq!((sound(&one).await.size, sound(&two).await.size), (8, 8));
    drop((one, two));
    sound(&place.open().await).await;
}

#[tokio::test]
async fn an_anchor_that_cannot_be_written_is_told_and_mended() {
    let place = Place::new();
    let store = place.open().await;
    grow(&store, 2).await;
    // A folder where the file belongs: the rename fails.
    std::fs::remove_file(place.path("anchor")).unwrap();
    std::fs::create_dir(place.path("anchor")).unwrap();
    let told = fault(store.append(change(3, vec![vote(3)])).await);
    assert!(matches!(told, StoreFault::AnchorNotWritten { size: 4 }));
    assert_eq!(sound(&store).await.size, 4);
    std::fs::remove_dir(place.path("anchor")).unwrap();
    grow(&store, 1).await;
    assert_eq!((sound(&store).await.size, anchored(&place)), (5, 5));
    let litter = std::fs::read_dir(place.path(""))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".tmp"));
    assert_eq!(litter.count(), 0);
}

#[tokio::test]
async fn an_older_copy_of_the_database_is_not_opened() {
    let place = Place::new();
    let store = place.open().await;
    grow(&store, 2).await;
    store.close().await;
    std::fs::copy(place.path("ledger.db"), place.path("old.db")).unwrap();
    std::fs::copy(place.path("anchor"), place.path("old.anchor")).unwrap();
    let store = place.open().await;
    grow(&store, 1).await;
    store.close().await;
    let newest = std::fs::read(place.path("anchor")).unwrap();

    std::fs::copy(place.path("old.db"), place.path("ledger.db")).unwrap();
    assert!(matches!(fault(place.try_open().await), StoreFault::RolledBack));

    // Another history that has grown past the anchor, under the old anchor; then the true one comes back.
    std::fs::copy(place.path("old.anchor"), place.path("anchor")).unwrap();
    let store = place.open().await;
    store.append(change(3, vec![vote(77), vote(78)])).await.unwrap();
    store.close().await;
    std::fs::write(place.path("anchor"), newest).unwrap();
    assert!(matches!(fault(place.try_open().await), StoreFault::RolledBack));
}

#[tokio::test]
async fn a_new_database_beside_an_old_anchor_is_not_opened() {
    let place = Place::new();
    let store = place.open().await;
    grow(&store, 1).await;
    store.close().await;
    std::fs::remove_file(place.path("ledger.db")).unwrap();
    assert!(matches!(fault(place.try_open().await), StoreFault::RolledBack));
}

#[tokio::test]
async fn an_anchor_that_is_gone_or_spoilt_is_not_passed_over() {
    let place = Place::new();
    let store = place.open().await;
    grow(&store, 1).await;
    store.close().await;
    std::fs::write(place.path("anchor"), "x").unwrap();
    assert!(matches!(fault(place.try_open().await), StoreFault::AnchorUnreadable));
    std::fs::remove_file(place.path("anchor")).unwrap();
    assert!(matches!(fault(place.try_open().await), StoreFault::AnchorMissing));
}

#[tokio::test]
async fn another_key_does_not_open_it() {
    let place = Place::new();
    place.open().await.close().await;
    for (name, seed) in [(ORIGIN, 8), ("ledger.example/other", 7)] {
        let other = SigningKey::generate(name, &Seeded::new(seed)).unwrap();
        let opened =
            Store::open(&place.path("ledger.db"), &place.path("anchor"), other, Box::new(Seeded::new(1))).await;
        assert!(matches!(fault(opened), StoreFault::OtherKey));
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_and_a_later_version_are_told_apart() {
    let place = Place::new();
    let store = place.open().await;
    sqlx::query("UPDATE head SET schema_version = schema_version + 1").execute(&store.pool).await.unwrap();
    store.close().await;
    assert!(matches!(fault(place.try_open().await), StoreFault::OtherVersion));
    std::fs::write(place.path("ledger.db"), "no database, though it is long enough to be one".repeat(100)).unwrap();
    assert!(matches!(fault(place.try_open().await), StoreFault::Damaged(crate::fault::Damage::File)));
}

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_is_half_written() {
    let place = Place::new();
    let entropy = Box::new(Seeded::new(99));
    let (path, anchor) = (place.path("ledger.db"), place.path("anchor"));
    let small = |options: sqlx::sqlite::SqliteConnectOptions| options.pragma("max_page_count", "120");
    let opened = Store::open_with(&path, &anchor, key(), entropy, small).await;
    let Ok(store) = opened else { panic!("a small database opens") };
    let told = loop {
        let size = store.size().await.unwrap();
        let events = (0..100).map(|more| vote(size + more)).collect();
        if let Err(told) = store.append(change(size, events)).await {
            break told;
        }
    };
    assert!(matches!(told, StoreFault::Full), "{told}");
    let left = sound(&store).await.size;
    assert!(left > 0 && left.is_multiple_of(100));
    drop(store);
    assert_eq!(sound(&place.open().await).await.size, left);
}
