//! What an evaluation found: every metric of every policy with its interval, overall and for each stratum, and how each
//! policy compares with each other one on the same episodes.

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{EvalOptions, Family, reference};
use crate::{
    error::{Error, Result},
    math::statistics::{Interval, bootstrap_mean, paired_difference, paired_ratio},
    policy::cast::Cast,
    sim::{
        Better, EpisodeRecord, Spec,
        scenario::{Playable, Scenario},
    },
};

/// Name of the score as a fraction of the reference's.
pub const FRACTION: &str = "reference_fraction";

/// What an evaluation found.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Name of the scenario.
    pub scenario: String,
    /// Its name for people.
    pub title: String,
    /// Name of the domain.
    pub domain: &'static str,
    /// SHA-256 of the scenario with every default filled in.
    pub scenario_sha256: String,
    /// Episodes of each policy.
    pub episodes: u64,
    /// Ticks after which an episode is truncated.
    pub max_steps: u32,
    /// Run seed of the episodes.
    pub seed: u64,
    /// Which episodes they were.
    pub family: Family,
    /// What was measured; the first one is the score that policies are compared by, the last one may be [`FRACTION`].
    pub metrics: Vec<Measured>,
    /// Names of the groups that act.
    pub groups: Vec<&'static str>,
    /// What tells the strata apart, such as `band`; empty without strata.
    pub stratum: &'static str,
    /// The policies, in the order they were asked for.
    pub policies: Vec<PolicyReport>,
    /// The policy that [`FRACTION`] refers to: the one that the domain declares as its reference.
    pub reference: Option<usize>,
}

/// A quantity with one number per episode.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Name, as in files.
    pub name: String,
    /// Unit symbol; empty for a plain number.
    pub unit: &'static str,
    /// What it says.
    pub doc: String,
    /// Which way is better.
    pub better: Better,
}

/// What was found about one policy.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyReport {
    /// Its name.
    pub name: String,
    /// What it is.
    pub doc: String,
    /// Whether it reads more than the observations.
    pub privileged: bool,
    /// The observation layout that it saw, for each group; none for a script.
    pub layouts: Vec<Option<&'static str>>,
    /// All its episodes.
    pub overall: Slice,
    /// Its episodes by stratum, those without an episode left out.
    pub strata: Vec<(&'static str, Slice)>,
}

/// Some episodes of a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// One interval for each of [`Report::metrics`].
    pub metrics: Vec<Interval>,
    /// Score minus that of each policy of the report on the same episodes; zero to itself.
    pub differences: Vec<Comparison>,
}

/// A paired difference of scores and what it says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The difference.
    pub difference: Interval,
    /// The whole interval lies on the better side of zero.
    pub is_better: bool,
}

/// The episodes of a slice as columns: one per metric, one number per episode.
type Columns = Vec<Vec<f64>>;

