//! Standard Workload Format.

use super::*;

#[test]
fn swf_jobs_without_run_are_skipped_and_comments_too() {
    let job = |submit: i32, run: i32, procs: i32| {
        format!("1 {submit} 0 {run} {procs} -1 1048576 {procs} -1 -1 1 1 1 -1 1 1 -1 -1\n")
    };
    let from = format!("; MaxProcs: 9\n{}{}{}", job(3, 60, 4), job(5, -1, 4), job(6, 60, -1));
    let read = text(Format::Swf, &from).unwrap();
    let expected = Workload { arrival_s: 3.0, duration_s: Some(60.0), demand: [4.0, 4.0, 0.0, 0.0], priority: 2 };
    assert_eq!((&read.workloads[..], read.num_skipped()), (&[expected][..], 2));
    refuses(Format::Swf, "; x\n1 2 3\n", &["3 fields", ":2:1:"]);
    refuses(Format::Swf, "1 2 x 4\n", &["field 3", "`x`"]);
}

#[test]
fn swf_parts_of_jobs_and_jobs_cancelled_before_they_ran_are_skipped() {
    let job =
        |number: u32, run: i32, status: i32| format!("{number} 0 0 {run} 4 -1 -1 4 -1 -1 {status} 1 1 -1 1 -1 -1 -1\n");
    // A job in three parts with their sum, one that failed, one cancelled as it ran, one cancelled before, and one of which
    // only the status is known.
    let rows = [(1, 300, 1), (1, 100, 2), (1, 150, 3), (1, 50, 4), (2, 0, 0), (3, 60, 5), (4, 0, 5), (5, -1, 5)];
    let from: String = rows.iter().map(|(number, run, status)| job(*number, *run, *status)).collect();
    let read = text(Format::Swf, &from).unwrap();
    let found: Vec<_> = read.workloads.iter().filter_map(|w| w.duration_s).collect();
    assert_eq!(found, [300.0, 0.0, 60.0]);
    let reasons = [("jobs cancelled before they ran", 2), ("parts of jobs whose whole has a line of its own", 3)];
    assert_eq!(read.skipped, BTreeMap::from(reasons));
}

#[test]
fn swf_comments_are_in_whatever_encoding_and_a_byte_order_mark_is_passed_over() {
    let job = b"1 0 0 60 2 -1 -1 2 -1 -1 1 1 1 -1 1 -1 -1 -1";
    let from = [b"\xEF\xBB\xBF; Universit\xe9\n", &job[..], b" ; caf\xe9\r\n", job].concat();
    assert_eq!(read_text(Format::Swf, &from[..], 9).unwrap().workloads.len(), 2);
    let marked = [b"\xEF\xBB\xBF", &job[..]].concat();
    assert_eq!(read_text(Format::Swf, &marked[..], 9).unwrap().workloads.len(), 1);
    let broken = [b"; fine\n1 \xe9 3 ;\n", &job[..]].concat();
    let told = read_text(Format::Swf, &broken[..], 9).unwrap_err().to_string();
    assert!(told.contains(":2:3: not text in UTF-8"), "{told}");
}
