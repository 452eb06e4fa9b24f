//! Traces that become scenarios.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use crate::{agon, json, refused, stderr, stdout, text};

#[test]
fn a_generated_trace_becomes_a_scenario_that_is_evaluated() {
    let dir = tempfile::tempdir().unwrap();
    for format in ["plain", "openb", "huawei", "swf"] {
        let (trace, scenario) = (dir.path().join(format!("{format}.txt")), dir.path().join(format!("{format}.ron")));
        stdout(&["trace", "generate", format, "--rows", "60", "--to", text(&trace)]);
        let told = stdout(&["trace", "import", format, text(&trace), "--rows", "50", "--to", text(&scenario)]);
        assert!(told.contains("50 workloads"), "{told}");
        let args =
            ["eval", text(&scenario), "--policy", "best_fit", "--episodes", "2", "--set", "max_steps=50", "--json"];
        assert_eq!(json(&args)["scenario"], *format);
    }
}

#[test]
fn what_cannot_be_imported_is_told_with_its_line_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (trace, scenario) = (dir.path().join("t.csv"), dir.path().join("t.ron"));
    fs::write(&trace, "arrival_s,duration_s,cpu,memory,third,storage\n0,1,1,1,1,1\n1,1,one,1,1,1\n").unwrap();
    let import = ["trace", "import", "plain", text(&trace), "--to", text(&scenario)];
    refused(&import, &["t.csv:3:5: `cpu` must be a number of at least 0, found `one`"]);
    assert!(!scenario.exists());
    stdout(&[&import[..], &["--rows", "1"]].concat());
    refused(&[&import[..], &["--rows", "1"]].concat(), &["t.ron: the file is there already", "--force"]);
    refused(&["trace", "import", "azure", text(&trace), "--to", "x.ron"], &["t.csv"]);
    refused(&["trace", "generate", "azure", "--to", text(&dir.path().join("x"))], &["not generated"]);
}

/// Imports a trace of this content under this name; what was printed and noted, and the scenario's file.
#[track_caller]
fn imported(dir: &Path, format: &str, file: &str, content: &[u8]) -> (String, PathBuf) {
    let (trace, scenario) = (dir.join(file), dir.join(format!("{format}.ron")));
    fs::write(&trace, content).unwrap();
    let output = agon(&["trace", "import", format, text(&trace), "--to", text(&scenario), "--force"]);
    assert!(output.status.success(), "{}", stderr(&output));
    (String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap(), scenario)
}

/// Jobs of the Standard Workload Format: arrival, running time, processors and status.
fn swf(jobs: &[(u32, u32, u32, u32)]) -> String {
    let job = |(number, (arrival, run, processors, status)): (usize, &(u32, u32, u32, u32))| {
        format!("{number} {arrival} 0 {run} {processors} -1 -1 {processors} -1 -1 {status} 1 1 -1 1 -1 -1 -1\n")
    };
    jobs.iter().enumerate().map(job).collect()
}

/// The share of workloads that are done when the trace has been played once.
fn completion(scenario: &Path) -> f64 {
    let args = ["eval", text(scenario), "--policy", "first_fit", "--no-reference", "--episodes", "1"];
    let found = json(&[&args[..], &["--set", "trace.start=first", "--json"]].concat());
    found["policies"]["first_fit"]["completion"]["mean"].as_f64().unwrap_or_else(|| panic!("{found:#}"))
}

#[test]
fn pods_that_want_fifths_of_a_gpu_fill_it() {
    let dir = tempfile::tempdir().unwrap();
    let nodes = dir.path().join("nodes.csv");
    fs::write(&nodes, "cpu_milli,memory_mib,gpu\n96000,262144,1\n").unwrap();
    let mut pods = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,creation_time,deletion_time\n".to_owned();
    (1..=5).for_each(|n| pods += &format!("{n},1000,1024,1,200,{n},1000\n"));
    pods += "z,1000,1024,0,0,3000,3001\n";
    let (trace, scenario) = (dir.path().join("pods.csv"), dir.path().join("fifths.ron"));
    fs::write(&trace, pods).unwrap();
    stdout(&["trace", "import", "openb", text(&trace), "--nodes", text(&nodes), "--to", text(&scenario)]);
    assert_eq!(completion(&scenario), 100.0);
}

#[test]
fn jobs_that_all_arrive_at_once_run_to_their_end() {
    let dir = tempfile::tempdir().unwrap();
    for jobs in [[(0, 100, 2, 1); 3], [(0, 86_400, 1600, 1); 3]] {
        let (told, scenario) = imported(dir.path(), "swf", "zero.swf", swf(&jobs).as_bytes());
        assert!(told.contains("3 workloads") && !told.contains("note"), "{told}");
        assert_eq!(completion(&scenario), 100.0);
    }
}

