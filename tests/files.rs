//! Data files that are corrupt, cut short, or something else: a custodian is told, and nothing is sealed.

use std::sync::Arc;

use datafusion::arrow::array::{Int32Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::ipc::writer::FileWriter;
use serde_json::{Value, json};
use sluice_domain::refusal::Code;

use crate::support::client::Reply;
use crate::support::node::{Hosted, Place};
use crate::support::shared::parquet;

const CSV: &str = "id,kind,value\na,x,1\nb,y,2\nc,x,3\n";

fn batch() -> RecordBatch {
    let field = |name: &str, kind| Field::new(name, kind, true);
    let fields = [field("id", DataType::Utf8), field("kind", DataType::Utf8), field("value", DataType::Int32)];
    let ids: StringArray = (0..500).map(|n| Some(format!("s{}", n % 97))).collect();
    let kinds: StringArray = (0..500).map(|n| Some(["x", "y"][n % 2])).collect();
    let values: Int32Array = (0..500).map(Some).collect();
    let columns: Vec<datafusion::arrow::array::ArrayRef> = vec![Arc::new(ids), Arc::new(kinds), Arc::new(values)];
    RecordBatch::try_new(Arc::new(Schema::new(fields.to_vec())), columns).unwrap()
}

fn arrow() -> Vec<u8> {
    let batch = batch();
    let mut writer = FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

/// A node with a dataset of `id`, `kind` and `value`.
fn node() -> Hosted {
    let node = Hosted::start();
    node.place.register(&json!({
        "name": "things",
        "title": "Things",
        "subject": { "column": "id", "domain": "things" },
        "grade": "open",
        "n_public": 100,
        "dictionary": { "columns": [
            { "name": "id", "kind": "utf8" },
            { "name": "kind", "kind": "utf8", "codes": ["x", "y"] },
            { "name": "value", "kind": "int32", "bounds": { "lower": 0, "upper": 1000 } },
        ]},
    }));
    node
}

fn sent(place: &Place, format: &str, bytes: &[u8]) -> Reply {
    place.client("carol").send(&format!("/v1/datasets/things/snapshots?format={format}"), bytes)
}

fn snapshots(place: &Place) -> usize {
    let list = place.client("carol").get("/v1/datasets/things/snapshots?limit=500").ok();
    list["items"].as_array().unwrap().len()
}

/// What is left of files that weren't sealed.
fn leftovers(place: &Place) -> Vec<String> {
    let names = |folder: &str| std::fs::read_dir(place.home.join(folder)).unwrap().flatten();
    let uploads = names("uploads").map(|entry| entry.file_name().to_string_lossy().into_owned());
    let sealed = place.client("carol").get("/v1/datasets/things/snapshots?limit=500").ok();
    let sealed: Vec<Value> = sealed["items"].as_array().unwrap().iter().map(|entry| entry["id"].clone()).collect();
    let folders = names("snapshots").map(|entry| entry.file_name().to_string_lossy().into_owned());
    uploads.chain(folders.filter(|name| !sealed.contains(&json!(name)))).collect()
}

#[test]
fn attack_28_files_that_are_cut_short_or_something_else_are_refused() {
    let node = node();
    let place = &node.place;
    let (parquet, arrow) = (parquet(&[batch()]), arrow());
    for (format, good) in [("parquet", &parquet), ("arrow", &arrow)] {
        for length in [0, 1, 4, 8, 12, good.len() / 3, good.len() / 2, good.len() - 9, good.len() - 1] {
            sent(place, format, &good[..length]).refused(Code::Ingest);
        }
        sent(place, format, CSV.as_bytes()).refused(Code::Ingest);
        sent(place, format, &vec![0; 5_000]).refused(Code::Ingest);
        sent(place, format, &[good.as_slice(), b"more"].concat()).refused(Code::Ingest);
    }
    sent(place, "parquet", &arrow).refused(Code::Ingest);
    sent(place, "arrow", &parquet).refused(Code::Ingest);
    let csv: [(&str, &[u8]); 7] = [
        ("nothing", b""),
        ("no such columns", b"a,b\n1,2\n"),
        ("a column less", b"id,kind,value\na,x\n"),
        ("a column more", b"id,kind,value\na,x,1,2\n"),
        ("an open quote", b"id,kind,value\n\"a,x,1\n"),
        ("not UTF-8", b"id,kind,value\n\xff\xfe,x,1\n"),
        ("Parquet", &parquet),
    ];
    for (what, bytes) in csv {
        let reply = sent(place, "csv", bytes);
        assert_ne!(reply.status, 201, "{what} was sealed");
        let detail = reply.refused(Code::Ingest);
        assert!(!detail.is_empty(), "{what}: the custodian is told why");
    }
    assert_eq!((snapshots(place), leftovers(place)), (0, Vec::new()));
    place.lives();
    // The node is none the worse for it.
    for (format, good) in [("parquet", parquet.as_slice()), ("arrow", &arrow), ("csv", CSV.as_bytes())] {
        assert_eq!(sent(place, format, good).ok()["report"]["rows"], if format == "csv" { 3 } else { 500 });
    }
    assert_eq!((snapshots(place), leftovers(place)), (3, Vec::new()));
    place.verified();
}

#[test]
fn attack_28_a_file_with_a_changed_byte_is_read_or_refused_and_never_more() {
    let node = node();
    let place = &node.place;
    for (format, good) in [("parquet", parquet(&[batch()])), ("arrow", arrow())] {
        // Metadata lies at the end of both; the rest is sampled.
        let step = good.len() / 12;
        let places = (0..good.len()).step_by(step.max(1)).chain((good.len().saturating_sub(96)..good.len()).step_by(6));
        let mut sealed = snapshots(place);
        for position in places {
            let mut bad = good.clone();
            bad[position] ^= 0x55;
            let reply = sent(place, format, &bad);
            match reply.status {
                201 => sealed += 1,
                _ => drop(reply.refused(Code::Ingest)),
            }
        }
        assert_eq!((snapshots(place), leftovers(place)), (sealed, Vec::new()));
        place.lives();
    }
}
