//! `agon bench`: the speed of everything that speed matters for, as a share of what the machine could do.
//!
//! The machine is measured first, and each figure is compared with the limit that applies to it. Bars are shares of it, so they
//! mean the same on every machine. Times are CPU times and rates are per core-second, which other programs on the machine
//! hardly disturb; a figure is the median of several repetitions after a warm-up. With the feature `peers`, other programs that
//! compute the same run in the same process.

mod acting;
mod decide;
mod envs;
mod figure;
mod lambda2;
mod machine;
mod maddpg;
mod meter;
#[cfg(feature = "peers")]
mod peers;
#[cfg(feature = "window")]
mod scene;
mod step;
mod traces;
mod training;
mod window;

use serde_json::{Map, Value, json};

use self::{
    figure::{Figure, Limit, Measured, Unit},
    machine::{Machine, Work},
    meter::Meter,
};
use super::{args::BenchArgs, output};
use crate::{
    error::{Error, Result},
    eval::{Align, Table},
};

/// Every figure, in the order of the table.
fn figures() -> Vec<Figure> {
    let figures = [
        lambda2::figures(),
        envs::figures(),
        acting::figures(),
        decide::figures(),
        step::figures(),
        training::figures(),
        maddpg::figures(),
        traces::figures(),
    ];
    #[cfg(feature = "window")]
    let figures = figures.into_iter().chain([scene::figures()]);
    figures.into_iter().flatten().collect()
}

/// A figure, what came of it, and what others reach.
struct Row {
    figure: Figure,
    measured: Measured,
    peers: Vec<(&'static str, f64)>,
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
    let machine = Machine::measure();
    let mut rows = Vec::with_capacity(chosen.len());
    for figure in chosen {
        let measured = figure.measure(&machine)?;
        let peers = peers_of(&figure)?;
        rows.push(Row { figure, measured, peers });
        bar.inc(1);
    }
    bar.finish_and_clear();
    if args.json { output::print_json(&to_json(&machine, &rows)) } else { output::print(to_text(&machine, &rows)) }
}

/// Who else does the same, and the same figure of theirs.
#[cfg(feature = "peers")]
fn peers_of(figure: &Figure) -> Result<Vec<(&'static str, f64)>> {
    let peers = peers::peers().into_iter().filter(|peer| peer.figure == figure.name);
    peers.map(|peer| Ok((peer.who, (peer.measure)()?))).collect()
}

/// Nobody: this program was built without them.
#[cfg(not(feature = "peers"))]
fn peers_of(_figure: &Figure) -> Result<Vec<(&'static str, f64)>> {
    Ok(Vec::new())
}

fn to_json(machine: &Machine, rows: &[Row]) -> Value {
    let entry = |Row { figure, measured, peers }: &Row| {
        let ratio = |theirs| figure.unit.share(measured.value, theirs);
        let peer = |(who, value): &(&str, f64)| json!({ "who": who, "value": value, "times_as_fast": ratio(*value) });
        let described = json!({
            "value": measured.value,
            "unit": figure.unit.name(),
            "better": if figure.unit.is_rate() { "higher" } else { "lower" },
            "limit": measured.limit,
            "limited_by": figure.limit.name(),
            "share": measured.share,
            "must": figure.must,
            "aim": figure.aim,
            "reached": figure.verdict(measured.share),
            "peers": peers.iter().map(peer).collect::<Vec<_>>(),
        });
        (figure.name.clone(), described)
    };
    json!({
        "machine": {
            "name": machine.name,
            "instructions": machine.level.name(),
            "f32_flops": machine.f32_flops,
            "f64_flops": machine.f64_flops,
            "bytes_per_s": machine.bandwidth,
            "exp_s": machine.exp_s,
        },
        "figures": rows.iter().map(entry).collect::<Map<_, _>>(),
    })
}

fn to_text(machine: &Machine, rows: &[Row]) -> String {
    use Align::{Left, Name, Right};
    let mut table = Table::new([
        (Name, "figure"),
        (Right, "value"),
        (Left, "unit"),
        (Right, "limit"),
        (Right, "share"),
        (Right, "must"),
        (Right, "aim"),
        (Left, "reached"),
    ]);
    let mut beside = Table::new([
        (Name, "figure"),
        (Right, "value"),
        (Left, "unit"),
        (Left, "peer"),
        (Right, "value"),
        (Right, "ratio"),
    ]);
    for Row { figure, measured, peers } in rows {
        let unit = figure.unit.name();
        let mut cells = vec![figure.name.clone(), number(measured.value), unit.to_owned(), number(measured.limit)];
        cells.extend([measured.share, figure.must, figure.aim].map(number));
        cells.push(figure.verdict(measured.share).to_owned());
        table.row(cells);
        for (who, theirs) in peers {
            let ours = number(measured.value);
            let ratio = number(figure.unit.share(measured.value, *theirs));
            beside.row([figure.name.clone(), ours, unit.to_owned(), (*who).to_owned(), number(*theirs), ratio]);
        }
    }
    let peers = match beside.num_rows() {
        0 => String::new(),
        _ => format!("\n{}A ratio is how many times as fast agon is.\n", output::fitted(&beside)),
    };
    format!(
        "{machine}\n\n{}Times are CPU times, rates are per core-second of CPU time. A share is that of the limit; must and aim are \
         shares.\n{peers}",
        output::fitted(&table)
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
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_figure_has_a_name_of_its_own_an_aim_beyond_its_bar_and_work_to_do() {
        let mut names = BTreeSet::new();
        for figure in figures() {
            assert!(0.0 < figure.must && figure.must < figure.aim, "{}", figure.name);
            match &figure.limit {
                Limit::Work(work) => {
                    let Work { flops_f32, flops_f64, bytes, exps } = work().unwrap();
                    let parts = [flops_f32, flops_f64, bytes, exps];
                    assert!(parts.iter().all(|part| part.is_finite() && *part >= 0.0), "{}: {parts:?}", figure.name);
                    assert!(parts.iter().sum::<f64>() > 0.0 && figure.unit != Unit::Megabytes, "{}", figure.name);
                    assert!(figure.aim <= 1.0, "{}: nobody does better than a limit", figure.name);
                }
                Limit::Held(megabytes) => {
                    assert!(megabytes().unwrap() > 0.0 && figure.unit == Unit::Megabytes, "{}", figure.name);
                }
                Limit::Program(..) => assert_ne!(figure.unit, Unit::Megabytes, "{}", figure.name),
            }
            assert!(names.insert(figure.name));
        }
        for name in ["lambda2_n10_us", "env_jamming_40_300_sps", "act_b4096_row_us", "decide_10_nodes_us"] {
            assert!(names.contains(name), "{name}");
        }
    }

    #[cfg(feature = "peers")]
    #[test]
    fn every_peer_stands_beside_a_figure() {
        let names: BTreeSet<String> = figures().into_iter().map(|figure| figure.name).collect();
        for peer in peers::peers() {
            assert!(names.contains(peer.figure) && !peer.who.is_empty(), "{}", peer.figure);
        }
    }

    #[test]
    fn numbers_keep_three_digits_and_group_thousands() {
        assert_eq!([0.1449, 3.0, 32.14, 999.4].map(number), ["0.145", "3.00", "32.1", "999"]);
        assert_eq!([1000.0, 34_841.4, 1_500_000.0].map(number), ["1 000", "34 841", "1 500 000"]);
    }
}
