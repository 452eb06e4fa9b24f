//! `agon list`: everything that has a name.

use serde_json::{Map, Value, json};

use super::{args::ListArgs, output};
use crate::{
    domains::Scenario,
    error::Result,
    eval::{Align, Table},
    learn::hyperparameters::Hyperparameters,
    places,
    policy::{
        card::Card,
        shipped::{Shipped, shipped},
    },
    sim::{
        Baseline,
        params::{Kind, Param, Params},
    },
};

/// What there is.
struct Inventory {
    scenarios: Vec<(places::Place, Result<Scenario>)>,
    checkpoints: Vec<Shipped>,
}

/// Prints everything that has a name.
pub(super) fn run(args: &ListArgs) -> Result<()> {
    let scenarios = places::scenarios()?.into_iter().map(|place| {
        let scenario = places::read_scenario(&place.path);
        (place, scenario)
    });
    let checkpoints = places::checkpoints().map_or_else(|| Ok(Vec::new()), |folder| shipped(&folder))?;
    let inventory = Inventory { scenarios: scenarios.collect(), checkpoints };
    if args.json { output::print_json(&inventory.to_json()) } else { output::print(inventory.to_text()) }
}

impl Inventory {
    /// The baselines of each domain, by the name of the domain; those of different groups are different ones.
    fn baselines(&self) -> Vec<(&'static str, Baseline)> {
        let mut found: Vec<(&'static str, Baseline)> = Vec::new();
        for scenario in self.scenarios.iter().filter_map(|(_, scenario)| scenario.as_ref().ok()) {
            let domain = scenario.domain.domain();
            for baseline in domain.baselines() {
                let is_like = |(id, known): &(&str, Baseline)| {
                    *id == domain.id() && known.name == baseline.name && known.group == baseline.group
                };
                if !found.iter().any(is_like) {
                    found.push((domain.id(), baseline));
                }
            }
        }
        // Scenarios are listed by domain; a group that only some of them have comes after the others of its domain.
        found
    }

    fn to_text(&self) -> String {
        let mut scenarios = Table::new([(Align::Name, "scenario"), (Align::Left, "what it shows")]).wrapped();
        for (place, scenario) in &self.scenarios {
            let about =
                scenario.as_ref().map_or_else(|error| format!("cannot be used: {error}"), |s| one_line(&s.about));
            scenarios.row([format!("{}/{}", place.domain, place.name), about]);
        }
        let mut baselines = Table::new([(Align::Name, "baseline"), (Align::Left, "what it does")]).wrapped();
        for (domain, baseline) in self.baselines() {
            let mark = if baseline.privileged { " (privileged)" } else { "" };
            let what = format!("{}: {}{mark}", baseline.group, baseline.doc);
            baselines.row([format!("{domain}/{}", baseline.name), what]);
        }
        let mut text = output::fitted(&scenarios);
        if self.scenarios.is_empty() {
            text += "no scenarios are here; start agon in its own folder\n";
        }
        text += &format!("\n{}\n{}", output::fitted(&baselines), self.checkpoint_text());
        text += "\nhyperparameters (`agon train … --set name=value`)\n";
        for (family, declared) in Hyperparameters::families() {
            text += &format!("{family}\n{}", output::fitted(&params_table(declared, &Hyperparameters::default())));
        }
        text += "\n`agon explain SCENARIO` tells the parameters of a scenario.\n";
        text
    }

    fn checkpoint_text(&self) -> String {
        if self.checkpoints.is_empty() {
            return "no checkpoints are here\n".to_owned();
        }
        let mut table = Table::new([(Align::Name, "checkpoint"), (Align::Left, "what it is")]).wrapped();
        for found in &self.checkpoints {
            let about = |card: &Card| {
                format!(
                    "{} for {} in {}, layout {}, {} env-steps in {:.1} minutes",
                    card.algorithm, card.group, card.scenario, card.layout, card.env_steps, card.minutes
                )
            };
            let what = match &found.cards {
                Ok(cards) => cards.iter().map(about).collect::<Vec<_>>().join("; "),
                Err(error) => format!("cannot be used: {error}"),
            };
            table.row([format!("{}/{}", found.domain, found.name), what]);
        }
        output::fitted(&table)
    }

    fn to_json(&self) -> Value {
        let scenario = |(place, scenario): &(places::Place, Result<Scenario>)| {
            let mut entry = json!({ "name": place.name, "domain": place.domain, "path": place.path.to_string_lossy() });
            match scenario {
                Ok(scenario) => {
                    entry["title"] = scenario.title.as_str().into();
                    entry["about"] = scenario.about.as_str().into();
                    entry["max_steps"] = scenario.max_steps.into();
                }
                Err(error) => entry["error"] = error.to_string().into(),
            }
            entry
        };
        let baselines = self.baselines().into_iter().map(|(domain, baseline)| {
            json!({
                "name": baseline.name,
                "domain": domain,
                "group": baseline.group,
                "doc": baseline.doc,
                "privileged": baseline.privileged,
            })
        });
        let checkpoint = |found: &Shipped| {
            let mut entry = json!({
                "name": found.name,
                "domain": found.domain,
                "path": found.path.to_string_lossy(),
            });
            match &found.cards {
                Ok(cards) => entry["cards"] = json!(cards),
                Err(error) => entry["error"] = error.to_string().into(),
            }
            entry
        };
        json!({
            "scenarios": self.scenarios.iter().map(scenario).collect::<Vec<_>>(),
            "baselines": baselines.collect::<Vec<_>>(),
            "checkpoints": self.checkpoints.iter().map(checkpoint).collect::<Vec<_>>(),
            "hyperparameters": params_json(Hyperparameters::declarations()),
        })
    }
}

/// Parameters for people, with the values that `of` has.
pub(super) fn params_table(params: &[Param], of: &dyn Params) -> Table {
    let mut table =
        Table::new(["name", "value", "meaning (what is allowed)"].map(|name| (Align::Left, name))).wrapped();
    add_params(&mut table, "", params, of);
    table
}

fn add_params(table: &mut Table, path: &str, params: &[Param], of: &dyn Params) {
    for param in params {
        let name = format!("{path}{}", param.name);
        match &param.kind {
            Kind::Group(inner) => add_params(table, &format!("{name}."), inner, of),
            kind => {
                let value = of.get(&name).unwrap_or_default();
                let value = if output::columns().is_some() { counted(value) } else { value };
                let meaning = one_line(param.doc);
                table.row([name, value, format!("{} ({kind})", meaning.trim_end_matches('.'))]);
            }
        }
    }
}

/// Longest list that a terminal shows; of a longer one, such as the columns of a trace, it tells how many values there are.
const LONGEST_LIST: usize = 40;

fn counted(value: String) -> String {
    if value.len() <= LONGEST_LIST || !value.starts_with('[') {
        return value;
    }
    let mut depth = 0;
    let mut separates = |c: char| {
        depth += i32::from(matches!(c, '[' | '(')) - i32::from(matches!(c, ']' | ')'));
        c == ',' && depth == 1
    };
    format!("{} values", 1 + value.chars().filter(|c| separates(*c)).count())
}

fn params_json(params: &[Param]) -> Value {
    let entry = |param: &Param| {
        let described = match &param.kind {
            Kind::Group(inner) => params_json(inner),
            kind => json!({
                "doc": one_line(param.doc),
                "default": param.default,
                "unit": param.unit(),
                "allowed": kind.to_string(),
                "when": if param.when == crate::sim::params::When::Live { "live" } else { "next_reset" },
            }),
        };
        (param.name.to_owned(), described)
    };
    params.iter().map(entry).collect::<Map<_, _>>().into()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_told_by_its_length_and_a_short_one_as_it_is() {
        assert_eq!(counted("[0.5,1.0]".to_owned()), "[0.5,1.0]");
        assert_eq!(counted(format!("[{}]", vec!["1.25"; 20_000].join(","))), "20000 values");
        assert_eq!(counted(format!("[{}]", ["(a:1,b:[2,3])"; 9].join(","))), "9 values");
    }
}
