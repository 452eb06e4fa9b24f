//! `agon bench`: the speed of everything that speed matters for, with the bar it has to pass and what others reach.
//!
//! All rates are per core-second of CPU time, which other programs on the machine hardly disturb. A figure is the median
//! of several repetitions after a warm-up.

mod acting;
mod decide;
mod envs;
mod lambda2;
mod maddpg;
mod meter;
#[cfg(feature = "window")]
mod scene;
mod traces;
mod training;
mod window;

use serde_json::{Map, Value, json};

use self::meter::Meter;
use super::{args::BenchArgs, output};
use crate::{
    error::{Error, Result},
    eval::{Align, Table},
};

/// Something that is measured.
struct Figure {
    name: String,
    unit: &'static str,
    better: Better,
    /// The bar.
    must: f64,
    /// Where the physical limit allows to go.
    aim: f64,
    /// What somebody else's program reaches on the same kind of core, and which.
    peer: Option<(f64, &'static str)>,
    measure: Box<dyn Fn() -> Result<f64>>,
}

/// Which way is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Better {
    Lower,
    Higher,
}

/// Every figure, in the order of the table.
fn figures() -> Vec<Figure> {
    let figures = [
        lambda2::figures(),
        envs::figures(),
        acting::figures(),
        decide::figures(),
        training::figures(),
        maddpg::figures(),
        traces::figures(),
    ];
    #[cfg(feature = "window")]
    let figures = figures.into_iter().chain([scene::figures()]);
    figures.into_iter().flatten().collect()
}

/// Measures and prints.
pub(super) fn run(args: &BenchArgs) -> Result<()> {
    if args.window {
        return window::run(args);
    }
    let (prefix, all) = (args.only.as_deref().unwrap_or_default(), figures());
    let (chosen, others): (Vec<Figure>, Vec<Figure>) = all.into_iter().partition(|f| f.name.starts_with(prefix));
    if chosen.is_empty() {
        let names = others.iter().map(|figure| figure.name.as_str());
        return Err(
            Error::input(format!("no figure begins like `{}`", prefix.escape_debug())).did_you_mean(prefix, names)
        );
    }
    let bar = output::progress(chosen.len() as u64, "measuring");
    let mut measured = Vec::with_capacity(chosen.len());
    for figure in &chosen {
        measured.push((figure, (figure.measure)()?));
        bar.inc(1);
    }
    bar.finish_and_clear();
    if args.json { output::print_json(&to_json(&measured)) } else { output::print(to_table(&measured)) }
}

impl Figure {
    /// Env-steps per core-second.
    fn rate(name: impl Into<String>, must: f64, aim: f64, measure: impl Fn() -> Result<f64> + 'static) -> Self {
        let measure = Box::new(measure);
        Self { name: name.into(), unit: "env-steps/s", better: Better::Higher, must, aim, peer: None, measure }
    }

    /// A CPU time in microseconds.
    fn micros(name: impl Into<String>, must: f64, aim: f64, measure: impl Fn() -> Result<f64> + 'static) -> Self {
        let measure = Box::new(measure);
        Self { name: name.into(), unit: "us", better: Better::Lower, must, aim, peer: None, measure }
    }

    /// A CPU time in milliseconds.
    fn millis(name: impl Into<String>, must: f64, aim: f64, measure: impl Fn() -> Result<f64> + 'static) -> Self {
        Self { unit: "ms", ..Self::micros(name, must, aim, measure) }
    }

    /// What `who` reaches.
    fn peer(self, value: f64, who: &'static str) -> Self {
        Self { peer: Some((value, who)), ..self }
    }

    fn verdict(&self, value: f64) -> &'static str {
        let reaches = |bar: f64| match self.better {
            Better::Lower => value <= bar,
            Better::Higher => value >= bar,
        };
        if reaches(self.aim) {
            "aim"
        } else if reaches(self.must) {
            "ok"
        } else {
            "BELOW"
        }
    }
}

fn to_json(measured: &[(&Figure, f64)]) -> Value {
    let entry = |(figure, value): &(&Figure, f64)| {
        let described = json!({
            "value": value,
            "unit": figure.unit,
            "must": figure.must,
            "aim": figure.aim,
            "better": if figure.better == Better::Lower { "lower" } else { "higher" },
            "peer": figure.peer.map(|(value, who)| json!({ "value": value, "who": who })),
        });
        (figure.name.clone(), described)
    };
    measured.iter().map(entry).collect::<Map<_, _>>().into()
}

fn to_table(measured: &[(&Figure, f64)]) -> String {
    use Align::{Left, Name, Right};
    let mut table = Table::new([
        (Name, "figure"),
        (Right, "value"),
        (Left, "unit"),
        (Right, "must"),
        (Right, "aim"),
        (Left, "reached"),
        (Right, "peer"),
        (Left, ""),
    ]);
    for (figure, value) in measured {
        let mut cells = vec![figure.name.clone(), number(*value), figure.unit.to_owned()];
        cells.extend([figure.must, figure.aim].map(number));
        cells.push(figure.verdict(*value).to_owned());
        cells.extend(figure.peer.iter().flat_map(|(value, who)| [number(*value), (*who).to_owned()]));
        table.row(cells);
    }
    let table = output::fitted(&table);
    format!(
        "{table}Times are CPU times, rates are per core-second of CPU time.\n\
         The peers were measured on a core of an EPYC (Zen 4), not here.\n"
    )
}

/// A number with three or more significant digits and blanks between thousands.
fn number(value: f64) -> String {
    if value.abs() < 1000.0 {
        let decimals = [100.0, 10.0, 1.0].iter().take_while(|bound| value.abs() < **bound).count();
        return format!("{value:.decimals$}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_figure_has_a_name_of_its_own_and_an_aim_beyond_its_bar() {
        let mut names = BTreeSet::new();
        for figure in figures() {
            let is_beyond = match figure.better {
                Better::Lower => figure.aim < figure.must,
                Better::Higher => figure.aim > figure.must,
            };
            assert!(is_beyond && figure.must > 0.0, "{}", figure.name);
            assert!(figure.peer.is_none_or(|(value, who)| value > 0.0 && !who.is_empty()), "{}", figure.name);
            assert!(names.insert(figure.name));
        }
        for name in [
            "lambda2_dense_n10_us",
            "lambda2_sparse_n1e5_warm_ms",
            "env_jamming_6_30_sps",
            "act_b4096_row_us",
            "decide_10_nodes_us",
        ] {
            assert!(names.contains(name), "{name}");
        }
    }

    #[test]
    fn a_figure_is_judged_in_its_own_direction() {
        let time = Figure::micros("t", 3.0, 1.0, || Ok(0.0));
        let rate = Figure::rate("r", 1.0, 3.0, || Ok(0.0));
        assert_eq!([0.5, 1.0, 2.0, 3.5].map(|value| time.verdict(value)), ["aim", "aim", "ok", "BELOW"]);
        assert_eq!([0.5, 1.0, 2.0, 3.5].map(|value| rate.verdict(value)), ["BELOW", "ok", "ok", "aim"]);
    }

    #[test]
    fn numbers_keep_three_digits_and_group_thousands() {
        assert_eq!([0.1449, 3.0, 32.14, 999.4].map(number), ["0.145", "3.00", "32.1", "999"]);
        assert_eq!([1000.0, 34_841.4, 1_500_000.0].map(number), ["1 000", "34 841", "1 500 000"]);
    }
}
