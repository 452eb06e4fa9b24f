//! `agon explain`: a scenario from the point of view of those who act in it, and every knob it has.

use super::{args::ExplainArgs, list::params_table, load_changed, output};
use crate::{
    domains::Scenario,
    error::Result,
    eval::{Align, Table, paragraph},
    sim::{Aggregate, Better, ColourBy, Field, GroupSpec, LayerSpec, MetricSpec},
};

/// Prints what a scenario declares.
pub(super) fn run(args: &ExplainArgs) -> Result<()> {
    output::print(describe(&load_changed(&args.scenario)?))
}

fn describe(scenario: &Scenario) -> String {
    let (domain, params) = (scenario.domain.domain(), crate::sim::scenario::DomainConfig::params(&scenario.domain));
    let spec = domain.spec(scenario.max_steps);
    let about = format!("{} ({}/{}): {}", scenario.title, domain.id(), scenario.name, scenario.about);
    let mut text = paragraph(&about, output::columns());
    text += &format!("Episodes of at most {} ticks.\n", scenario.max_steps);
    for group in &spec.groups {
        text += &group_text(group);
    }
    text += &format!("\nmetrics\n{}", output::fitted(&metrics(&spec.metrics)));
    if let Some(view) = domain.view() {
        let declared = view.declared();
        text += &format!("\ncolours (`--colour-by name`)\n{}", output::fitted(&colours(&declared.colour_by)));
        text += &format!("\nlayers (`--hide name`)\n{}", output::fitted(&layers(&declared.layers)));
    }
    text += &format!("\nparameters (`--set name=value`)\n{}", output::fitted(&params_table(params.declared(), params)));
    text
}

fn group_text(group: &GroupSpec) -> String {
    let mut text = format!("\n{} {} observe layout `{}`\n", group.agents, group.name, group.layout);
    text += &output::fitted(&fields(&group.observation));
    text += &format!("\n{} act\n", group.name);
    let mut actions = fields(&group.action.continuous);
    for dimension in &group.action.discrete {
        actions.row([dimension.name.to_owned(), String::new(), dimension.choices.join(", ")]);
    }
    text += &output::fitted(&actions);
    text += &format!("\n{} are paid\n", group.name);
    let mut terms = Table::new([(Align::Left, "term"), (Align::Left, "for")]).wrapped();
    group.reward_terms.iter().for_each(|term| terms.row([term.name, term.doc]));
    text += &output::fitted(&terms);
    text += &format!("\n`{}` acts for {} where nobody is named", group.default, group.name);
    text +=
        &group.reference.map_or_else(String::new, |reference| format!("; results are quoted against `{reference}`"));
    text + "\n"
}

fn fields(fields: &[Field]) -> Table {
    let mut table = Table::new([(Align::Name, "number"), (Align::Left, "unit"), (Align::Left, "values")]).wrapped();
    for field in fields {
        let values = format!("{} to {}", field.bounds.start(), field.bounds.end());
        table.row([field.name.clone(), field.unit.to_owned(), values]);
    }
    table
}

fn metrics(metrics: &[MetricSpec]) -> Table {
    let columns = ["name", "unit", "of an episode", "better", "meaning"];
    let mut table = Table::new(columns.map(|column| (Align::Left, column))).wrapped();
    for metric in metrics {
        let aggregate = match metric.aggregate {
            Aggregate::Mean => "mean over ticks",
            Aggregate::Last => "at the last tick",
            Aggregate::Sum => "sum over ticks",
        };
        let better = match metric.better {
            Better::Higher => "higher",
            Better::Lower => "lower",
            Better::Neither => "",
        };
        table.row([metric.name, metric.unit, aggregate, better, metric.doc]);
    }
    table
}

fn colours(choices: &[ColourBy]) -> Table {
    let mut table = Table::new([(Align::Left, "name"), (Align::Left, "agents are coloured by")]).wrapped();
    choices.iter().for_each(|choice| table.row([choice.name, choice.doc]));
    table
}

fn layers(layers: &[LayerSpec]) -> Table {
    let mut table = Table::new([(Align::Left, "name"), (Align::Left, "what it shows")]).wrapped();
    layers.iter().for_each(|layer| table.row([layer.name, layer.title]));
    table
}
