//! Orthogonal initial weights (Saxe, McClelland & Ganguli 2014), from a seed.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// Weights `[inputs, outputs]` whose rows or columns, whichever are fewer, are orthogonal and `gain` long.
///
/// `stream` tells the weights of one seed apart.
pub(in crate::learn::nets) fn orthogonal(
    seed: u64,
    stream: u64,
    (inputs, outputs): (usize, usize),
    gain: f32,
) -> Vec<f32> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(bytes);
    rng.set_stream(stream);
    let (count, len) = (inputs.min(outputs), inputs.max(outputs));
    let vectors = orthonormal(&mut rng, count, len);
    let at = |i: usize, j: usize| if inputs >= outputs { vectors[j][i] } else { vectors[i][j] };
    let places = (0..inputs).flat_map(|i| (0..outputs).map(move |j| (i, j)));
    places.map(|(i, j)| (f64::from(gain) * at(i, j)) as f32).collect()
}

/// `count` orthonormal vectors in `len` >= `count` dimensions, uniformly distributed: Gram-Schmidt on normal draws, each
/// vector freed of its predecessors twice because once leaves rounding errors behind.
fn orthonormal(rng: &mut ChaCha8Rng, count: usize, len: usize) -> Vec<Vec<f64>> {
    let mut done: Vec<Vec<f64>> = Vec::with_capacity(count);
    while done.len() < count {
        let mut vector: Vec<f64> = (0..len).map(|_| normal(rng)).collect();
        for _ in 0..2 {
            for other in &done {
                let overlap = dot(&vector, other);
                vector.iter_mut().zip(other).for_each(|(x, y)| *x -= overlap * y);
            }
        }
        let length = dot(&vector, &vector).sqrt();
        if length > 1e-6 {
            vector.iter_mut().for_each(|x| *x /= length);
            done.push(vector);
        }
    }
    done
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A standard normal draw by Box and Muller (1958); of each pair only the cosine is used.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let unit = |bits: u64| ((bits >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    let (radius, angle) = (unit(rng.next_u64()), unit(rng.next_u64()));
    (-2.0 * libm::log(radius)).sqrt() * libm::cos(std::f64::consts::TAU * angle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewer_of_rows_and_columns_are_orthogonal_and_as_long_as_the_gain() {
        for (inputs, outputs) in [(5, 32), (32, 32), (32, 6), (32, 1)] {
            let gain = 1.5;
            let weights = orthogonal(7, 3, (inputs, outputs), gain);
            let line = |k: usize| -> Vec<f64> {
                if inputs >= outputs {
                    (0..inputs).map(|i| f64::from(weights[i * outputs + k])).collect()
                } else {
                    weights[k * outputs..][..outputs].iter().map(|&x| f64::from(x)).collect()
                }
            };
            for a in 0..inputs.min(outputs) {
                for b in 0..=a {
                    let expected = if a == b { f64::from(gain * gain) } else { 0.0 };
                    assert!((dot(&line(a), &line(b)) - expected).abs() < 1e-6, "{inputs}x{outputs}: {a}, {b}");
                }
            }
        }
    }

    #[test]
    fn seed_and_stream_decide_the_weights() {
        let weights = |seed, stream| orthogonal(seed, stream, (8, 8), 1.0);
        assert_eq!(weights(1, 0), weights(1, 0));
        assert_ne!(weights(1, 0), weights(2, 0));
        assert_ne!(weights(1, 0), weights(1, 1));
    }
}
