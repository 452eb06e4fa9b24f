//! Curves: of the runs that train or trained, and of the envs on show.
//!
//! However many points a curve has, only those are handed to the plot that its columns of pixels can show.

use std::{collections::BTreeMap, path::PathBuf};

use bevy_egui::egui::{self, Ui};
use egui_plot::{Legend, Line, LineStyle, Plot, PlotPoints};

use crate::{
    metrics::series::{Series, Smoothed},
    picture::Dash,
    session::stopwatch::PHASES,
    window::{command::Command, lab::Lab, theme::Palette},
};

/// Curves that are shown at first, as far as there are such; where several groups learn, those of each.
const FIRST: [&str; 4] = ["charts/episodic_return", "env/reduction", "losses/entropy", "losses/approx_kl"];

/// Height of a plot in points.
const HEIGHT: f32 = 150.0;

/// What is shown, and how.
pub(super) struct State {
    of_envs: bool,
    shown: BTreeMap<String, bool>,
    smoothing: f64,
    is_logarithmic: bool,
    smoothed: BTreeMap<(String, String), Smoothed>,
    points: Vec<[f64; 2]>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            of_envs: false,
            shown: BTreeMap::new(),
            smoothing: 0.6,
            is_logarithmic: false,
            smoothed: BTreeMap::new(),
            points: Vec::new(),
        }
    }
}

/// Whether a curve is shown until somebody says otherwise.
fn is_first(name: &str) -> bool {
    FIRST.iter().any(|first| name.strip_prefix(first).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Finds a curve by its name.
type Find<'a> = Box<dyn Fn(&str) -> Option<&'a Series> + 'a>;

/// A run with its curves.
struct Source<'a> {
    name: String,
    /// The scenario that it trains in; empty where nothing says so.
    scenario: String,
    folder: PathBuf,
    names: Vec<&'a str>,
    get: Find<'a>,
}

/// Shows the curves.
pub(super) fn show(ui: &mut Ui, lab: &Lab, state: &mut State, palette: &Palette, out: &mut Vec<Command>) {
    let sources = sources(lab);
    ui.horizontal_wrapped(|ui| {
        ui.selectable_value(&mut state.of_envs, false, "Training");
        ui.selectable_value(&mut state.of_envs, true, "Envs on show");
        ui.separator();
        if !state.of_envs {
            ui.menu_button("Curves", |ui| choose_curves(ui, &sources, state));
            ui.menu_button("Runs", |ui| choose_runs(ui, lab, out));
            ui.spacing_mut().slider_width = 80.0;
            ui.add(egui::Slider::new(&mut state.smoothing, 0.0..=0.99).text("smoothing"));
        }
        ui.checkbox(&mut state.is_logarithmic, "log");
    });
    // What is seen of one kind of curves says nothing of where a person looks among the others.
    let area = egui::ScrollArea::vertical().id_salt(("curves", state.of_envs)).auto_shrink([false, false]);
    area.show(ui, |ui| {
        if state.of_envs {
            envs(ui, lab, state, palette);
        } else if sources.is_empty() {
            super::nothing(ui, "Nothing has trained yet. Press T to train, or choose a run above.");
        } else {
            owners(ui, &sources, lab, palette);
            training(ui, &sources, state, palette, out);
        }
    });
}

fn sources(lab: &Lab) -> Vec<Source<'_>> {
    let live = lab.trainings().iter().map(|training| Source {
        name: training.name().to_owned(),
        scenario: training.scenario().to_owned(),
        folder: training.folder().clone(),
        names: training.curves().keys().map(String::as_str).collect(),
        get: Box::new(|name| training.curves().get(name)),
    });
    let stored = lab.runs().iter().filter_map(|run| {
        let curves = run.curves()?;
        let names = curves.iter().map(|(name, _)| name).collect();
        let get = Box::new(|name: &str| curves.get(name));
        let scenario = run.scenario().to_owned();
        Some(Source { name: run.name(), scenario, folder: run.path.clone(), names, get })
    });
    live.chain(stored).collect()
}

