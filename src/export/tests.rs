//! Files read back.

#![allow(clippy::unwrap_used, reason = "tests")]

mod dot;

use std::{fs, path::PathBuf};

use super::*;
use crate::{
    domains::Scenario,
    picture::{Colour, Picture, Token},
    policy::cast::Player,
    sim::Lane,
};

const TICKS: u64 = 12;

fn film() -> Played {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/jamming/skirmish.ron");
    let mut scenario = Scenario::parse_bytes(&fs::read(path).unwrap(), path).unwrap();
    scenario.max_steps = TICKS as u32;
    let baseline = scenario.domain.domain().baselines().into_iter().find(|baseline| baseline.name == "nearest");
    Played::new(scenario, Player::from(baseline.unwrap()).into(), 3, 0).unwrap()
}

fn options() -> ExportOptions {
    ExportOptions {
        from: None,
        until: None,
        width: 320,
        height: 240,
        fps: 20,
        speed: None,
        theme: Theme::default(),
        view: ViewOptions::default(),
    }
}

/// The file that an export leaves.
fn exported(name: &str, options: &ExportOptions) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    assert!(export(&mut film(), &path, options, &mut |_, _| {}).unwrap().is_promised());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    fs::read(path).unwrap()
}

/// Pictures of a GIF as a viewer shows them, RGBA, with their delays.
fn shown(bytes: &[u8]) -> (u16, u16, Vec<(Vec<u8>, u16)>) {
    let mut options = ::gif::DecodeOptions::new();
    options.set_color_output(::gif::ColorOutput::RGBA);
    let mut decoder = options.read_info(bytes).unwrap();
    let (width, height) = (decoder.width(), decoder.height());
    let mut screen = vec![0; 4 * usize::from(width) * usize::from(height)];
    let mut shown = Vec::new();
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        let row_len = 4 * usize::from(frame.width);
        for (y, row) in frame.buffer.chunks_exact(row_len).enumerate() {
            let start = 4 * ((usize::from(frame.top) + y) * usize::from(width) + usize::from(frame.left));
            for (old, new) in screen[start..start + row_len].chunks_exact_mut(4).zip(row.chunks_exact(4)) {
                if new[3] == 255 {
                    old.copy_from_slice(new);
                }
            }
        }
        shown.push((screen.clone(), frame.delay));
    }
    (width, height, shown)
}

/// The pictures themselves.
fn drawn(options: &ExportOptions) -> Vec<Vec<u8>> {
    let (mut film, mut on_step) = (film(), |_, _| {});
    let mut frames = Frames::new(&mut film, options, &mut on_step).unwrap();
    let mut drawn = Vec::new();
    while let Some(frame) = frames.next().unwrap() {
        drawn.push(frame.rgba.to_vec());
    }
    drawn
}

#[test]
fn a_gif_shows_every_tick_in_the_size_and_time_asked_for() {
    let (width, height, shown) = shown(&exported("clip.gif", &options()));
    assert_eq!((width, height), (320, 240));
    // The last tick ends the episode: what is there by then belongs to the next one.
    assert_eq!(shown.len() as u64, TICKS);
    assert!(shown.windows(2).all(|pair| pair[0].0 != pair[1].0), "two pictures are alike");
    assert!(shown.iter().all(|(_, delay)| *delay == 5));
}

#[test]
fn a_gif_looks_like_the_pictures_it_is_made_of() {
    let drawn = drawn(&options());
    let (.., shown) = shown(&exported("clip.gif", &options()));
    assert_eq!(shown.len(), drawn.len());
    for ((shown, _), drawn) in shown.iter().zip(&drawn) {
        let differences = || shown.iter().zip(drawn).map(|(a, b)| f64::from(a.abs_diff(*b)));
        let mean = differences().sum::<f64>() / shown.len() as f64;
        assert!(mean < 0.5, "{mean} of 255");
        // A wrong rectangle would leave whole marks behind.
        let far = differences().filter(|difference| *difference > 60.0).count();
        assert!(far < shown.len() / 1000, "{far} of {}", shown.len());
    }
}

