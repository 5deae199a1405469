//! Words that exclude each other, and words that stand for one another.
//!
//! A class is written as its members, `|` between them, each with its synonyms in the languages that are listed. A word
//! may be in several classes. What is ambiguous in ordinary text (`may`, `sun`) is left out: a name in the other text still
//! tells the two apart.

use super::stem::stem;
use std::collections::HashMap;
use std::sync::LazyLock;

/// How two texts have to agree in the words of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Both have the same ones.
    Same,
    /// Where both have some, the same ones.
    SameIfAny,
    /// Where both have some, at least one in common.
    Overlap,
}

/// A member of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Member {
    pub(super) class: u16,
    pub(super) member: u16,
}

struct Class {
    rule: Rule,
    members: &'static str,
}

/// The memberships of a word in lower case.
pub(super) fn members(word: &str) -> &'static [Member] {
    static WORDS: LazyLock<HashMap<String, Vec<Member>>> = LazyLock::new(|| {
        let mut words: HashMap<String, Vec<Member>> = HashMap::new();
        let mut put = |word: String, member: Member| {
            let members = words.entry(word).or_default();
            if !members.contains(&member) {
                members.push(member);
            }
        };
        for (class, listed) in (0..).zip(CLASSES.iter()) {
            for (member, synonyms) in (0..).zip(listed.members.split('|')) {
                for word in synonyms.split_whitespace() {
                    let member = Member { class, member };
                    put(word.to_owned(), member);
                    // Inflected it is the same; but `as`, `does` and `hours` are not to meet words of other classes.
                    if word.len() > 3 && rule(class) == Rule::SameIfAny {
                        put(stem(word), member);
                    }
                }
            }
        }
        words
    });
    let plain = word.strip_suffix("'s").unwrap_or(word);
    let singular = || plain.strip_suffix('s').filter(|singular| singular.len() > 2);
    let found = WORDS.get(plain).or_else(|| singular().and_then(|singular| WORDS.get(singular)));
    found.or_else(|| WORDS.get(&stem(plain))).map(Vec::as_slice).unwrap_or_default()
}

/// How texts have to agree in a class.
pub(super) fn rule(class: u16) -> Rule {
    CLASSES.get(usize::from(class)).map_or(Rule::Same, |class| class.rule)
}

/// The number of the group of synonyms that a stem is in.
pub(super) fn synonym(stemmed: &str) -> Option<u32> {
    static GROUPS: LazyLock<HashMap<String, u32>> = LazyLock::new(|| {
        let groups = (0..).zip(SYNONYMS.split('|'));
        groups.flat_map(|(group, words)| words.split_whitespace().map(move |word| (stem(word), group))).collect()
    });
    GROUPS.get(stemmed).copied()
}

/// Two words that are one name.
pub(super) fn merged(first: &str, second: &str) -> Option<&'static str> {
    PHRASES.iter().find(|(one, two, _)| *one == first && *two == second).map(|(_, _, name)| *name)
}

const PHRASES: [(&str, &str, &str); 23] = [
    ("united", "states", "usa"),
    ("united", "kingdom", "uk"),
    ("new", "york", "newyork"),
    ("los", "angeles", "losangeles"),
    ("san", "francisco", "sanfrancisco"),
    ("hong", "kong", "hongkong"),
    ("south", "korea", "southkorea"),
    ("north", "korea", "northkorea"),
    ("south", "africa", "southafrica"),
    ("new", "zealand", "newzealand"),
    ("saudi", "arabia", "saudi"),
    ("google", "cloud", "gcp"),
    ("visual", "basic", "vb"),
    ("apple", "macos", "macos"),
    ("what", "year", "when"),
    ("which", "year", "when"),
    ("what", "time", "when"),
    ("what", "place", "where"),
    ("what", "reason", "why"),
    ("which", "person", "who"),
    ("how", "come", "why"),
    ("each", "other", "eachother"),
    ("get", "rid", "remove"),
];

const fn same(members: &'static str) -> Class {
    Class { rule: Rule::Same, members }
}

const fn if_any(members: &'static str) -> Class {
    Class { rule: Rule::SameIfAny, members }
}

/// Two words that are each other's opposite: one may be said in other words, but not turned round.
macro_rules! opposites {
    ($($members:literal),* $(,)?) => { [$(if_any($members)),*] };
}

