//! What readers read, refuse, and how what the generator writes reads back.

use super::*;
use crate::domains::{AnyDomain, Scenario};

fn text(format: Format, text: &str) -> Result<Read> {
    read_text(format, text.as_bytes(), 100)
}

#[track_caller]
fn refuses(format: Format, from: &str, expected: &[&str]) {
    let told = text(format, from).unwrap_err().in_file("t").to_string();
    assert!(expected.iter().all(|part| told.contains(part)), "{expected:?} not in {told}");
}

#[test]
fn plain_rows_are_taken_as_they_are_in_any_order_of_columns() {
    let read = text(
        Format::Plain,
        "cpu,note,memory,third,storage,priority,duration_s,arrival_s\n1.5,x,2,0,4,3,60,0.5\n1,,2,3,4,,,7\n",
    );
    let expected = [
        Workload { arrival_s: 0.5, duration_s: Some(60.0), demand: [1.5, 2.0, 0.0, 4.0], priority: 3 },
        Workload { arrival_s: 7.0, duration_s: None, demand: [1.0, 2.0, 3.0, 4.0], priority: 2 },
    ];
    assert_eq!(read.unwrap().workloads, expected);
}

#[test]
fn openb_pods_are_in_cores_gib_and_gpus() {
    let header = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,\
                  scheduled_time\n";
    let read = text(Format::Openb, &format!("{header}p0,12000,16384,2,460,V100|P100,LS,Running,5,105,7\n"));
    let expected = Workload { arrival_s: 5.0, duration_s: Some(100.0), demand: [12.0, 16.0, 0.92, 0.0], priority: 3 };
    let workloads = read.unwrap().workloads;
    assert!((workloads[0].demand[2] - 0.92).abs() < 1e-12);
    assert_eq!(Workload { demand: expected.demand, ..workloads[0] }, expected);
    refuses(Format::Openb, &format!("{header}p0,1,1,0,0,,LS,Running,50,5,7\n"), &["deletion_time", ":2:27:"]);
}

#[test]
fn huawei_machines_run_from_creation_to_deletion() {
    let header = "vmid,cpu,memory,time,type\n";
    let rows = "7,2,4,10,0\n8,1,2,20,0\n7,2,4,70,1\n5,1,1,80,1\n";
    let read = text(Format::Huawei, &format!("{header}{rows}")).unwrap();
    let found: Vec<_> = read.workloads.iter().map(|w| (w.arrival_s, w.duration_s, w.demand[0])).collect();
    assert_eq!(found, [(10.0, Some(60.0), 2.0), (20.0, None, 1.0)]);
    assert_eq!(read.num_skipped, 1, "a machine that was there before");
    refuses(Format::Huawei, &format!("{header}7,2,4,10,0\n7,2,4,11,0\n"), &["vmid", ":3:1:"]);
    refuses(Format::Huawei, &format!("{header}7,2,4,10,2\n"), &["0 for a creation", ":2:10:"]);
}

