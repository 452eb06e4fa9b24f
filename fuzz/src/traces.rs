//! Traces of clusters, each format by itself.

use std::{cell::RefCell, fs};

use agon::{
    apps::cluster::traces::{Format, into_scenario, read_nodes, read_text},
    domains::Scenario,
};
use tempfile::TempDir;

use super::accepted;

/// Rows that are read.
const ROWS: usize = 500;

pub(crate) fn plain(data: &[u8]) -> bool {
    trace(Format::Plain, data)
}

pub(crate) fn openb(data: &[u8]) -> bool {
    trace(Format::Openb, data)
}

pub(crate) fn huawei(data: &[u8]) -> bool {
    trace(Format::Huawei, data)
}

pub(crate) fn swf(data: &[u8]) -> bool {
    trace(Format::Swf, data)
}

/// What is read are numbers that a cluster can have, and the scenario that they become reads back as the same.
fn trace(format: Format, data: &[u8]) -> bool {
    let Some(read) = accepted(read_text(format, data, ROWS)) else { return false };
    for workload in &read.workloads {
        let numbers = [workload.arrival_s, workload.duration_s.unwrap_or_default()];
        assert!(numbers.iter().all(|number| number.is_finite()), "{workload:?}");
        assert!(workload.demand.iter().all(|amount| amount.is_finite() && *amount >= 0.0), "{workload:?}");
        assert!((1..=3).contains(&workload.priority), "{workload:?}");
    }
    let Some(scenario) = accepted(into_scenario("fuzzed", format, read.workloads, Vec::new())) else {
        return false;
    };
    let text = scenario.to_ron().expect("what was made can be written");
    assert_eq!(Scenario::parse(&text, "written.ron"), Ok(scenario));
    true
}

thread_local! {
    static FOLDER: RefCell<TempDir> = RefCell::new(tempfile::tempdir().expect("a temporary folder"));
}

/// A list of nodes, in both of its formats.
pub(crate) fn nodes(data: &[u8]) -> bool {
    FOLDER.with_borrow(|folder| {
        let file = folder.path().join("nodes.csv");
        fs::write(&file, data).expect("a folder that can be written");
        let mut is_any_read = false;
        for format in [Format::Plain, Format::Openb] {
            let Some(nodes) = accepted(read_nodes(format, &file)) else { continue };
            assert!(nodes.iter().flatten().all(|amount| amount.is_finite() && *amount >= 0.0), "{nodes:?}");
            is_any_read = true;
        }
        is_any_read
    })
}