/// Whose curves these are; a run of another scenario says of which one.
fn owners(ui: &mut Ui, sources: &[Source<'_>], lab: &Lab, palette: &Palette) {
    let on_show = lab.stage().map(|stage| stage.scenario.name.as_str());
    ui.horizontal_wrapped(|ui| {
        for (index, source) in sources.iter().enumerate() {
            ui.colored_label(palette.series(index).0, "■");
            ui.label(&source.name);
            if !source.scenario.is_empty() && on_show.is_some_and(|on_show| on_show != source.scenario) {
                ui.strong(format!("trained in {}, not in what is on show", source.scenario));
            }
        }
    });
}

fn choose_curves(ui: &mut Ui, sources: &[Source<'_>], state: &mut State) {
    egui::ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
        for name in names(sources) {
            let is_shown = state.shown.entry(name.clone()).or_insert_with(|| is_first(&name));
            ui.checkbox(is_shown, name);
        }
    });
}

fn choose_runs(ui: &mut Ui, lab: &Lab, out: &mut Vec<Command>) {
    egui::ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
        if lab.runs().iter().next().is_none() {
            ui.weak("there are no runs yet");
        }
        for run in lab.runs().iter() {
            let mut is_shown = run.curves().is_some();
            if ui.checkbox(&mut is_shown, run.name()).changed() {
                out.push(Command::ToggleRun(run.path.clone()));
            }
        }
    });
}

