//! Traces that become scenarios.

use std::fs;

use crate::{json, refused, stdout, text};

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
