//! The numbers of a model, from a safetensors file.

use super::Unreadable;
use super::function::Norm;
use super::linear::Linear;
use safetensors::{Dtype, SafeTensors};

/// The tensor by which the beginning of all names is known: `bert.`, or nothing.
const WORDS: &str = "embeddings.word_embeddings.weight";

/// The tensors of a file.
pub(super) struct Weights<'a> {
    tensors: SafeTensors<'a>,
    prefix: String,
    epsilon: f32,
}

impl<'a> Weights<'a> {
    pub(super) fn read(file: &'a [u8], epsilon: f32) -> Result<Self, Unreadable> {
        let tensors = SafeTensors::deserialize(file).map_err(|error| Unreadable::Weights(error.to_string()))?;
        let prefix = tensors.iter().find_map(|(name, _)| name.strip_suffix(WORDS).map(str::to_owned));
        let prefix = prefix.ok_or_else(|| Unreadable::Weights(format!("there is no tensor `{WORDS}`")))?;
        Ok(Self { tensors, prefix, epsilon })
    }

    /// A tensor of this shape.
    pub(super) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Unreadable> {
        let name = format!("{}{name}", self.prefix);
        let tensor =
            self.tensors.tensor(&name).map_err(|_| Unreadable::Weights(format!("there is no tensor `{name}`")))?;
        if tensor.shape() != shape {
            let found = tensor.shape();
            return Err(Unreadable::Weights(format!("`{name}` is {found:?} where the config says {shape:?}")));
        }
        let data = tensor.data();
        let dtype = tensor.dtype();
        let numbers: Vec<f32> = if dtype == Dtype::F32 {
            data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
        } else if dtype == Dtype::F16 {
            data.as_chunks().0.iter().map(|bytes| half(u16::from_le_bytes(*bytes))).collect()
        } else if dtype == Dtype::BF16 {
            data.as_chunks().0.iter().map(|[low, high]| f32::from_le_bytes([0, 0, *low, *high])).collect()
        } else {
            return Err(Unreadable::Weights(format!("`{name}` is of type {dtype:?}; F32, F16 and BF16 are read")));
        };
        if numbers.iter().all(|number| number.is_finite()) {
            Ok(numbers)
        } else {
            Err(Unreadable::Weights(format!("`{name}` holds what is no number")))
        }
    }

    pub(super) fn linear(&self, name: &str, inputs: usize, outputs: usize) -> Result<Linear, Unreadable> {
        let weights = self.tensor(&format!("{name}.weight"), &[outputs, inputs])?;
        let bias = self.tensor(&format!("{name}.bias"), &[outputs])?;
        Ok(Linear::new(inputs, &weights, &bias))
    }

    pub(super) fn norm(&self, name: &str, width: usize) -> Result<Norm, Unreadable> {
        let scale = self.tensor(&format!("{name}.LayerNorm.weight"), &[width])?;
        let shift = self.tensor(&format!("{name}.LayerNorm.bias"), &[width])?;
        Ok(Norm { scale, shift, epsilon: self.epsilon })
    }
}

/// A number of 16 bits (IEEE 754 binary16).
fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (u32::from(bits >> 15), u32::from(bits >> 10 & 31), u32::from(bits & 1023));
    let positive = match exponent {
        // Too small for an exponent of its own: steps of 2⁻²⁴.
        0 => fraction as f32 / 16_777_216.0,
        31 => return f32::from_bits(sign << 31 | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits((exponent + 112) << 23 | fraction << 13),
    };
    if sign == 1 { -positive } else { positive }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_sixteen_bits_are_read() {
        for (bits, expected) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x0400, 6.103_515_6e-5),
            (0x0000, 0.0),
        ] {
            assert_eq!(half(bits), expected, "{bits:x}");
        }
        assert!(half(0x7c00).is_infinite() && half(0x7e00).is_nan());
    }
}