/// Names of all curves, each once.
fn names(sources: &[Source<'_>]) -> Vec<String> {
    let mut names: Vec<String> =
        sources.iter().flat_map(|source| source.names.iter().map(|name| (*name).to_owned())).collect();
    names.sort();
    names.dedup();
    names
}

fn training(ui: &mut Ui, sources: &[Source<'_>], state: &mut State, palette: &Palette, out: &mut Vec<Command>) {
    let shown: Vec<String> = names(sources)
        .into_iter()
        .filter(|name| state.shown.get(name).copied().unwrap_or_else(|| is_first(name)))
        .collect();
    if shown.is_empty() {
        let has_points = sources.iter().any(|source| !source.names.is_empty());
        super::nothing(ui, if has_points { "Choose curves above." } else { "Waiting for the first point." });
    }
    let columns = (ui.available_width() / 320.0).floor().clamp(1.0, 4.0) as usize;
    let width = ui.available_width() / columns as f32 - 8.0;
    for row in shown.chunks(columns) {
        ui.horizontal_top(|ui| {
            for name in row {
                ui.vertical(|ui| {
                    ui.set_width(width);
                    ui.strong(name);
                    curve(ui, name, sources, state, palette, out);
                });
            }
        });
    }
}

/// One curve of every run.
fn curve(
    ui: &mut Ui,
    name: &str,
    sources: &[Source<'_>],
    state: &mut State,
    palette: &Palette,
    out: &mut Vec<Command>,
) {
    let State { smoothing, smoothed, points, is_logarithmic, .. } = state;
    let plot = plot(name, *is_logarithmic).x_axis_label("env-steps");
    let plot = if sources.len() > 1 { plot.legend(Legend::default()) } else { plot };
    let columns = ui.available_width().max(1.0) as usize;
    let response = plot.show(ui, |plot| {
        let bounds = plot.plot_bounds();
        let range = bounds.range_x();
        for (index, source) in sources.iter().enumerate() {
            let Some(series) = (source.get)(name) else { continue };
            let key = (source.name.clone(), name.to_owned());
            let smooth = smoothed.entry(key).or_insert_with(|| Smoothed::new(*smoothing));
            smooth.set_weight(*smoothing);
            smooth.follow(series);
            let (colour, dash) = palette.series(index);
            // What was measured stays visible behind what is smoothed.
            if *smoothing > 0.0 {
                let faint = colour.gamma_multiply(0.3);
                plot.line(line("", series, &range, columns, *is_logarithmic, points).color(faint).allow_hover(false));
            }
            let line = line(&source.name, smooth.curve(), &range, columns, *is_logarithmic, points);
            plot.line(line.color(colour).width(1.8).style(style(dash)));
        }
        plot.pointer_coordinate()
    });
    let folder = sources.iter().find(|source| (source.get)(name).is_some()).map(|source| source.folder.clone());
    if response.response.clicked()
        && let (Some(at), Some(run)) = (response.inner, nearest_run(name, sources, &response).or(folder))
    {
        out.push(Command::LoadCheckpoint { run, step: at.x.max(0.0) as u64 });
    }
    response.response.on_hover_text("Click to act with the checkpoint that is nearest to this step");
}

/// The run whose curve is nearest to where the pointer is.
fn nearest_run<R>(name: &str, sources: &[Source<'_>], response: &egui_plot::PlotResponse<R>) -> Option<PathBuf> {
    let pointer = response.response.hover_pos()?;
    let near = |source: &&Source<'_>| {
        let at = response.transform.value_from_position(pointer);
        let point = (source.get)(name).and_then(|series| series.nearest(at.x));
        point.map_or(f32::INFINITY, |(x, y)| {
            response.transform.position_from_point(&egui_plot::PlotPoint::new(x, y)).distance(pointer)
        })
    };
    sources.iter().min_by(|a, b| near(a).total_cmp(&near(b))).map(|source| source.folder.clone())
}

/// What the envs on show measure, tick by tick, and the observations that were asked for.
fn envs(ui: &mut Ui, lab: &Lab, state: &mut State, palette: &Palette) {
    let Some(stage) = lab.stage() else { return };
    let spec = stage.scenario.domain.domain().spec(stage.scenario.max_steps);
    let headline = stage.view_spec().map(|view| view.headline).unwrap_or_default();
    let State { points, is_logarithmic, .. } = state;
    for name in headline {
        let Some(index) = spec.metric(name) else { continue };
        ui.strong(name);
        let columns = ui.available_width().max(1.0) as usize;
        plot(name, *is_logarithmic).legend(Legend::default()).x_axis_label("tick").show(ui, |plot| {
            let range = plot.plot_bounds().range_x();
            for (play, shown) in stage.plays.iter().enumerate() {
                let Some(series) = shown.metrics().get(index) else { continue };
                let (colour, dash) = palette.series(play);
                let name = shown.policies().join(", ");
                let line = line(&name, series, &range, columns, *is_logarithmic, points);
                plot.line(line.color(colour).style(style(dash)));
            }
        });
    }
    ui.strong("time of a tick by phase").on_hover_text("Measuring is all that the domain measures of an env");
    let columns = ui.available_width().max(1.0) as usize;
    plot("phases", *is_logarithmic).legend(Legend::default()).x_axis_label("tick").y_axis_label("µs").show(
        ui,
        |plot| {
            let range = plot.plot_bounds().range_x();
            let phases = stage.plays.first().map(|play| play.phases()).unwrap_or_default();
            for (index, (name, series)) in PHASES.into_iter().zip(phases).enumerate() {
                let (colour, dash) = palette.series(index);
                let line = line(name, series, &range, columns, *is_logarithmic, points);
                plot.line(line.color(colour).style(style(dash)));
            }
        },
    );
    if !stage.probes.is_empty() {
        ui.strong("observations");
        let columns = ui.available_width().max(1.0) as usize;
        plot("probes", *is_logarithmic).legend(Legend::default()).x_axis_label("tick").show(ui, |plot| {
            let range = plot.plot_bounds().range_x();
            for (index, probe) in stage.probes.iter().enumerate() {
                let (colour, dash) = palette.series(index);
                let line = line(&probe.name, &probe.series, &range, columns, *is_logarithmic, points);
                plot.line(line.color(colour).style(style(dash)));
            }
        });
    }
}

/// A plot of its own.
pub(super) fn plot<'a>(name: &str, is_logarithmic: bool) -> Plot<'a> {
    let plot = Plot::new(name.to_owned()).height(HEIGHT).allow_scroll(false);
    if is_logarithmic { plot.y_axis_formatter(|mark, _| format!("{:.3e}", libm::pow(10.0, mark.value))) } else { plot }
}

/// The points of a curve that so many columns of pixels can show; `range` is what was seen in the last frame.
pub(super) fn line<'a>(
    name: &str,
    series: &Series,
    range: &std::ops::RangeInclusive<f64>,
    columns: usize,
    is_logarithmic: bool,
    points: &mut Vec<[f64; 2]>,
) -> Line<'a> {
    points.clear();
    let all = series.x_range().unwrap_or(0.0..=1.0);
    // A plot that has never been seen has no bounds of its own yet, and one that follows its curves sees all of them.
    let is_part = *range.start() > *all.start() || *range.end() < *all.end();
    let range = if is_part && range.end() > range.start() && *range.end() > *all.start() { range.clone() } else { all };
    series.visible(range, columns, points);
    if is_logarithmic {
        points.retain(|point| point[1] > 0.0);
        points.iter_mut().for_each(|point| point[1] = libm::log10(point[1]));
    }
    Line::new(name.to_owned(), PlotPoints::new(points.clone()))
}

/// How the pattern of a curve is drawn.
pub(super) fn style(dash: Dash) -> LineStyle {
    match dash {
        Dash::Solid => LineStyle::Solid,
        Dash::Dashed => LineStyle::dashed_loose(),
        Dash::Dotted => LineStyle::dotted_loose(),
    }
}
