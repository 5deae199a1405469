//! Stretches of the calendar in UTC, from unix milliseconds and back. Proleptic Gregorian, without leap seconds, as unix
//! time is.

use super::Period;
use std::ops::Range;

const HOUR_MS: u64 = 60 * 60 * 1000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// Four centuries have the same number of days, whichever they are.
const DAYS_OF_400_YEARS: u64 = 146_097;
/// From 1600-03-01 to 1970-01-01. Years here begin in March, so that a leap day is the last day of its year; and
/// with a year that 400 divides.
const DAYS_FROM_1600_TO_EPOCH: u64 = 135_080;

impl Period {
    /// The stretch that holds this moment, in unix milliseconds: from its first to the first of the next.
    pub fn around(self, now_ms: u64) -> Range<u64> {
        let day = now_ms / DAY_MS;
        let days = |days: Range<u64>| days.start * DAY_MS..days.end.saturating_mul(DAY_MS);
        match self {
            Self::Hour => aligned(now_ms, HOUR_MS),
            Self::Day => aligned(now_ms, DAY_MS),
            Self::Week => {
                // 1970-01-01 was a Thursday: its week began three days before time did.
                let weeks = (day + 3) / 7;
                days((weeks * 7).saturating_sub(3)..weeks * 7 + 4)
            }
            Self::Month => {
                let (year, month) = month_of(day);
                let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                days(first_day(year, month)..first_day(next.0, next.1))
            }
            Self::Year => {
                let (year, _) = month_of(day);
                days(first_day(year, 1)..first_day(year + 1, 1))
            }
        }
    }
}

fn aligned(now_ms: u64, length_ms: u64) -> Range<u64> {
    let start = now_ms - now_ms % length_ms;
    start..start.saturating_add(length_ms)
}

/// Year and month (1 to 12) of a day since the epoch.
fn month_of(day: u64) -> (u64, u64) {
    let day = day + DAYS_FROM_1600_TO_EPOCH;
    let (cycle, day) = (day / DAYS_OF_400_YEARS, day % DAYS_OF_400_YEARS);
    // A leap day ends every fourth year (1460 days on), but not the hundredth (36524), but the four hundredth (146096).
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    // From March on, five months have 153 days, again and again.
    let month = (5 * day_of_year + 2) / 153;
    let year = 1600 + 400 * cycle + year;
    if month < 10 { (year, month + 3) } else { (year + 1, month - 9) }
}

/// The first of a month, in days since the epoch. January 1970 at the earliest.
fn first_day(year: u64, month: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let years = year - 1600;
    let day = 365 * years + years / 4 - years / 100 + years / 400 + (153 * month + 2) / 5;
    day.saturating_sub(DAYS_FROM_1600_TO_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days since the epoch of a date, counted year by year and month by month.
    fn counted(year: u64, month: u64, day: u64) -> u64 {
        let years: u64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
        let months: u64 = (1..month).map(|month| length(year, month)).sum();
        years + months + day - 1
    }

    fn leap(year: u64) -> bool {
        (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
    }

    fn length(year: u64, month: u64) -> u64 {
        match month {
            4 | 6 | 9 | 11 => 30,
            2 if leap(year) => 29,
            2 => 28,
            _ => 31,
        }
    }

    #[test]
    fn every_month_and_year_until_2500_is_where_counting_says() {
        let mut start = 0;
        for year in 1970..2500 {
            let year_start = start;
            let months: u64 = (1..=12).map(|month| length(year, month)).sum();
            for month in 1..=12 {
                let end = start + length(year, month);
                for day in [start, start + 1, end - 1] {
                    let now_ms = day * DAY_MS + 12_345;
                    assert_eq!(Period::Month.around(now_ms), start * DAY_MS..end * DAY_MS, "{year}-{month}");
                    assert_eq!(Period::Year.around(now_ms), year_start * DAY_MS..(year_start + months) * DAY_MS);
                }
                start = end;
            }
        }
    }

    #[test]
    fn weeks_begin_on_monday() {
        // 2026-11-23 is a Monday, 2024-12-30 begins the first ISO week of 2025, 1970-01-05 was the first Monday.
        for (year, month, day) in [(2026, 11, 23), (2024, 12, 30), (1970, 1, 5), (2000, 2, 28)] {
            let monday = counted(year, month, day);
            let week = monday * DAY_MS..(monday + 7) * DAY_MS;
            for moment in [week.start, week.start + 3 * DAY_MS, week.end - 1] {
                assert_eq!(Period::Week.around(moment), week);
            }
        }
        assert_eq!(Period::Week.around(0), 0..4 * DAY_MS);
    }

    #[test]
    fn hours_and_days_are_full_ones() {
        let noon = counted(2024, 2, 29) * DAY_MS + 12 * HOUR_MS;
        assert_eq!(Period::Hour.around(noon + 1), noon..noon + HOUR_MS);
        assert_eq!(Period::Hour.around(noon - 1), noon - HOUR_MS..noon);
        assert_eq!(Period::Day.around(noon), noon - 12 * HOUR_MS..noon + 12 * HOUR_MS);
    }

    #[test]
    fn any_number_is_a_moment() {
        for period in [Period::Hour, Period::Day, Period::Week, Period::Month, Period::Year] {
            for moment in [0, 1, DAY_MS, u64::MAX / 2, u64::MAX - 1, u64::MAX] {
                let around = period.around(moment);
                assert!(around.start <= moment && moment <= around.end, "{period:?} around {moment}: {around:?}");
            }
        }
    }
}
