//! What reports of all domains are made with: policies at play, tables, and a host that shows them.

use indicatif::ProgressBar;

use crate::{
    domains::Scenario,
    error::{Error, Result},
    eval::{Align, EvalOptions, Family, Report, Table},
    math::statistics::Interval,
    places,
    policy::{
        acting::Decision,
        cast::{Cast, Casting, Casts},
    },
};

/// Where a report goes, and what plays for it.
pub trait Host: Sync {
    /// Shows a part of the report.
    ///
    /// # Errors
    /// What keeps it from being shown.
    fn print(&self, text: String) -> Result<()>;

    /// Columns that tables have to fit into; none where they may be as wide as they are.
    fn columns(&self) -> Option<usize>;

    /// Shows how much is done of `len` steps of work that is called `what`.
    fn progress(&self, len: u64, what: &'static str) -> ProgressBar;

    /// Evaluates, and notes that it was done wherever such notes are kept.
    ///
    /// # Errors
    /// As [`evaluate`](crate::eval::evaluate).
    fn play(&self, scenario: &Scenario, casts: Casts, options: &EvalOptions) -> Result<Report>;
}

/// What is measured, and for whom.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Learned policies to be measured beside the rules.
    pub learned: &'a [String],
    /// Episodes of each policy.
    pub episodes: u64,
    /// Which episodes.
    pub family: Family,
    /// Who shows it.
    pub host: &'a dyn Host,
}

impl Wanted<'_> {
    /// Lets policies play a scenario; they are compared by `score`.
    ///
    /// # Errors
    /// Policies that there are not, or that fail.
    pub fn play<'n>(
        &self,
        scenario: &Scenario,
        names: impl IntoIterator<Item = &'n str>,
        score: &str,
    ) -> Result<Report> {
        let casts = casting(scenario).deciding(Decision::Mode).casts(names)?;
        let options = EvalOptions {
            episodes: self.episodes,
            seed: scenario.seed,
            family: self.family,
            with_reference: false,
            score: Some(score.to_owned()),
            ..EvalOptions::default()
        };
        self.host.play(scenario, casts, &options)
    }

    /// Shows a table below a text.
    ///
    /// # Errors
    /// As [`Host::print`].
    pub fn print(&self, text: &str, table: &Table) -> Result<()> {
        self.host.print(format!("{text}\n{}", table.fit(self.host.columns())))
    }
}

/// Who acts in a scenario under one name.
///
/// # Errors
/// As [`Casting::cast`].
pub fn cast(scenario: &Scenario, name: &str) -> Result<Cast> {
    casting(scenario).cast(name)
}

/// Each policy sees the observation layout that it knows.
fn casting(scenario: &Scenario) -> Casting<'_> {
    places::casting(scenario).with_layouts(scenario.layouts())
}

/// What a policy came to by one metric.
///
/// # Errors
/// It did not play, or the scenario has no such metric.
pub fn measured(report: &Report, policy: &str, metric: &str) -> Result<Interval> {
    report
        .interval(policy, metric)
        .ok_or_else(|| Error::input(format!("`{policy}` has no `{metric}` in scenario `{}`", report.scenario)))
}

/// Mean and 95 % interval as a cell.
pub fn interval(of: Interval) -> String {
    format!("{:.1} [{:.1}, {:.1}]", of.mean, of.lo, of.hi)
}

/// A table whose first column holds words.
pub fn table(headings: &[&str]) -> Table {
    let align = |column: usize| if column == 0 { Align::Name } else { Align::Right };
    Table::new(headings.iter().enumerate().map(|(column, heading)| (align(column), *heading)))
}

/// A host for tests: it plays, and shows nobody anything.
#[cfg(test)]
pub(super) struct Quiet;

#[cfg(test)]
impl Host for Quiet {
    fn print(&self, _: String) -> Result<()> {
        Ok(())
    }

    fn columns(&self) -> Option<usize> {
        None
    }

    fn progress(&self, _: u64, _: &'static str) -> ProgressBar {
        ProgressBar::hidden()
    }

    fn play(&self, scenario: &Scenario, casts: Casts, options: &EvalOptions) -> Result<Report> {
        crate::eval::evaluate(scenario, casts.casts, options, &|_| {})
    }
}
