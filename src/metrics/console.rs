//! Progress for whoever watches: a bar with rate and time left on a terminal, one JSON line per interval into a pipe.
//!
//! Watching never decides over the run: a reader that goes away silences the console and fails nothing.

use std::{
    io::{self, ErrorKind, IsTerminal, Write},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::{Point, Progress, Sink, as_map, progress::in_words};
use crate::error::{Error, Result};

/// Wall time between two lines into a pipe unless told otherwise, in seconds.
pub const INTERVAL_S: f64 = 5.0;

/// Progress on standard output.
pub struct Console {
    progress: Progress,
    face: Face,
}

enum Face {
    Bar { bar: ProgressBar, headline: Vec<String> },
    Lines(Heartbeat),
}

/// One JSON line per interval, first and last point always among them.
struct Heartbeat {
    out: Box<dyn Write + Send>,
    interval_s: f64,
    due_s: f64,
    /// The newest line, as long as it has not been printed.
    pending: Vec<u8>,
    is_closed: bool,
}

/// What a line into a pipe holds besides the point: the numbers of a progress bar.
#[derive(Serialize)]
struct Beat<'a> {
    step: u64,
    wall_s: f64,
    fraction: f64,
    steps_per_s: Option<f64>,
    eta_s: Option<f64>,
    #[serde(flatten, serialize_with = "as_map")]
    scalars: &'a [(&'a str, f64)],
}

#[derive(Serialize)]
struct Note<'a> {
    note: &'a str,
}

impl Console {
    /// A bar if standard output is a terminal, otherwise a JSON line every [`INTERVAL_S`]. The bar shows the scalars named
    /// in `headline`, as far as a point has them; a line holds them all.
    pub fn new(progress: Progress, headline: &[&str]) -> Self {
        if io::stdout().is_terminal() {
            let bar = Self::bar(progress.clone(), headline, ProgressDrawTarget::stdout());
            // A dumb terminal cannot redraw a line.
            if !matches!(&bar.face, Face::Bar { bar, .. } if bar.is_hidden()) {
                return bar;
            }
        }
        Self::heartbeat(progress, INTERVAL_S, Box::new(io::stdout()))
    }

    /// A JSON line into `out` at the first point and then whenever `interval_s` of [`Point::wall_s`] have gone by.
    pub fn heartbeat(progress: Progress, interval_s: f64, out: Box<dyn Write + Send>) -> Self {
        let lines = Heartbeat { out, interval_s, due_s: f64::NEG_INFINITY, pending: Vec::new(), is_closed: false };
        Self { progress, face: Face::Lines(lines) }
    }

    fn bar(progress: Progress, headline: &[&str], target: ProgressDrawTarget) -> Self {
        let style = ProgressStyle::with_template("{elapsed_precise} [{bar:10}] {percent:>3}% {wide_msg}")
            .expect("the template is a constant that a test draws")
            .progress_chars("=> ");
        let bar = ProgressBar::with_draw_target(Some(BAR_LENGTH), target).with_style(style);
        bar.set_position(bar_position(&progress));
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(250));
        }
        let headline = headline.iter().copied().map(str::to_owned).collect();
        Self { progress, face: Face::Bar { bar, headline } }
    }

    /// Says something in between: a line above the bar, or `{"note":…}` into a pipe.
    ///
    /// # Errors
    /// As for [`Sink::write`].
    pub fn note(&mut self, text: &str) -> Result<()> {
        match &mut self.face {
            Face::Bar { bar, .. } => {
                bar.println(text);
                Ok(())
            }
            Face::Lines(lines) => lines.print(&json_line(&Note { note: text })?),
        }
    }

    /// Ends the display where it stands; the last point is shown for certain.
    ///
    /// # Errors
    /// As for [`Sink::write`].
    pub fn finish(&mut self) -> Result<()> {
        match &mut self.face {
            Face::Bar { bar, .. } => {
                bar.abandon();
                Ok(())
            }
            Face::Lines(lines) => lines.print_pending(),
        }
    }

    /// Whether the reader of standard output went away; all further output is dropped.
    pub fn is_closed(&self) -> bool {
        matches!(&self.face, Face::Lines(lines) if lines.is_closed)
    }
}

impl Sink for Console {
    fn write(&mut self, point: &Point<'_>) -> Result<()> {
        self.progress.advance(point.step, point.wall_s);
        match &mut self.face {
            Face::Bar { bar, headline } => {
                bar.set_position(bar_position(&self.progress));
                bar.set_message(in_words(&self.progress, point, headline));
                Ok(())
            }
            Face::Lines(lines) => {
                lines.pending = json_line(&Beat {
                    step: point.step,
                    wall_s: point.wall_s,
                    fraction: self.progress.fraction(),
                    steps_per_s: self.progress.steps_per_s(),
                    eta_s: self.progress.eta_s(),
                    scalars: point.scalars,
                })?;
                lines.print_if_due(point.wall_s)
            }
        }
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Heartbeat {
    fn print_if_due(&mut self, wall_s: f64) -> Result<()> {
        if wall_s >= self.due_s {
            self.due_s = wall_s + self.interval_s;
            return self.print_pending();
        }
        Ok(())
    }

    fn print_pending(&mut self) -> Result<()> {
        let line = std::mem::take(&mut self.pending);
        if line.is_empty() { Ok(()) } else { self.print(&line) }
    }

    fn print(&mut self, line: &[u8]) -> Result<()> {
        if self.is_closed {
            return Ok(());
        }
        match self.out.write_all(line).and_then(|()| self.out.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(())
            }
            Err(error) => Err(Error::system(format!("standard output cannot be written: {error}"))),
        }
    }
}

/// Units of a full bar.
const BAR_LENGTH: u64 = 1000;

fn bar_position(progress: &Progress) -> u64 {
    (progress.fraction() * BAR_LENGTH as f64) as u64
}

fn json_line(object: &impl Serialize) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(object).map_err(|error| Error::system(error.to_string()))?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::{Arc, Mutex};