#[test]
fn the_same_film_gives_the_same_file() {
    for name in ["clip.gif", "frame.png", "table.csv"] {
        assert!(exported(name, &options()) == exported(name, &options()), "{name}");
    }
}

#[test]
fn speed_decides_how_many_pictures_a_stretch_of_time_gets() {
    let pictures = |fps, speed| {
        let options = ExportOptions { fps, speed, from: Some(2), until: Some(10), ..options() };
        let (.., shown) = shown(&exported("clip.gif", &options));
        let hundredths: u64 = shown.iter().map(|(_, delay)| u64::from(*delay)).sum();
        (shown.len(), hundredths)
    };
    // Eight ticks of half a second are 4 s.
    assert_eq!(pictures(20, None), (9, 45));
    assert_eq!(pictures(10, Some(1.0)), (41, 410));
    assert_eq!(pictures(10, Some(4.0)), (11, 110));
    assert_eq!(pictures(5, Some(10.0)), (3, 60));
}

#[test]
fn no_picture_of_a_gif_is_shorter_than_viewers_show_and_the_clip_keeps_its_time() {
    for speed in [None, Some(4.0)] {
        for fps in [1, 24, 50, 51, 60, 75, 100] {
            let ticks = ExportOptions { from: Some(0), until: Some(10), ..options() };
            let options = ExportOptions { fps, speed, width: 64, height: 48, ..ticks };
            let (.., shown) = shown(&exported("clip.gif", &options));
            assert!(shown.iter().all(|(_, delay)| *delay >= 2), "{fps}");
            let found_s: f64 = shown.iter().map(|(_, delay)| f64::from(*delay) / 100.0).sum();
            // Ten ticks of half a second, and the picture of the last.
            let asked_s = speed.map_or(10.0 / f64::from(fps), |speed| 5.0 / speed) + 1.0 / f64::from(fps);
            let picture_s = 1.0 / f64::from(fps.min(MAX_GIF_FPS));
            assert!((found_s - asked_s).abs() < picture_s + 0.006, "{fps}, {speed:?}: {found_s} s for {asked_s}");
        }
    }
}

#[test]
fn a_png_is_the_picture_of_its_tick() {
    let all = drawn(&options());
    for (options, tick) in [
        (ExportOptions { until: Some(5), ..options() }, 5),
        (ExportOptions { from: Some(7), ..options() }, 7),
        (ExportOptions { from: Some(2), until: Some(9), ..options() }, 9),
        (ExportOptions { from: Some(0), ..options() }, 0),
        // The last tick has ended the episode; the one before is the last to be seen.
        (options(), TICKS as usize - 1),
    ] {
        let bytes = exported("frame.png", &options);
        let mut reader = ::png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut rgb).unwrap();
        assert_eq!((info.width, info.height), (320, 240));
        let expected: Vec<u8> = all[tick].chunks_exact(4).flat_map(|pixel| pixel[..3].to_vec()).collect();
        assert!(rgb == expected, "tick {tick}");
    }
}

#[test]
fn a_link_that_was_cut_long_ago_is_fainter_than_one_just_cut() {
    let (mut film, mut on_step) = (film(), |_, _| {});
    let mut frames = Frames::new(&mut film, &options(), &mut on_step).unwrap();
    let (mut fresh, mut old) = (0.0_f32, 1.0_f32);
    for _ in 0..TICKS {
        let picture = frames.picture().unwrap();
        let cut = picture.marks.iter().filter(|mark| mark.colour == Colour::Token(Token::Broken));
        cut.for_each(|mark| (fresh, old) = (fresh.max(mark.opacity), old.min(mark.opacity)));
        frames.next().unwrap();
    }
    assert!(old < 0.8 * fresh, "{old} of {fresh}");
}

