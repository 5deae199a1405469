/// BIP 173 and 350: whether an address of a segregated witness in lower case keeps its checksum: the older one for
/// version 0, the newer one for all later versions.
pub(in crate::redact::detect) fn segwit(address: &str) -> bool {
    const ALPHABET: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let Some((prefix, data)) = address.rsplit_once('1') else { return false };
    let values: Option<Vec<u32>> =
        data.chars().map(|character| u32::try_from(ALPHABET.find(character)?).ok()).collect();
    let Some(values) = values.filter(|values| values.len() > 6) else { return false };
    let high = prefix.bytes().map(|byte| u32::from(byte >> 5));
    let low = prefix.bytes().map(|byte| u32::from(byte & 31));
    let rest = high.chain([0]).chain(low).chain(values.iter().copied()).fold(1, step);
    let version_0 = values.first() == Some(&0);
    rest == if version_0 { 1 } else { 0x2bc8_30a3 }
}

fn step(rest: u32, value: u32) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let top = rest >> 25;
    let shifted = ((rest & 0x01ff_ffff) << 5) ^ value;
    (0..).zip(GENERATOR).fold(shifted, |sum, (bit, term)| if top >> bit & 1 == 1 { sum ^ term } else { sum })
}
