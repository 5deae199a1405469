//! A matrix that many rows are multiplied with, laid out once so that it is read from front to back every time.

use super::Math;
use pulp::{Simd, WithSimd};

/// Columns that are computed together: three registers of eight.
const COLUMNS: usize = 24;
/// Rows that are computed together: with three registers each they fill twelve of sixteen.
const ROWS: usize = 4;

/// `y = x · Wᵀ + b`, as in a layer of a network.
pub(super) struct Linear {
    inputs: usize,
    outputs: usize,
    /// The weights in panels of [`COLUMNS`] outputs; in each, input after input.
    panels: Vec<[f32; COLUMNS]>,
    /// One for each output, and zeros that fill the last panel.
    bias: Vec<[f32; COLUMNS]>,
}

impl Linear {
    /// From weights, one row for each output, and a bias for each output.
    pub(super) fn new(inputs: usize, weights: &[f32], bias: &[f32]) -> Self {
        let mut panels = Vec::with_capacity(inputs * bias.len().div_ceil(COLUMNS));
        for rows in weights.chunks(inputs * COLUMNS) {
            let rows: Vec<&[f32]> = rows.chunks_exact(inputs).collect();
            for input in 0..inputs {
                let mut of_input = [0.0; COLUMNS];
                for (column, row) in of_input.iter_mut().zip(&rows) {
                    *column = row.get(input).copied().unwrap_or_default();
                }
                panels.push(of_input);
            }
        }
        let bias_panels = bias.chunks(COLUMNS).map(|chunk| {
            let mut panel = [0.0; COLUMNS];
            panel.iter_mut().zip(chunk).for_each(|(filled, value)| *filled = *value);
            panel
        });
        Self { inputs, outputs: bias.len(), panels, bias: bias_panels.collect() }
    }

    /// All rows times the matrix.
    pub(super) fn apply(&self, math: Math, rows: &[f32]) -> Vec<f32> {
        let count = rows.len() / self.inputs.max(1);
        let mut output = vec![0.0; count * self.outputs];
        let packed = self.packed(rows);
        math.arch.dispatch(Multiply { linear: self, packed: &packed, output: &mut output, fused: math.fused });
        output
    }

    /// The rows in groups of [`ROWS`], in each input after input; zeros fill the last group.
    fn packed(&self, rows: &[f32]) -> Vec<[f32; ROWS]> {
        let mut packed = Vec::with_capacity(rows.len().div_ceil(ROWS) + self.inputs);
        for group in rows.chunks(self.inputs * ROWS) {
            let start = packed.len();
            packed.resize(start + self.inputs, [0.0; ROWS]);
            let into = packed.get_mut(start..).unwrap_or_default();
            for (place, row) in group.chunks_exact(self.inputs).enumerate() {
                for (values, value) in into.iter_mut().zip(row) {
                    if let Some(filled) = values.get_mut(place) {
                        *filled = *value;
                    }
                }
            }
        }
        packed
    }
}

struct Multiply<'a> {
    linear: &'a Linear,
    packed: &'a [[f32; ROWS]],
    output: &'a mut [f32],
    fused: bool,
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Linear { inputs, outputs, panels, bias } = self.linear;
        // Panels outside, so that the weights are read from memory once, however many rows there are.
        for (number, (panel, bias)) in panels.chunks_exact(*inputs).zip(bias).enumerate() {
            let groups = self.packed.chunks_exact(*inputs).zip(self.output.chunks_mut(ROWS * outputs));
            for (group, output) in groups {
                let sums = if S::F32_LANES == 8 {
                    in_registers(simd, panel, bias, group)
                } else if self.fused {
                    one_by_one(panel, bias, group, |a, b, sum| a.mul_add(b, sum))
                } else {
                    one_by_one(panel, bias, group, |a, b, sum| sum + a * b)
                };
                for (sums, row) in sums.iter().zip(output.chunks_exact_mut(*outputs)) {
                    let into = row.get_mut(number * COLUMNS..).unwrap_or_default();
                    into.iter_mut().zip(sums).for_each(|(value, sum)| *value = *sum);
                }
            }
        }
    }
}

/// With registers of eight numbers.
#[inline(always)]
fn in_registers<S: Simd>(
    simd: S,
    panel: &[[f32; COLUMNS]],
    bias: &[f32; COLUMNS],
    group: &[[f32; ROWS]],
) -> [[f32; COLUMNS]; ROWS] {
    let mut result = [[0.0; COLUMNS]; ROWS];
    let [first, second, third] = S::as_simd_f32s(bias).0 else { return result };
    let mut sums = [[*first, *second, *third]; ROWS];
    let (weights, _) = S::as_simd_f32s(panel.as_flattened()).0.as_chunks::<3>();
    for ([first, second, third], values) in weights.iter().zip(group) {
        for (sum, value) in sums.iter_mut().zip(values) {
            let value = simd.splat_f32s(*value);
            sum[0] = simd.mul_add_f32s(value, *first, sum[0]);
            sum[1] = simd.mul_add_f32s(value, *second, sum[1]);
            sum[2] = simd.mul_add_f32s(value, *third, sum[2]);
        }
    }
    for (row, sums) in result.iter_mut().zip(sums) {
        S::as_mut_simd_f32s(row).0.iter_mut().zip(sums).for_each(|(value, sum)| *value = sum);
    }
    result
}

/// With whatever the machine has.
#[inline(always)]
fn one_by_one(
    panel: &[[f32; COLUMNS]],
    bias: &[f32; COLUMNS],
    group: &[[f32; ROWS]],
    add: impl Fn(f32, f32, f32) -> f32,
) -> [[f32; COLUMNS]; ROWS] {
    let mut sums = [*bias; ROWS];
    for (weights, values) in panel.iter().zip(group) {
        for (sums, value) in sums.iter_mut().zip(values) {
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = add(*value, *weight, *sum);
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_multiplied_right() {
        for (rows, inputs, outputs) in [(1, 1, 1), (3, 5, 7), (4, 8, 24), (5, 16, 25), (9, 33, 47), (20, 384, 48)] {
            let number = |place: usize| ((place * 37 + 11) % 101) as f32 / 101.0 - 0.5;
            let input: Vec<f32> = (0..rows * inputs).map(number).collect();
            let weights: Vec<f32> = (0..inputs * outputs).map(|place| number(place + 3)).collect();
            let bias: Vec<f32> = (0..outputs).map(|place| number(place + 7)).collect();
            let linear = Linear::new(inputs, &weights, &bias);
            for math in [Math::best(), Math::plain()] {
                let found = linear.apply(math, &input);
                assert_eq!(found.len(), rows * outputs);
                for row in 0..rows {
                    for output in 0..outputs {
                        let products = (0..inputs).map(|input_| {
                            f64::from(input[row * inputs + input_]) * f64::from(weights[output * inputs + input_])
                        });
                        let size: f64 = products.clone().map(f64::abs).sum();
                        let expected = products.sum::<f64>() + f64::from(bias[output]);
                        let off = (f64::from(found[row * outputs + output]) - expected).abs();
                        assert!(off < 1e-6 * (1.0 + size), "{rows}×{inputs}×{outputs}: {off}");
                    }
                }
            }
        }
    }
}
