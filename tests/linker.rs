//! What a guest may call, printed and pinned: an import more is a decision, not a slip.

use sluice_domain::grade::Lane;
use sluice_engine::sandbox::{export, imports};

#[test]
fn the_imports_of_each_lane_are_these() {
    for (lane, exported, imported) in [
        (Lane::Tabulate, "sluice:guest/tabulate@0.1.0", &[][..]),
        (Lane::Report, "sluice:guest/report@0.1.0", &["sluice:guest/rows@0.1.0"]),
    ] {
        println!("{}: exports {}, may import {:?}", lane.as_str(), export(lane), imports(lane));
        assert_eq!((export(lane), imports(lane)), (exported, imported));
    }
}

#[test]
fn what_the_contract_of_the_interface_offers_is_no_more_than_that() {
    let wit = include_str!("../sdk/wit/sluice.wit");
    let lines = wit.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    let offered: Vec<&str> = lines.filter(|line| line.starts_with("import ")).collect();
    assert_eq!(offered, ["import rows;"], "the worlds import the rows of a report and nothing else");
    for authority in ["wasi", "clock", "random", "socket", "filesystem", "environment"] {
        let uses = |line: &&str| !line.trim().starts_with("//") && line.contains(&format!("{authority}:"));
        assert_eq!(wit.lines().find(uses), None);
    }
}