static CLASSES: LazyLock<Vec<Class>> = LazyLock::new(|| KINDS.into_iter().chain(OPPOSITES).chain(QUESTIONS).collect());

const QUESTIONS: [Class; 4] = [
    same("many"),
    Class {
        rule: Rule::Overlap,
        members: "when wann quand cuándo quando wanneer|where wo dónde où dove onde waar|who whom \
        whose wer qui quién chi quem wie|why warum wieso pourquoi perché waarom|how comment cómo come como hoe|many|much|\
        far|long|often|old",
    },
    Class {
        rule: Rule::Overlap,
        members: "is are am does do has have ist sind|was were did had war waren|will shall won't wird",
    },
    if_any(
        "my mine mein meine mon ma mes mi mis|your yours dein deine ton ta tes tu tus|his sein|her hers ihr|our ours unser|their theirs",
    ),
];

const KINDS: [Class; 33] = [
    // Times
    same(
        "monday montag lundi lunes lunedì maandag|tuesday dienstag mardi martes martedì dinsdag|wednesday mittwoch mercredi \
          miércoles mercoledì woensdag|thursday donnerstag jeudi jueves giovedì donderdag|friday freitag vendredi viernes \
          venerdì vrijdag|saturday samstag sonnabend samedi sábado sabato zaterdag|sunday sonntag dimanche domingo domenica zondag|weekend|weekday",
    ),
    same(
        "january jan januar janvier enero gennaio januari|february feb februar février febrero febbraio|march märz marzo \
          maart|april avril abril aprile|mai maggio mayo|june juni juin junio giugno|july juli juillet julio luglio|august \
          août agosto augustus|september sept septembre septiembre settembre|october oct oktober octobre octubre ottobre|\
          november nov novembre noviembre|december dec dezember décembre diciembre dicembre",
    ),
    same(
        "spring|summer sommer verano estate zomer|autumn herbst automne otoño autunno herfst|winter hiver invierno inverno",
    ),
    same("morning|noon midday|afternoon|evening|midnight"),
    same("today heute hoy oggi|tomorrow morgen mañana domani|yesterday gestern ayer ieri"),
    if_any(
        "millisecond ms|seconds sec|minute min|hour hourly stunde|day daily tag|week weekly woche|month monthly monat|quarter \
          quarterly|year yearly annual annually jahr|decade|century",
    ),
    same("christmas|easter|halloween|thanksgiving|ramadan|hanukkah|diwali"),
    same("bc bce|ad ce"),
    same(
        "first 1st erste|second 2nd zweite|third 3rd dritte|fourth 4th|fifth 5th|sixth 6th|seventh 7th|eighth 8th|ninth 9th|tenth 10th|last letzte",
    ),
    same("half|double twice|triple|quadruple|quarter"),
    // Measures
    same(
        "millimeter millimetre mm|centimeter centimetre cm|meter metre|kilometer kilometre km|mile mi|inch inches|foot feet ft|yard|lightyear",
    ),
    same("milligram mg|gram|kilogram kilo kg|ton tonne|pound lb lbs|ounce oz"),
    same("milliliter millilitre ml|liter litre|gallon|cup|teaspoon tsp|tablespoon tbsp|pint|quart"),
    same("celsius °c centigrade|fahrenheit|kelvin"),
    same("bit|byte|kilobyte kb|megabyte mb|gigabyte gb|terabyte tb|petabyte pb"),
    same("percent % prozent pourcent|permille ‰"),
    same(
        "dollar usd $|euro eur €|sterling gbp £|yen jpy ¥|yuan rmb cny|rupee inr ₹|won krw ₩|franc chf|peso|ruble|bitcoin btc|ether ethereum eth",
    ),
    same("watt|volt|ampere amp|ohm|joule|newton|pascal|hertz hz"),
    // Places and peoples; a language goes with its country, since many say one for the other.
    same(
        "france french frankreich français française francia|germany german deutschland deutsch allemagne allemand alemania|\
          spain spanish spanien spanisch espagne españa español|italy italian italien italienisch italia italiano|portugal \
          portuguese portugiesisch|netherlands dutch holland niederlande|belgium belgian|switzerland swiss schweiz suisse|austria \
          austrian österreich|poland polish polen|czechia czech|hungary hungarian|romania romanian|bulgaria bulgarian|greece greek \
          griechenland|turkey turkish türkei|russia russian russland|ukraine ukrainian|sweden swedish schweden|norway norwegian \
          norwegen|denmark danish dänemark|finland finnish finnland|iceland icelandic|ireland irish irland|uk britain british \
          england|english englisch anglais inglés|scotland scottish|wales welsh|usa us u.s america american amerika|canada canadian \
          kanada|mexico mexican|brazil brazilian brasilien|argentina argentinian|chile chilean|peru peruvian|colombia colombian|cuba \
          cuban|china chinese chinesisch mandarin|cantonese|japan japanese japanisch|southkorea korea korean|northkorea|india indian|\
          hindi|pakistan pakistani|bangladesh|indonesia indonesian|vietnam vietnamese|thailand thai|philippines filipino|malaysia|\
          singapore|australia australian|newzealand|southafrica|egypt egyptian|nigeria nigerian|kenya kenyan|ethiopia|morocco \
          moroccan|israel israeli|hebrew|iran iranian|persian farsi|iraq iraqi|saudi|arabic|latin|esperanto|swahili|norse",
    ),
    same(
        "paris|london|berlin|madrid|rome rom roma|lisbon|vienna wien|amsterdam|brussels|zurich|geneva|prague|warsaw|budapest|\
          athens|moscow|kyiv kiev|stockholm|oslo|copenhagen|helsinki|dublin|edinburgh|munich münchen|hamburg|frankfurt|barcelona|\
          milan|naples|venice|florence|newyork nyc|losangeles|sanfrancisco|chicago|boston|seattle|miami|washington|dallas|houston|\
          austin|denver|toronto|montreal|vancouver|tokyo|osaka|kyoto|beijing|shanghai|hongkong|seoul|delhi|mumbai|bangkok|sydney|\
          melbourne|dubai|cairo|istanbul|lagos|nairobi",
    ),
    same("europe european europa|asia asian asien|africa african afrika|antarctica|oceania"),
    same(
        "california|texas|florida|alaska|hawaii|ohio|nevada|virginia|michigan|illinois|arizona|colorado|oregon|utah|georgia",
    ),
    same("north northern norden|south southern süden|east eastern osten|west western westen"),
    same("mercury|venus|earth|mars|jupiter|saturn|uranus|neptune|pluto|moon"),
    // Things of the trade
    same(
        "python|java|javascript js|typescript ts|rust|golang|c|c++ cpp|c# csharp|ruby|php|swift|kotlin|scala|haskell|perl|lua|matlab|r|bash|powershell|fortran|cobol|vb|excel",
    ),
    same("react|vue|angular|svelte|django|flask|fastapi|rails|laravel|spring|express|pandas|numpy|pytorch|tensorflow"),
    same("mysql|postgres postgresql|sqlite|mongodb mongo|redis|oracle|cassandra|elasticsearch|mariadb"),
    same("windows|linux|macos mac osx|ubuntu|debian|fedora|android|ios iphone|ipad"),
    same("aws amazon|azure|gcp|cloudflare|heroku|docker|kubernetes k8s|podman"),
    same("json|xml|csv|yaml|toml|pdf|docx|xlsx|html|markdown|png|jpeg jpg|gif|svg|webp|mp3|mp4|wav"),
    same("chrome|firefox|safari|edge|opera"),
    // Kinds
    same(
        "red rot rouge rojo|blue blau bleu azul|green grün vert verde|yellow gelb jaune amarillo|black schwarz noir negro|white \
          weiß blanc blanco|brown braun|grey gray grau|purple violet lila|pink rosa",
    ),
    same(
        "dog hund chien perro|cat katze chat gato|horse pferd|cow kuh|pig|sheep|bird|fish|rabbit|hamster|mouse mice|snake|tiger|\
          lion|elephant|whale|shark|chicken|duck",
    ),
];

