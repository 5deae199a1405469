//! Numbers that states give to people and companies. One that a random number passes too easily needs a word before it.

mod africa;
mod alps;
mod asia;
mod baltic;
mod bank;
mod birth;
mod br;
mod ca;
mod central;
mod cn;
mod date;
mod driving;
mod eu;
mod india;
mod latin;
mod nordic;
mod oceania;
mod things;
mod travel;
mod uk;
mod us;
mod vat;
mod west;

use super::{Detector, PERSONAL, all_if};

pub(super) const GROUPS: [&[Detector]; 22] = [
    birth::ROWS,
    bank::ROWS,
    us::ROWS,
    ca::ROWS,
    uk::ROWS,
    eu::ROWS,
    nordic::ROWS,
    baltic::ROWS,
    west::ROWS,
    central::ROWS,
    alps::ROWS,
    vat::ROWS,
    cn::ROWS,
    asia::ROWS,
    india::ROWS,
    oceania::ROWS,
    br::ROWS,
    latin::ROWS,
    africa::ROWS,
    travel::ROWS,
    driving::ROWS,
    things::ROWS,
];
