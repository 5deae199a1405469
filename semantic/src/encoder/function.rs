//! The functions of a network on many numbers at once: written without branches, so that the compiler takes eight at a
//! time.

use super::Math;
use pulp::{Simd, WithSimd};

/// `eˣ` to within 3e-7 of its value, for what is not so large that it overflows.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    // Added to a number, it leaves the nearest integer in the lowest bits.
    const SHIFT: f32 = 12_582_912.0;
    let shifted = x * std::f32::consts::LOG2_E + SHIFT;
    let whole = shifted - SHIFT;
    // ln 2 in two parts, so that nothing is lost where it is subtracted.
    let rest = x - whole * 0.693_359_4 + whole * 2.121_944_4e-4;
    let series = 1.0 / 720.0;
    let series = series * rest + 1.0 / 120.0;
    let series = series * rest + 1.0 / 24.0;
    let series = series * rest + 1.0 / 6.0;
    let series = series * rest + 0.5;
    let series = series * rest + 1.0;
    let series = series * rest + 1.0;
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    series * power
}

/// The error function to within 5e-7: Abramowitz and Stegun, 7.1.26.
#[inline(always)]
fn erf(x: f32) -> f32 {
    let positive = x.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * positive);
    let series = 1.061_405_4 * t - 1.453_152;
    let series = series * t + 1.421_413_7;
    let series = series * t - 0.284_496_74;
    let series = (series * t + 0.254_829_6) * t;
    (1.0 - series * exp(-positive * positive)).copysign(x)
}

/// `x · Φ(x)`, the exact GELU of BERT.
pub(super) fn gelu(math: Math, values: &mut [f32]) {
    struct Gelu<'a>(&'a mut [f32]);
    impl WithSimd for Gelu<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            for value in self.0 {
                *value = 0.5 * *value * (1.0 + erf(*value * std::f32::consts::FRAC_1_SQRT_2));
            }
        }
    }
    math.arch.dispatch(Gelu(values));
}

/// Mean zero and variance one in every row, then scaled and moved; `added` is added before.
pub(super) struct Norm {
    pub(super) scale: Vec<f32>,
    pub(super) shift: Vec<f32>,
    pub(super) epsilon: f32,
}

impl Norm {
    pub(super) fn apply(&self, math: Math, rows: &mut [f32], added: &[f32]) {
        math.arch.dispatch(Normalize { norm: self, rows, added });
    }
}

struct Normalize<'a> {
    norm: &'a Norm,
    rows: &'a mut [f32],
    added: &'a [f32],
}

impl WithSimd for Normalize<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.norm.scale.len().max(1);
        self.rows.iter_mut().zip(self.added).for_each(|(value, added)| *value += added);
        for row in self.rows.chunks_exact_mut(width) {
            let mean = sum(row.iter().copied()) / width as f32;
            row.iter_mut().for_each(|value| *value -= mean);
            let variance = sum(row.iter().map(|value| value * value)) / width as f32;
            let factor = (variance + self.norm.epsilon).sqrt().recip();
            for ((value, scale), shift) in row.iter_mut().zip(&self.norm.scale).zip(&self.norm.shift) {
                *value = *value * factor * scale + shift;
            }
        }
    }
}

/// A sum whose rounding does not grow with its length.
#[inline(always)]
fn sum(values: impl Iterator<Item = f32>) -> f32 {
    values.fold(0.0_f64, |sum, value| sum + f64::from(value)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_as_exact_as_they_say() {
        for place in -8000..=8000 {
            let x = place as f32 / 100.0;
            let (found, expected) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((found / expected - 1.0).abs() < 3e-7, "exp {x}: {found} {expected}");
        }
        assert_eq!((exp(-1000.0) < 1e-37, exp(0.0)), (true, 1.0));
        // From tables.
        for (x, expected) in
            [(0.0, 0.0), (0.5, 0.520_499_88), (1.0, 0.842_700_79), (2.0, 0.995_322_27), (-1.0, -0.842_700_79)]
        {
            assert!((f64::from(erf(x)) - expected).abs() < 5e-7, "erf {x}");
        }
        let mut values = vec![-20.0, -1.0, 0.0, 1.0, 20.0];
        gelu(Math::best(), &mut values);
        for (found, expected) in values.iter().zip([0.0, -0.158_655_25, 0.0, 0.841_344_8, 20.0]) {
            assert!((found - expected).abs() < 1e-6, "gelu {found} {expected}");
        }
    }

    #[test]
    fn rows_are_normalized() {
        let norm = Norm { scale: vec![1.0, 1.0, 2.0, 1.0], shift: vec![0.0, 0.0, 0.0, 5.0], epsilon: 0.0 };
        let mut rows = vec![1.0, 1.0, 3.0, 3.0];
        norm.apply(Math::best(), &mut rows, &[0.0; 4]);
        assert_eq!(rows, [-1.0, -1.0, 2.0, 6.0]);
    }
}