#[test]
fn only_rows_that_were_asked_for_cut_a_trace() {
    let dir = tempfile::tempdir().unwrap();
    let (trace, scenario) = (dir.path().join("many.swf"), dir.path().join("many.ron"));
    let jobs: Vec<_> = (0..20_001).map(|row| (10 * row, 60, 1, 1)).collect();
    fs::write(&trace, swf(&jobs)).unwrap();
    let import = ["trace", "import", "swf", text(&trace), "--to", text(&scenario)];
    refused(&import, &["many.swf: more than 20000 workloads", "take the first of them with `--rows 20000`"]);
    assert!(!scenario.exists());
    assert!(stdout(&[&import[..], &["--rows", "20000"]].concat()).contains("20000 workloads"));
    fs::write(&trace, swf(&jobs[1..])).unwrap();
    assert!(stdout(&[&import[..], &["--force"]].concat()).contains("20000 workloads"), "as many as there is room for");
}

#[test]
fn rows_that_are_no_workloads_are_skipped_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let jobs = [(0, 300, 4, 1), (0, 100, 4, 2), (150, 200, 4, 3), (500, 60, 2, 1), (600, 0, 2, 5)];
    let (told, _) = imported(dir.path(), "swf", "parts.swf", swf(&jobs).as_bytes());
    assert!(told.contains("2 workloads\n"), "{told}");
    assert!(
        told.contains("note: 3 rows that place no workload were skipped: jobs cancelled before they ran (1), parts")
    );
}

#[test]
fn files_of_other_programs_are_read_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let of_r = "\"arrival_s\",\"duration_s\",\"cpu\",\"memory\",\"third\",\"storage\"\n0,60,1,1,0,0\n5,NA,1,1,0,0\n";
    let jobs = swf(&[(0, 60, 2, 1), (9, 60, 2, 1)]);
    let marked = format!("\u{FEFF}; Version: 2.2\n{jobs}");
    let of_windows = [b"; Acknowledge: Universit\xe9\n", jobs.as_bytes()].concat();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(marked.as_bytes()).unwrap();
    let packed = packer.finish().unwrap();
    for (format, file, content) in [
        ("plain", "r.csv", of_r.as_bytes()),
        ("swf", "bom.swf", marked.as_bytes()),
        ("swf", "latin1.swf", &of_windows),
        ("swf", "log.swf.gz", &packed),
    ] {
        let (told, _) = imported(dir.path(), format, file, content);
        assert!(told.contains("2 workloads"), "{file}: {told}");
    }
    let zip = dir.path().join("log.zip");
    fs::write(&zip, b"PK\x03\x04").unwrap();
    let scenario = dir.path().join("z.ron");
    let import = ["trace", "import", "swf", text(&zip), "--to", text(&scenario)];
    refused(&import, &["log.zip: this is a zip archive, not text; unpack it first"]);
}

#[test]
fn a_scenario_is_called_by_its_file_whatever_the_file_is_called() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("t.swf");
    fs::write(&trace, swf(&[(0, 60, 2, 1), (9, 60, 2, 1)])).unwrap();
    for (file, name) in
        [("HPC2N.ron", "hpc2n"), ("openb_default.ron", "openb-default"), ("LCG-2005.1.ron", "lcg-2005-1")]
    {
        let scenario = dir.path().join(file);
        let output = agon(&["trace", "import", "swf", text(&trace), "--to", text(&scenario)]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(stderr(&output).contains(&format!("note: the scenario is called `{name}`")), "{}", stderr(&output));
        assert!(fs::read_to_string(&scenario).unwrap().contains(&format!("name: \"{name}\"")));
    }
    let (nowhere, nameless) = (dir.path().join("missing.swf"), dir.path().join("日本.ron"));
    let import = ["trace", "import", "swf", text(&nowhere), "--to", text(&nameless)];
    refused(&import, &["日本.ron", "name `--to` like `trace-1.ron`"]);
    let folder = dir.path().join("none/t.ron");
    refused(&["trace", "import", "swf", text(&nowhere), "--to", text(&folder)], &["there is no such folder"]);
    refused(&["trace", "import", "swf", text(&nowhere), "--to", text(dir.path())], &["this is a folder"]);
}

#[test]
fn numbers_that_no_trace_has_are_refused_with_their_line() {
    let dir = tempfile::tempdir().unwrap();
    let (trace, scenario) = (dir.path().join("t.csv"), dir.path().join("t.ron"));
    for row in ["0,1e300,1,1,1,1", "1e300,1,1,1,1,1", "0,1,1e300,1,1,1"] {
        fs::write(&trace, format!("arrival_s,duration_s,cpu,memory,third,storage\n0,1,1,1,1,1\n{row}\n")).unwrap();
        refused(&["trace", "import", "plain", text(&trace), "--to", text(&scenario)], &["t.csv:3:1: ", "1e300"]);
    }
}

#[test]
fn ticks_with_more_arrivals_than_there_can_be_are_refused_at_once() {
    for set in ["dt_s=100000", "arrival_rate_hz=100000"] {
        refused(&["eval", "cluster/default", "--set", set], &["arrivals a tick", "`max_workloads`"]);
    }
}
