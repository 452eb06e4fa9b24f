//! Where the parts of a picture go.
//!
//! Arena, header and panel make a block, which lies in the middle of the page. Of a few ways to put it together the one is
//! taken that has room for the largest arena.

use glam::Vec2;

use crate::picture::{Arena, Length};

/// Everything is laid out for a picture whose shorter side is this, and scaled with it.
const SHORTER_SIDE: f32 = 600.0;
/// Pictures with a shorter side are the arena alone: words could not be read.
const WORDLESS: u32 = 200;
const MARGIN: f32 = 22.0;
const HEADER: f32 = 58.0;
/// Numbers of the grid and the scale bar.
const FOOTER: f32 = 40.0;
/// Narrowest column of the panel.
const COLUMN: f32 = 184.0;
/// Column that a header fits on.
const WIDE_COLUMN: f32 = 280.0;
/// Gap between two columns of the panel.
pub(super) const GUTTER: f32 = 24.0;
/// Height that the panel is given in one column, and in two.
const TALL_PANEL: f32 = 430.0;
const FLAT_PANEL: f32 = 254.0;

/// A rectangle in pixels, y downwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

/// Places in a picture of one size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Layout {
    /// Pixels of this picture for one of the size it is designed for.
    pub unit: f32,
    /// The arena.
    pub arena: Area,
    /// Title and what is below it; none in a picture without words.
    pub header: Option<Area>,
    /// Measures and legend.
    pub panel: Area,
    /// Columns of the panel.
    pub num_columns: usize,
    low: Vec2,
    pixels_per_m: f32,
}

/// How the parts lie to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrangement {
    /// The header above, the panel at the right of the arena.
    Beside,
    /// Header and panel at the right of the arena, for wide pages.
    Wide,
    /// The header above, the panel below the arena, for high pages.
    Below,
    /// The arena alone.
    Wordless,
}

impl Layout {
    pub(super) fn new(arena: Arena, width: u32, height: u32) -> Self {
        let page = Vec2::new(width as f32, height as f32);
        let unit = page.min_element() / SHORTER_SIDE;
        let room = page - 2.0 * MARGIN * unit;
        let fit = |arrangement: Arrangement| {
            let fits = (room - unit * arrangement.taken()) / arena.size_m();
            (arrangement, fits.min_element())
        };
        let (arrangement, pixels_per_m) = if width.min(height) < WORDLESS {
            fit(Arrangement::Wordless)
        } else {
            let others = [Arrangement::Wide, Arrangement::Below].map(fit);
            others.into_iter().fold(fit(Arrangement::Beside), |best, next| if next.1 > best.1 { next } else { best })
        };
        // Whole pixels, so that the border is sharp.
        let size = (arena.size_m() * pixels_per_m).round();
        let block = arrangement.block(size, unit);
        let block = Area::at((page - block) / 2.0, block);
        let corner = (arrangement.arena_in(block, size, unit)).round();
        let mut layout = Self {
            unit,
            arena: Area::at(corner, size),
            header: None,
            panel: block,
            num_columns: 1,
            low: arena.low,
            pixels_per_m,
        };
        layout.place_words(arrangement, block, page.y - MARGIN * unit);
        layout
    }

    /// Puts header and panel around the arena; a panel may go on beyond the block, to the margin of the page.
    fn place_words(&mut self, arrangement: Arrangement, block: Area, bottom: f32) {
        let unit = self.unit;
        let aside = self.arena.right + MARGIN * unit;
        let header = |left| Area { left, top: block.top, right: block.right, bottom: block.top + HEADER * unit };
        let panel = |left, top| Area { left, top, right: block.right, bottom };
        (self.header, self.panel, self.num_columns) = match arrangement {
            Arrangement::Beside => (Some(header(block.left)), panel(aside, self.arena.top), 1),
            Arrangement::Wide => (Some(header(aside)), panel(aside, block.top + HEADER * unit), 1),
            Arrangement::Below => (Some(header(block.left)), panel(block.left, self.arena.bottom + FOOTER * unit), 2),
            Arrangement::Wordless => (None, block, 1),
        };
    }

    /// The pixel of a place in metres.
    pub(super) fn pixel(&self, at: Vec2) -> Vec2 {
        let from_corner = (at - self.low) * self.pixels_per_m;
        Vec2::new(self.arena.left + from_corner.x, self.arena.bottom - from_corner.y)
    }

    /// A length in pixels of this picture.
    pub(super) fn pixels(&self, length: Length) -> f32 {
        match length {
            Length::Metres(metres) => metres * self.pixels_per_m,
            Length::Pixels(pixels) => pixels * self.unit,
        }
    }
}

