//! Places in a text by bytes (as this dialect counts) and by characters (as the hub does), without the text itself.

/// How many changes of width are remembered. A text of one script has few.
const RUNS_MAX: usize = 1 << 14;

/// Remembers the widths of a text's characters: runs of characters of the same number of bytes.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    runs: Vec<Run>,
    bytes: u64,
    /// There were more changes of width than are remembered: nothing can be told from here on.
    lost: bool,
}

/// A run of characters of the same width, with the whole text's length where it ends.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    width: u64,
    bytes: u64,
    chars: u64,
}

impl Offsets {
    /// Takes the next piece of the text.
    pub(super) fn push(&mut self, text: &str) {
        self.bytes += text.len() as u64;
        if text.is_ascii() {
            self.extend(1, text.len() as u64);
        } else {
            text.chars().for_each(|c| self.extend(c.len_utf8() as u64, 1));
        }
    }

    fn extend(&mut self, width: u64, chars: u64) {
        if self.lost || chars == 0 {
            return;
        }
        let end = self.runs.last().copied().unwrap_or_default();
        let run = Run { width, bytes: end.bytes + width * chars, chars: end.chars + chars };
        let is_full = self.runs.len() >= RUNS_MAX;
        match self.runs.last_mut() {
            Some(last) if last.width == width => *last = run,
            _ if is_full => self.lost = true,
            _ => self.runs.push(run),
        }
    }

    /// The length so far, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The place in characters that lies at this one in bytes; `None` beyond the text or inside of a character.
    pub(super) fn char_at(&self, byte: u64) -> Option<u64> {
        self.place(
            byte,
            |run| run.bytes,
            |start, run, rest| (rest % run.width == 0).then(|| start.chars + rest / run.width),
        )
    }

    /// The place in bytes that lies at this one in characters; `None` beyond the text.
    pub(super) fn byte_at(&self, char: u64) -> Option<u64> {
        self.place(char, |run| run.chars, |start, run, rest| Some(start.bytes + rest * run.width))
    }

    fn place(
        &self,
        at: u64,
        measure: impl Fn(&Run) -> u64,
        within: impl Fn(Run, Run, u64) -> Option<u64>,
    ) -> Option<u64> {
        if at == 0 {
            return Some(0);
        }
        let index = self.runs.partition_point(|run| measure(run) < at);
        let run = self.runs.get(index)?;
        let start = index.checked_sub(1).and_then(|before| self.runs.get(before)).copied().unwrap_or_default();
        within(start, *run, at - measure(&start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_characters() {
        let text = "aé€😀 plain 日本語.";
        for cut in (0..=text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            let mut offsets = Offsets::default();
            let (before, after) = text.split_at(cut);
            offsets.push(before);
            offsets.push(after);
            assert_eq!(offsets.bytes(), text.len() as u64);
            for byte in 0..=text.len() + 1 {
                let chars = text.get(..byte).map(|before| before.chars().count() as u64);
                assert_eq!(offsets.char_at(byte as u64), chars, "at byte {byte}");
                if let Some(chars) = chars {
                    assert_eq!(offsets.byte_at(chars), Some(byte as u64));
                }
            }
            assert_eq!(offsets.byte_at(100), None);
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut offsets = Offsets::default();
        (0..RUNS_MAX).for_each(|_| offsets.push("aé"));
        assert_eq!(offsets.runs.len(), RUNS_MAX);
        assert_eq!(offsets.char_at(3), Some(2));
        assert_eq!(offsets.byte_at(u64::MAX), None);
    }
}
