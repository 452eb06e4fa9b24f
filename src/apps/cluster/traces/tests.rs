//! What readers read, refuse, and how what the generator writes reads back. Each file here is about one reader.

mod csv;
mod huawei;
mod openb;
mod sizes;
mod swf;

use super::*;

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
fn what_is_wrong_is_told_with_its_line_and_place() {
    let plain = "arrival_s,duration_s,cpu,memory,third,storage\n";
    refuses(Format::Plain, "", &["empty"]);
    refuses(Format::Plain, "arrival_s,cpu\n", &["no column `duration_s`", ":1:1:"]);
    refuses(Format::Plain, &format!("{plain}0,1,1,1,1,1\n0,1,-2,1,1,1\n"), &["`cpu`", "`-2`", ":3:5:"]);
    refuses(Format::Plain, &format!("{plain}0,1,nan,1,1,1\n"), &["`cpu`", "`nan`"]);
    refuses(Format::Plain, &format!("{plain}0,1,,1,1,1\n"), &["`cpu`", ":2:5:"]);
    refuses(Format::Plain, &format!("{plain}0,1,1\n"), &["3 fields, the header has 6", ":2:1:"]);
    refuses(Format::Plain, &format!("{plain}{}\n", "9".repeat(70_000)), &["more than 65536 bytes", ":2:1:"]);
    refuses(Format::Plain, &format!("{plain}0,1e300,1,1,1,1\n"), &["the running time is 1e300 s", "1e12", ":2:1:"]);
    refuses(Format::Plain, &format!("{plain}1e13,1,1,1,1,1\n"), &["the arrival is 1e13 s", ":2:1:"]);
    refuses(Format::Plain, &format!("{plain}0,1,1e16,1,1,1\n"), &["an amount is 1e16", "larger units", ":2:1:"]);
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
        assert_eq!((read.workloads.len(), read.num_skipped()), (500, 0), "{format:?}");
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