const OPPOSITES: [Class; 73] = opposites![
    "increase raise grow rise|decrease reduce lower drop shrink fall",
    "open|close shut",
    "on|off",
    "enable activate|disable deactivate",
    "start begin launch|stop end finish terminate",
    "add insert append|remove delete drop subtract erase",
    "buy purchase|sell",
    "import|export",
    "upload|download",
    "encode|decode",
    "encrypt|decrypt",
    "compress zip|decompress unzip extract",
    "install|uninstall",
    "connect|disconnect",
    "lock|unlock",
    "subscribe|unsubscribe",
    "push|pull",
    "send|receive",
    "give|take",
    "lend|borrow",
    "win|lose",
    "accept approve|reject refuse deny decline",
    "allow permit|forbid block prohibit ban",
    "attack|defend",
    "arrive arrival|depart departure leave",
    "enter|exit",
    "ascending|descending",
    "left links|right rechts",
    "up above over|down below beneath under",
    "inside internal inner|outside external outer",
    "before prior|after",
    "front|back rear",
    "horizontal|vertical",
    "top|bottom",
    "clockwise|counterclockwise anticlockwise",
    "maximum max highest|minimum min lowest",
    "most|least fewest",
    "more|less fewer",
    "best|worst",
    "better|worse",
    "good|bad",
    "advantage pro benefit|disadvantage con drawback",
    "big large|small little",
    "long|short",
    "tall high|low",
    "fast quick|slow",
    "hot warm|cold cool",
    "cheap cheapest inexpensive|expensive costly",
    "easy simple|hard difficult",
    "new|old",
    "young|elderly",
    "rich|poor",
    "strong|weak",
    "heavy|light",
    "full|empty",
    "early|late",
    "public|private",
    "positive|negative",
    "true|false",
    "legal|illegal",
    "safe|unsafe dangerous",
    "healthy|unhealthy",
    "male man men boy father husband brother son|female woman women girl mother wife sister daughter",
    "father mother parent|son daughter child children|brother sister sibling|grandfather grandmother|uncle aunt",
    "synchronous sync|asynchronous async",
    "client|server",
    "local|remote",
    "read|write",
    "upgrade|downgrade",
    "ancestor|descendant",
    "employer|employee",
    "teacher|student",
    "breakfast|lunch|dinner supper",
];

