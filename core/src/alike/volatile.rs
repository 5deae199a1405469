//! Words that make an answer grow old within hours.

use super::words::Word;
use std::collections::HashSet;
use std::sync::LazyLock;

/// Whether a question is about now: what was right this morning may be wrong by noon. Leans towards yes.
pub fn is_volatile(words: &[Word]) -> bool {
    static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| LISTS.iter().flat_map(|list| list.split(' ')).collect());
    let names_it = words.iter().any(|word| WORDS.contains(word.text.as_str()));
    names_it || words.windows(2).any(is_relative) || in_han(words)
}

/// A time that is counted from now: `this week`, `next year`.
fn is_relative(pair: &[Word]) -> bool {
    let [which, what] = pair else { return false };
    let counts =
        ["this", "next", "last", "past", "coming", "diese", "dieses", "nächste", "letzte", "cette", "este", "esta"];
    let times = [
        "morning",
        "afternoon",
        "evening",
        "night",
        "week",
        "weekend",
        "month",
        "quarter",
        "year",
        "season",
        "summer",
        "winter",
        "spring",
        "autumn",
        "fall",
        "hour",
        "day",
        "days",
        "hours",
        "weeks",
        "months",
        "years",
        "woche",
        "monat",
        "jahr",
        "semaine",
        "semana",
        "año",
        "mes",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    counts.contains(&which.text.as_str()) && times.contains(&what.text.as_str())
}

/// The same in scripts whose words are not cut.
fn in_han(words: &[Word]) -> bool {
    let text: String = words.iter().map(|word| word.text.as_str()).collect();
    HAN.split(' ').any(|word| text.contains(word))
}

const LISTS: [&str; 3] = [
    "today today's tonight tomorrow yesterday now nowadays currently current latest newest recent recently lately live \
     breaking trending upcoming weather forecast news headline headlines stock stocks score scores traffic ago yet anymore \
     o'clock presently ongoing",
    "heute morgen gestern jetzt aktuell aktuelle aktuellen aktueller derzeit gerade neueste neuesten wetter nachrichten \
     börse aktienkurs demain hier aujourd'hui maintenant actuellement actuel actuelle dernier dernière récent météo \
     actualités hoy mañana ayer ahora actualmente actual último última reciente tiempo noticias bolsa",
    "oggi domani ieri adesso ora attualmente attuale ultimo ultima recente meteo notizie hoje amanhã ontem agora atualmente \
     atual recente clima notícias vandaag morgen gisteren nu momenteel huidige laatste recent weer nieuws",
];

const HAN: &str = "今天 明天 昨天 现在 現在 目前 最新 最近 今年 本周 本月 天气 天氣 新闻 新聞 股价 股價 今日 明日 昨日 今週 今月 天気 \
                   ニュース 株価 오늘 내일 어제 지금 현재 최신 최근 올해 날씨 뉴스 주가";

#[cfg(test)]
mod tests {
    use super::super::words;
    use super::*;

    #[test]
    fn questions_about_now_are_known() {
        for (text, expected) in [
            ("What's the weather in Paris?", true),
            ("who is the current president", true),
            ("What happened this week?", true),
            ("events last  Monday", true),
            ("Was läuft heute im Kino?", true),
            ("今天天气怎么样", true),
            ("今日のニュースは", true),
            ("오늘 날씨 어때", true),
            ("What is the capital of France?", false),
            ("how do I sort a list by its last element", false),
            ("this function has a bug", false),
            ("法国的首都", false),
        ] {
            assert_eq!(is_volatile(&words(text)), expected, "{text}");
        }
    }
}
