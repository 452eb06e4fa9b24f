//! Policies as they are named on the command line.

use crate::{
    domains::Scenario,
    error::{Error, Result},
    places,
    policy::{
        acting::Decision,
        cast::{Cast, Casting, Casts},
    },
};

/// Where names are looked up by commands that show each policy the observation layout that it knows.
fn casting(scenario: &Scenario) -> Casting<'_> {
    places::casting(scenario).with_layouts(scenario.layouts())
}

/// The names in what was given to `--policy`, each time a list; see [`places::listed`].
pub(super) fn names(given: &[String], scenario: &Scenario) -> Vec<String> {
    let casting = casting(scenario);
    given.iter().flat_map(|list| places::listed(list, |name| casting.is_one_name(name))).collect()
}

/// The casts that `names` stand for in `scenario`.
///
/// # Errors
/// See [`Casting::casts`].
pub(super) fn resolve<'n>(
    scenario: &Scenario,
    names: impl IntoIterator<Item = &'n str>,
    decision: Decision,
) -> Result<Casts> {
    casting(scenario).deciding(decision).casts(names)
}

/// The one cast called `name`.
///
/// # Errors
/// See [`Casting::cast`].
pub(super) fn single(scenario: &Scenario, name: &str) -> Result<Cast> {
    casting(scenario).cast(name)
}

/// The one cast in what was given to `--policy`.
///
/// # Errors
/// Several names, and those of [`Casting::cast`].
pub(super) fn the_only(scenario: &Scenario, given: &[String]) -> Result<Cast> {
    match &names(given, scenario)[..] {
        [name] => single(scenario, name),
        several => {
            let groups = scenario.domain.domain().spec(scenario.max_steps).groups;
            let example: Vec<String> = groups.iter().map(|group| format!("{}={}", group.name, group.default)).collect();
            Err(Error::input(format!("{} policies are named, and one plays at a time", several.len()))
                .hint(format!("name one, or one for each group as in `{}`", example.join("+"))))
        }
    }
}
