//! Huawei East 1.

use super::*;

#[test]
fn huawei_machines_run_from_creation_to_deletion() {
    let header = "vmid,cpu,memory,time,type\n";
    let rows = "7,2,4,10,0\n8,1,2,20,0\n7,2,4,70,1\n5,1,1,80,1\n";
    let read = text(Format::Huawei, &format!("{header}{rows}")).unwrap();
    let found: Vec<_> = read.workloads.iter().map(|w| (w.arrival_s, w.duration_s, w.demand[0])).collect();
    assert_eq!(found, [(10.0, Some(60.0), 2.0), (20.0, None, 1.0)]);
    assert_eq!(read.num_skipped(), 1, "a machine that was there before");
    refuses(Format::Huawei, &format!("{header}7,2,4,10,0\n7,2,4,11,0\n"), &["vmid", ":3:1:"]);
    refuses(Format::Huawei, &format!("{header}7,2,4,10,2\n"), &["0 for a creation", ":2:10:"]);
}
