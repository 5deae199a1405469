//! Accounts and banks, where no IBAN is in use.

use super::{Detector, PERSONAL, all_if};
use crate::redact::detect::{
    Tier,
    checksum::{digits, weighted},
};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "us_aba_routing",
        label: "ROUTING",
        about: "Routing transit number of a bank in the United States, behind its name",
        shape: r"(?:0\d|1[0-2]|2[1-9]|3[0-2]|6[1-9]|7[0-2]|80)\d{7}",
        bytes_max: 9,
        check: routing,
        context: &["routing", "aba", "rtn", "routing number", "transit number"],
        source: "https://www.aba.com/about-us/routing-number",
        found: &["Routing number: ⟦041557800⟧", "ABA ⟦030436152⟧", "rtn=⟦052301359⟧"],
        not_found: &["Routing number: 041557801", "order 041557800", "ABA 000000000", "ABA 0415578001"],
        ..LIKELY
    },
    Detector {
        entity: "us_bank_account",
        label: "ACCOUNT",
        about: "Number of a bank account, behind its name",
        shape: r"\d{6,17}",
        bytes_max: 17,
        check: account,
        context: &[
            "account number",
            "account no",
            "account #",
            "account num",
            "acct number",
            "acct no",
            "acct #",
            "acct",
            "bank account",
            "checking account",
            "savings account",
            "a/c no",
            "a/c number",
            "account_number",
            "accountnumber",
            "kontonummer",
            "numéro de compte",
            "número de cuenta",
            "银行账号",
            "账号",
            "口座番号",
        ],
        source: "https://en.wikipedia.org/wiki/Bank_account",
        found: &["account number: ⟦000123456789⟧", "Acct # ⟦9876543210⟧", "银行账号 ⟦11001234567890123⟧"],
        not_found: &[
            "invoice 000123456789",
            "account number 12345",
            "account number 000000000",
            "acct 123456789012345678",
        ],
        ..LIKELY
    },
    Detector {
        entity: "uk_bank_account",
        label: "ACCOUNT",
        about: "Sort code of a bank in the United Kingdom, behind its name, with the number of an account if one follows",
        shape: r"\d{2}-\d{2}-\d{2}(?:[ ,/]{1,2}\d{8})?",
        bytes_max: 18,
        context: &["sort code", "sort-code", "sortcode", "s/c"],
        source: "https://en.wikipedia.org/wiki/Sort_code",
        found: &["sort code ⟦20-00-00⟧", "Sort code: ⟦40-47-84 70872490⟧", "sortcode=⟦30-96-26⟧"],
        not_found: &["on 20-00-00", "sort code 200-00-00", "sort code 20-00-001"],
        ..LIKELY
    },
    Detector {
        entity: "bic",
        label: "BIC",
        about: "BIC or SWIFT code of a bank, behind its name",
        shape: r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?",
        bytes_max: 11,
        check: bic,
        context: &["bic", "swift", "swift code", "bic/swift", "swift/bic", "iso 9362"],
        source: "https://www.swift.com/standards/data-standards/bic-business-identifier-code",
        found: &["BIC: ⟦DEUTDEFF⟧", "SWIFT code ⟦BOFAUS3NXXX⟧", "BIC/SWIFT=⟦HSBCHKHHHKH⟧"],
        not_found: &["code DEUTDEFF", "BIC DEUTXXFF", "SWIFT: DEUTDEFFX", "swift PROTOCOL"],
        ..LIKELY
    },
];

const LIKELY: Detector = Detector { tier: Tier::Likely, group: "financial", ..PERSONAL };

fn routing(candidate: &str) -> Option<Range<usize>> {
    let sum = weighted(candidate, &[3, 7, 1, 3, 7, 1, 3, 7, 1]);
    all_if(candidate, sum > 0 && sum.is_multiple_of(10))
}

/// Not the same digit all over, which stands for none.
fn account(candidate: &str) -> Option<Range<usize>> {
    let first = digits(candidate).next()?;
    all_if(candidate, digits(candidate).any(|digit| digit != first))
}

/// The fifth and sixth letters are a country (ISO 3166-1, and Kosovo).
fn bic(candidate: &str) -> Option<Range<usize>> {
    const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR \
        BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES \
        ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN \
        IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG \
        MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL \
        PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF \
        TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";
    let country = candidate.get(4..6)?;
    all_if(candidate, COUNTRIES.split_ascii_whitespace().any(|known| known == country))
}
