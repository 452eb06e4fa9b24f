//! Alibaba GPU 2023.

use super::*;

const HEADER: &str = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,\
                      scheduled_time\n";

#[test]
fn openb_pods_are_in_cores_gib_and_gpus() {
    let read = text(Format::Openb, &format!("{HEADER}p0,12000,16384,2,460,V100|P100,LS,Running,5,107,7\n"));
    let expected = Workload { arrival_s: 5.0, duration_s: Some(100.0), demand: [12.0, 16.0, 0.92, 0.0], priority: 3 };
    let workloads = read.unwrap().workloads;
    assert!((workloads[0].demand[2] - 0.92).abs() < 1e-12);
    assert_eq!(Workload { demand: expected.demand, ..workloads[0] }, expected);
    refuses(
        Format::Openb,
        &format!("{HEADER}p0,1,1,0,0,,LS,Running,50,5,70\n"),
        &["deletion_time", "`scheduled_time`", ":2:27:"],
    );
}

#[test]
fn openb_pods_that_never_ran_are_skipped_and_those_that_failed_are_not() {
    let rows = "a,1000,1024,0,0,,LS,Pending,5,9,\n\
                b,1000,1024,0,0,,LS,Failed,5,9,6\n\
                c,1000,1024,0,0,,LS,Succeeded,5,9,5\n\
                d,1000,1024,0,0,,LS,Running,5,NA,8\n";
    let read = text(Format::Openb, &format!("{HEADER}{rows}")).unwrap();
    let found: Vec<_> = read.workloads.iter().map(|w| w.duration_s).collect();
    assert_eq!(found, [Some(3.0), Some(4.0), None]);
    assert_eq!(read.skipped, BTreeMap::from([("pods that were never scheduled", 1)]));
    refuses(Format::Openb, &format!("{HEADER}a,1,1,0,0,,LS,Running,5,9,4\n"), &["scheduled_time", "creation_time"]);
}

#[test]
fn openb_pods_of_a_list_without_phases_run_from_their_creation() {
    let header = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,creation_time,deletion_time\n";
    let rows = "p,4000,8192,1,500,\"V100M16,V100M32\",0,60\nq,4000,8192,1,500,,5,65\n";
    let read = text(Format::Openb, &format!("{header}{rows}")).unwrap();
    let found: Vec<_> = read.workloads.iter().map(|w| (w.arrival_s, w.duration_s, w.demand[2])).collect();
    assert_eq!(found, [(0.0, Some(60.0), 0.5), (5.0, Some(60.0), 0.5)]);
}
