/// ISO 7064 MOD 97-10 as an IBAN (ISO 13616) uses it: the first four characters go to the end, letters count from A = 10.
pub fn mod97(text: &str) -> bool {
    let characters = || text.bytes().filter(u8::is_ascii_alphanumeric);
    let rest = characters().skip(4).chain(characters().take(4)).fold(0, |rest, character| match character {
        b'0'..=b'9' => (rest * 10 + u32::from(character - b'0')) % 97,
        letter => (rest * 100 + u32::from(letter.to_ascii_uppercase() - b'A') + 10) % 97,
    });
    characters().count() > 4 && rest == 1
}
