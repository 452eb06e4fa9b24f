//! What the drones of the swarm, and for `bridges` their links too, are coloured by. The shape or the size says the same as
//! the colour.

use super::Scene;
use crate::{
    domains::jamming::{structure::Links, systems::Model},
    math::{
        dbscan::{Dbscan, NOISE},
        fiedler::DenseSolver,
    },
    picture::{Colour, Dash, Glyph, LegendItem, Ramp, Sign, Token},
    sim::ColourBy,
};

/// What can be asked for.
pub(super) const CHOICES: [ColourBy; 5] = [
    ColourBy { name: "fiedler", doc: "component of the Fiedler vector: where the swarm is easiest to cut in two" },
    ColourBy { name: "component", doc: "connected component of the radio graph, largest first" },
    ColourBy { name: "degree", doc: "live links of the drone" },
    ColourBy { name: "cluster", doc: "cluster by position, as jammers are assigned to" },
    ColourBy { name: "bridges", doc: "drones and links without which the swarm falls into more pieces" },
];

/// Shapes of the kinds that drones are told apart into.
const SHAPES: [Glyph; 7] =
    [Glyph::Disc, Glyph::Donut, Glyph::Square, Glyph::Wedge, Glyph::Hexagon, Glyph::Star, Glyph::Diamond];

/// Colour of a drone or a link without which the swarm falls into more pieces.
const NEEDED: Colour = Colour::Sequential(1.0);

/// Components below this part of the largest one count as zero: neither side.
const ZERO: f64 = 1e-6;

/// How each drone looks.
pub(super) enum Colouring {
    /// Components of the Fiedler vector, scaled to -1..=1.
    Fiedler(Vec<f32>),
    /// Number of the kind, none for a drone of no kind; and what kinds are called.
    Kind(Vec<Option<usize>>, &'static str),
    /// Live links, of at most so many.
    Degree(Vec<u32>, u32),
    /// Whether each drone is an articulation point, and which links are bridges, in ascending order.
    Bridges(Vec<bool>, Vec<[usize; 2]>),
}

impl Colouring {
    /// The choice at `index` of [`CHOICES`], for a swarm with these live links, `[drones, words]`.
    pub(super) fn new(index: usize, rows: &[u64], scene: &Scene, model: &Model) -> Self {
        let n = scene.drones.len();
        let links = Links::new(n, rows);
        match CHOICES.get(index).map_or(CHOICES[0].name, |choice| choice.name) {
            "component" => Self::Kind(links.components().into_iter().map(Some).collect(), "component"),
            "bridges" => Self::Bridges(links.articulation_points(), links.bridges()),
            "degree" => {
                let degrees = (0..n).map(|drone| links.degree(drone) as u32);
                Self::Degree(degrees.collect(), n as u32 - 1)
            }
            "cluster" => {
                let points: Vec<[f32; 2]> = scene.drones.iter().map(|(_, at, _)| at.to_array()).collect();
                let (eps_m, min_samples) = (model.params.cluster_eps_m as f32, model.params.cluster_min_samples);
                let mut labels = Vec::new();
                Dbscan::default().run(&points, eps_m, min_samples, &mut labels);
                Self::Kind(labels.iter().map(|l| (*l != NOISE).then_some(*l as usize)).collect(), "cluster")
            }
            _ => Self::Fiedler(fiedler(rows, n)),
        }
    }

    pub(super) fn colour(&self, drone: usize) -> Colour {
        match self {
            Self::Fiedler(vector) => Colour::Diverging(vector[drone]),
            Self::Kind(kinds, _) => kinds[drone].map_or(Colour::Token(Token::Muted), Colour::Category),
            Self::Degree(degrees, most) => Colour::Sequential(degrees[drone] as f32 / (*most).max(1) as f32),
            Self::Bridges(is_needed, _) if is_needed[drone] => NEEDED,
            Self::Bridges(..) => Colour::Token(Token::Muted),
        }
    }

