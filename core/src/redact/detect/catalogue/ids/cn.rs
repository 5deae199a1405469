//! China.

use super::{Detector, PERSONAL, all_if, date};
use crate::redact::detect::{
    Edge, Tier,
    checksum::{digits, mod11_2, number},
};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "cn_resident_id",
        label: "CNID",
        about: "居民身份证号码: number of a resident of China",
        group: "cn",
        shape: r"[1-8]\d{5}(?:19|20)\d{2}[01]\d[0-3]\d{4}[0-9Xx]",
        bytes_max: 18,
        check: resident,
        source: "https://openstd.samr.gov.cn/bzgk/gb/newGbInfo?hcno=080D6FBF2BB468F9007657F26D60013E",
        found: &["身份证号⟦11010519491231002X⟧。", "id=⟦440308199202294175⟧", "证件⟦330106200107152861⟧已登记"],
        not_found: &["110105194912310021", "990105194912310023", "110105194902310026", "1110105194912310021"],
        ..PERSONAL
    },
    Detector {
        entity: "cn_credit_code",
        label: "USCC",
        about: "统一社会信用代码: number of an organisation in China",
        group: "cn",
        shape: r"[1-9ANY][1-59]\d{6}[0-9A-HJ-NPQRTUWXY]{10}",
        bytes_max: 18,
        check: organisation,
        source: "https://openstd.samr.gov.cn/bzgk/gb/newGbInfo?hcno=24691C25985C1073D3A7C85629378AC0",
        found: &["代码⟦91350100M000100Y43⟧", "⟦91330106MA2C123446⟧,有限公司", "信用代码:⟦91440300708461136T⟧"],
        not_found: &["91350100M000100Y44", "91990100M000100Y43", "91440300708461135T", "X91350100M000100Y43"],
        ..PERSONAL
    },
    Detector {
        entity: "cn_mobile",
        label: "PHONE",
        about: "手机号码: number of a mobile phone in China, behind a word that says so",
        group: "cn",
        shape: r"1[3-9]\d(?:\d{8}| \d{4} \d{4}|-\d{4}-\d{4})",
        edge: Edge::Digit,
        bytes_max: 13,
        context: &["手机", "电话", "联系", "微信", "号码", "致电", "mobile", "phone", "tel", "cell", "wechat"],
        source: "https://en.wikipedia.org/wiki/Telephone_numbers_in_China",
        found: &["手机:⟦13800138000⟧", "请联系⟦159 1234 5678⟧。", "mobile ⟦186-0000-1234⟧"],
        not_found: &["订单13800138000", "手机12800138000", "手机138001380001", "mobile 138-0013 8000"],
        ..PERSONAL
    },
    Detector {
        entity: "cn_mobile",
        label: "PHONE",
        about: "The same without a word",
        tier: Tier::Likely,
        group: "cn",
        shape: r"1[3-9]\d(?:\d{8}| \d{4} \d{4}|-\d{4}-\d{4})",
        edge: Edge::Digit,
        bytes_max: 13,
        source: "https://en.wikipedia.org/wiki/Telephone_numbers_in_China",
        found: &["找我⟦13800138000⟧", "⟦159 1234 5678⟧", "张三 ⟦186-0000-1234⟧,李四"],
        not_found: &["12800138000", "138001380001", "138-0013 8000", "1.13800138000"],
        ..PERSONAL
    },
    Detector {
        entity: "cn_plate",
        label: "PLATE",
        about: "机动车号牌: plate of a vehicle in China",
        group: "cn",
        shape: "(?:京|津|沪|渝|冀|豫|云|辽|黑|湘|皖|鲁|新|苏|浙|赣|鄂|桂|甘|晋|蒙|陕|吉|闽|贵|粤|青|藏|川|宁|琼)[A-HJ-NP-Z](?:·| )?[A-HJ-NP-Z0-9]{5,6}",
        bytes_max: 12,
        check: plate,
        source: "https://en.wikipedia.org/wiki/Vehicle_registration_plates_of_China",
        found: &["车牌⟦京A12345⟧,白色", "⟦粤B·D12345⟧", "停着⟦沪C 8K9P6⟧和一辆车"],
        not_found: &["京A1234", "京I12345", "京AABCDE", "京A123456", "京A12345B7"],
        ..PERSONAL
    },
];

/// The provinces by number (GB/T 2260), to which special regions belong.
fn province(candidate: &str) -> bool {
    let number = candidate.get(..2).and_then(number);
    number.is_some_and(|of| matches!(of, 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83))
}

fn resident(candidate: &str) -> Option<Range<usize>> {
    let part = |range: Range<usize>| candidate.get(range).and_then(number);
    let born = date::exists(part(6..10)?, part(10..12)?, part(12..14)?);
    all_if(candidate, born && province(candidate) && mod11_2(candidate))
}

/// GB 32100: who registers and what, region, the organisation's own code, check character. Codes made of digits alone
/// come from before, when the organisation's own code ended in a check digit: that one too must hold.
fn organisation(candidate: &str) -> Option<Range<usize>> {
    const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    let value = |character| ALPHABET.find(character);
    let mut weight = 1;
    let mut sum = 0;
    for character in candidate.chars().take(17) {
        sum += value(character)? * weight;
        weight = weight * 3 % 31;
    }
    let holds = (sum + candidate.chars().last().and_then(value)?) % 31 == 0;
    let mixed = candidate.get(8..16)?.bytes().any(|byte| byte.is_ascii_uppercase());
    all_if(candidate, holds && province(candidate.get(2..)?) && (mixed || old_code(candidate.get(8..17)?)))
}

/// GB 11714, for eight digits and their check character.
fn old_code(code: &str) -> bool {
    let sum: u32 = digits(code).zip([3, 7, 9, 10, 5, 8, 4, 2]).map(|(digit, weight)| digit * weight).sum();
    let wanted = match 11 - sum % 11 {
        10 => 'X',
        11 => '0',
        digit => char::from_digit(digit, 10).unwrap_or('X'),
    };
    code.ends_with(wanted)
}

/// Three digits at least; with six characters, a letter first or last says how the vehicle is driven.
fn plate(candidate: &str) -> Option<Range<usize>> {
    let number: Vec<u8> = candidate.bytes().filter(u8::is_ascii_alphanumeric).skip(1).collect();
    let enough = number.iter().filter(|byte| byte.is_ascii_digit()).count() > 2;
    let driven = [number.first(), number.last()].into_iter().flatten().any(u8::is_ascii_uppercase);
    all_if(candidate, enough && (number.len() == 5 || driven))
}