#[test]
fn swf_jobs_without_run_are_skipped_and_comments_too() {
    let job = |submit: i32, run: i32, procs: i32| {
        format!("1 {submit} 0 {run} {procs} -1 1048576 {procs} -1 -1 1 1 1 -1 1 1 -1 -1\n")
    };
    let from = format!("; MaxProcs: 9\n{}{}{}", job(3, 60, 4), job(5, -1, 4), job(6, 60, -1));
    let read = text(Format::Swf, &from).unwrap();
    let expected = Workload { arrival_s: 3.0, duration_s: Some(60.0), demand: [4.0, 4.0, 0.0, 0.0], priority: 2 };
    assert_eq!((read.workloads, read.num_skipped), (vec![expected], 2));
    refuses(Format::Swf, "; x\n1 2 3\n", &["3 fields", ":2:1:"]);
    refuses(Format::Swf, "1 2 x 4\n", &["field 3", "`x`"]);
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_place() {
    let plain = "arrival_s,duration_s,cpu,memory,third,storage\n";
    refuses(Format::Plain, "", &["empty"]);
    refuses(Format::Plain, "arrival_s,cpu\n", &["no column `duration_s`", ":1:1:"]);
    refuses(Format::Plain, &format!("{plain}0,1,1,1,1,1\n0,1,-2,1,1,1\n"), &["`cpu`", "`-2`", ":3:5:"]);
    refuses(Format::Plain, &format!("{plain}0,1,nan,1,1,1\n"), &["`cpu`", "`nan`"]);
    refuses(Format::Plain, &format!("{plain}0,1,,1,1,1\n"), &["`cpu`", ":2:5:"]);
    refuses(Format::Plain, &format!("{plain}0,1,1\n"), &["3 fields, the header has 6", ":2:1:"]);
    refuses(Format::Plain, &format!("{plain}{}\n", "9".repeat(70_000)), &["more than 65536 bytes", ":2:1:"]);
    let broken = [plain.as_bytes(), b"0,1,\xff,1,1,1\n"].concat();
    assert!(read_text(Format::Plain, &broken[..], 9).unwrap_err().to_string().contains("UTF-8"));
}

#[test]
fn no_more_rows_are_read_than_asked_for() {
    // What comes after the limit may be anything.
    let from = "arrival_s,duration_s,cpu,memory,third,storage\n0,1,1,1,1,1\n1,1,1,1,1,1\nnothing\n";
    assert_eq!(read_text(Format::Plain, from.as_bytes(), 2).unwrap().workloads.len(), 2);
    assert!(read_text(Format::Plain, from.as_bytes(), 3).is_err());
}

#[test]
fn what_is_generated_reads_back_alike_in_every_format() {
    let read_back = |format| {
        let mut bytes = Vec::new();
        generate(format, 500, 7, &mut bytes).unwrap();
        read_text(format, &bytes[..], usize::MAX).unwrap()
    };
    let plain = read_back(Format::Plain);
    assert_eq!(plain.workloads.len(), 500);
    for format in [Format::Openb, Format::Huawei, Format::Swf] {
        let read = read_back(format);
        assert_eq!((read.workloads.len(), read.num_skipped), (500, 0), "{format:?}");
        for (one, other) in plain.workloads.iter().zip(&read.workloads) {
            assert_eq!((one.arrival_s, one.duration_s), (other.arrival_s, other.duration_s), "{format:?}");
            assert_eq!(one.demand[..2], other.demand[..2], "{format:?}");
        }
    }
    let other = {
        let mut bytes = Vec::new();
        generate(Format::Plain, 500, 8, &mut bytes).unwrap();
        read_text(Format::Plain, &bytes[..], usize::MAX).unwrap()
    };
    assert_ne!(plain, other, "another seed is another trace");
}

#[test]
fn a_trace_becomes_a_scenario_that_reads_back_and_runs() {
    use crate::sim::{Lane, Seeds};
    let mut bytes = Vec::new();
    generate(Format::Plain, 300, 1, &mut bytes).unwrap();
    let read = read_text(Format::Plain, &bytes[..], 300).unwrap();
    let scenario = into_scenario("small", Format::Plain, read.workloads, Vec::new()).unwrap();
    let again = Scenario::parse(&scenario.to_ron().unwrap(), "small.ron").unwrap();
    assert_eq!(again, scenario);
    let AnyDomain::Cluster(params) = &scenario.domain else { panic!("{:?}", scenario.domain) };
    assert!(params.trace.arrival_s.is_sorted() && params.trace.arrival_s[0] == 0.0);
    let mut lane = Lane::new(scenario.domain.domain(), 100, Seeds::new(1), 0..2);
    (0..120).for_each(|_| lane.step());
    assert_eq!(into_scenario("none", Format::Plain, Vec::new(), Vec::new()).unwrap_err().exit_code(), 2);
}