    /// Colour of a live link that has one of its own.
    pub(super) fn link_colour(&self, ends: [usize; 2]) -> Option<Colour> {
        match self {
            Self::Bridges(_, bridges) => bridges.binary_search(&ends).is_ok().then_some(NEEDED),
            Self::Fiedler(_) | Self::Kind(..) | Self::Degree(..) => None,
        }
    }

    pub(super) fn shape(&self, drone: usize) -> Glyph {
        match self {
            Self::Fiedler(vector) if vector[drone] < 0.0 => Glyph::Donut,
            Self::Kind(kinds, _) => kinds[drone].map_or(Glyph::Plus, |kind| SHAPES[kind % SHAPES.len()]),
            Self::Bridges(is_needed, _) if is_needed[drone] => Glyph::Star,
            Self::Fiedler(_) | Self::Degree(..) | Self::Bridges(..) => Glyph::Disc,
        }
    }

    /// How much larger than others the drone is drawn.
    pub(super) fn scale(&self, drone: usize) -> f32 {
        match self {
            Self::Degree(degrees, most) => 0.7 + 0.7 * degrees[drone] as f32 / (*most).max(1) as f32,
            Self::Bridges(is_needed, _) if is_needed[drone] => 1.5,
            Self::Fiedler(_) | Self::Kind(..) | Self::Bridges(..) => 1.0,
        }
    }

    pub(super) fn legend(&self) -> Vec<LegendItem> {
        let item =
            |shape, colour, text: String| LegendItem { sign: Sign::Glyph { shape, colour, outlined: false }, text };
        match self {
            Self::Fiedler(_) => vec![
                item(Glyph::Disc, Colour::Diverging(0.8), "drone on one side".to_owned()),
                item(Glyph::Donut, Colour::Diverging(-0.8), "drone on the other".to_owned()),
            ],
            Self::Degree(..) => vec![item(Glyph::Disc, Colour::Sequential(0.8), "drone".to_owned())],
            Self::Kind(kinds, noun) => {
                let shown = kinds.iter().flatten().max().map_or(0, |most| most + 1).min(3);
                let one =
                    |kind: usize| item(SHAPES[kind], Colour::Category(kind), format!("drone of {noun} {}", kind + 1));
                (0..shown).map(one).collect()
            }
            Self::Bridges(..) => vec![
                item(Glyph::Star, NEEDED, "drone that joins two parts".to_owned()),
                item(Glyph::Disc, Colour::Token(Token::Muted), "any other drone".to_owned()),
            ],
        }
    }

    /// What is said of links that have a colour of their own.
    pub(super) fn link_legend(&self) -> Option<LegendItem> {
        let sign = Sign::Line { colour: NEEDED, dash: Dash::Solid };
        matches!(self, Self::Bridges(..)).then(|| LegendItem { sign, text: "bridge between two parts".to_owned() })
    }

    pub(super) fn ramp(&self) -> Option<Ramp> {
        let ramp = |title: &str, is_diverging, low: &str, high: String| Ramp {
            title: title.to_owned(),
            is_diverging,
            low: low.to_owned(),
            high,
        };
        match self {
            Self::Fiedler(_) => Some(ramp("Fiedler vector", true, "–", "+".to_owned())),
            Self::Degree(_, most) => Some(ramp("live links", false, "0", most.to_string())),
            Self::Kind(..) | Self::Bridges(..) => None,
        }
    }
}

/// The Fiedler vector, scaled so that its largest component is 1 or -1.
fn fiedler(rows: &[u64], n: usize) -> Vec<f32> {
    let mut vector = vec![0.0; n];
    DenseSolver::new().fiedler_vector(n, rows, &mut vector);
    let largest = vector.iter().fold(0.0_f64, |largest, x| largest.max(x.abs())).max(f64::MIN_POSITIVE);
    vector.iter().map(|x| x / largest).map(|x| if x.abs() < ZERO { 0.0 } else { x as f32 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fiedler_vector_splits_a_path_in_the_middle() {
        let vector = fiedler(&[0b00010, 0b00101, 0b01010, 0b10100, 0b01000], 5);
        assert_eq!((vector[0], vector[2], vector[4]), (1.0, 0.0, -1.0));
        assert!(vector.is_sorted_by(|a, b| a > b), "{vector:?}");
    }
}
