//! Every token looks at every other.

use super::Math;
use super::function::exp;
use pulp::{Simd, WithSimd};

/// What each token of one text takes from all, by heads: rows of queries, keys and values, each `heads · width` wide.
pub(super) fn attend(
    math: Math,
    heads: usize,
    queries: &[f32],
    keys: &[f32],
    values: &[f32],
    hidden: usize,
) -> Vec<f32> {
    let mut output = vec![0.0; queries.len()];
    math.arch.dispatch(Attend { heads, hidden, queries, keys, values, output: &mut output });
    output
}

struct Attend<'a> {
    heads: usize,
    hidden: usize,
    queries: &'a [f32],
    keys: &'a [f32],
    values: &'a [f32],
    output: &'a mut [f32],
}

impl WithSimd for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.hidden / self.heads.max(1);
        let tokens = self.queries.len() / self.hidden.max(1);
        let scale = (width as f32).sqrt().recip();
        let mut turned = vec![0.0; tokens * width];
        let mut weights = vec![0.0; tokens];
        for head in 0..self.heads {
            let part = head * width..(head + 1) * width;
            // The keys of this head, turned: all tokens of one dimension side by side.
            for (token, row) in self.keys.chunks_exact(self.hidden).enumerate() {
                let key = row.get(part.clone()).unwrap_or_default();
                for (dimension, value) in turned.chunks_exact_mut(tokens).zip(key) {
                    if let Some(place) = dimension.get_mut(token) {
                        *place = *value;
                    }
                }
            }
            let rows = self.queries.chunks_exact(self.hidden).zip(self.output.chunks_exact_mut(self.hidden));
            for (query, output) in rows {
                let (query, output) = (query.get(part.clone()), output.get_mut(part.clone()));
                let (Some(query), Some(output)) = (query, output) else { continue };
                weights.fill(0.0);
                for (value, dimension) in query.iter().zip(turned.chunks_exact(tokens)) {
                    add_scaled(&mut weights, dimension, *value * scale);
                }
                soft_max(&mut weights);
                for (weight, row) in weights.iter().zip(self.values.chunks_exact(self.hidden)) {
                    add_scaled(output, row.get(part.clone()).unwrap_or_default(), *weight);
                }
            }
        }
    }
}

#[inline(always)]
fn add_scaled(into: &mut [f32], what: &[f32], factor: f32) {
    into.iter_mut().zip(what).for_each(|(value, added)| *value += added * factor);
}

/// Positive numbers whose sum is one.
#[inline(always)]
fn soft_max(values: &mut [f32]) {
    let most = values.iter().fold(f32::NEG_INFINITY, |most, value| most.max(*value));
    values.iter_mut().for_each(|value| *value = exp(*value - most));
    let sum: f32 = values.iter().sum();
    values.iter_mut().for_each(|value| *value /= sum);
}
