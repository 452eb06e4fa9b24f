//! Configuration of the jamming domain.

use crate::{
    error::{Error, Result},
    sim::params::{choices, params},
};

choices! {
    /// The four radio bands.
    pub enum Band {
        /// 433 MHz.
        Mhz433 = "mhz433",
        /// 915 MHz.
        Mhz915 = "mhz915",
        /// 2.4 GHz.
        Ghz2_4 = "ghz2_4",
        /// 5.8 GHz.
        Ghz5_8 = "ghz5_8",
    }
}

choices! {
    /// How drones of the swarm move.
    pub enum Motion {
        /// They hover.
        Static = "static",
        /// Constant speed, heading disturbed by white noise, reflected at the border.
        RandomWalk = "random_walk",
        /// Constant speed, slowly varying turn rate; they leave at one border and enter at the opposite one.
        CoordinatedTurn = "coordinated_turn",
        /// All keep one velocity, so the formation keeps its shape; it is reflected at the border as a whole.
        Formation = "formation",
    }
}

choices! {
    /// Where drones of the swarm start.
    pub enum Placement {
        /// Uniform in the inner 80 % of the arena's sides.
        Uniform = "uniform",
        /// In discs around random centres.
        Clustered = "clustered",
        /// On a square grid.
        Grid = "grid",
        /// On a line.
        Line = "line",
        /// On a circle.
        Circle = "circle",
        /// On the two arms of a V.
        Vee = "vee",
    }
}

choices! {
    /// Where jammers start.
    pub enum JammerStart {
        /// Uniform in the inner 80 % of the arena's sides.
        Uniform = "uniform",
        /// Within 10 m per axis of the centroid they are assigned to.
        Centroid = "centroid",
    }
}

choices! {
    /// When a jammer cuts a link.
    pub enum JamModel {
        /// Its power at the midpoint of the link reaches the jam threshold.
        Midpoint = "midpoint",
        /// The signal at either receiver falls below the required ratio to noise and the sum of all interference.
        Sinr = "sinr",
    }
}

choices! {
    /// What jammers see.
    pub enum ObservationLayout {
        /// The five numbers of the published system.
        Published5 = "published5",
        /// Direction to the assigned centroid, own velocity, band of the swarm.
        Seed5 = "seed5",
        /// The nearest enemies, jammers and live links, and what a jammer knows of itself and the swarm's band.
        Local = "local",
        /// The same, and how well the drones it sees would hold together after each of nine steps.
        Lookahead = "lookahead",
    }
}

choices! {
    /// Who is paid for what.
    pub enum RewardMode {
        /// One number for the whole team, clipped.
        Team = "team",
        /// Own band, proximity and energy; shared connectivity and overlap; not clipped.
        Individual = "individual",
    }
}

choices! {
    /// What lambda-2 under jamming is compared with.
    pub enum Reference {
        /// Lambda-2 without jamming when the episode began.
        EpisodeStart = "episode_start",
        /// Lambda-2 of the same positions and band without jamming.
        Unjammed = "unjammed",
    }
}

choices! {
    /// What the swarm does when it has been jammed for a while.
    pub enum Response {
        /// Nothing.
        None = "none",
        /// It hops to another of its bands.
        Hop = "hop",
        /// Its drones fly apart.
        Spread = "spread",
        /// Both.
        HopAndSpread = "hop_and_spread",
    }
}

choices! {
    /// Who flies the swarm.
    pub enum SwarmControl {
        /// Its drones move as `motion` says and respond as `response` says.
        Scripted = "scripted",
        /// Its drones are agents of a group of their own.
        Agents = "agents",
    }
}