/// Name and values of every column, as the ports of a film of its own say them.
fn as_the_ports_say() -> Vec<(String, Vec<f64>)> {
    let mut film = film();
    let spec = film.lane().spec().clone();
    let mut columns: Vec<(String, Vec<f64>)> = Vec::new();
    let mut add = |name: String, value: f64| match columns.iter_mut().find(|(known, _)| *known == name) {
        Some((_, values)) => values.push(value),
        None => columns.push((name, vec![value])),
    };
    for tick in 1..=TICKS {
        assert!(film.step().unwrap());
        let ports = film.lane().ports();
        add("episode".to_owned(), 0.0);
        add("tick".to_owned(), tick as f64);
        add("time [s]".to_owned(), 0.5 * tick as f64);
        for (metric, value) in spec.metrics.iter().zip(&ports.metrics) {
            let unit = if metric.unit.is_empty() { String::new() } else { format!(" [{}]", metric.unit) };
            add(format!("{}{unit}", metric.name), *value);
        }
        let (group, agents) = (&ports.groups[0], ports.groups[0].agents as f64);
        add("jammers.reward".to_owned(), group.rewards.iter().map(|r| f64::from(*r)).sum::<f64>() / agents);
        for (i, term) in spec.groups[0].reward_terms.iter().enumerate() {
            let paid = group.terms.chunks_exact(group.num_terms).map(|terms| f64::from(terms[i]));
            add(format!("jammers.reward.{}", term.name), paid.sum::<f64>() / agents);
        }
    }
    assert!(!film.step().unwrap());
    columns
}

#[track_caller]
fn assert_same(found: &[(String, Vec<f64>)]) {
    let expected = as_the_ports_say();
    let names = |columns: &[(String, Vec<f64>)]| columns.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(found), names(&expected));
    for ((name, found), (_, expected)) in found.iter().zip(&expected) {
        let close = found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-12 * b.abs().max(1.0));
        assert!(found.len() == expected.len() && close, "{name}: {found:?}, the ports said {expected:?}");
    }
}

#[test]
fn a_csv_says_what_the_ports_said() {
    let text = String::from_utf8(exported("table.csv", &options())).unwrap();
    let mut lines = text.lines();
    let names = lines.next().unwrap().split(',');
    let mut columns: Vec<(String, Vec<f64>)> = names.map(|name| (name.to_owned(), vec![])).collect();
    for line in lines {
        let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        assert_eq!(cells.len(), columns.len());
        columns.iter_mut().zip(cells).for_each(|((_, values), cell)| values.push(cell));
    }
    assert_same(&columns);
    assert!(text.starts_with("episode,tick,time [s],reduction [%],"), "{text}");
}

#[cfg(feature = "parquet")]
#[test]
fn a_parquet_file_says_what_the_ports_said() {
    use ::parquet::arrow::arrow_reader::ParquetRecordBatchReader;
    use arrow_array::{Array, Float64Array, UInt32Array, UInt64Array};

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("table.parquet");
    export(&mut film(), &path, &options(), &mut |_, _| {}).unwrap().is_promised();
    let batches = ParquetRecordBatchReader::try_new(fs::File::open(&path).unwrap(), 1024).unwrap();
    let batch = batches.map(Result::unwrap).next().unwrap();
    let numbers = |array: &dyn Array| -> Vec<f64> {
        let array = array.as_any();
        match (array.downcast_ref::<UInt64Array>(), array.downcast_ref::<UInt32Array>()) {
            (Some(whole), _) => whole.values().iter().map(|value| *value as f64).collect(),
            (_, Some(whole)) => whole.values().iter().map(|value| f64::from(*value)).collect(),
            _ => array.downcast_ref::<Float64Array>().unwrap().values().to_vec(),
        }
    };
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    assert_same(&columns.map(|(field, values)| (field.name().clone(), numbers(values))).collect::<Vec<_>>());
}

