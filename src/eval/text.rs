//! A report for people: plain tables that fit the terminal.

use std::fmt;

use super::{
    report::{FRACTION, Measured, PolicyReport, Report, Slice},
    table::{Align, GAP, Table, WIDTH, paragraph, shortened},
};
use crate::{math::statistics::Interval, sim::Better};

/// Longest name that a terminal shows whole, if it is wide enough.
const LONGEST_NAME: usize = 28;

/// Longest name within a heading, in a terminal.
const LONGEST_IN_HEADING: usize = 12;

/// The report where there is no terminal: nothing is shortened.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fit(None))
    }
}

impl Report {
    /// The report in a terminal of so many columns, or where there is none. Names that are too long are shortened in their
    /// middle and written out below the first table; numbers are never shortened.
    pub fn fit(&self, terminal: Option<usize>) -> String {
        let title = format!(
            "{} ({}/{}): {} of up to {} ticks, seed {}; mean [95 % interval]",
            self.title,
            self.domain,
            self.scenario,
            count(self.episodes, &format!("{} episode", self.family.name())),
            self.max_steps,
            self.seed
        );
        let names = self.names(terminal);
        let mut text = paragraph(&title, terminal);
        text += &format!("\n{}", self.scores(&names, terminal).fit(terminal));
        text += &self.legend(&names, terminal);
        for table in self.by_stratum(&names, terminal) {
            let score = self.score();
            text += &format!("\n{} by {}\n{}", with_unit(&score.name, score.unit), self.stratum, table.fit(terminal));
        }
        for table in self.other_metrics(&names, terminal) {
            text += &format!("\n{}", table.fit(terminal));
        }
        text
    }

    /// What each policy is called in the tables. Two that would be called alike are told apart by their number.
    fn names(&self, terminal: Option<usize>) -> Vec<String> {
        let longest = terminal.map_or(usize::MAX, |columns| (columns / 4).clamp(LONGEST_IN_HEADING, LONGEST_NAME));
        let short: Vec<String> = self.policies.iter().map(|policy| shortened(&policy.name, longest)).collect();
        let is_alone = |name: &String| short.iter().filter(|other| *other == name).count() == 1;
        let numbered = |(index, name): (usize, &String)| {
            if is_alone(name) {
                name.clone()
            } else {
                shortened(&format!("{}: {}", index + 1, self.policies[index].name), longest)
            }
        };
        short.iter().enumerate().map(numbered).collect()
    }

    /// One row per policy: its score, what that is worth, and whom it beats.
    fn scores(&self, names: &[String], terminal: Option<usize>) -> Table {
        let score = self.score();
        let in_heading = |index: usize| {
            let longest = terminal.map_or(usize::MAX, |_| LONGEST_IN_HEADING);
            shortened(&self.policies[index].name, longest)
        };
        let mut columns = vec![
            (Align::Right, "#".to_owned()),
            (Align::Left, "policy".to_owned()),
            (Align::Right, with_unit(&score.name, score.unit)),
        ];
        let fraction = self.metrics.iter().position(|metric| metric.name == FRACTION);
        columns.extend(self.reference.map(|reference| (Align::Right, format!("of {}'s", in_heading(reference)))));
        columns.push((Align::Right, format!("minus {}", in_heading(0))));
        columns.push((Align::Left, "beats".to_owned()));
        let mut table = Table::new(columns).keyed(2);
        for (index, policy) in self.policies.iter().enumerate() {
            let mut cells = vec![
                (index + 1).to_string(),
                marked(policy, names, index),
                self.score_text(&policy.overall.metrics[0]),
            ];
            cells.extend(fraction.map(|fraction| interval(&policy.overall.metrics[fraction], 3)));
            let difference = &policy.overall.differences[0].difference;
            cells.push(if index == 0 { String::new() } else { self.score_text(difference) });
            cells.push(self.beaten(policy));
            table.row(cells);
        }
        table
    }