impl Arrangement {
    /// Width and height that the arena cannot have.
    fn taken(self) -> Vec2 {
        match self {
            Self::Beside => Vec2::new(MARGIN + COLUMN, HEADER + FOOTER),
            Self::Wide => Vec2::new(MARGIN + WIDE_COLUMN, FOOTER),
            Self::Below => Vec2::new(0.0, HEADER + FOOTER + FLAT_PANEL),
            Self::Wordless => Vec2::ZERO,
        }
    }

    /// Size of the block around an arena of `size` pixels.
    fn block(self, size: Vec2, unit: f32) -> Vec2 {
        let least = match self {
            Self::Beside | Self::Wide => Vec2::new(0.0, HEADER + TALL_PANEL),
            Self::Below => Vec2::new(2.0 * COLUMN + GUTTER, 0.0),
            Self::Wordless => Vec2::ZERO,
        };
        (size + unit * self.taken()).max(unit * least)
    }

    /// Upper left corner of the arena in the block.
    fn arena_in(self, block: Area, size: Vec2, unit: f32) -> Vec2 {
        match self {
            Self::Beside => Vec2::new(block.left, block.top + HEADER * unit),
            Self::Below => Vec2::new((block.left + block.right - size.x) / 2.0, block.top + HEADER * unit),
            Self::Wide | Self::Wordless => Vec2::new(block.left, block.top),
        }
    }
}

impl Area {
    fn at(corner: Vec2, size: Vec2) -> Self {
        Self { left: corner.x, top: corner.y, right: corner.x + size.x, bottom: corner.y + size.y }
    }

    pub(super) fn width(&self) -> f32 {
        self.right - self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arena_keeps_its_shape_and_stays_on_the_page() {
        for (width, height) in [(800, 600), (600, 800), (600, 600), (1920, 1080), (320, 240), (64, 48), (8192, 200)] {
            for side_m in [Vec2::new(100.0, 100.0), Vec2::new(300.0, 50.0), Vec2::new(1.0, 40.0)] {
                let layout = Layout::new(Arena { low: Vec2::ZERO, high: side_m, is_to_scale: true }, width, height);
                let Area { left, top, right, bottom } = layout.arena;
                assert!(left >= 0.0 && top >= 0.0 && right <= width as f32 && bottom <= height as f32, "{layout:?}");
                let ratio = (right - left) / (bottom - top);
                assert!((right - left - ratio * (bottom - top)).abs() < 1.0);
                assert_eq!(layout.pixel(Vec2::ZERO), Vec2::new(left, bottom));
                assert!(layout.pixel(side_m).distance(Vec2::new(right, top)) < 1.0, "{layout:?}");
            }
        }
    }

    #[test]
    fn what_is_drawn_leaves_as_much_of_the_page_free_on_the_left_as_on_the_right() {
        for (width, height) in [(800, 600), (1280, 720), (600, 600), (600, 800), (720, 1280), (2560, 1080), (150, 90)] {
            for side_m in [Vec2::new(100.0, 100.0), Vec2::new(300.0, 50.0), Vec2::new(1.0, 40.0)] {
                let layout = Layout::new(Arena { low: Vec2::ZERO, high: side_m, is_to_scale: true }, width, height);
                let parts = [Some(layout.arena), layout.header, layout.header.map(|_| layout.panel)];
                let left = parts.iter().flatten().map(|part| part.left).fold(f32::MAX, f32::min);
                let right = parts.iter().flatten().map(|part| part.right).fold(0.0, f32::max);
                assert!((left - (width as f32 - right)).abs() <= 1.0, "{width}x{height}, {side_m}: {layout:?}");
            }
        }
    }

    #[test]
    fn the_panel_lies_where_it_leaves_most_to_the_arena() {
        let layout = |width, height| Layout::new(Arena::square(100.0), width, height);
        let (wide, page, high) = (layout(1280, 720), layout(800, 600), layout(600, 900));
        for beside in [wide, page] {
            assert!(beside.panel.left > beside.arena.right && beside.num_columns == 1);
        }
        assert!(wide.header.is_some_and(|header| header.left > wide.arena.right));
        assert!(page.header.is_some_and(|header| header.bottom <= page.arena.top));
        assert!(high.panel.top > high.arena.bottom && high.num_columns == 2);
        assert!(layout(100, 100).header.is_none());
    }

    #[test]
    fn the_panel_has_the_room_it_was_given() {
        for (width, height) in [(800, 600), (1280, 720), (600, 600), (600, 700), (600, 800), (720, 1280), (300, 200)] {
            let layout = Layout::new(Arena::square(100.0), width, height);
            let gaps = GUTTER * (layout.num_columns - 1) as f32;
            let size = (layout.panel.width() / layout.unit, (layout.panel.bottom - layout.panel.top) / layout.unit);
            let height = if layout.num_columns == 1 { TALL_PANEL } else { FLAT_PANEL };
            assert!(size.0 > layout.num_columns as f32 * COLUMN + gaps - 3.0 && size.1 > height - 3.0, "{layout:?}");
        }
    }
}
