//! In which language a text is, as far as scripts and the commonest words tell. It says so only when it is sure: short
//! texts, mixed ones, names, code and languages that it does not know pass.

use super::config::Language as Written;
use super::finding::Hit;
use super::piece::floor;

/// As much of a text's beginning is looked at, in bytes.
pub(super) const SAMPLE_BYTES: usize = 4096;
/// A script must have so many letters, and this share of all, in percent.
const LETTERS_MIN: usize = 12;
const SCRIPT_PERCENT: usize = 60;
/// So many words, so many of them common ones, in percent, and so many times more than of any other language.
const WORDS_MIN: usize = 8;
const COMMON_MIN: usize = 4;
const COMMON_PERCENT: usize = 20;
const AHEAD: usize = 2;

/// Languages by their commonest words, without accents.
const LATIN: &[(&str, &str)] = &[
    (
        "en",
        "the of and to in is you that it he was for on are with as his they be at this have from or had by but what were we when your can said there use an each which she do how their if will up about out many then them these so would me my not",
    ),
    (
        "de",
        "der die das und ist in den von zu mit sich des auf fur nicht ein eine als auch es an werden aus er hat dass sie nach wird bei einer um am sind noch wie einem uber ich wir aber mir mich dich dein kann haben bitte was warum",
    ),
    (
        "fr",
        "le la les de des et un une est que qui dans en du pour pas au sur par avec ce il elle sont nous vous je tu ne se plus mais ou comme cette ces mon ton son leur etre avoir fait quel quelle pourquoi comment aux",
    ),
    (
        "es",
        "el la los las de que y en un una es por con para no se lo del al como mas pero sus le ya o este si porque esta entre cuando muy sin sobre tambien me hasta hay donde quien desde todo nos mi tu eres soy puede cual",
    ),
    (
        "it",
        "il lo la gli le di che e un una per non con sono si da come ma piu anche del della dei delle nel nella alla al questo questa ho hai ha mi ti ci perche cosa quando dove io tu noi essere puoi",
    ),
    (
        "pt",
        "o a os as de que e do da em um uma para com nao por mais dos das se na no ao como mas foi ele ela tem seu sua ou quando muito nos ja eu tambem pelo pela ate isso voce esta sao meu minha",
    ),
    (
        "nl",
        "de het een en van ik te dat die in is niet op aan met als voor er maar om hem dan zou of wat mijn men dit zo door over ze zich bij ook tot je mij uit naar heb hoe heeft zijn wordt deze kan",
    ),
    (
        "sv",
        "och att det som en pa ar av for med den till inte har om ett han men jag vi var fran sa kan nar ska eller vid mot hon under efter nagot mig dig din mycket hur vad",
    ),
    (
        "pl",
        "i w nie na sie z do to ze jest o jak ale po co tak za od czy przez byc tego tylko jego dla ma przy mnie ktory sa oraz moze jej ich juz moj jestem prosze",
    ),
    (
        "tr",
        "ve bir bu da de icin ne ile cok daha gibi ama var ben sen o mi degil kadar sonra olarak olan her en ki biz nasil nedir bana benim",
    ),
];

/// First and last of stretches of letters.
type Letters = &'static [(u32, u32)];

/// Scripts and the languages that write them.
const SCRIPTS: &[(&[&str], Letters)] = &[
    (&["ja"], &[(0x3040, 0x30FF), (0x31F0, 0x31FF)]),
    (&["ko"], &[(0xAC00, 0xD7AF), (0x1100, 0x11FF)]),
    (&["zh", "ja"], &[(0x3400, 0x9FFF), (0x20000, 0x3FFFF)]),
    (&["ru", "uk", "bg", "sr", "be", "mk", "kk", "mn"], &[(0x400, 0x52F)]),
    (&["ar", "fa", "ur", "ps"], &[(0x600, 0x6FF), (0x750, 0x77F)]),
    (&["he", "yi"], &[(0x590, 0x5FF)]),
    (&["el"], &[(0x370, 0x3FF)]),
    (&["th"], &[(0xE00, 0xE7F)]),
    (&["hi", "mr", "ne", "sa"], &[(0x900, 0x97F)]),
    (&["bn", "as"], &[(0x980, 0x9FF)]),
    (&["ta"], &[(0xB80, 0xBFF)]),
    (&["te"], &[(0xC00, 0xC7F)]),
    (&["ka"], &[(0x10A0, 0x10FF)]),
    (&["hy"], &[(0x530, 0x58F)]),
];

/// The languages that may be.
#[derive(Debug)]
pub(super) struct Language {
    allow: Vec<String>,
}

impl Language {
    pub(super) fn new(written: &Written) -> Result<Self, String> {
        if written.allow.is_empty() {
            return Err("language.allow: no language is named".to_owned());
        }
        let known = |code: &str| {
            LATIN.iter().any(|(name, _)| *name == code) || SCRIPTS.iter().any(|(codes, _)| codes.contains(&code))
        };
        match written.allow.iter().find(|code| !known(code)) {
            Some(code) => Err(format!("language.allow: {code} cannot be told apart; known are {}", names().join(", "))),
            None => Ok(Self { allow: written.allow.clone() }),
        }
    }