impl Report {
    pub(super) fn new<D: Playable>(
        scenario: &Scenario<D>,
        casts: &[Cast],
        options: &EvalOptions,
        score: usize,
        played: &[Vec<EpisodeRecord>],
    ) -> Result<Self> {
        let domain = scenario.domain.domain();
        let spec = scenario.spec();
        let mut metrics = measured(&spec);
        metrics[..=score].rotate_right(1);
        let overall: Vec<Columns> = played.iter().map(|records| columns(records.iter(), score)).collect();
        let reference = reference(scenario, casts);
        let reference = reference.and_then(|name| casts.iter().position(|cast| cast.name == name));
        if let Some(reference) = reference {
            metrics.push(fraction(&casts[reference].name, &metrics[0]));
        }
        let labels = spec.stratum.as_ref().map_or(&[][..], |stratum| &stratum.labels);
        let present = labels.iter().enumerate().filter(|(index, _)| num_in(&played[0], *index) > 0);
        let slices: Vec<(Option<&'static str>, Vec<Columns>)> = std::iter::once((None, overall))
            .chain(present.map(|(index, label)| (Some(*label), stratum_columns(played, index, score))))
            .collect();
        let mut policies: Vec<PolicyReport> = casts.iter().map(PolicyReport::of).collect();
        for (label, columns) in &slices {
            for (policy, slice) in
                policies.iter_mut().zip(slice(columns, reference, (metrics[0].better, options.seed))?)
            {
                match label {
                    None => policy.overall = slice,
                    Some(label) => policy.strata.push((label, slice)),
                }
            }
        }
        Ok(Self {
            scenario: scenario.name.clone(),
            title: scenario.title.clone(),
            domain: domain.id(),
            scenario_sha256: Sha256::digest(scenario.to_ron()?).iter().map(|byte| format!("{byte:02x}")).collect(),
            episodes: options.episodes,
            max_steps: scenario.max_steps,
            seed: options.seed,
            family: options.family,
            metrics,
            groups: spec.groups.iter().map(|group| group.name).collect(),
            stratum: spec.stratum.as_ref().map_or("", |stratum| stratum.name),
            policies,
            reference,
        })
    }

    /// The score that policies are compared by.
    pub fn score(&self) -> &Measured {
        &self.metrics[0]
    }

    /// The policy called `name`.
    pub fn policy(&self, name: &str) -> Option<&PolicyReport> {
        self.policies.iter().find(|policy| policy.name == name)
    }

    /// The interval of a metric over all episodes of a policy.
    pub fn interval(&self, policy: &str, metric: &str) -> Option<Interval> {
        let index = self.metrics.iter().position(|measured| measured.name == metric)?;
        self.policy(policy)?.overall.metrics.get(index).copied()
    }
}

impl PolicyReport {
    fn of(cast: &Cast) -> Self {
        Self {
            name: cast.name.clone(),
            doc: cast.doc(),
            privileged: cast.is_privileged(),
            layouts: cast.layouts(),
            overall: Slice { metrics: Vec::new(), differences: Vec::new() },
            strata: Vec::new(),
        }
    }
}

/// What every episode is measured by: the domain's metrics, then return and reward terms of each group, then the length.
fn measured(spec: &Spec) -> Vec<Measured> {
    let own = spec.metrics.iter().map(|metric| Measured {
        name: metric.name.to_owned(),
        unit: metric.unit,
        doc: metric.doc.to_owned(),
        better: metric.better,
    });
    let plain = |name: String, doc: &str, better| Measured { name, unit: "", doc: doc.to_owned(), better };
    let paid = spec.groups.iter().flat_map(|group| {
        let of = if spec.groups.len() > 1 { format!("/{}", group.name) } else { String::new() };
        let total = plain(
            format!("episode_return{of}"),
            "sum of the reward over the episode, mean over agents",
            Better::Higher,
        );
        let terms = group.reward_terms.iter().map(move |term| {
            plain(format!("reward_{}{of}", term.name), &format!("reward term: {}", term.doc), Better::Higher)
        });
        [total].into_iter().chain(terms).collect::<Vec<_>>()
    });
    let length = plain("episode_length".to_owned(), "ticks the episode lasted", Better::Neither);
    own.chain(paid).chain([Measured { unit: "ticks", ..length }]).collect()
}

/// Place, among what every episode is measured by, of the metric that policies are compared by.
pub(super) fn score<D: Playable>(scenario: &Scenario<D>, name: Option<&str>) -> Result<usize> {
    let Some(name) = name else { return Ok(0) };
    let metrics = measured(&scenario.spec());
    metrics.iter().position(|metric| metric.name == name).ok_or_else(|| {
        let names = metrics.iter().map(|metric| metric.name.as_str());
        Error::input(format!("no metric is called `{}`", name.escape_debug())).did_you_mean(name, names)
    })
}

fn fraction(reference: &str, score: &Measured) -> Measured {
    let doc = format!("mean {} over that of {reference}", score.name);
    Measured { name: FRACTION.to_owned(), unit: "", doc, better: score.better }
}

/// In the order of [`measured`].
fn values(record: &EpisodeRecord) -> impl Iterator<Item = f64> {
    let paid = record.groups.iter().flat_map(|pay| [pay.episode_return].into_iter().chain(pay.terms.iter().copied()));
    record.metrics.iter().copied().chain(paid).chain([f64::from(record.length)])
}

/// The columns of some episodes, number `score` first.
fn columns<'r>(records: impl Iterator<Item = &'r EpisodeRecord>, score: usize) -> Columns {
    let mut columns = Columns::new();
    for record in records {
        for (index, value) in values(record).enumerate() {
            if index == columns.len() {
                columns.push(Vec::new());
            }
            columns[index].push(value);
        }
    }
    // Without an episode there is nothing to put in order.
    if score < columns.len() {
        columns[..=score].rotate_right(1);
    }
    columns
}