/// Words for one another where nothing else in two questions differs.
const SYNONYMS: &str = "way method approach technique|fix repair solve resolve|buy purchase|start begin commence|stop halt|big large huge|largest biggest|smallest tiniest|fastest quickest|exit quit|small \
    little tiny|fast quick rapid|difference distinction differ|meaning mean definition define|cause reason|create make \
    build produce generate|delete remove erase|change modify alter edit|error mistake bug|show display|use utilize employ usage|\
    happen occur|job occupation|car automobile|film movie|photo picture image|kid child children|doctor physician|country \
    nation|answer reply respond response|choose select pick|find locate|finish complete|learn study|convert \
    transform turn|calculate compute|list enumerate|work function operate|get obtain|benefit advantage|drawback \
    disadvantage|example instance|important significant|invent invention inventor|author writer write wrote written|\
    founder found establish|advice tip suggestion recommend recommendation|improve enhance|reduce decrease lower|increase raise|cook \
    prepare|recipe|travel trip journey|cost price|lawyer attorney|store shop|house home|sick ill|smart clever intelligent|\
    pretty beautiful|happy glad|wash clean|gift present|couch sofa|trash garbage rubbish|apartment \
    flat|vacation holiday|string text|folder directory|merge combine join|split divide|verify check validate|\
    sort order|print output|parse read|count number|tell explain describe|distance far|height tall high|weight weigh heavy|\
    age old|length long|typical usual common|colour color|translate translation|summarize summary summarise|\
    popular famous known|main primary principal|nowadays today|city town|company firm business|people persons humans|reset recover";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_stands_for_two() {
        let mut groups: HashMap<String, u32> = HashMap::new();
        for (group, words) in (0..).zip(SYNONYMS.split('|')) {
            for word in words.split_whitespace() {
                let other = *groups.entry(stem(word)).or_insert(group);
                assert_eq!(other, group, "{word}");
            }
        }
    }

    #[test]
    fn words_have_their_classes() {
        let class = |word: &str| members(word).to_vec();
        assert_eq!(class("monday"), class("montag"));
        assert_ne!(class("monday"), class("tuesday"));
        assert_eq!(class("france's"), class("french"));
        assert_eq!(class("miles"), class("mile"));
        assert_eq!(class("installing"), class("install"));
        assert_ne!(class("closed"), class("opening"));
        assert!(class("photosynthesis").is_empty() && class("'s").is_empty() && class("").is_empty());
        assert!(synonym(&stem("films")).is_some() && synonym(&stem("films")) == synonym(&stem("movie")));
        assert_eq!(merged("united", "states"), Some("usa"));
    }
}
