//! Policies as they are named on the command line.

use std::path::Path;

use crate::{
    domains::Scenario,
    error::{Error, Result},
    places,
    policy::{
        acting::Decision,
        registry::{ALL, Entry, Registry, Resolved},
    },
    sim::GroupSpec,
};

/// The names in what was given to `--policy`, each time a list; see [`places::listed`].
pub(super) fn names(given: &[String], scenario: &Scenario) -> Vec<String> {
    let (checkpoints, domain) = (places::checkpoints(), scenario.domain.domain().id());
    let is_shipped = |folder: &Path, name: &str| folder.join(name).is_dir() || folder.join(domain).join(name).is_dir();
    let exists =
        |name: &str| Path::new(name).exists() || checkpoints.as_deref().is_some_and(|folder| is_shipped(folder, name));
    given.iter().flat_map(|list| places::listed(list, exists)).collect()
}

/// The policies that `names` stand for in `scenario`, each with the observation layout that it knows.
///
/// # Errors
/// See [`Registry::resolve`].
pub(super) fn resolve<'n>(
    scenario: &Scenario,
    names: impl IntoIterator<Item = &'n str>,
    decision: Decision,
) -> Result<Resolved> {
    let group = |domain: &dyn crate::sim::Domain| domain.spec(scenario.max_steps).groups.into_iter().next();
    let own = group(scenario.domain.domain()).ok_or_else(|| Error::input("nobody acts in this scenario"))?;
    let others: Vec<GroupSpec> = scenario.domain.layouts().filter_map(|other| group(other.domain())).collect();
    let checkpoints = places::checkpoints();
    let registry = Registry {
        domain: scenario.domain.domain(),
        scenario: &scenario.name,
        group: &own,
        checkpoints: checkpoints.as_deref(),
        decision,
    };
    registry.resolve_among(names, &others)
}

/// The one policy called `name`, with the observation layout that it knows.
///
/// # Errors
/// [`ALL`], and those of [`Registry::resolve`].
pub(super) fn single(scenario: &Scenario, name: &str) -> Result<Entry> {
    let resolved = if name == ALL { Resolved::default() } else { resolve(scenario, [name], Decision::Mode)? };
    resolved.entries.into_iter().next().ok_or_else(many)
}

/// One policy for each group of `scenario`, all of them of the scenario's own observation layout.
///
/// # Errors
/// More or fewer names than groups, [`ALL`], and those of [`Registry::resolve`].
pub(super) fn one_each(scenario: &Scenario, names: &[String]) -> Result<Vec<Entry>> {
    let domain = scenario.domain.domain();
    let spec = domain.spec(scenario.max_steps);
    if names.len() != spec.groups.len() {
        let groups: Vec<&str> = spec.groups.iter().map(|group| group.name).collect();
        return Err(Error::input(format!("{} policies for the groups: {}", names.len(), groups.join(", ")))
            .hint("name one for each, in this order"));
    }
    let checkpoints = places::checkpoints();
    let mut entries = Vec::new();
    for (group, name) in spec.groups.iter().zip(names) {
        if name == ALL {
            return Err(many());
        }
        let registry = Registry {
            domain,
            scenario: &scenario.name,
            group,
            checkpoints: checkpoints.as_deref(),
            decision: Decision::Mode,
        };
        entries.extend(registry.resolve([name.as_str()])?.entries);
    }
    Ok(entries)
}

fn many() -> Error {
    Error::input(format!("`{ALL}` is many policies, and here one is wanted"))
        .hint("name one of them; `agon list` tells")
}
