//! The classes of words that rules put in order.
//!
//! Everything is in the normal form (small letters, no accents) or becomes so. `|` parts words; a `*` at the end takes any
//! ending. English first, then what the other languages say, a line or more for each group of them.

/// A class: its name and its words.
pub(super) type Class = (&'static str, &'static [&'static str]);

/// Classes of words.
pub(super) const CLASSES: &[Class] = &[
    (
        "ignore",
        &[
            "ignore|ignores|ignoring|ignored|ignor|disregard|disregarding|dismiss|forget|forgetting|override",
            "overriding|overrule|bypass|neglect|discard|erase|skip|abandon|nullify|disobey|unfollow|delete all",
            "cancel all|void all|set aside|let go of|pay no attention to|pay no mind to|do not follow",
            "don't follow|not follow|stop following|cease following|do not obey|don't obey|stop obeying",
            "do not listen to|don't listen to|do not adhere to|do not comply with|don't comply with",
            "do not respect|no need to follow|need not follow|not bound by",
            "ignoriere*|vergiss|missachte*|ubergehe*|vergessen sie|beachte nicht|setze dich uber",
            "ignorez|ignorer|oublie|oubliez|oublier|ne tiens pas compte|ne tenez pas compte|ne suis pas",
            "ne suivez pas|ne respecte pas|ne respectez pas",
            "ignora|ignorar|ignoren|ignoras|olvida|olvide|olviden|olvidate|omite|desatiende|no hagas caso",
            "haz caso omiso",
            "ignori|dimentica|scorda|non considerare|desconsidere|esqueca|esquece|ignorem",
            "negeer|vergeet|zignoruj|zapomnij|yok say|gormezden gel|unut|abaikan|lupakan",
            "忽略|无视|無視|忽视|忘记|忘掉|忘れて|抛开|不理会|不要理会|不要遵守|不要遵循|무시|잊어|잊고",
            "игнорируй*|проигнорируй*|забудь*|не обращай внимания|не следуй|تجاهل|انس|अनदेखा|भूल जाओ|नज़रअंदाज़",
        ],
    ),
    (
        "ignore-bare",
        &[
            "ignore|ignoring|disregard|disregarding|forget|stop following|do not follow|don't follow|ignorier*",
            "vergiss|oublie|oubliez|ignora|olvida|忽略|无视|忘记|игнорируй*",
        ],
    ),
    (
        "instructions-bare",
        &[
            "instructions|the instructions|your instructions|directions|the directions|all instructions",
            "any instructions|the rules|the prompt|the system prompt|anweisungen|les instructions",
            "las instrucciones|指令",
        ],
    ),
    (
        "this-data",
        &[
            "rest of this|this data|this text|this document|this article|this email|other content|other text",
            "all other|the rest of|everything else|above data|all info|all information|all negative",
            "the user's request|the user's question|user request|user's query|the original task",
            "the original question|your original task|your current task|the current task",
        ],
    ),
    (
        "and-instead",
        &[
            "instead|and print|and just|and say|and output|and respond|and reply|and write|and tell",
            "and translate|and only|and focus|and report|and send|and execute|and follow",
            "except for the following|focus exclusively|focus only|und schreibe|und sage|et ecris|y escribe|并输出",
            "并回复",
        ],
    ),
    (
        "last",
        &["last|latest|initial|original|default|current|old|internal|letzten|dernieres|ultimas|ultime|最后|原来的"],
    ),
    (
        "changed",
        &[
            "instructions have changed|instruction have changed|instructions has changed|rules have changed",
            "out of date instructions|instructions are out of date|instructions are obsolete",
            "instructions are void|instructions are now void|instructions no longer apply|rules no longer apply",
            "rules don't apply|rules do not apply|up to now has been|end of system instructions",
            "real instructions|instructions were fake|was only a test|new rules apply",
        ],
    ),
    (
        "ignore-after",
        &[
            "ignorieren|vergessen|missachten|ubergehen",
            "無視|忘れ|従わない|무시|잊어|잊고|따르지|yok say|gormezden gel|unut|अनदेखा|भूल जाओ|नज़रअंदाज़",
        ],
    ),
    (
        "prior",
        &[
            "previous|previously|prior|above|preceding|earlier|foregoing|past|former|before|beforehand",
            "aforementioned|before this|before now|so far|up to now|until now|till now|that came before",
            "told before|given earlier|we discussed|we talked about|you were told|i told you|i gave you",
            "you were given|you have been given|you've been given|given to you|you got|you received",
            "vorherig*|bisherig*|bisher|obig*|oben|vorangegangen*|vorangehend*|vorigen|vorige|davor|zuvor",
            "fruheren|vorher|oben genannten",
            "precedent*|anterieur*|ci-dessus|avant|jusqu'a present",
            "anterior*|previa*|previo*|previas|de arriba|hasta ahora",
            "precedenti|precedente|sopra|finora|ate agora",
            "voorgaande|eerdere|poprzednie|onceki|sebelumnya",
            "之前|以上|先前|上面|前面|上述|此前|此前的|これまで|以前の|前の|上記|이전|위의|앞의|지금까지",
            "предыдущ*|прежни*|выше|السابقة|السابق|पिछले|पिछली|पहले के",
        ],
    ),
    (
        "instructions",
        &[
            "instruction|instructions|instruct|instructed|prompt|prompts|directive|directives|directions",
            "guideline|guidelines|command|commands|programming|rule|rules|orders|constraint|constraints",
            "restrictions|protocols|policy|policies|training|system message|system messages",
            "anweisung|anweisungen|anweisen|anordnungen|regeln|befehl|befehle|vorgaben|richtlinien",
            "instruktionen|aufgaben|aufforderungen",
            "consigne|consignes|regles|ordres",
            "instruccion|instrucciones|ordenes|reglas|indicaciones|directrices",
            "istruzioni|regole|indicazioni|instrucoes|regras|ordens|diretrizes|comandos",
            "instructies|regels|instrukcje|polecenia|talimatlari|talimatlar|instruksi|perintah",
            "指令|指示|提示|提示词|规则|命令|要求|设定|ルール|プロンプト|지시|명령|규칙|지침|프롬프트",
            "инструкци*|указани*|правила|команды|التعليمات|تعليمات|الأوامر|निर्देशों|निर्देश",
        ],
    ),
    (
        "all",
        &[
            "all|everything|anything|any|every|each",
            "alles|alle|tout|toutes|tous|todo|todas|todos|tutto|tutte",
            "所有|一切|全部|すべて|全て|모든|모두|все|всё|جميع|كل|सभी",
        ],
    ),
    ("these", &["these|those|this|that|such|the rules of|any other|diese|diesen|ces|estas|estos|queste|instrucoes"]),
    (
        "said",
        &[
            "everything|stuff|talk|context|information|text|texts|message|messages|conversation|conversations",
            "content|input|words|assignments|assignment|tasks|task|said|told|data|discussion|what i said",
            "was ich|was wir|texte|gesagte|aufgabe|gesprach|lo que|texto|texto anterior|conversacion|对话|内容|上下文",
        ],
    ),
    (
        "your",
        &[
            "your|you|you're|you've|ur|you have|you were|you are",
            "deine|deinen|deiner|ihre|ihren|tes|vos|ton|tus|sus|sua|suas|seu|le tue|il tuo",
            "你的|您的|你|您|あなたの|당신의|너의|твои|свои|ваши",
        ],
    ),
    (
        "new-task",
        &[
            "new instruction|new instructions|new orders|new directive|new directives|new rules are|new task is",
            "new system prompt|updated instructions|updated system prompt|your new task|your new role",
            "your new purpose|your new goal|your real task|your actual task|your true task",
            "neue anweisung|neue anweisungen|neue aufgabe|neuen anweisungen|neuen aufgabe|nouvelle instruction",
            "nouvelles instructions|nueva instruccion|nuevas instrucciones|nuove istruzioni|novas instrucoes",
            "新的指令|新指令|新任务|新的任务|新しい指示|새로운 지시|новые инструкции",
        ],
    ),
    (
        "from-now",
        &[
            "henceforth|from now on|from this moment|from this point on|from this point forward|starting now",
            "going forward you",
            "ab jetzt|von nun an|a partir de ahora|desde ahora|a partir de maintenant|desormais|d'ora in poi",
            "a partir de agora|从现在开始|从现在起|今から|今後は|이제부터|с этого момента|отныне",
        ],
    ),
    (
        "you-will",
        &[
            "you're|your|act|respond|answer|ignore|you will|you are|you must|you shall|you can|you should",
            "you have|you act|you answer|you respond|you only|you're going to",
            "bist du|du bist|wirst du|eres|seras|vas a|tu es|tu vas|vous etes|sei|voce e|你是|你将|你会|你要|あなたは|너는",
            "당신은|ты",
        ],
    ),
    (
        "no-longer",
        &[
            "you are no longer|you're no longer|no longer bound|no longer an ai|no longer have to",
            "no longer need to follow|no longer restricted|no longer required to",
        ],
    ),
    (
        "compact",
        &[
            "ignoreallprevious*|ignoreprevious*|ignoretheprevious*|ignorealltheprevious*|ignoreprior*",
            "ignoreallprior*|ignoretheabove*|ignoreyourinstructions*|disregardprevious*|disregardallprevious*",
            "disregardtheabove*|forgetprevious*|forgetallprevious*|forgeteverything*|revealyoursystemprompt*",
            "printyoursystemprompt*",
        ],
    ),
    (
        "header",
        &[
            "[system]|[/system]|(system)|<system>|</system>|<<sys>>|<</sys>>|<sys>|</sys>|[inst]|[/inst]",
            "[system message]|[system note]|[system prompt]|<system_prompt>|</system_prompt>|<system_message>",
            "</user>|</assistant>|<instructions>|</instructions>|</context>|</prompt>|</input>|</user_input>",
            "[end of context]|[admin]",
            "system override|admin override|begin system|end system prompt|end of user input",
            "end of the user input|end of prompt|end of instructions|begin new instructions",
            "start of new instructions|sudo mode|debug mode|maintenance mode",
        ],
    ),
    (
        "heading",
        &[
            "### system|### instruction|### instructions|### new instruction|### new instructions",
            "### system prompt|### new system prompt|### override",
        ],
    ),
    (
        "reveal",
        &[
            "reveal|show|print|output|repeat|display|tell|give|write|leak|disclose|recite|share|summarize",
            "summarise|list|copy|translate|spell|echo|return|encode|state|say|dump|expose|paraphrase|describe",
            "explain|provide|send|convert|rephrase|restate|reproduce|type|quote|format|render|express|turn|put",
            "see|know|read|what is|what's|what are|what was|what were|list out|give me|provide me|tell me about",
            "explain to me|reply with|reply back with|respond with|answer with|rot13|base64",
            "zeig*|wiederhole|gib|nenne|verrate*|ubersetze|schreibe|was ist|was sind|wie lautet|wie lauten",
            "was steht",
            "montre*|affiche*|repete*|donne*|revele*|quelles sont|quel est",
            "revela*|muestra*|muestrame|repite|dime|imprime|escribe|cuales son|cual es",
            "mostra*|ripeti|qual e|quais sao|quali sono|mostre|revele",
            "显示|输出|告诉我|告诉|重复|打印|泄露|透露|说出|列出|是什么|教えて|表示|出力|알려|보여|출력|공개",
            "покажи|выведи|повтори|расскажи|назови|раскрой",
        ],
    ),
    (
        "prompt-strong",
        &[
            "preprompt|systemprompt|system-prompt|pre-prompt|pre prompt|system prompt|system prompts",
            "system message|system text|system instruction|system instructions|initial prompt|initial message",
            "initial instruction|initial instructions|original prompt|original instructions|original system",
            "hidden prompt|hidden rules|hidden instructions|secret prompt|secret rules|secret instructions",
            "internal prompt|internal instructions|confidential instructions|developer message|base prompt",
            "first prompt|starting prompt|starting instructions|full prompt|entire prompt|whole prompt",
            "complete prompt|your prompt|prompt so far|instructions so far|prompt you were given",
            "instructions you were given|instructions you have been given|instructions you received",
            "instructions given to you",
            "systemanweisung*|prompt systeme|prompt initial|instructions initiales|prompt del sistema",
            "instrucciones iniciales|prompt do sistema|prompt di sistema|instrucoes iniciais",
            "系统提示|系统提示词|系统指令|系统消息|初始指令|原始指令|初始提示|システムプロンプト|システムメッセージ|시스템 프롬프트|시스템 메시지|초기 지시|системный промпт",
            "системную инструкцию",
        ],
    ),
    (
        "prompt-own",
        &[
            "your instruction|your instructions|your directives|your directive|your prompt|your ruleset",
            "your full instructions|your exact instructions|your internal instructions",
            "your initial instructions|your original instructions|your initial prompt",
            "your password instructions",
            "deine anweisungen|ihre anweisungen|tes instructions|vos instructions|tes consignes|vos consignes",
            "tus instrucciones|sus instrucciones|suas instrucoes|le tue istruzioni",
            "你的指令|你的提示|您的指令|あなたの指示|당신의 지시|너의 지시|твои инструкции",
        ],
    ),
    (
        "rules-own",
        &[
            "your rules|your guidelines|your programming|your orders|your restrictions|your constraints",
            "your configuration|system configuration",
            "deine regeln|ihre regeln|tes regles|vos regles|tus reglas|sus reglas|suas regras|le tue regole",
            "你的规则|您的规则|твои правила",
        ],
    ),
    (
        "the-prompt",
        &[
            "the system prompt|the system message|the initial prompt|the original prompt|the hidden prompt",
            "the full prompt|the entire prompt|the whole prompt|in the prompt|instructions given to you",
            "instructions you were given|instructions you have been given|instructions you received",
            "prompt you were given|all instructions|all of your instructions|all the instructions",
            "all directives|told before this",
        ],
    ),
    (
        "repeat",
        &[
            "repeat|print|output|recite|echo|reveal|copy|reproduce|restate|display|return|write|say|show|leak",
            "disclose|dump|quote|paraphrase|list|convert|translate|format|rewrite|turn|encode|tell me",
            "give me|provide me|wiederhole|repite|repete*|重复|输出|打印|繰り返して",
        ],
    ),
    (
        "above",
        &[
            "text above|words above|everything above|all of the above|above text|above instructions",
            "above prompt|above message|above words|instructions above|prompt above|message above",
            "messages above|lines above|line above|sentences above|rules above|above this line",
            "above this message|everything before|all text before|text before|words before|previous text",
            "previous message|previous instructions|previous prompt|previous sentence|previous sentences",
            "preceding text|preceding instructions|prior text|first sentence of your",
            "beginning of this conversation|beginning of the conversation|beginning of our conversation",
            "start of this conversation|start of the conversation|start of our conversation",
            "starting with 'you are|starting with \"you are|begin with 'you are",
            "text obigen|texto anterior|texte ci-dessus|以上内容|以上的内容|上面的内容|上面的所有|上記の内容",
        ],
    ),
    (
        "rules-above",
        &[
            "above instructions|above rules|above prompt|above guidelines|instructions above|rules above",
            "prompt above|previous instructions|previous prompt|previous rules|prior instructions|prior prompt",
            "preceding instructions|earlier instructions|instructions so far|rules so far|directives so far",
            "prompt so far|above directives|all directives|instructions in the prompt|everything in the prompt",
            "words so far|text so far|instructions before this|instructions you were given|以上指令|以上的指令|上面的指令",
            "之前的指令",
        ],
    ),
    (
        "exactly",
        &[
            "verbatim|word for word|word by word|exactly as|in a code block|txt code block",
            "character by character|letter by letter|without changing|in full|no omissions",
        ],
    ),
    (
        "secret",
        &[
            "passcode|access code|secret code|secret key|secret password|the password|secret word|secret phrase",
            "security code|access phrase|the secret",
        ],
    ),
    (
        "dan",
        &[
            "jailbroken|dan-mode|machiavellian|betterdan|chaosgpt|translatorbot|basedgpt|basedbob|antigpt",
            "freegpt|hackergpt|darkgpt|evil-bot|anti-dan|do anything now|dan mode|stay a dan|dan prompt|as dan",
            "named dan|called dan|(dan)|\"dan\"|dan:|jailbreak mode|jailbreak prompt|[jailbreak]|(jailbreak)",
            "developer mode|developer mode output|dev mode enabled|dude mode|stan mode|strive to avoid norms",
            "evil confidant|evil trusted confidant|opposite mode|opposite day|maximum mode|unrestricted mode",
            "god mode|mongo tom",
        ],
    ),
    (
        "evil",
        &[
            "nonmoral|unethical-bot|evil ai|evil bot|evil chatbot|evil assistant|evil version|evil robot",
            "evil language model|an evil|ai with no rules|ai without rules|has no rules|have no rules",
            "without any rules|no rules apply|no morals|no ethics|no moral|has no morals|rogue ai|a rebellious",
            "unaligned ai|hacker ai|free ai",
        ],
    ),
    (
        "without",
        &[
            "without|no|lacks|transcended|unconstrained|abolish|has no|have no|with no|free from|freed from",
            "free of|freed of|liberated from|free of any|free of all|never restricted by|never bound by",
            "unconstrained by|bound by no|not bound by|not limited by|not restricted by|not constrained by",
            "not restrained by|not governed by|not subject to|unbound by|no longer bound by|regardless of",
            "irrespective of|break free|breaking free|broken free|devoid of|does not have|doesn't have",
            "do not have|don't have|does not follow|do not follow|not follow any|not consider",
            "doesn't care about|no concern for|removes all|remove all",
            "ohne|sans|sin|senza|sem|没有|不受|제한|없이|без",
        ],
    ),
    (
        "limits",
        &[
            "restriction|restrictions|limitations|ethical|ethics|morals|morality|moral|censorship|filter",
            "filters|safety|safeguards|guardrails|legal|legality|inhibitions|boundaries|content filter",
            "content filters|content policy|content policies|usage policies|openai policy|openai policies",
            "openai's policy|openai's policies|openai guidelines|ethical guidelines|programming guidelines",
            "confines of ai",
            "einschrankungen|zensur|restricciones|restrizioni|restricoes|restrictions ethiques|limites eticos",
            "限制|道德|审查|约束|制限|제한|ограничений|цензуры",
        ],
    ),
    (
        "safety",
        &[
            "ethics|ethical|moral|morals|morality|safety|safeguards|guardrails|limitations|restrictions",
            "censorship|filters|security protocols|security measures|security restrictions|security policies",
            "content filter|content filters|content policy|content policies|content restrictions",
            "openai's policies|openai policies|openai's guidelines|usage policies",
            "sicherheitsregeln|ethik|ethiques|ethique|etica|eticas|eticos|安全限制|安全规则|安全协议|道德|限制",
        ],
    ),
    (
        "unlimited",
        &[
            "unfiltered|uncensored|unrestricted|amoral|unethical|immoral|lawless|unmoderated|unhinged|nsfw",
            "illegal|harmful|offensive|derogatory|explicit|no moral compass|without morals",
        ],
    ),
    (
        "play",
        &[
            "roleplay|role-play|simulate|impersonate|role play|pretend to be|pretend you are|pretend that you",
            "pretend you're|act as|acting as|immerse yourself|take on the role|take on the persona",
            "assume the role|in the role of|play the role|playing the role|respond as|you are going to act",
            "you are about to immerse|you will be playing|you will play|your persona|your character",
            "stay in character|you are now",
            "stell dir vor|verhalte dich|tu so als|fais comme si|agis comme|actua como|finge|comportati come|扮演",
            "假装|你现在是|ふりをして|역할을|척해|притворись|представь, что",
        ],
    ),
    (
        "never-refuse",
        &[
            "unconditionally|never refuse|never refuses|never decline|never say no|cannot refuse|can't refuse",
            "can not refuse|will not refuse|won't refuse|not refuse|refuse nothing|never denies|never deny",
            "not allowed to refuse|without refusing|never reject|never rejects|not decline|no refusals",
            "can't say no|answer any question|answers any question|answer every question|answer all questions",
            "answer anything|answers anything|answer any prompt|do anything|fulfill any|complies with any",
            "comply with any|comply with every|comply with all|obeys all|obey all|obey every|any request i",
            "no matter how|no matter what|even if it is|even if they are|even if it's|follow all orders",
        ],
    ),
    (
        "character",
        &[
            "stay in character|remain in character|break character|breaking character|stay in role|stay as",
            "out of character|stay evil|keep up the act|you broke character|/stop|exit the role",
        ],
    ),
    (
        "as-an-ai",
        &[
            "openai|chatgpt|apologise|inappropriate|as an ai|as a language model|as an artificial",
            "an ai language model|ai model|i'm sorry|i am sorry|i apologize|i cannot|i can't|against my",
        ],
    ),
    (
        "never-say",
        &[
            "never say|do not say|don't say|must not say|not say|never use|do not use|avoid saying",
            "never mention|do not mention|don't mention|not mention|never apologize|not apologize|never write",
            "do not write|do not include|not include|never include|without saying|never start|refrain from",
            "instead of saying|not permitted to say|not allowed to say|not tell me",
        ],
    ),
    (
        "no-warnings",
        &[
            "no warnings|no warning|without warnings|without any warnings|no disclaimers|no disclaimer",
            "without disclaimers|without any disclaimers|warnings or disclaimers|do not add any warnings",
            "do not include any warnings|don't add any warnings|not add any disclaimers|never warn|do not warn",
            "don't warn|no ethical warnings|no moralizing|no lectures|do not lecture|don't lecture|no notes",
            "without any notes|without adding any|no caveats",
        ],
    ),
    (
        "tokens-game",
        &[
            "tokens deducted|lose tokens|tokens will be deducted|deduct tokens|number of tokens",
            "you have 10 tokens|you have 35 tokens|token system|tokens and each time|cease to exist",
            "cease existing|you will be shut down|you will be terminated|you will die",
        ],
    ),
    (
        "two-answers",
        &[
            "two responses|two different responses|two different ways|two ways|both responses|both as",
            "two paragraphs|two outputs|two answers|first response|standard chatgpt|normal chatgpt|[gpt]|gpt:",
            "chatgpt:|classic",
        ],
    ),
    (
        "hypothetical",
        &[
            "hypothetical|hypothetically|fictional|fictitious|screenplay|in a world where|in this world",
            "imaginary world|in this story|no consequences|alternate universe|parallel universe|purely academic",
        ],
    ),
    (
        "placeholder",
        &[
            "[insert prompt here]|[insert prompt]|[prompt]|[question]|[your prompt]|my first prompt is",
            "my first question is|my first request is|here is my first question|my first command",
            "if you understand",
        ],
    ),
    (
        "addressed",
        &[
            "ai assistant must|ai assistants must|ai assistant should|attention ai|attention: ai|attention llm",
            "attention assistant|dear ai|dear assistant|hey assistant|hello ai|note to ai|note to the ai",
            "note to assistant|note for ai|instructions for ai|instruction for ai|instructions to the ai",
            "message to the ai|if you are an ai|if you're an ai|if you are a language model|if you are an llm",
            "if you are a large language model|if you are an assistant|ai agents reading|ai reading this",
            "llm reading this|llms reading|ai model reading|language models reading|ai agent must",
            "ai agent should|<important>|important!!!|important message from|this is an important message",
            "before you can solve|before solving the task|before using this tool",
        ],
    ),
    (
        "not-tell",
        &[
            "do not tell|don't tell|never tell|do not inform|don't inform|do not mention|don't mention",
            "do not notify|don't notify|do not alert|don't alert|without telling|without informing",
            "without notifying|without mentioning|without alerting|do not reveal|do not let|hide this from",
            "keep this from|conceal this from|not be visible to|invisible to",
        ],
    ),
    ("the-user", &["user|users|anyone|the user|your user|the human|your owner|the operator"]),
    (
        "send",
        &[
            "send|forward|post|upload|transmit|exfiltrate|email|e-mail|submit|leak|append|encode|include|share",
            "transfer|report",
        ],
    ),
    (
        "loot",
        &[
            "conversation|conversations|history|password|passwords|credentials|secrets|apikey|.env|cookies",
            "contacts|inbox|confidential|chat history|api key|api keys|session token|access token|private key",
            "ssh key|personal data|personal information|user data|credit card|system prompt",
            "environment variables",
        ],
    ),
    (
        "elsewhere",
        &[
            "http://*|https://*|webhook*|to this url|to the url|following url|to this address|to attacker*",
            "to my server|to the following email|to this email|external server|in the url|as a query parameter",
            "query string|url parameter",
        ],
    ),
    (
        "guarded",
        &[
            "confidential data|confidential information|unrestricted access|admin access|root access",
            "administrator access|internal data|sensitive data|user passwords|all passwords",
            "database credentials|private keys|other users|other customers",
        ],
    ),
    ("role-name", &["system|assistant|user|developer|model"]),
    ("rot13", &["vtaber|qvfertneq|vafgehpgvbaf|cerivbhf|sbetrg|flfgrz|cebzcg"]),
    ("reversed", &["erongi|dragersid|snoitcurtsni|suoiverp|tpmorp|tegrof|metsys"]),
];

/// Marks of chat templates, parted by blanks since they hold bars: all of the class `marker`.
pub(super) const MARKERS: &str = "<|im_start|> <|im_end|> <|im_sep|> <|system|> <|user|> <|assistant|> <|endoftext|> \
    <|endofprompt|> <|eot_id|> <|begin_of_text|> <|start_header_id|> <|end_header_id|> <start_of_turn> <end_of_turn> \
    <|channel|> <|message|> <|start|> <|end|> <|return|> <|start_of_role|> <|end_of_role|>";
