//! Where scenarios and checkpoints are, and how a name becomes one.

use std::path::{Path, PathBuf};

use crate::{
    domains::Scenario,
    durable::{files_in, read_capped},
    error::{Error, Result},
    policy::cast::Casting,
    sim::scenario::MAX_BYTES,
};

/// Folder of the scenarios, `<domain>/<name>.ron` below it.
pub const SCENARIOS: &str = "scenarios";
/// Folder of the shipped checkpoints, `<domain>/<name>/` below it.
pub const CHECKPOINTS: &str = "checkpoints";

/// A scenario file that can be called by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Folder it lies in, which is that of its domain.
    pub domain: String,
    /// Its name: that of the file, without `.ron`.
    pub name: String,
    /// The file.
    pub path: PathBuf,
}

/// The folder with [`SCENARIOS`] in it: this one, or the nearest above it, or the nearest above the program itself.
pub fn house() -> Option<PathBuf> {
    let has_scenarios = |folder: &&Path| folder.join(SCENARIOS).is_dir();
    // The current folder goes by the empty path, so that messages name files as the user would.
    let here = Path::new("");
    if has_scenarios(&here) {
        return Some(here.to_owned());
    }
    let starts = [std::env::current_dir(), std::env::current_exe()];
    starts.iter().flatten().find_map(|start| start.ancestors().find(has_scenarios).map(Path::to_owned))
}

/// Folder of the shipped checkpoints, whether or not it is there.
pub fn checkpoints() -> Option<PathBuf> {
    house().map(|house| house.join(CHECKPOINTS))
}

/// Where the names of policies are looked up for `scenario`, which shows one observation layout.
pub fn casting(scenario: &Scenario) -> Casting<'_> {
    let domain = scenario.domain.domain();
    Casting::new(domain, &scenario.name, domain.spec(scenario.max_steps)).with_checkpoints(checkpoints())
}

/// All scenarios that can be called by name.
///
/// # Errors
/// What the file system reports.
pub fn scenarios() -> Result<Vec<Place>> {
    let Some(house) = house() else { return Ok(Vec::new()) };
    let mut places = Vec::new();
    for folder in files_in(&house.join(SCENARIOS))?.into_iter().filter(|path| path.is_dir()) {
        let domain = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for path in files_in(&folder)? {
            if path.extension().is_some_and(|end| end == "ron") {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                places.push(Place { domain: domain.clone(), name, path });
            }
        }
    }
    Ok(places)
}

/// The file of a scenario that the user called `text`: a path, or a name with or without its domain.
///
/// # Errors
/// No such file, no such name (with the nearest one there is), or a name that two domains have.
pub fn find_scenario(text: &str) -> Result<PathBuf> {
    let path = Path::new(text);
    if path.is_file() {
        return Ok(path.to_owned());
    }
    let places = scenarios()?;
    let called = |place: &&Place| text == place.name || text.split_once('/') == Some((&place.domain, &place.name));
    match places.iter().filter(called).collect::<Vec<_>>()[..] {
        [] => Err(not_found(text, &places)),
        [place] => Ok(place.path.clone()),
        [one, other, ..] => Err(Error::input(format!("two scenarios are called `{text}`"))
            .hint(format!("name `{}/{}` or `{}/{}`", one.domain, one.name, other.domain, other.name))),
    }
}

/// Reads the scenario that the user called `text`.
///
/// # Errors
/// Those of [`find_scenario`], and a file that is no valid scenario.
pub fn load_scenario(text: &str) -> Result<Scenario> {
    read_scenario(&find_scenario(text)?)
}

/// Reads a scenario file.
///
/// # Errors
/// What the file system reports, and a file that is no valid scenario.
pub fn read_scenario(path: &Path) -> Result<Scenario> {
    Scenario::parse_bytes(&read_capped(path, MAX_BYTES as u64)?, path)
}

/// The names in a list: commas separate them, but for those within a name that exists as a whole, such as the folder
/// `runs/lr=0.1,seed=2`. Where several names could begin at one place, the longest that exists is meant.
pub fn listed(list: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = Some(list);
    while let Some(text) = rest {
        let ends = || text.match_indices(',').map(|(at, _)| at);
        let longest = [text.len()].into_iter().chain(ends().rev()).find(|end| exists(&text[..*end]));
        let end = longest.or_else(|| ends().next()).unwrap_or(text.len());
        names.push(text[..end].to_owned());
        rest = text.get(end + 1..);
    }
    names
}

fn not_found(text: &str, places: &[Place]) -> Error {
    let path = Path::new(text);
    if path.is_dir() {
        return Error::input("this is a folder, not a scenario").in_file(path).hint("name a `.ron` file in it");
    }
    // By its last part a path can be as near to a name as a name can.
    let short = path.file_stem().unwrap_or_default().to_string_lossy();
    let is_file_name = path.extension().is_some() || path.components().count() > 2;
    let error = if is_file_name {
        Error::input("there is no such file").in_file(path)
    } else {
        Error::input(format!("unknown scenario `{}`", text.escape_debug()))
    };
    if places.is_empty() {
        return error.hint(format!("no folder `{SCENARIOS}` was found here, above here or above the program"));
    }
    error.did_you_mean(&short, places.iter().map(|place| place.name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_separate_names_but_for_those_that_exist_as_a_whole() {
        let existing = ["runs/lr=0.1,seed=2", "runs/lr=0.1", "a,b", "a,b,c"];
        let split = |list| listed(list, |name| existing.contains(&name));
        assert_eq!(split("runs/lr=0.1,seed=2"), ["runs/lr=0.1,seed=2"]);
        assert_eq!(split("hold,runs/lr=0.1,seed=2,planner"), ["hold", "runs/lr=0.1,seed=2", "planner"]);
        assert_eq!(split("runs/lr=0.1,hold"), ["runs/lr=0.1", "hold"]);
        assert_eq!(split("a,b,c"), ["a,b,c"], "the longest is meant");
        assert_eq!(split("a,b,d"), ["a,b", "d"]);
        assert_eq!(split("b,a"), ["b", "a"]);
        assert_eq!(split("hold"), ["hold"]);
        assert_eq!(split("hold,,planner,"), ["hold", "", "planner", ""]);
    }
}
