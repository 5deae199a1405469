//! Words that carry grammar or courtesy, and no subject.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Whether a word (in lower case) carries no subject.
pub(super) fn is_stop(word: &str) -> bool {
    static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| LISTS.iter().flat_map(|list| list.split(' ')).collect());
    WORDS.contains(word)
}

const LISTS: [&str; 10] = [
    // English
    "a an the this that these those there here it its it's i i'm i'd i've i'll me my mine myself we us our ours you you're \
     your yours he him his she her hers they them their theirs who whom whose which what what's when where why how how's \
     where's who's that's there's be am is are was were been being isn't aren't wasn't weren't do does did done doing don't \
     doesn't didn't have has had having haven't hasn't hadn't can can't cannot could couldn't may might must shall should \
     shouldn't will won't would wouldn't of in on at by for from to into onto with without about as than then so if else \
     and or but nor not no yes ok okay yeah also too very just only even ever still again please pls thanks thank hi hello \
     hey dear kindly tell give show explain describe let let's get got want need like know help really actually exactly \
     basically simply quickly some any all each every both more most much many few such own same other another one ones \
     up down out off over under through between during before after because while until since located called possible able recommend suggest s t re ve ll d m",
    // German
    "der die das den dem des ein eine einen einem einer eines und oder aber nicht kein keine keinen ist sind war waren sein \
     bin bist hat haben habe hatte ich du er sie es wir ihr mir mich dir dich ihm ihn uns euch mein meine dein deine wie was \
     wer wo wann warum wieso weshalb welche welcher welches in im an am auf bei mit von vom zu zum zur für über unter nach \
     vor aus durch bitte danke hallo kann können könnte könntest muss müssen soll sollte will würde werden wird wurde man \
     auch nur noch schon sehr ja nein doch mal dann denn wenn dass ob als so sag sage erkläre zeig heißt heißen",
    // French
    "le la les l un une des du de d et ou mais ne pas non oui est sont était être suis es a ai as ont avoir je j tu il elle \
     on nous vous ils elles me te se lui leur mon ma mes ton ta tes son sa ses notre votre que qui quoi quel quelle quels \
     quelles où quand comment pourquoi dans en sur sous avec sans pour par au aux ce cet cette ces c c'est qu'est s'il plaît \
     merci bonjour salut peux peut pouvez puis-je dois doit très aussi plus qu n",
    // Spanish
    "el los las lo unos unas y o pero no sí si es son era ser soy eres está están estar fue he ha han haber yo tú él ella \
     nosotros ellos ellas me te nos os mi mis tu tus su sus qué que quién cuál cuáles dónde cuándo cómo por porqué en con sin \
     para al del sobre este esta estos estas ese esa eso esto favor gracias hola puedo puede puedes debo debe muy también más",
    // Italian
    "il lo gli i uno dei degli delle della dello del nel nella e ed ma non sì è sono era essere sei siamo ho hai hanno avere \
     io lui lei noi voi loro mi ti ci vi mio mia tuo tua suo sua che chi cosa quale quali dove quando come perché con senza \
     per da di su al alla questo questa quello quella grazie ciao posso può puoi devo deve molto anche più",
    // Portuguese
    "os um uma uns umas do da dos das no na nos nas ao à e ou mas não sim é são era ser sou está estão estar eu você ele ela \
     nós eles elas meu minha seu sua qual quais quem onde quando como porque quê com sem para pelo pela isso isto este esta \
     favor obrigado obrigada olá posso pode devo deve muito também mais",
    // Dutch
    "het een en of maar niet geen is zijn was waren ben bent heeft hebben ik jij je hij zij ze wij we jullie mijn jouw wat wie \
     waar wanneer waarom hoe welke op aan met zonder van voor te naar bij uit door dit dat deze die alsjeblieft dank hallo \
     kan kunnen moet moeten zou wil zal ook nog wel",
    // Chinese
    "的 了 是 在 和 与 也 都 就 吗 呢 吧 啊 么 什 怎 样 哪 谁 为 何 我 你 您 他 她 它 们 这 那 个 请 好 不 没 有 会 能 可 以 要 把 被 \
     对 从 到 给 里 问 谢 嗎 麼 樣 誰 為 們 這 個 請 沒 會 對 從 給 謝 與",
    // Japanese: sounds are mostly grammar.
    "は が を に の で と も か ね よ す ま し た て い る な ど こ そ あ れ さ ん え う く け せ だ っ つ ば へ や ら り ろ わ き お み め",
    // Korean, with its particles
    "은 는 이 가 을 를 의 에 에서 로 으로 와 과 도 무엇 무엇인가요 뭐 뭐예요 왜 어떻게 언제 어디 누구 나 저 너 그 이것 그것 좀 주세요 \
     어디인가요 어디예요 어디에요 누구인가요 누구예요 언제인가요 알려줘 알려주세요 해줘 안녕 안녕하세요 감사합니다 네 아니요 인가요 입니까",
];