#[cfg(feature = "video")]
#[test]
fn an_mp4_holds_every_picture_and_starts_with_what_players_need() {
    let bytes = exported("clip.mp4", &options());
    let place = |name: &[u8; 4]| bytes.windows(4).position(|window| window == name).unwrap();
    assert_eq!(place(b"ftyp"), 4);
    assert!(place(b"moov") < place(b"mdat"));
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    // Sample sizes: version and flags, common size, count.
    assert_eq!(u64::from(number(place(b"stsz") + 12)), TICKS);
    let odd = ExportOptions { width: 321, ..options() };
    let error = export(&mut film(), &tempfile::tempdir().unwrap().path().join("a.mp4"), &odd, &mut |_, _| {});
    assert!(error.unwrap_err().to_string().contains("even"));
}

#[test]
fn a_film_can_be_wound_back_and_is_the_same_again() {
    let mut film = film();
    let hash = |film: &Played| film.lane().hash(0);
    film.seek(4).unwrap();
    let early = hash(&film);
    film.seek(9).unwrap();
    let late = hash(&film);
    film.seek(4).unwrap();
    assert_eq!((film.tick(), hash(&film)), (4, early));
    film.seek(9).unwrap();
    assert_eq!(hash(&film), late);
    assert!(film.seek(TICKS + 1).unwrap_err().to_string().contains("the episode ends at 12"));
}

#[test]
fn ticks_that_there_are_not_are_refused() {
    for (from, until) in [(Some(5), Some(4)), (None, Some(13)), (Some(40), None)] {
        for name in ["clip.gif", "table.csv"] {
            let options = ExportOptions { from, until, ..options() };
            let error = export(&mut film(), &PathBuf::from(name), &options, &mut |_, _| {}).unwrap_err();
            assert!(error.to_string().contains("`--from` and `--until` lie between 0 and 12"), "{error}");
        }
    }
    let endless = ExportOptions { speed: Some(1e-9), ..options() };
    let error = export(&mut film(), &PathBuf::from("clip.gif"), &endless, &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("more than 1000000 pictures"), "{error}");
}

/// A film that tears.
struct Torn(Played);

impl Film for Torn {
    fn scenario(&self) -> &Scenario {
        self.0.scenario()
    }

    fn policies(&self) -> &[String] {
        self.0.policies()
    }

    fn seed(&self) -> u64 {
        self.0.seed()
    }

    fn ticks(&self) -> std::ops::RangeInclusive<u64> {
        self.0.ticks()
    }

    fn tick(&self) -> u64 {
        self.0.tick()
    }

    fn seek(&mut self, tick: u64) -> Result<()> {
        self.0.seek(tick)
    }

    fn step(&mut self) -> Result<bool> {
        if self.tick() == 6 { Err(Error::input("the film is torn")) } else { self.0.step() }
    }

    fn lane(&self) -> &Lane {
        self.0.lane()
    }
}

#[test]
fn a_film_that_fails_leaves_the_old_file_and_nothing_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["clip.gif", "table.csv"] {
        let path = dir.path().join(name);
        fs::write(&path, b"precious").unwrap();
        let error = export(&mut Torn(film()), &path, &options(), &mut |_, _| {}).unwrap_err();
        assert!(error.to_string().contains("the film is torn"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn captions_say_what_is_shown() {
    let (mut film, mut on_step) = (film(), |_, _| {});
    let options = ExportOptions { from: Some(3), ..options() };
    let mut frames = Frames::new(&mut film, &options, &mut on_step).unwrap();
    let Picture { captions, .. } = frames.picture().unwrap();
    assert_eq!((captions.title.as_str(), captions.scenario.as_str()), ("Skirmish", "skirmish"));
    assert_eq!((captions.policy.as_str(), captions.seed), ("nearest", Some(3)));
    assert_eq!((captions.tick, captions.time_s), (3, 1.5));
    assert!(captions.metrics.iter().any(|metric| metric.name == "lambda2" && metric.value.is_some()));
}