    use indicatif::TermLike;
    use serde_json::{Value, json};

    use super::{super::Goal, *};

    /// A pipe or a terminal whose other end the test holds.
    #[derive(Clone, Debug, Default)]
    struct Screen {
        text: Arc<Mutex<String>>,
        refuses_with: Arc<Mutex<Option<ErrorKind>>>,
    }

    impl Screen {
        fn text(&self) -> String {
            self.text.lock().unwrap().clone()
        }

        fn put(&self, text: &str) -> io::Result<()> {
            if let Some(kind) = *self.refuses_with.lock().unwrap() {
                return Err(kind.into());
            }
            self.text.lock().unwrap().push_str(text);
            Ok(())
        }
    }

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.put(std::str::from_utf8(bytes).unwrap()).map(|()| bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.put("")
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            80
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            self.put("")
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            self.put("")
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            self.put("")
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            self.put("")
        }

        fn write_line(&self, line: &str) -> io::Result<()> {
            self.put(line).and_then(|()| self.put("\n"))
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.put(text)
        }

        fn clear_line(&self) -> io::Result<()> {
            self.put("")
        }

        fn flush(&self) -> io::Result<()> {
            self.put("")
        }
    }

    fn point(step: u64, wall_s: f64) -> Point<'static> {
        Point { step, wall_s, scalars: &[("charts/episodic_return", 12.345), ("losses/value_loss", f64::NAN)] }
    }

    fn piped(screen: &Screen) -> Console {
        Console::heartbeat(Progress::new(Goal::Steps(1000), 0, 0.0), 5.0, Box::new(screen.clone()))
    }

    #[test]
    fn a_pipe_gets_one_line_per_interval_and_the_last_point() {
        let screen = Screen::default();
        let mut console = piped(&screen);
        for tick in 1..=13_u32 {
            console.write(&point(u64::from(tick) * 10, f64::from(tick))).unwrap();
        }
        console.finish().unwrap();
        console.finish().unwrap();
        let lines: Vec<Value> = screen.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let steps: Vec<_> = lines.iter().map(|line| line["step"].as_u64().unwrap()).collect();
        assert_eq!(steps, [10, 60, 110, 130]);
        let expected = json!({
            "step": 130, "wall_s": 13.0, "fraction": 0.13, "steps_per_s": 10.0, "eta_s": 87.0,
            "charts/episodic_return": 12.345, "losses/value_loss": null,
        });
        assert_eq!(lines[3], expected);
    }

    #[test]
    fn a_note_is_an_object_of_its_own() {
        let screen = Screen::default();
        piped(&screen).note("saved \"a\"\nand b").unwrap();
        assert_eq!(screen.text(), "{\"note\":\"saved \\\"a\\\"\\nand b\"}\n");
    }

    #[test]
    fn a_reader_that_goes_away_silences_the_console_and_fails_nothing() {
        let screen = Screen::default();
        let mut console = piped(&screen);
        console.write(&point(1, 0.0)).unwrap();
        *screen.refuses_with.lock().unwrap() = Some(ErrorKind::BrokenPipe);
        assert!(!console.is_closed());
        console.write(&point(2, 9.0)).unwrap();
        assert!(console.is_closed());
        *screen.refuses_with.lock().unwrap() = None;
        console.note("unheard").unwrap();
        console.finish().unwrap();
        assert_eq!(screen.text().lines().count(), 1);
    }

    #[test]
    fn a_full_disk_behind_standard_output_is_told() {
        let screen = Screen::default();
        *screen.refuses_with.lock().unwrap() = Some(ErrorKind::StorageFull);
        let error = piped(&screen).write(&point(1, 0.0)).unwrap_err();
        assert!(error.to_string().starts_with("standard output cannot be written"), "{error}");
    }

    #[test]
    fn a_terminal_gets_a_bar_with_rate_and_time_left() {
        let screen = Screen::default();
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        let mut console = Console::bar(
            Progress::new(Goal::Steps(2_000_000), 0, 0.0),
            &["charts/episodic_return", "env/none"],
            target,
        );
        console.write(&point(400_000, 1.0)).unwrap();
        console.write(&point(800_000, 2.0)).unwrap();
        console.note("saved").unwrap();
        console.finish().unwrap();
        let text = screen.text();
        assert!(text.contains("]  40% 800k/2.00M steps 400k/s ETA 0:03 episodic_return 12.3"), "{text}");
        assert!(text.contains("saved"), "{text}");
    }

    #[test]
    fn a_terminal_that_hangs_up_is_survived() {
        let screen = Screen::default();
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        let mut console = Console::bar(Progress::new(Goal::Seconds(60.0), 0, 0.0), &[], target);
        *screen.refuses_with.lock().unwrap() = Some(ErrorKind::BrokenPipe);
        console.write(&point(10, 30.0)).unwrap();
        console.note("unheard").unwrap();
        console.finish().unwrap();
    }
}