params! {
    /// Configuration of the jamming domain.
    pub struct JammingParams {
        /// Jammers in the team.
        num_jammers: usize = 4, range 1..=1000, next_reset;
        /// Drones in the swarm.
        num_enemies: usize = 10, range 2..=1000, next_reset;
        /// Side of the square arena.
        arena_m: f64 = 100.0, unit "m", range 1.0..=100000.0, next_reset;
        /// Length of a tick.
        dt_s: f64 = 0.5, unit "s", range 0.001..=60.0, next_reset;

        /// Transmit power of each drone of the swarm.
        enemy_power_dbm: f64 = 20.0, unit "dBm", range -60.0..=90.0, live;
        /// Weakest signal a drone can receive.
        sensitivity_dbm: f64 = -58.74, unit "dBm", range -200.0..=60.0, live;
        /// Transmit power of each jammer.
        jam_power_dbm: f64 = 30.0, unit "dBm", range -60.0..=90.0, live;
        /// Jamming power at a link's midpoint that cuts the link.
        jam_threshold_dbm: f64 = -31.63, unit "dBm", range -200.0..=60.0, live;
        /// When a jammer cuts a link.
        jam_model: JamModel = JamModel::Midpoint, choice, next_reset;
        /// Noise power at a receiver (model `sinr`).
        noise_floor_dbm: f64 = -100.0, unit "dBm", range -200.0..=60.0, live;
        /// Ratio of signal to noise plus interference that a receiver needs (model `sinr`).
        sinr_threshold_db: f64 = 10.0, unit "dB", range -60.0..=90.0, live;
        /// Bands the swarm may talk on; one is drawn for each episode.
        enemy_bands: Vec<Band> = Band::ALL.to_vec(), list 1..=4, choice, next_reset;

        /// Who flies the swarm.
        swarm: SwarmControl = SwarmControl::Scripted, choice, next_reset;
        /// How drones of the swarm move; where they are agents, what they do unless somebody is named for them.
        motion: Motion = Motion::RandomWalk, choice, next_reset;
        /// Speed of the swarm's drones.
        enemy_speed_mps: f64 = 2.0, unit "m/s", range 0.0..=1000.0, next_reset;
        /// Standard deviation per tick and axis of the noise on the velocity of a random walk.
        walk_noise_mps: f64 = 0.1, unit "m/s", range 0.0..=1000.0, live;
        /// Standard deviation per tick of the noise on the rate of a coordinated turn.
        turn_noise_radps: f64 = 0.05, unit "rad/s", range 0.0..=10.0, live;
        /// Largest rate of a coordinated turn.
        max_turn_radps: f64 = 0.5, unit "rad/s", range 0.0..=10.0, next_reset;
        /// Where drones of the swarm start.
        placement: Placement = Placement::Uniform, choice, next_reset;
        /// Number of discs (placement `clustered`).
        num_clusters: usize = 3, range 1..=1000, next_reset;
        /// Radius of each disc (placement `clustered`).
        cluster_radius_m: f64 = 30.0, unit "m", range 0.0..=100000.0, next_reset;
        /// Distance between neighbours in a formation; smaller where the arena is too small for it.
        spacing_m: f64 = 20.0, unit "m", range 0.1..=100000.0, next_reset;
        /// Placements are drawn anew until lambda-2 without jamming reaches this, at most 100 times; the best is kept.
        min_start_lambda2: f64 = 0.5, range 0.0..=1000.0, next_reset;
        /// Where each drone starts, x and y in turn; empty: as `placement` says. Given places are not drawn anew.
        enemies_at_m: Vec<f64> = vec![], list 0..=2000, unit "m", range 0.0..=100000.0, next_reset;
        /// What the swarm does when it has been jammed for a while.
        response: Response = Response::None, choice, next_reset;
        /// Reduction of lambda-2 from which the swarm counts as jammed.
        response_reduction: f64 = 0.5, range 0.0..=1.0, live;
        /// Ticks of being jammed without a break after which the swarm responds.
        response_ticks: usize = 5, range 1..=100000, live;

        /// Top speed of a jammer, per axis.
        jammer_speed_mps: f64 = 5.0, unit "m/s", range 0.0..=1000.0, next_reset;
        /// Where jammers start.
        jammer_start: JammerStart = JammerStart::Uniform, choice, next_reset;
        /// Where each jammer starts, x and y in turn; empty: as `jammer_start` says.
        jammers_at_m: Vec<f64> = vec![], list 0..=2000, unit "m", range 0.0..=100000.0, next_reset;
        /// What jammers see.
        observation: ObservationLayout = ObservationLayout::Local, choice, next_reset;
        /// What lambda-2 under jamming is compared with.
        reference: Reference = Reference::EpisodeStart, choice, next_reset;

        /// Largest distance between neighbours in a cluster (DBSCAN).
        cluster_eps_m: f64 = 25.0, unit "m", range 0.001..=100000.0, live;
        /// Neighbours, itself included, that make a drone the core of a cluster (DBSCAN).
        cluster_min_samples: usize = 2, range 1..=1000, live;
        /// Ticks between clusterings.
        cluster_interval: usize = 10, range 1..=100000, live;
        /// Jammers are assigned anew when a centroid has moved farther than this between clusterings.
        reassign_distance_m: f64 = 30.0, unit "m", range 0.0..=100000.0, live;

        /// Who is paid for what.
        reward: RewardMode = RewardMode::Team, choice, next_reset;
        /// Weight of the reduction of lambda-2.
        w_lambda2: f64 = 1.0, range -1000.0..=1000.0, live;
        /// Weight of jamming on the swarm's band.
        w_band: f64 = 0.3, range -1000.0..=1000.0, live;
        /// Weight of being near the assigned centroid.
        w_proximity: f64 = 0.2, range -1000.0..=1000.0, live;
        /// Weight of the energy spent on moving.
        w_energy: f64 = 0.1, range -1000.0..=1000.0, live;
        /// Weight of jammers covering the same ground.
        w_overlap: f64 = 0.2, range -1000.0..=1000.0, live;
        /// Weight of what a jammer alone adds to the reduction of lambda-2 (a difference reward; for mode `individual`).
        w_contribution: f64 = 0.0, range -1000.0..=1000.0, live;
        /// Swarm of agents: weight of the share of lambda-2 that is left.
        w_swarm_lambda2: f64 = 1.0, range -1000.0..=1000.0, live;
        /// Swarm of agents: weight of the deviation from `spacing_m` to the nearest other drone.
        w_swarm_formation: f64 = 0.1, range -1000.0..=1000.0, live;
        /// Swarm of agents: price of a hop to another band.
        w_swarm_hop: f64 = 0.5, range -1000.0..=1000.0, live;
        /// Decay of the proximity term with distance.
        proximity_decay_per_m: f64 = 0.05, unit "1/m", range 0.0..=1000.0, live;
    }
}

