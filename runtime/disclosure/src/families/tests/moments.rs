//! What the engine hands over, and how far two moments must be apart.

use super::*;
use crate::families::microdata::Garbled;

#[test]
fn the_engines_lines_are_read_as_they_were_written() {
    let layout = layout(&[family()]);
    assert_eq!((layout.columns.len(), layout.measures.len()), (2, 1));
    let lines: [Line; 3] =
        [(7, 70, vec![1, 2], 3, vec![-5]), (7, 70, vec![1, 2], 1, vec![9]), (8, 80, vec![0, 2], 1, vec![1 << 40])];
    let mut bytes = Vec::new();
    for (subject, group, codes, records, values) in &lines {
        bytes.extend(subject.to_le_bytes());
        bytes.extend(group.to_le_bytes());
        codes.iter().for_each(|code| bytes.extend(code.to_le_bytes()));
        bytes.extend(records.to_le_bytes());
        values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
    }
    let Ok(read) = Microdata::read(&layout, &bytes) else { panic!("three whole lines") };
    assert_eq!(read.atoms, [[0, 2], [1, 2]]);
    let entry = |place: usize| {
        let entry = &read.entries[place];
        (entry.subject, entry.group, entry.atom, entry.records, entry.values.clone())
    };
    assert_eq!((entry(0), entry(1)), ((8, 80, 0, 1, vec![1 << 40]), (7, 70, 1, 4, vec![4])));
    assert_eq!(read.entries.len(), 2);
    assert_eq!(Microdata::read(&layout, &bytes[1..]).err(), Some(Garbled));
    // A subject has one group in an atom.
    let torn = [(7, 70, vec![1, 2], 1, vec![1]), (7, 71, vec![1, 2], 1, vec![1])];
    assert_eq!(Microdata::new(&layout, torn).err(), Some(Garbled));
    assert_eq!(Microdata::new(&layout, [(7, 70, vec![1], 1, vec![1])]).err(), Some(Garbled));
    assert_eq!(Microdata::new(&layout, [(7, 70, vec![1, 2], 1, vec![])]).err(), Some(Garbled));
}

#[test]
fn a_change_is_judged_by_the_least_difference_and_not_by_the_threshold() {
    let before = town(4, 400);
    let mut after = before.clone();
    after.extend((0..12).map(|more| (9_000 + more, (0, 2, more % 2, 30_000 + i64::from(more) * 100))));
    let layout = layout(&[family()]);
    let microdata = tally(&layout, &after);
    let total = |difference: u64| {
        let rules = Rules { difference, ..rules() };
        let moments = [moment(&before, sealed(&before, 1_000, &[]))];
        let sealing = Sealing {
            layout: &layout,
            microdata: &microdata,
            as_of_ms: 2_000,
            rules: &rules,
            before: &moments,
            held: &BTreeSet::new(),
        };
        let sealed = seal(&sealing).unwrap_or_else(|why| panic!("{why}"));
        let cell = sealed.table(&Default::default()).and_then(|table| table.cells.values().next()).expect("a total");
        (cell.status.clone(), cell.values[0].clone())
    };
    // Twelve have moved in, each a group by itself: twelve may be asked for.
    assert_eq!(total(10), (Status::Published, "412".to_owned()));
    assert_eq!(total(12), (Status::Published, "412".to_owned()));
    assert_eq!(total(13), (Status::Carried, "400".to_owned()));
}

#[test]
fn a_look_up_names_its_dataset() {
    let contract = contract(&["age"], &[]);
    assert_eq!(look_up(&["age"], &[], &contract).dataset(), "town");
}