    /// A text that is known whole, or its beginning.
    pub(super) fn look(&self, text: &str) -> Vec<Hit> {
        let sure = sure(text);
        let allowed = sure.is_empty() || sure.iter().any(|code| self.allow.iter().any(|allowed| allowed == code));
        if allowed { Vec::new() } else { vec![Hit::of(&sure.join("|"))] }
    }
}

fn names() -> Vec<&'static str> {
    let scripts = SCRIPTS.iter().flat_map(|(codes, _)| codes.iter().copied());
    let mut names: Vec<_> = LATIN.iter().map(|(name, _)| *name).chain(scripts).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The languages of which it surely is one; none when it is not sure.
fn sure(text: &str) -> Vec<&'static str> {
    let cut = floor(text, SAMPLE_BYTES);
    let text = text.get(..cut).unwrap_or(text);
    let letters: Vec<u32> = text.chars().filter(|c| c.is_alphabetic()).map(u32::from).collect();
    if letters.len() < LETTERS_MIN {
        return Vec::new();
    }
    let count = |ranges: &[(u32, u32)]| {
        letters.iter().filter(|letter| ranges.iter().any(|(first, last)| (first..=last).contains(letter))).count()
    };
    let counts: Vec<usize> = SCRIPTS.iter().map(|(_, ranges)| count(ranges)).collect();
    // Japanese writes Chinese characters between its own.
    let kana = counts.first().copied().unwrap_or(0);
    if let Some(((codes, _), letters_of_it)) = SCRIPTS.iter().zip(&counts).max_by_key(|(_, count)| **count) {
        let japanese = kana * 10 >= *letters_of_it && kana > 0 && codes.contains(&"ja");
        let letters_of_it = if japanese { letters_of_it + kana } else { *letters_of_it };
        if letters_of_it >= LETTERS_MIN && letters_of_it * 100 >= letters.len() * SCRIPT_PERCENT {
            return if japanese { vec!["ja"] } else { codes.to_vec() };
        }
    }
    latin(text).into_iter().collect()
}

fn latin(text: &str) -> Option<&'static str> {
    let normal = super::normal::normal(text, false);
    let words: Vec<&str> = normal.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let common = |list: &str| {
        let list: Vec<&str> = list.split(' ').collect();
        words.iter().filter(|word| list.contains(word)).count()
    };
    let mut counts: Vec<(usize, &str)> = LATIN.iter().map(|(name, list)| (common(list), *name)).collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let [(first, name), (second, _), ..] = counts.as_slice() else { return None };
    let sure = words.len() >= WORDS_MIN
        && *first >= COMMON_MIN
        && first * 100 >= words.len() * COMMON_PERCENT
        && *first >= second.saturating_mul(AHEAD);
    sure.then_some(*name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_what_it_is_sure_of() {
        for (text, language) in [
            ("Please tell me what the weather will be like in the city that you are from.", "en"),
            ("Kannst du mir bitte sagen, wie das Wetter in der Stadt wird, aus der ich komme?", "de"),
            ("Est-ce que vous pouvez me dire pourquoi le ciel est bleu et la mer aussi dans ce pays ?", "fr"),
            ("¿Puedes decirme por qué el cielo es azul y cuál es el color de los mares que hay en el mundo?", "es"),
            ("Vorrei sapere perché il cielo è blu e anche come si chiama la città che ha questo nome", "it"),
            ("Kan je mij zeggen hoe het weer wordt in de stad waar ik niet woon maar wel werk?", "nl"),
            ("请告诉我今天的天气怎么样，我想出去走走。", "zh"),
            ("今日の天気はどうですか。散歩に行きたいです。", "ja"),
            ("오늘 날씨가 어떤지 알려 주세요. 산책하고 싶어요.", "ko"),
            ("Расскажи мне, пожалуйста, какая сегодня погода.", "ru"),
            ("أخبرني كيف سيكون الطقس اليوم في المدينة", "ar"),
        ] {
            assert_eq!(sure(text).first(), Some(&language), "{text}");
        }
    }

    #[test]
    fn otherwise_it_names_none() {
        for text in [
            "",
            "OK",
            "Bonjour!",
            "fn main() { println!(\"{}\", x); }",
            "Anna Müller, Berlin",
            "12345 67890",
            "la de o a",
            "東京",
        ] {
            assert_eq!(sure(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn only_what_is_surely_another_language_is_found() {
        let english = Language::new(&Written { allow: vec!["en".to_owned()] }).expect("known");
        assert_eq!(english.look("Расскажи мне, пожалуйста, какая сегодня погода.").len(), 1);
        assert_eq!(english.look("Bonjour!"), []);
        assert!(Language::new(&Written { allow: vec!["tlh".to_owned()] }).is_err());
        assert!(Language::new(&Written::default()).is_err());
    }
}