/// The episodes of one stratum, of each policy. The stratum is part of an episode's start, so it is the same for all.
fn stratum_columns(played: &[Vec<EpisodeRecord>], stratum: usize, score: usize) -> Vec<Columns> {
    let starts = &played[0];
    let in_stratum = |index: usize| usize::from(starts[index].stratum) == stratum;
    let of_policy = |records: &Vec<EpisodeRecord>| {
        let here = records.iter().enumerate().filter(|(index, _)| in_stratum(*index));
        columns(here.map(|(_, record)| record), score)
    };
    played.iter().map(of_policy).collect()
}

fn num_in(records: &[EpisodeRecord], stratum: usize) -> usize {
    records.iter().filter(|record| usize::from(record.stratum) == stratum).count()
}

/// One slice of each policy, from its columns.
fn slice(policies: &[Columns], reference: Option<usize>, (better, seed): (Better, u64)) -> Result<Vec<Slice>> {
    let score = |policy: usize| policies[policy].first().map_or(&[][..], Vec::as_slice);
    let metrics = policies.par_iter().enumerate().map(|(policy, columns)| -> Result<Vec<Interval>> {
        let mut metrics: Vec<Interval> = columns.par_iter().map(|column| bootstrap_mean(column, seed)).collect();
        if let Some(reference) = reference {
            metrics.push(paired_ratio(score(policy), score(reference), seed)?);
        }
        Ok(metrics)
    });
    let metrics = metrics.collect::<Result<Vec<_>>>()?;
    let differences = differences(policies.len(), better, |a, b| paired_difference(score(a), score(b), seed))?;
    Ok(metrics.into_iter().zip(differences).map(|(metrics, differences)| Slice { metrics, differences }).collect())
}

/// The differences of all pairs; only one of each pair and its mirror is computed.
fn differences(
    policies: usize,
    better: Better,
    difference: impl Fn(usize, usize) -> Result<Interval> + Sync,
) -> Result<Vec<Vec<Comparison>>> {
    let pairs: Vec<(usize, usize)> = (0..policies).flat_map(|a| (0..=a).map(move |b| (a, b))).collect();
    let found: Vec<Interval> = pairs.par_iter().map(|&(a, b)| difference(a, b)).collect::<Result<_>>()?;
    let lower = |a: usize, b: usize| found[a * (a + 1) / 2 + b];
    let compare = |a: usize, b: usize| {
        let Interval { mean, lo, hi, n } = if a >= b { lower(a, b) } else { lower(b, a) };
        let difference =
            if a >= b { Interval { mean, lo, hi, n } } else { Interval { mean: -mean, lo: -hi, hi: -lo, n } };
        // A number that says nothing of good and bad is compared like one of which more is better.
        let is_better = if better == Better::Lower { difference.hi < 0.0 } else { difference.is_above(0.0) };
        Comparison { difference, is_better }
    };
    Ok((0..policies).map(|a| (0..policies).map(|b| compare(a, b)).collect()).collect())
}