/// Whether `at_m`, the value of the parameter `name`, says where each of `count` starts; an empty list says nothing.
pub(super) fn check_places(name: &str, at_m: &[f64], (of, count): (&str, usize), arena_m: f64) -> Result<()> {
    if !at_m.is_empty() && at_m.len() != 2 * count {
        let (found, expected) = (at_m.len(), 2 * count);
        return Err(Error::input(format!(
            "`{name}` must have {expected} entries where `{of}` is {count}, found {found}"
        ))
        .hint("list x and y of each in turn, or leave the list empty"));
    }
    match at_m.iter().find(|at| !(0.0..=arena_m).contains(*at)) {
        Some(at) => Err(Error::input(format!("`{name}` has a place at {at} m, outside the arena of {arena_m} m"))
            .hint("coordinates go from 0 to `arena_m`")),
        None => Ok(()),
    }
}

impl Band {
    /// Carrier frequency in Hz.
    pub fn frequency_hz(self) -> f64 {
        match self {
            Self::Mhz433 => 433e6,
            Self::Mhz915 => 915e6,
            Self::Ghz2_4 => 2.4e9,
            Self::Ghz5_8 => 5.8e9,
        }
    }

    /// Name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Mhz433 => "433 MHz",
            Self::Mhz915 => "915 MHz",
            Self::Ghz2_4 => "2.4 GHz",
            Self::Ghz5_8 => "5.8 GHz",
        }
    }
}
