//! The scenarios that can be opened, each with a picture of its first seconds.

use crossbeam_channel::{Receiver, TryRecvError, unbounded};

use crate::{
    domains::Scenario,
    error::Result,
    picture::Theme,
    places::{self, Place},
    raster::Rasteriser,
    sim::{EVALUATION_ENVS, Showcase, ViewOptions, picture_of},
};

use super::{catalogue, history::lane_of};

/// Size of a picture in pixels; so small a picture has no words.
pub const THUMBNAIL: (u32, u32) = (208, 156);
/// Ticks that a picture is into its episode.
const TICKS: u32 = 40;

/// A scenario that can be opened.
pub struct Card {
    /// Where it is.
    pub place: Place,
    /// The scenario, or why it cannot be read.
    pub scenario: Result<Scenario>,
    /// Whether it demonstrates defects of a system that was published.
    pub shows_defects: bool,
    /// Its picture, `[height, width, 4]`, once it is drawn.
    pub thumbnail: Option<Vec<u8>>,
}

/// Scenarios and the pictures that are being drawn of them.
pub struct Gallery {
    cards: Vec<Card>,
    drawn: Receiver<(usize, Vec<u8>)>,
    /// Whether the thread that draws has come to its end.
    is_over: bool,
    /// Counts the galleries of a window: whoever keeps pictures knows by it which are out of date.
    number: u64,
}

impl Gallery {
    /// All scenarios that can be called by name. Their pictures are drawn on a thread of their own.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn open(theme: &Theme) -> Result<Self> {
        let mut cards: Vec<Card> = places::scenarios()?.into_iter().map(card_of).collect();
        cards.sort_by_cached_key(|card| (card.place.domain.clone(), rank(card), card.place.name.clone()));
        let scenarios: Vec<Option<Scenario>> = cards.iter().map(|card| card.scenario.clone().ok()).collect();
        let (done, drawn) = unbounded();
        let theme = theme.clone();
        std::thread::spawn(move || {
            for (index, scenario) in scenarios.into_iter().enumerate() {
                if let Some(pixels) = scenario.and_then(|scenario| thumbnail(&scenario, &theme))
                    && done.send((index, pixels)).is_err()
                {
                    // The gallery has been closed.
                    return;
                }
            }
        });
        Ok(Self { cards, drawn, is_over: false, number: 1 })
    }

    /// The same in the place of another one.
    pub(super) fn after(self, before: &Self) -> Self {
        Self { number: before.number + 1, ..self }
    }

    /// Which gallery of the window this is, counted from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The scenarios by domain, in the order in which a person meets them: what shows most first, what shows defects last.
    pub fn cards(&self) -> &[Card] {
        &self.cards
    }

    /// Whether pictures are still being drawn.
    pub fn is_drawing(&self) -> bool {
        self.cards.iter().any(|card| card.thumbnail.is_none() && card.scenario.is_ok()) && !self.is_over
    }

    /// Takes the pictures that were drawn since this was last called; whether there were any.
    pub fn poll(&mut self) -> bool {
        let mut any = false;
        loop {
            match self.drawn.try_recv() {
                Ok((index, pixels)) => {
                    any = true;
                    if let Some(card) = self.cards.get_mut(index) {
                        card.thumbnail = Some(pixels);
                    }
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.is_over = true;
                    break;
                }
            }
        }
        any
    }
}

fn card_of(place: Place) -> Card {
    let scenario = places::read_scenario(&place.path);
    let defects = showcase(&scenario).defects;
    Card { shows_defects: defects.contains(&place.name.as_str()), scenario, place, thumbnail: None }
}

/// Where a card stands among those of its domain: what shows most first, what shows defects last, others in between.
fn rank(card: &Card) -> usize {
    let first = showcase(&card.scenario).first;
    let among = first.iter().position(|name| *name == card.place.name);
    among.unwrap_or(if card.shows_defects { usize::MAX } else { first.len() })
}

fn showcase(scenario: &Result<Scenario>) -> Showcase {
    scenario.as_ref().map(|scenario| scenario.domain.domain().showcase()).unwrap_or_default()
}

/// Some seconds into an episode under the policy that the scenario opens with; none for a domain without a view.
fn thumbnail(scenario: &Scenario, theme: &Theme) -> Option<Vec<u8>> {
    let view = scenario.domain.domain().view()?;
    let mut lane = lane_of(scenario, scenario.seed, EVALUATION_ENVS);
    let mut seats = catalogue::seats(scenario, None, &[]).ok()?;
    for _ in 0..TICKS.min(scenario.max_steps.saturating_sub(1)) {
        for (group, seat) in seats.iter_mut().enumerate() {
            seat.act(&mut lane, group).ok()?;
        }
        lane.step();
    }
    let picture = picture_of(view, lane.world(), 0, &ViewOptions::default());
    let mut rasteriser = Rasteriser::new(theme.clone(), THUMBNAIL.0, THUMBNAIL.1).ok()?;
    Some(rasteriser.draw(&picture).rgba.to_vec())
}
