//! Names and values as they pass between proxy and filter: `u32` number of pairs, for each the `u32` sizes of its name and its
//! value, then for each its name and its value with a zero byte after both. Little endian.

/// The names and values of a map, in the one buffer that the proxy made of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs(Vec<u8>);

/// The bytes of a size, or of a number of pairs.
const WORD: usize = 4;
/// Of a name and its value.
type Sizes = [[u8; WORD]; 2];

impl Pairs {
    /// From the proxy's buffer. Where that ends before its pairs do, there are those that are whole.
    pub fn new(buffer: Vec<u8>) -> Self {
        Self(buffer)
    }

    /// Of these, of which there are fewer than 2³².
    pub fn of<'p>(pairs: impl Iterator<Item = (&'p str, &'p str)> + Clone) -> Self {
        let words = pairs.clone().flat_map(|(name, value)| [name.len(), value.len()]);
        let words = [pairs.clone().count()].into_iter().chain(words);
        let size = pairs.clone().map(|(name, value)| name.len() + value.len() + 2 * WORD + 2).sum::<usize>();
        let mut buffer = Vec::with_capacity(WORD + size);
        for word in words {
            buffer.extend_from_slice(&u32::try_from(word).unwrap_or(u32::MAX).to_le_bytes());
        }
        for text in pairs.flat_map(|(name, value)| [name, value]) {
            buffer.extend_from_slice(text.as_bytes());
            buffer.push(0);
        }
        Self(buffer)
    }

    /// The buffer.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Each name with its value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let (sizes, mut texts) = self.parts().unwrap_or_default();
        sizes.iter().map_while(move |[name, value]| Some((cut(&mut texts, *name)?, cut(&mut texts, *value)?)))
    }

    /// The sizes of names and values, and what follows them.
    fn parts(&self) -> Option<(&[Sizes], &[u8])> {
        let (count, rest) = self.0.split_first_chunk::<WORD>()?;
        let (sizes, texts) = rest.split_at_checked(size(*count).checked_mul(2 * WORD)?)?;
        let (words, _) = sizes.as_chunks::<WORD>();
        let (sizes, _) = words.as_chunks::<2>();
        Some((sizes, texts))
    }
}

/// The next text, without the zero byte after it.
fn cut<'b>(texts: &mut &'b [u8], word: [u8; WORD]) -> Option<&'b [u8]> {
    let (text, rest) = texts.split_at_checked(size(word))?;
    *texts = rest.get(1..)?;
    Some(text)
}

fn size(word: [u8; WORD]) -> usize {
    usize::try_from(u32::from_le_bytes(word)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pairs: &Pairs) -> Vec<(&str, &str)> {
        let text = |bytes| std::str::from_utf8(bytes).expect("UTF-8");
        pairs.iter().map(|(name, value)| (text(name), text(value))).collect()
    }

    #[test]
    fn the_proxy_s_buffer_is_read_as_it_is_specified() {
        let buffer = b"\x02\0\0\0\x07\0\0\0\x03\0\0\0\x01\0\0\0\0\0\0\0:status\x00200\0a\0\0";
        let pairs = Pairs::new(buffer.to_vec());
        assert_eq!(read(&pairs), [(":status", "200"), ("a", "")]);
        assert_eq!(Pairs::of([(":status", "200"), ("a", "")].into_iter()), pairs);
    }

    #[test]
    fn of_a_buffer_that_ends_early_there_is_what_is_whole() {
        let whole = Pairs::of([("a", "b"), ("c", "d")].into_iter());
        for (length, left) in [(0, 0), (3, 0), (4, 0), (19, 0), (20, 0), (23, 0), (24, 1), (27, 1), (28, 2)] {
            assert_eq!(Pairs::new(whole.as_bytes()[..length].to_vec()).iter().count(), left, "{length}");
        }
        assert_eq!(Pairs::new(vec![0xff; 64]).iter().count(), 0);
    }

    proptest! {
        #[test]
        fn no_bytes_end_a_filter(mut bytes: Vec<u8>, count in 0_u32..6) {
            let _some = Pairs::new(bytes.clone()).iter().count();
            bytes.splice(..0, count.to_le_bytes());
            let _some = Pairs::new(bytes).iter().count();
        }

        #[test]
        fn small_sizes_end_no_filter(words in prop::collection::vec(0_u32..12, 0..12), texts: Vec<u8>) {
            let count = u32::try_from(words.len() / 2).expect("few");
            let most = words.len() / 2;
            let words = [count].into_iter().chain(words).flat_map(u32::to_le_bytes);
            let pairs = Pairs::new(words.chain(texts).collect());
            prop_assert!(pairs.iter().count() <= most);
        }

        #[test]
        fn what_is_written_is_read(pairs: Vec<(String, String)>) {
            let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
            let written = Pairs::of(pairs.iter().copied());
            prop_assert_eq!(read(&written), pairs);
        }
    }
}
