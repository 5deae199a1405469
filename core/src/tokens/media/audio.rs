//! The length of a sound, from its header or from its bytes.

use super::super::family::Family;
use super::base64::Base64;

/// Seconds of a sound whose bytes nobody here can see.
pub(super) const SECONDS_UNSEEN: u64 = 60;
/// Bytes a second of what has no header that we read: Opus and AAC in a low quality for speech, so that the estimate is
/// rather too long.
const BYTES_UNKNOWN: u64 = 3_000;
/// `pcm16` as OpenAI takes it: 24 kHz, one channel.
const BYTES_PCM16: u64 = 48_000;

/// kbit/s by the index in an MP3 frame's header: MPEG 1, and MPEG 2 and 2.5.
const MP3_KBITS: [[u64; 16]; 2] = [
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0],
];

/// Tokens for a second of sound in a prompt.
pub(super) fn tokens_per_second(family: Family) -> u64 {
    match family {
        // One for 100 ms of a user's sound: <https://platform.openai.com/docs/guides/realtime-costs>.
        Family::OpenAi => 10,
        // <https://ai.google.dev/gemini-api/docs/audio>.
        Family::Gemini | Family::NewGemini => 32,
        // A guess: the highest of the known.
        Family::Claude
        | Family::NewClaude
        | Family::Llama
        | Family::Mistral
        | Family::Qwen
        | Family::DeepSeek
        | Family::Other => 32,
    }
}

/// Seconds of a sound, rounded up. WAV says how many bytes a second has; an MP3 says it of its first frame (the others
/// may differ); of the rest we assume it.
pub(super) fn seconds(media_type: &str, sound: &Base64<'_>) -> u64 {
    let bytes_per_second = if sound.has(0, b"RIFF") {
        sound.bytes(28).map(u32::from_le_bytes).map(u64::from)
    } else if media_type.contains("pcm") {
        Some(BYTES_PCM16)
    } else {
        mp3(sound)
    };
    sound.len().div_ceil(bytes_per_second.filter(|bytes| *bytes > 0).unwrap_or(BYTES_UNKNOWN)).max(1)
}

/// Bytes a second by the header of the first frame, behind an ID3 tag.
fn mp3(sound: &Base64<'_>) -> Option<u64> {
    let start = if sound.has(0, b"ID3") {
        let size = sound.bytes::<4>(6)?.iter().fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f));
        10 + size
    } else {
        0
    };
    let [first, version, rate] = sound.bytes(start)?;
    if first != 0xff || version & 0xe6 != 0xe2 {
        return None; // no MPEG frame of layer III
    }
    let kbits = MP3_KBITS.get(usize::from(version & 0x18 != 0x18))?.get(usize::from(rate >> 4))?;
    Some(kbits * 125)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_comes_from_the_header_or_the_bytes() {
        // `RIFF….WAVEfmt ` with 32,000 bytes a second.
        let wav = format!("UklGRiQAAABXQVZFZm10IBAAAAABAAEAgD4AAAB9AAACABAA{}", "AAAA".repeat(63_000 / 3));
        // A frame of MPEG 1, layer III, with 128 kbit/s.
        let mp3 = format!("//uQ{}", "AAAA".repeat(31_000 / 3));
        let tagged = format!("SUQzBAAAAAAAAAAA{}", "AAAA".repeat(10));
        for (media_type, data, expected) in [
            ("audio/wav", wav.as_str(), 2),
            ("audio/mp3", mp3.as_str(), 2),
            ("audio/pcm16", "AAAA", 1),
            ("audio/mp3", tagged.as_str(), 1),
            ("audio/ogg", "", 1),
            ("audio/wav", "UklG", 1),
        ] {
            assert_eq!(seconds(media_type, &Base64::new(data)), expected, "{media_type} {:.30}", data);
        }
    }
}
