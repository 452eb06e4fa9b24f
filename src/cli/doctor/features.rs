//! What this binary was built with, and how to build what it lacks.

use super::Finding;

/// One of the features that a binary may have.
struct Feature {
    name: &'static str,
    is_there: bool,
    /// What it is for, after "for".
    purpose: &'static str,
    /// What building it takes beyond a C compiler; empty for nothing.
    needs: &'static str,
}

const FEATURES: [Feature; 5] = [
    Feature { name: "window", is_there: cfg!(feature = "window"), purpose: "the window of `agon run`", needs: "" },
    Feature { name: "video", is_there: cfg!(feature = "video"), purpose: "clips as MP4", needs: "with a C++ compiler" },
    Feature { name: "parquet", is_there: cfg!(feature = "parquet"), purpose: "tables as Parquet", needs: "" },
    Feature {
        name: "sqlite",
        is_there: cfg!(feature = "sqlite"),
        purpose: "traces that are SQLite databases",
        needs: "",
    },
    Feature {
        name: "peers",
        is_there: cfg!(feature = "peers"),
        purpose: "other libraries beside agon in `agon bench`",
        needs: "",
    },
];

/// One finding for each feature. None of them is bad: agon works without.
pub(super) fn findings() -> impl Iterator<Item = Finding> {
    FEATURES.iter().map(|Feature { name, is_there, purpose, needs }| {
        if *is_there {
            return Finding::good(name, format!("in this binary, for {purpose}"));
        }
        // What this binary has, the next one is to have as well.
        let names = FEATURES.iter().filter(|other| other.is_there || other.name == *name).map(|other| other.name);
        let build = format!("cargo build --release --features {}", names.collect::<Vec<_>>().join(","));
        let needs = if needs.is_empty() { String::new() } else { format!(", {needs}") };
        Finding::good(name, format!("not in this binary, for {purpose}: build one with `{build}`{needs}"))
    })
}

/// Name and purpose of each feature that this binary lacks.
pub(in crate::cli) fn lacking() -> impl Iterator<Item = (&'static str, &'static str)> {
    FEATURES.iter().filter(|feature| !feature.is_there).map(|feature| (feature.name, feature.purpose))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_of_the_manifest_is_listed_and_told_how_to_build_where_it_is_missing() {
        let manifest = include_str!("../../../Cargo.toml");
        let section = manifest.split("[features]").nth(1).and_then(|rest| rest.split("\n[").next()).unwrap_or_default();
        let names = section.lines().filter_map(|line| line.split_once(" = ").map(|(name, _)| name.trim()));
        // One is none by itself, and one is for tests of agon.
        let declared: Vec<&str> = names.filter(|name| !["default", "kittest"].contains(name)).collect();
        let findings: Vec<Finding> = findings().collect();
        assert_eq!(findings.iter().map(|finding| finding.what).collect::<Vec<_>>(), declared);
        for Finding { what, detail, .. } in &findings {
            let is_there = detail.starts_with("in this binary");
            let is_offered = detail.contains("cargo build --release --features ") && detail.contains(what);
            assert!(is_there || is_offered, "{detail}");
        }
        assert_eq!(findings[1].detail.starts_with("in this binary"), cfg!(feature = "video"));
    }
}
