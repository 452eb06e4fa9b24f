//! A report for people: plain tables that fit 120 columns.

use std::fmt;

use super::{
    report::{FRACTION, PolicyReport, Report, Slice},
    table::{Align, GAP, Table, WIDTH},
};
use crate::math::statistics::Interval;

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
        for table in self.by_stratum() {
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
            let mut cells =
                vec![(index + 1).to_string(), self.name(policy), self.score_text(&policy.overall.metrics[0])];
            cells.extend(fraction.map(|fraction| interval(&policy.overall.metrics[fraction], 3)));
            let difference = &policy.overall.differences[0].difference;
            cells.push(if index == 0 { String::new() } else { self.score_text(difference) });
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

    /// The score of every policy in every stratum.
    fn by_stratum(&self) -> Vec<Table> {
        let strata = self.policies.first().map_or(&[][..], |policy| &policy.strata);
        let column = |(index, (label, slice)): (usize, &(&str, Slice))| {
            let heading = format!("{label} (n={})", slice.metrics.first().map_or(0, |interval| interval.n));
            let cells = self.policies.iter().map(|policy| self.score_text(&policy.strata[index].1.metrics[0]));
            [heading].into_iter().chain(cells).collect()
        };
        let labels = ["policy".to_owned()].into_iter().chain(self.policies.iter().map(|policy| self.name(policy)));
        side_by_side(&labels.collect::<Vec<_>>(), &strata.iter().enumerate().map(column).collect::<Vec<_>>())
    }

    /// Means of everything else, metrics as rows.
    fn other_metrics(&self) -> Vec<Table> {
        let rows: Vec<usize> = (1..self.metrics.len()).filter(|&index| self.metrics[index].name != FRACTION).collect();
        let names = rows.iter().map(|&index| with_unit(&self.metrics[index].name, self.metrics[index].unit));
        let labels = ["mean over episodes".to_owned()].into_iter().chain(names);
        let column = |policy: &PolicyReport| {
            let means = rows.iter().map(|&index| number(policy.overall.metrics[index].mean));
            [self.name(policy)].into_iter().chain(means).collect()
        };
        side_by_side(&labels.collect::<Vec<_>>(), &self.policies.iter().map(column).collect::<Vec<_>>())
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

    fn name(&self, policy: &PolicyReport) -> String {
        format!("{}{}", short(&policy.name, LONGEST_NAME), if policy.privileged { " *" } else { "" })
    }
}

/// Tables of columns under the same labels, as many columns in each as fit the terminal. Labels and columns begin with
/// their heading.
fn side_by_side(labels: &[String], columns: &[Vec<String>]) -> Vec<Table> {
    let width = |cells: &[String]| cells.iter().map(|cell| cell.chars().count()).max().unwrap_or_default();
    let mut tables = Vec::new();
    let mut rest = columns;
    while !rest.is_empty() {
        let mut used = width(labels);
        let fits = |column: &&Vec<String>| {
            used += GAP + width(column);
            used <= WIDTH
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

/// The text itself, or its end behind dots.
fn short(text: &str, longest: usize) -> String {
    let chars = text.chars().count();
    if chars <= longest {
        text.to_owned()
    } else {
        "…".chars().chain(text.chars().skip(chars + 1 - longest)).collect()
    }
}
