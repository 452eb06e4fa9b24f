//! What is measured each tick, as it is declared and shown.

use super::Measure;
use crate::sim::kit::declare_metrics;

declare_metrics! {
    /// What is measured each tick.
    pub(in super::super) struct Metrics {
        reduction: "%", Mean, Higher, "reduction of lambda-2, mean over the episode";
        reduction_final: "%", Last, Higher, "reduction of lambda-2 at the last tick";
        lambda2: "", Mean, Lower, "algebraic connectivity under jamming";
        components: "", Mean, Higher, "connected components of the radio graph";
        largest_component: "", Mean, Lower, "share of the drones in the largest component";
        reachability: "", Mean, Lower, "share of the pairs of drones that can reach each other";
        band_match: "", Mean, Higher, "share of the jammers on the swarm's band";
        energy: "m²/s", Sum, Lower, "speed squared times time, mean over jammers";
        fragmentation_time: "s", Last, Lower, "time until the swarm first fell apart; the whole episode if it never did";
        fragmented: "", Last, Higher, "1 if the swarm ever fell apart: its mean is the fragmentation rate";
        tracking_error: "m", Mean, Neither, "distance of a jammer to its assigned centroid, mean over jammers";
        overlap: "", Mean, Lower, "share of the pairs of jammers closer than twice the jam range";
        jam_power: "dBm", Mean, Higher, "jamming power that reaches links";
    }
}

impl Metrics {
    pub(super) fn of(measure: &Measure) -> Self {
        Self {
            reduction: 100.0 * measure.reduction,
            reduction_final: 100.0 * measure.reduction,
            lambda2: measure.lambda2,
            components: measure.num_components as f64,
            largest_component: measure.largest_component,
            reachability: measure.reachability,
            band_match: measure.band_match,
            energy: measure.energy,
            fragmentation_time: measure.fragmentation_time_s,
            fragmented: f64::from(u8::from(measure.is_fragmented)),
            tracking_error: measure.tracking_error_m,
            overlap: measure.overlap,
            jam_power: measure.jam_power_dbm,
        }
    }
}
