//! Comma-separated values as programs write them.

use super::*;

const HEADER: &str = "arrival_s,duration_s,cpu,memory,third,storage,priority,note\n";

fn rows(rows: &str) -> Vec<Workload> {
    text(Format::Plain, &format!("{HEADER}{rows}")).unwrap().workloads
}

#[test]
fn names_and_fields_may_be_quoted() {
    let from = "\"arrival_s\",\"duration_s\", \"cpu\" ,\"memory\",\"third\",\"storage\"\r\n0,\"60\",1,1,0,0\r\n\"5\",NA,1,1,0,0";
    let found: Vec<_> =
        text(Format::Plain, from).unwrap().workloads.iter().map(|w| (w.arrival_s, w.duration_s)).collect();
    assert_eq!(found, [(0.0, Some(60.0)), (5.0, None)]);
}

#[test]
fn quoted_fields_hold_commas_quotes_and_line_breaks() {
    let found = rows("0,1,1,1,1,1,3,\"a, \"\"b\"\",\n\n,c\"\n7,1,1,1,1,1,\"2\",d\"e\n");
    let found: Vec<_> = found.iter().map(|w| (w.arrival_s, w.priority)).collect();
    assert_eq!(found, [(0.0, 3), (7.0, 2)]);
    // Lines are still counted.
    let told = format!("{HEADER}0,1,1,1,1,1,3,\"a\nb\"\n1,1,x,1,1,1,1,\n");
    refuses(Format::Plain, &told, &["`cpu`", ":4:5:"]);
    refuses(Format::Plain, &format!("{HEADER}0,1,1,1,1,1,\"1\n1\",\n"), &["`priority`", "`1\\n1`", ":2:13:"]);
}

#[test]
fn quotes_that_do_not_add_up_are_told_with_their_place() {
    refuses(Format::Plain, &format!("{HEADER}0,1,1,1,1,1,1,\"open\n1,1,1,1,1,1,1,\n"), &["not closed", ":2:15:"]);
    let endless = format!("{HEADER}0,1,1,1,1,1,1,\"{}", "open\n".repeat(30_000));
    refuses(Format::Plain, &endless, &["not closed", ":2:15:"]);
    refuses(
        Format::Plain,
        &format!("{HEADER}0,1,\"1\"1,1,1,1,1,\n"),
        &["behind its closing quote", ":2:8:", "doubled"],
    );
}

#[test]
fn words_for_what_is_missing_are_blanks_where_a_blank_may_be() {
    for blank in ["", "NA", "NaN", "null", "\"NA\"", "None"] {
        let found = rows(&format!("0,{blank},1,1,1,1,{blank},\n"));
        assert_eq!((found[0].duration_s, found[0].priority), (None, 2), "{blank}");
    }
    refuses(Format::Plain, &format!("{HEADER}0,1,NA,1,1,1,1,\n"), &["`cpu`", "found `NA`", ":2:5:"]);
}

#[test]
fn a_table_of_other_separators_is_told_so() {
    for separator in [";", "\t"] {
        refuses(Format::Plain, &HEADER.replace(',', separator), &["no column `arrival_s`", "separated by commas"]);
    }
}

#[test]
fn a_file_packed_with_gzip_reads_like_the_file_itself() {
    use std::io::Write;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trace.csv.gz");
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(format!("{HEADER}0,1,1,1,1,1,1,\n").as_bytes()).unwrap();
    let packed = packer.finish().unwrap();
    std::fs::write(&path, &packed).unwrap();
    assert_eq!(read(Format::Plain, &path, 9).unwrap().workloads.len(), 1);
    std::fs::write(&path, &packed[..packed.len() / 2]).unwrap();
    let refused = read(Format::Plain, &path, 9).unwrap_err();
    assert!(refused.exit_code() == 2 && refused.to_string().contains("trace.csv.gz"), "{refused}");
    assert!(read(Format::Plain, dir.path(), 9).unwrap_err().to_string().contains("this is a folder"));
}

#[test]
fn a_list_has_no_more_nodes_than_a_cluster_and_at_least_one() {
    let list = |count: usize| format!("cpu,memory,third,storage\n{}", "1,1,1,1\n".repeat(count));
    let read = |count| read_nodes_text(Format::Plain, list(count).as_bytes());
    assert_eq!(read(MAX_NODES).unwrap().len(), MAX_NODES);
    assert!(read(MAX_NODES + 1).unwrap_err().to_string().contains("more than 5000 nodes"));
    assert!(read(0).unwrap_err().to_string().contains("no nodes"));
}