    /// Numbers of the policies that `policy` is significantly better than, with runs as `1-3`.
    fn beaten(&self, policy: &PolicyReport) -> String {
        let above = |index: usize| policy.overall.differences[index].is_better;
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for number in (0..self.policies.len()).filter(|&index| above(index)).map(|index| index + 1) {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == number => *last = number,
                _ => runs.push((number, number)),
            }
        }
        let run = |(first, last): (usize, usize)| {
            if first == last { first.to_string() } else { format!("{first}-{last}") }
        };
        runs.into_iter().map(run).collect::<Vec<_>>().join(" ")
    }

    fn legend(&self, names: &[String], terminal: Option<usize>) -> String {
        let Measured { name, better, .. } = self.score();
        let way = if *better == Better::Lower { "; lower is better" } else { "" };
        let than = format!(
            "beats: the policies (by #) that this one's {name} is significantly better than, paired by episode{way}"
        );
        let mut text = paragraph(&than, terminal);
        if self.policies.iter().any(|policy| policy.privileged) {
            text += "* privileged: reads more than the observations\n";
        }
        for (policy, name) in self.policies.iter().zip(names).filter(|(policy, name)| policy.name != **name) {
            text += &format!("{name} is {}\n", policy.name);
        }
        text
    }

    /// The score of every policy in every stratum.
    fn by_stratum(&self, names: &[String], terminal: Option<usize>) -> Vec<Table> {
        let strata = self.policies.first().map_or(&[][..], |policy| &policy.strata);
        let column = |(index, (label, slice)): (usize, &(&str, Slice))| {
            let heading = format!("{label} (n={})", slice.metrics.first().map_or(0, |interval| interval.n));
            let cells = self.policies.iter().map(|policy| self.score_text(&policy.strata[index].1.metrics[0]));
            [heading].into_iter().chain(cells).collect()
        };
        let policies = self.policies.iter().enumerate().map(|(index, policy)| marked(policy, names, index));
        let labels: Vec<String> = ["policy".to_owned()].into_iter().chain(policies).collect();
        side_by_side(&labels, &strata.iter().enumerate().map(column).collect::<Vec<_>>(), terminal)
    }

    /// Means of everything else, metrics as rows.
    fn other_metrics(&self, names: &[String], terminal: Option<usize>) -> Vec<Table> {
        let rows: Vec<usize> = (1..self.metrics.len()).filter(|&index| self.metrics[index].name != FRACTION).collect();
        let metrics = rows.iter().map(|&index| with_unit(&self.metrics[index].name, self.metrics[index].unit));
        let labels: Vec<String> = ["mean over episodes".to_owned()].into_iter().chain(metrics).collect();
        let column = |(index, policy): (usize, &PolicyReport)| {
            let means = rows.iter().map(|&index| number(policy.overall.metrics[index].mean));
            [marked(policy, names, index)].into_iter().chain(means).collect()
        };
        side_by_side(&labels, &self.policies.iter().enumerate().map(column).collect::<Vec<_>>(), terminal)
    }

    /// An interval of the score, all with as many decimals as the largest one needs.
    fn score_text(&self, score: &Interval) -> String {
        let means = self.policies.iter().map(|policy| policy.overall.metrics[0].mean.abs());
        let decimals = match means.filter(|mean| mean.is_finite()).fold(0.0, f64::max) {
            10.0.. => 1,
            1.0.. => 2,
            _ => 3,
        };
        interval(score, decimals)
    }
}

/// The name of a policy with the mark of the privileged.
fn marked(policy: &PolicyReport, names: &[String], index: usize) -> String {
    format!("{}{}", names[index], if policy.privileged { " *" } else { "" })
}

/// Tables of columns under the same labels, as many columns in each as fit the terminal. Labels and columns begin with
/// their heading.
fn side_by_side(labels: &[String], columns: &[Vec<String>], terminal: Option<usize>) -> Vec<Table> {
    let width = |cells: &[String]| cells.iter().map(|cell| cell.chars().count()).max().unwrap_or_default();
    let mut tables = Vec::new();
    let mut rest = columns;
    while !rest.is_empty() {
        let mut used = width(labels);
        let fits = |column: &&Vec<String>| {
            used += GAP + width(column);
            used <= terminal.unwrap_or(WIDTH)
        };
        let (these, others) = rest.split_at(rest.iter().take_while(fits).count().max(1));
        let headings = these.iter().map(|column| (Align::Right, column[0].clone()));
        let mut table = Table::new([(Align::Left, labels[0].clone())].into_iter().chain(headings));
        for (row, label) in labels.iter().enumerate().skip(1) {
            table.row([label].into_iter().chain(these.iter().map(|column| &column[row])).cloned());
        }
        tables.push(table);
        rest = others;
    }
    tables
}

fn with_unit(name: &str, unit: &str) -> String {
    if unit.is_empty() { name.to_owned() } else { format!("{name} ({unit})") }
}

fn count(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

fn interval(interval: &Interval, decimals: usize) -> String {
    let Interval { mean, lo, hi, .. } = interval;
    if mean.is_finite() { format!("{mean:.decimals$} [{lo:.decimals$}, {hi:.decimals$}]") } else { "-".to_owned() }
}

fn number(value: f64) -> String {
    match value.abs() {
        _ if !value.is_finite() => "-".to_owned(),
        1e6.. => format!("{value:.2e}"),
        100.0.. => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}
