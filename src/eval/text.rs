//! A report for people: plain tables that fit 120 columns.

use std::fmt;

use super::{
    report::{FRACTION, PolicyReport, Report},
    table::{Align, Table},
};
use crate::math::statistics::Interval;

/// Widest line.
const WIDTH: usize = 120;
/// Longest name that is written out; longer ones keep their end, which tells runs apart.
const LONGEST_NAME: usize = 28;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} ({}/{}): {} of up to {} ticks, seed {}, the same for every policy; mean [95 % interval]\n",
            self.title,
            self.domain,
            self.scenario,
            count(self.episodes, "episode"),
            self.max_steps,
            self.seed
        )?;
        write!(f, "{}", self.scores())?;
        self.write_legend(f)?;
        if let Some(table) = self.by_stratum() {
            let score = self.score();
            write!(f, "\n{} by {}\n{table}", with_unit(&score.name, score.unit), self.stratum)?;
        }
        for table in self.other_metrics() {
            write!(f, "\n{table}")?;
        }
        Ok(())
    }
}

impl Report {
    /// One row per policy: its score, what that is worth, and whom it beats.
    fn scores(&self) -> Table {
        let score = self.score();
        let mut columns = vec![
            (Align::Right, "#".to_owned()),
            (Align::Left, "policy".to_owned()),
            (Align::Right, with_unit(&score.name, score.unit)),
        ];
        let fraction = self.metrics.iter().position(|metric| metric.name == FRACTION);
        if let Some(reference) = self.reference {
            columns.push((Align::Right, format!("of {}'s", short(&self.policies[reference].name, 12))));
        }
        columns.push((Align::Right, format!("minus {}", short(&self.policies[0].name, 12))));
        columns.push((Align::Left, "above".to_owned()));
        let mut table = Table::new(columns);
        for (index, policy) in self.policies.iter().enumerate() {
            let mut cells = vec![(index + 1).to_string(), self.name(policy), interval(&policy.overall.metrics[0], 1)];
            cells.extend(fraction.map(|fraction| interval(&policy.overall.metrics[fraction], 3)));
            cells.push(if index == 0 { String::new() } else { interval(&policy.overall.differences[0].difference, 1) });
            cells.push(self.beaten(policy));
            table.row(cells);
        }
        table
    }

    /// Numbers of the policies that `policy` is significantly above, with runs as `1-3`.
    fn beaten(&self, policy: &PolicyReport) -> String {
        let above = |index: usize| policy.overall.differences[index].is_above;
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

    fn write_legend(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let score = &self.score().name;
        writeln!(f, "above: the policies (by #) that this one's {score} is significantly above, paired by episode")?;
        if self.policies.iter().any(|policy| policy.privileged) {
            writeln!(f, "* privileged: reads more than the observations")?;
        }
        let mut longer = self.policies.iter().filter(|policy| policy.name.chars().count() > LONGEST_NAME);
        longer.try_for_each(|policy| writeln!(f, "{} is {}", short(&policy.name, LONGEST_NAME), policy.name))
    }

    fn by_stratum(&self) -> Option<Table> {
        let strata = &self.policies.first()?.strata;
        if strata.is_empty() {
            return None;
        }
        let heading = |(label, slice): &(&str, super::Slice)| {
            let n = slice.metrics.first().map_or(0, |interval| interval.n);
            (Align::Right, format!("{label} (n={n})"))
        };
        let mut table = Table::new([(Align::Left, "policy".to_owned())].into_iter().chain(strata.iter().map(heading)));
        for policy in &self.policies {
            let cells = policy.strata.iter().map(|(_, slice)| interval(&slice.metrics[0], 1));
            table.row([self.name(policy)].into_iter().chain(cells));
        }
        Some(table)
    }

    /// Means of everything else, metrics as rows, as many policies side by side as fit.
    fn other_metrics(&self) -> Vec<Table> {
        let rows: Vec<usize> = (1..self.metrics.len()).filter(|&index| self.metrics[index].name != FRACTION).collect();
        let label = |index: usize| with_unit(&self.metrics[index].name, self.metrics[index].unit);
        let first = rows.iter().map(|&index| label(index).chars().count()).max().unwrap_or_default();
        let width = |policy: &PolicyReport| self.name(policy).chars().count().max(NUMBER) + 2;
        let mut tables = Vec::new();
        let mut rest = &self.policies[..];
        while !rest.is_empty() {
            let mut used = first;
            let fits = |policy: &&PolicyReport| {
                used += width(policy);
                used <= WIDTH
            };
            let (these, others) = rest.split_at(rest.iter().take_while(fits).count().max(1));
            let headings = these.iter().map(|policy| (Align::Right, self.name(policy)));
            let mut table = Table::new([(Align::Left, "mean over episodes".to_owned())].into_iter().chain(headings));
            for &index in &rows {
                table.row([label(index)].into_iter().chain(these.iter().map(|p| number(p.overall.metrics[index].mean))));
            }
            tables.push(table);
            rest = others;
        }
        tables
    }

    fn name(&self, policy: &PolicyReport) -> String {
        format!("{}{}", short(&policy.name, LONGEST_NAME), if policy.privileged { " *" } else { "" })
    }
}

/// Widest number that [`number`] makes.
const NUMBER: usize = 9;

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

/// The text itself, or its end behind dots.
fn short(text: &str, longest: usize) -> String {
    let chars = text.chars().count();
    if chars <= longest { text.to_owned() } else { "…".chars().chain(text.chars().skip(chars + 1 - longest)).collect() }
}
