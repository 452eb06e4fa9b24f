//! One discrete dimension: the softmax of its logits.

use std::ops::Range;

use super::{
    HeadRows,
    block::Block,
    lanes::{self, LANES, Lanes},
};

/// Stands for the logit of a forbidden choice.
const FORBIDDEN: f32 = -1e30;

/// Where a discrete dimension's logits and masks are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Categorical {
    /// Columns in a row of the head.
    pub(super) logits: Range<usize>,
    /// First column in a row of masks.
    pub(super) mask: usize,
}

/// The logits of one dimension in one block.
struct Logits<'a> {
    dim: &'a Categorical,
    outputs: HeadRows<'a>,
    block: &'a Block,
    head_width: usize,
    mask_width: usize,
}

/// The distribution of one dimension in one block.
pub(super) struct Softmax<'a> {
    logits: Logits<'a>,
    max: Lanes,
    /// Sum over choices of e^(logit - max).
    sum: Lanes,
    inverse_sum: Lanes,
    log_sum: Lanes,
    /// Shannon entropy, nats.
    pub(super) entropy: Lanes,
}

impl Categorical {
    #[inline(always)]
    pub(super) fn softmax<'a>(
        &'a self,
        outputs: HeadRows<'a>,
        block: &'a Block,
        head_width: usize,
        mask_width: usize,
    ) -> Softmax<'a> {
        Softmax::new(Logits { dim: self, outputs, block, head_width, mask_width })
    }
}

impl Logits<'_> {
    /// Logits of one choice, forbidden ones far below all others.
    #[inline(always)]
    fn of(&self, choice: usize) -> Lanes {
        let mut logit = self.block.load(self.outputs.head, self.head_width, self.dim.logits.start + choice);
        if let Some(masks) = self.outputs.masks {
            let mask = self.block.load_source(masks, self.mask_width, self.dim.mask + choice);
            for lane in 0..LANES {
                logit[lane] = if mask[lane] == 0.0 { FORBIDDEN } else { logit[lane] };
            }
        }
        lanes::map(logit, |logit| if logit < FORBIDDEN { FORBIDDEN } else { logit })
    }
}

impl<'a> Softmax<'a> {
    #[inline(always)]
    fn new(logits: Logits<'a>) -> Self {
        let mut max = logits.of(0);
        for choice in 1..logits.dim.logits.len() {
            let logit = logits.of(choice);
            for lane in 0..LANES {
                max[lane] = if logit[lane] > max[lane] { logit[lane] } else { max[lane] };
            }
        }
        let zero = [0.0; LANES];
        let mut softmax = Self { logits, max, sum: zero, inverse_sum: zero, log_sum: zero, entropy: zero };
        let mut weighted = zero;
        for choice in softmax.choices() {
            let shifted = softmax.shifted(choice);
            for lane in 0..LANES {
                let exp = lanes::exp(shifted[lane]);
                softmax.sum[lane] += exp;
                weighted[lane] += exp * shifted[lane];
            }
        }
        for lane in 0..LANES {
            softmax.inverse_sum[lane] = 1.0 / softmax.sum[lane];
            softmax.log_sum[lane] = lanes::ln(softmax.sum[lane]);
            softmax.entropy[lane] = softmax.log_sum[lane] - weighted[lane] * softmax.inverse_sum[lane];
        }
        softmax
    }

    pub(super) fn choices(&self) -> Range<usize> {
        0..self.logits.dim.logits.len()
    }

    /// ln p of the stored choices.
    #[inline(always)]
    pub(super) fn log_prob(&self, stored: Lanes) -> Lanes {
        let mut chosen = [0.0; LANES];
        for choice in self.choices() {
            let shifted = self.shifted(choice);
            for lane in 0..LANES {
                chosen[lane] = if stored[lane] == choice as f32 { shifted[lane] } else { chosen[lane] };
            }
        }
        for lane in 0..LANES {
            chosen[lane] -= self.log_sum[lane];
        }
        chosen
    }

    /// p of one choice.
    pub(super) fn probability(&self, choice: usize) -> Lanes {
        let shifted = self.shifted(choice);
        std::array::from_fn(|lane| lanes::exp(shifted[lane]) * self.inverse_sum[lane])
    }

    /// d ln p(stored) / d logit and d entropy / d logit of one choice.
    #[inline(always)]
    pub(super) fn gradient(&self, stored: Lanes, choice: usize) -> (Lanes, Lanes) {
        let shifted = self.shifted(choice);
        let (mut of_log_prob, mut of_entropy) = ([0.0; LANES], [0.0; LANES]);
        for lane in 0..LANES {
            let p = lanes::exp(shifted[lane]) * self.inverse_sum[lane];
            let hit = if stored[lane] == choice as f32 { 1.0 } else { 0.0 };
            of_log_prob[lane] = hit - p;
            of_entropy[lane] = -p * (shifted[lane] - self.log_sum[lane] + self.entropy[lane]);
        }
        (of_log_prob, of_entropy)
    }

    /// The first choice at which the cumulative distribution exceeds a uniform number in [0, 1).
    #[inline(always)]
    pub(super) fn draw(&self, uniform: Lanes) -> Lanes {
        let mut threshold = uniform;
        for lane in 0..LANES {
            // A caller's 1.0 must not run past the last allowed choice.
            threshold[lane] = threshold[lane].min(1.0 - f32::EPSILON / 2.0) * self.sum[lane];
        }
        let (mut cumulative, mut drawn) = ([0.0; LANES], [0.0; LANES]);
        for choice in self.choices() {
            let shifted = self.shifted(choice);
            for lane in 0..LANES {
                let before = cumulative[lane] <= threshold[lane];
                cumulative[lane] += lanes::exp(shifted[lane]);
                let here = before & (cumulative[lane] > threshold[lane]);
                drawn[lane] = if here { choice as f32 } else { drawn[lane] };
            }
        }
        drawn
    }

    /// The first of the most likely choices.
    #[inline(always)]
    pub(super) fn best(&self) -> Lanes {
        let mut best = [0.0; LANES];
        for choice in self.choices().rev() {
            let shifted = self.shifted(choice);
            for lane in 0..LANES {
                best[lane] = if shifted[lane] == 0.0 { choice as f32 } else { best[lane] };
            }
        }
        best
    }

    /// logit - max, cut off where its exponential is 0 anyway.
    #[inline(always)]
    fn shifted(&self, choice: usize) -> Lanes {
        let mut shifted = self.logits.of(choice);
        for lane in 0..LANES {
            let difference = shifted[lane] - self.max[lane];
            shifted[lane] = if difference < -88.0 { -88.0 } else { difference };
        }
        shifted
    }
}
