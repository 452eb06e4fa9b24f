//! Pictures of a film, one after the other.

use super::{ExportOptions, Film};
use crate::{
    error::{Error, Result},
    picture::{Captions, Fading, Picture, Theme, Trails},
    raster::{Frame, Rasteriser},
    sim::{View, ViewOptions, clock_of, picture_of},
};

/// Ticks of the past that a trail shows.
const TRAIL_TICKS: u64 = 16;
/// Ticks in which what was broken fades; not more than those of a trail, which are seen before the first picture.
const FADING_TICKS: usize = 10;
/// Most pictures of a clip.
const MOST: u64 = 1_000_000;
/// Pictures per second that can be asked for.
pub(super) const FPS: std::ops::RangeInclusive<u32> = 1..=100;

/// The pictures of a film.
pub(super) struct Frames<'a> {
    film: &'a mut dyn Film,
    on_step: &'a mut dyn FnMut(u64, u64),
    rasteriser: Rasteriser,
    theme: Theme,
    view: ViewOptions,
    trails: Trails,
    fading: Fading,
    fps: u32,
    from: u64,
    until: u64,
    ticks_per_frame: f64,
    next: u64,
    len: u64,
}

impl<'a> Frames<'a> {
    /// The pictures of `film` that `options` ask for.
    ///
    /// # Errors
    /// Ticks that there are not, sizes or rates out of range, a domain without a view, or a film that fails.
    pub(super) fn new(
        film: &'a mut dyn Film,
        options: &ExportOptions,
        on_step: &'a mut dyn FnMut(u64, u64),
    ) -> Result<Self> {
        let rasteriser = Rasteriser::new(options.theme.clone(), options.width, options.height)?;
        if !FPS.contains(&options.fps) {
            let told = Error::input(format!("{} pictures per second", options.fps));
            return Err(told.hint(format!("{} to {} are possible", FPS.start(), FPS.end())));
        }
        let (from, until) = ticks_between(film, options.from, options.until)?;
        let tick_s = view_of(film)?.declared().tick_s;
        let ticks_per_frame = options.speed.map_or(1.0, |speed| speed / (tick_s * f64::from(options.fps)));
        let last = (until - from) as f64 / ticks_per_frame;
        if last >= MOST as f64 {
            return Err(Error::input(format!("this clip would have more than {MOST} pictures"))
                .hint("ask for fewer ticks, or for a higher speed"));
        }
        let mut frames = Self {
            film,
            on_step,
            rasteriser,
            theme: options.theme.clone(),
            view: options.view.clone(),
            trails: Trails::new(TRAIL_TICKS as usize),
            fading: Fading::new(FADING_TICKS),
            fps: options.fps,
            from,
            until,
            ticks_per_frame,
            next: 0,
            // Rounding must not cost the last picture.
            len: (last + 1e-9) as u64 + 1,
        };
        frames.begin()?;
        Ok(frames)
    }

    /// Goes to the first tick, with the past that shows by then.
    fn begin(&mut self) -> Result<()> {
        let first = *self.film.ticks().start();
        self.film.seek(self.from.saturating_sub(TRAIL_TICKS).max(first))?;
        while self.film.tick() < self.from {
            self.picture()?;
            self.film.step()?;
        }
        Ok(())
    }

    pub(super) fn fps(&self) -> u32 {
        self.fps
    }

    pub(super) fn theme(&self) -> &Theme {
        &self.theme
    }

    /// The next picture; none after the last.
    pub(super) fn next(&mut self) -> Result<Option<Frame<'_>>> {
        if self.next >= self.len {
            return Ok(None);
        }
        let tick = self.from + (self.next as f64 * self.ticks_per_frame + 1e-9) as u64;
        let is_lingering = view_of(self.film)?.declared().is_lingering(&self.view);
        while self.film.tick() < tick {
            if !self.film.step()? {
                return Ok(None);
            }
            if self.film.tick() < tick && is_lingering {
                // What tells of ticks before wants every tick, shown or not.
                self.picture()?;
            }
        }
        let picture = self.picture()?;
        // An episode that ends at the last tick has made room for the next one by then, which is not asked for.
        let is_fresh = clock_of(self.film.lane().world(), 0).is_some_and(|clock| clock.tick == 0);
        if is_fresh && tick == self.until && tick > self.from {
            return Ok(None);
        }
        self.next += 1;
        (self.on_step)(self.next, self.len);
        Ok(Some(self.rasteriser.draw(&picture)))
    }

    /// What the film shows now, with its past and captions.
    pub(super) fn picture(&mut self) -> Result<Picture> {
        let view = view_of(self.film)?;
        let mut picture = picture_of(view, self.film.lane().world(), 0, &self.view);
        if view.declared().has_trails(&self.view) {
            self.trails.follow(&mut picture);
        }
        self.fading.follow(&mut picture);
        let scenario = self.film.scenario();
        picture.captions = Captions {
            title: scenario.title.clone(),
            scenario: scenario.name.clone(),
            seed: Some(self.film.seed()),
            policy: self.film.policies().join(", "),
            ..picture.captions
        };
        Ok(picture)
    }
}

/// First and last tick, checked against those that there are.
pub(super) fn ticks_between(film: &dyn Film, from: Option<u64>, until: Option<u64>) -> Result<(u64, u64)> {
    let (first, last) = film.ticks().into_inner();
    let (from, until) = (from.unwrap_or(first), until.unwrap_or(last));
    if from > until || from < first || until > last {
        return Err(Error::input(format!("there are no ticks {from} to {until}"))
            .hint(format!("`--from` and `--until` lie between {first} and {last}")));
    }
    Ok((from, until))
}

pub(super) fn view_of(film: &dyn Film) -> Result<&dyn View> {
    let domain = film.scenario().domain.domain();
    domain.view().ok_or_else(|| {
        Error::input(format!("domain `{}` has nothing to look at", domain.id())).hint("write a `.csv` table instead")
    })
}
