//! `agon export`: clips, pictures and tables, without display or graphics card.

use std::{fs::File, io::Read, path::Path};

use indicatif::ProgressBar;

use super::{args::ExportArgs, output, policies};
use crate::{
    domains::Scenario,
    durable::{Durability, landing, read_capped},
    error::{Error, Result},
    export::{ExportOptions, Film, Format, MAX_GIF_FPS, Played, export},
    picture::{MAX_THEME_BYTES, Theme},
    places,
    policy::card::{CARD_FILE, load_card},
    record::Replay,
    session::folder::RunFolder,
    sim::{Domain, View, ViewOptions},
    text,
};

/// How pictures are drawn where nothing else is asked for.
const SIZE: (u32, u32) = (800, 600);
const FPS: u32 = 20;
const THEME: &str = "dark";

/// How a recording (a file of MCAP) begins.
const MAGIC: [u8; 8] = *b"\x89MCAP0\r\n";

/// Exports.
pub(super) fn run(args: &ExportArgs) -> Result<()> {
    let format = Format::of(&args.to)?;
    check_flags(args, format)?;
    let lands_at = landing(&args.to)?;
    if lands_at.exists() && !args.force {
        return Err(Error::input("this file is there already")
            .in_file(&args.to)
            .hint("name another one, or replace it with `--force`"));
    }
    let mut film = open(args)?;
    let ((width, height), fps) = (args.size.unwrap_or(SIZE), args.fps.unwrap_or(FPS));
    let options = ExportOptions {
        from: args.from,
        until: args.until,
        width,
        height,
        fps,
        speed: args.speed,
        theme: theme(args.theme.as_deref().unwrap_or(THEME))?,
        view: view(args, film.scenario().domain.domain())?,
    };
    let bar: ProgressBar = output::progress(1, "drawing");
    let durability = export(&mut *film, &args.to, &options, &mut |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    if let Durability::Uncertain(error) = durability? {
        output::note(error);
    }
    if format == Format::Gif && fps > MAX_GIF_FPS {
        output::note(format_args!(
            "viewers show at most {MAX_GIF_FPS} pictures per second of a GIF: some were left out, and it plays as long"
        ));
    }
    output::note(format_args!("written to {}", lands_at.display()));
    Ok(())
}

/// Refuses what would change nothing.
fn check_flags(args: &ExportArgs, format: Format) -> Result<()> {
    let is_clip = matches!(format, Format::Gif | Format::Mp4);
    let is_drawn = is_clip || format == Format::Png;
    let flags = [
        ("--fps", args.fps.is_some(), is_clip),
        ("--speed", args.speed.is_some(), is_clip),
        ("--size", args.size.is_some(), is_drawn),
        ("--theme", args.theme.is_some(), is_drawn),
        ("--colour-by", args.colour_by.is_some(), is_drawn),
        ("--hide", !args.hide.is_empty(), is_drawn),
    ];
    let useless = flags.into_iter().find(|(_, is_given, is_used)| *is_given && !is_used);
    useless.map_or(Ok(()), |(flag, ..)| {
        Err(Error::input(format!("`{flag}` changes nothing in a file of this format"))
            .in_file(&args.to)
            .hint("leave it out, or write a clip or a picture"))
    })
}

/// What `SOURCE` stands for.
fn open(args: &ExportArgs) -> Result<Box<dyn Film>> {
    let path = Path::new(&args.source);
    if is_recording(path) {
        return recorded(args, path);
    }
    let (scenario, own) = if path.join("run.ron").is_file() {
        let scenario = RunFolder::open(path)?.read_plan()?.stages.pop();
        let scenario = scenario.ok_or_else(|| Error::input("the run has no scenario").in_file(path))?;
        (scenario, Some(args.source.as_str()))
    } else if path.join(CARD_FILE).is_file() {
        (places::load_scenario(&load_card(path)?.scenario)?, Some(args.source.as_str()))
    } else {
        (places::load_scenario(&args.source)?, None)
    };
    let policy = args.policy.as_deref().or(own).ok_or_else(|| nobody_plays(&scenario))?;
    play(args, scenario, policy)
}

/// Whether a file begins like a recording, whatever it is called.
fn is_recording(path: &Path) -> bool {
    let mut start = [0; MAGIC.len()];
    let is_magic = |mut file: File| file.read_exact(&mut start).is_ok() && start == MAGIC;
    path.is_file() && (path.extension().is_some_and(|ending| ending == "mcap") || File::open(path).is_ok_and(is_magic))
}

/// A recording; who plays in it, and under which seed, is past.
fn recorded(args: &ExportArgs, path: &Path) -> Result<Box<dyn Film>> {
    let fixed = [("--policy", args.policy.is_some()), ("--seed", args.seed.is_some()), ("--episode", args.episode > 0)];
    if let Some((flag, _)) = fixed.iter().find(|(_, is_given)| *is_given) {
        return Err(Error::input(format!("`{flag}` changes nothing in a recording"))
            .in_file(path)
            .hint("leave it out, or name a scenario instead of a recording"));
    }
    Ok(Box::new(Replay::open(path)?))
}

fn nobody_plays(scenario: &Scenario) -> Error {
    let baselines = scenario.domain.domain().baselines();
    let names: Vec<&str> = baselines.iter().map(|baseline| baseline.name).collect();
    Error::input("who is to play?")
        .hint(format!("add `--policy` with one of {}, or with a run folder", names.join(", ")))
}

fn play(args: &ExportArgs, scenario: Scenario, policy: &str) -> Result<Box<dyn Film>> {
    let cast = policies::single(&scenario, policy)?;
    let seed = args.seed.unwrap_or(scenario.seed);
    let scenario = scenario.observed_on(&cast.layouts())?;
    Ok(Box::new(Played::new(scenario, cast, seed, args.episode)?))
}

/// A theme by its name, or from a file.
fn theme(name: &str) -> Result<Theme> {
    let path = Path::new(name);
    if !path.is_file() && !name.ends_with(".ron") {
        return Theme::named(name);
    }
    let bytes = read_capped(path, MAX_THEME_BYTES)?;
    let text = text::utf8(&bytes).map_err(|error| error.into_error().in_file(path))?;
    Theme::parse(text).map_err(|error| error.in_file(path))
}

fn view(args: &ExportArgs, domain: &dyn Domain) -> Result<ViewOptions> {
    let mut options = ViewOptions::default();
    let Some(declared) = domain.view().map(View::declared) else { return Ok(options) };
    if let Some(name) = &args.colour_by {
        let names = || declared.colour_by.iter().map(|choice| choice.name);
        options.colour_by = names().position(|choice| choice == name).ok_or_else(|| {
            Error::input(format!("agents are not coloured by `{}`", name.escape_debug())).did_you_mean(name, names())
        })?;
    }
    for name in &args.hide {
        let layer = declared.layer(name)?;
        if options.shows(layer) {
            options.toggle(layer);
        }
    }
    Ok(options)
}
