//! The size of an image in pixels, from its header.

use super::base64::Base64;

/// Segments of a JPEG that are passed over on the way to its size. Colour profiles and previews take up to 255.
const JPEG_SEGMENTS_MAX: usize = 600;

/// Width and height of a PNG, GIF, WebP or JPEG; `None` for everything else and for what is broken.
pub(super) fn size(image: &Base64<'_>) -> Option<(u32, u32)> {
    let size = if image.has(0, b"\x89PNG\r\n\x1a\n") {
        (u32::from_be_bytes(image.bytes(16)?), u32::from_be_bytes(image.bytes(20)?))
    } else if image.has(0, b"GIF8") {
        (little(image, 6)?, little(image, 8)?)
    } else if image.has(0, b"RIFF") && image.has(8, b"WEBP") {
        webp(image)?
    } else if image.has(0, b"\xff\xd8") {
        jpeg(image)?
    } else {
        return None;
    };
    (size.0 > 0 && size.1 > 0).then_some(size)
}

fn webp(image: &Base64<'_>) -> Option<(u32, u32)> {
    match &image.bytes::<4>(12)? {
        b"VP8 " => Some((little(image, 26)? & 0x3fff, little(image, 28)? & 0x3fff)),
        b"VP8L" => {
            let bits = u32::from_le_bytes(image.bytes(21)?);
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => {
            let three =
                |place| image.bytes::<3>(place).map(|[low, middle, high]| u32::from_le_bytes([low, middle, high, 0]));
            Some((three(24)? + 1, three(27)? + 1))
        }
        _ => None,
    }
}

fn jpeg(image: &Base64<'_>) -> Option<(u32, u32)> {
    let mut place: usize = 2;
    for _ in 0..JPEG_SEGMENTS_MAX {
        let [mark, kind, high, low] = image.bytes(place)?;
        match kind {
            _ if mark != 0xff => return None,
            0xff => place += 1, // fill bytes may stand before a marker
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                let big = |place| image.bytes(place).map(|bytes| u32::from(u16::from_be_bytes(bytes)));
                return Some((big(place + 7)?, big(place + 5)?));
            }
            0x01 | 0xd0..=0xd7 => place += 2, // these have no length
            0xd9 | 0xda => return None,       // the picture itself, and no size before it
            _ => place = place.checked_add(2 + usize::from(u16::from_be_bytes([high, low])))?,
        }
    }
    None
}

fn little(image: &Base64<'_>, place: usize) -> Option<u32> {
    image.bytes(place).map(|bytes| u32::from(u16::from_le_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_stands_in_the_header() {
        for (name, bytes, expected) in [
            ("png", png(640, 480), Some((640, 480))),
            ("gif", [b"GIF89a".as_slice(), &[0x40, 0x01, 0xc8, 0x00, 0, 0, 0]].concat(), Some((320, 200))),
            ("webp, lossy", webp_of(b"VP8 ", &[0, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x41, 0xc8, 0x00]), Some((320, 200))),
            ("webp, lossless", webp_of(b"VP8L", &[0x2f, 0x3f, 0xc1, 0x31, 0, 0]), Some((320, 200))),
            ("webp, extended", webp_of(b"VP8X", &[0, 0, 0, 0, 0x3f, 0x01, 0, 0xc7, 0, 0]), Some((320, 200))),
            ("jpeg", jpeg_of(&[(0xe0, 14), (0xe1, 60_000), (0xdb, 65)]), Some((320, 200))),
            ("jpeg, a huge profile", jpeg_of(&[(0xe2, 65_533); 255]), Some((320, 200))),
            ("jpeg, endless segments", jpeg_of(&[(0xe2, 2); 1000]), None),
            ("jpeg, cut", jpeg_of(&[(0xe0, 14)]).into_iter().take(18).collect(), None),
            ("png, no size", png(0, 480), None),
            ("png, cut", png(640, 480).into_iter().take(20).collect(), None),
            ("pdf", b"%PDF-1.7 and so on".to_vec(), None),
            ("nothing", Vec::new(), None),
        ] {
            assert_eq!(size(&Base64::new(&encoded(&bytes))), expected, "{name}");
        }
    }

    fn png(width: u32, height: u32) -> Vec<u8> {
        [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &width.to_be_bytes(), &height.to_be_bytes(), &[8, 6, 0, 0, 0]]
            .concat()
    }

    fn webp_of(kind: &[u8], payload: &[u8]) -> Vec<u8> {
        [b"RIFF\0\0\0\0WEBP", kind, &[0; 4], payload, &[0; 4]].concat()
    }

    /// Segments of these kinds and lengths, then a frame of 320×200.
    fn jpeg_of(segments: &[(u8, u16)]) -> Vec<u8> {
        let mut bytes = vec![0xff, 0xd8];
        for (kind, length) in segments {
            bytes.extend([0xff, *kind]);
            bytes.extend(length.to_be_bytes());
            bytes.extend(vec![0; usize::from(*length) - 2]);
        }
        bytes.extend([0xff, 0xff, 0xc2, 0, 17, 8, 0, 200, 1, 64, 3, 0, 0]);
        bytes
    }

    fn encoded(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let group = |three: &[u8]| {
            let bits = three.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - three.len()));
            (0..4)
                .map(|place| if place <= three.len() { DIGITS[bits >> (18 - 6 * place) & 63] as char } else { '=' })
                .collect::<String>()
        };
        bytes.chunks(3).map(group).collect()
    }
}
