//! `agon report jamming`: how far each rule and each learned policy lowers lambda-2, scenario by scenario and band by band.

use std::path::Path;

use crate::{
    apps::report::{Wanted, interval, table},
    error::{Error, Result},
    eval::{FRACTION, PolicyReport, Report},
    places,
    policy::card,
};

/// The scenarios of the tables, each under `jamming/`.
const SCENARIOS: [&str; 4] = ["skirmish", "ratio-10-25", "published", "hopping"];
/// What policies are compared by.
const SCORE: &str = "reduction";
/// The rule that others are quoted against: the strongest of those that know no more than an agent sees.
const RIVAL: &str = "extrapolate";

/// Measures and shows it.
///
/// # Errors
/// A learned policy of another scenario, one that cannot be read, or a host that shows nothing any more.
pub fn run(wanted: Wanted<'_>) -> Result<()> {
    // What is wrong with a policy is told now, not after everything that is measured before it plays.
    let trained: Vec<(String, &str)> = wanted
        .learned
        .iter()
        .map(|policy| Ok((card::load(Path::new(policy))?.card.scenario, policy.as_str())))
        .collect::<Result<_>>()?;
    if let Some((scenario, policy)) = trained.iter().find(|(scenario, _)| !SCENARIOS.contains(&scenario.as_str())) {
        return Err(Error::input(format!("`{policy}` was trained in `{scenario}`, which is not among the tables"))
            .hint(format!("the tables are of {}; `agon eval` measures elsewhere", SCENARIOS.join(", "))));
    }
    wanted.host.print(format!(
        "Reduction of lambda-2 over an episode in %: mean [95 % interval] of {} episodes, the same for every policy of a\n\
         scenario, and less that of `{RIVAL}`, paired by episode. Policies marked * know more than an agent sees.\n",
        wanted.episodes
    ))?;
    for name in SCENARIOS {
        let scenario = places::load_scenario(&format!("jamming/{name}"))?;
        let baselines = scenario.domain.domain().baselines();
        let (privileged, rules): (Vec<_>, Vec<_>) = baselines.iter().partition(|baseline| baseline.privileged);
        let learned = trained.iter().filter(|(scenario, _)| scenario == name).map(|(_, policy)| *policy);
        let names = rules.iter().map(|rule| rule.name).chain(learned).chain(privileged.iter().map(|rule| rule.name));
        print(name, &wanted.play(&scenario, names, SCORE)?, wanted)?;
    }
    Ok(())
}

/// The table of one scenario: a row for each policy, a column for each band.
fn print(scenario: &str, report: &Report, wanted: Wanted<'_>) -> Result<()> {
    let rival = report.policies.iter().position(|policy| policy.name == RIVAL);
    let strata = report.policies.first().map_or(&[][..], |policy| &policy.strata);
    let less = format!("less {RIVAL}");
    let mut headings = vec![scenario, "reduction %", &less];
    headings.extend(strata.iter().map(|(label, _)| *label));
    headings.push("of planner's");
    let fraction = report.metrics.iter().position(|metric| metric.name == FRACTION);
    let mut table = table(&headings);
    for policy in &report.policies {
        let PolicyReport { name, privileged, overall, strata, .. } = policy;
        let mut cells = vec![format!("{name}{}", if *privileged { " *" } else { "" }), interval(overall.metrics[0])];
        let difference = rival.filter(|_| name != RIVAL).map(|rival| overall.differences[rival].difference);
        cells.push(difference.map_or(String::new(), interval));
        cells.extend(strata.iter().map(|(_, slice)| interval(slice.metrics[0])));
        cells.push(fraction.map_or(String::new(), |at| format!("{:.3}", overall.metrics[at].mean)));
        table.row(cells);
    }
    wanted.print("", &table)
}
