//! A report as one JSON object: `policies.<name>.<metric>.{mean,lo,hi,n}`; what is not finite is `null`.

use serde_json::{Map, Value, json};

use super::report::{Comparison, Measured, PolicyReport, Report, Slice};
use crate::{math::statistics::Interval, sim::Better};

impl Report {
    /// The report for other programs.
    ///
    /// Beside its metrics a policy has `strata.<label>.<metric>` and `layout`, the observation layout that it saw (`null` for a
    /// script); where there are several groups, an object of theirs. `comparisons.<name>.<other>` holds the paired difference of
    /// scores, with `is_better` where the whole interval lies on the better side of zero, and the same by stratum.
    pub fn to_json(&self) -> Value {
        let named = |f: &dyn Fn(&PolicyReport) -> Value| -> Map<String, Value> {
            self.policies.iter().map(|policy| (policy.name.clone(), f(policy))).collect()
        };
        json!({
            "agon": env!("CARGO_PKG_VERSION"),
            "scenario": self.scenario,
            "scenario_sha256": self.scenario_sha256,
            "domain": self.domain,
            "episodes": self.episodes,
            "max_steps": self.max_steps,
            "seed": self.seed,
            "family": self.family.name(),
            "score": self.score().name,
            "reference": self.reference.map(|index| &self.policies[index].name),
            "metrics": self.metrics.iter().map(describe).collect::<Map<_, _>>(),
            "policies": named(&|policy| self.policy_json(policy)),
            "comparisons": named(&|policy| self.comparisons_json(policy)),
        })
    }

    fn policy_json(&self, policy: &PolicyReport) -> Value {
        let mut object = self.slice_json(&policy.overall);
        let strata = policy.strata.iter().map(|(label, slice)| ((*label).to_owned(), self.slice_json(slice).into()));
        object.insert("strata".to_owned(), strata.collect::<Map<_, _>>().into());
        object.insert("privileged".to_owned(), policy.privileged.into());
        object.insert("layout".to_owned(), self.layouts_json(policy));
        object.into()
    }

    fn layouts_json(&self, policy: &PolicyReport) -> Value {
        match &policy.layouts[..] {
            [layout] => (*layout).into(),
            layouts => {
                let of_group = |(group, layout): (&&str, &Option<&str>)| ((*group).to_owned(), Value::from(*layout));
                self.groups.iter().zip(layouts).map(of_group).collect::<Map<_, _>>().into()
            }
        }
    }

    fn slice_json(&self, slice: &Slice) -> Map<String, Value> {
        let metrics = self.metrics.iter().zip(&slice.metrics);
        metrics.map(|(measured, interval)| (measured.name.clone(), interval_json(interval).into())).collect()
    }

    fn comparisons_json(&self, policy: &PolicyReport) -> Value {
        let others = self.policies.iter().enumerate().filter(|(_, other)| other.name != policy.name);
        let entry = |(index, other): (usize, &PolicyReport)| {
            let mut object = comparison_json(&policy.overall.differences[index]);
            let strata = policy
                .strata
                .iter()
                .map(|(label, slice)| ((*label).to_owned(), Value::from(comparison_json(&slice.differences[index]))));
            object.insert("strata".to_owned(), strata.collect::<Map<_, _>>().into());
            (other.name.clone(), object.into())
        };
        others.map(entry).collect::<Map<_, Value>>().into()
    }
}

fn describe(measured: &Measured) -> (String, Value) {
    (measured.name.clone(), json!({ "unit": measured.unit, "doc": measured.doc, "better": name_of(measured.better) }))
}

/// `null` where no way is better.
fn name_of(better: Better) -> Option<&'static str> {
    match better {
        Better::Higher => Some("higher"),
        Better::Lower => Some("lower"),
        Better::Neither => None,
    }
}

fn interval_json(interval: &Interval) -> Map<String, Value> {
    let Interval { mean, lo, hi, n } = *interval;
    // A number that is not finite becomes null.
    let number = |key: &str, value: f64| (key.to_owned(), Value::from(value));
    [number("mean", mean), number("lo", lo), number("hi", hi), ("n".to_owned(), n.into())].into_iter().collect()
}

fn comparison_json(comparison: &Comparison) -> Map<String, Value> {
    let mut object = interval_json(&comparison.difference);
    object.insert("is_better".to_owned(), comparison.is_better.into());
    object
}
