//! What a threshold is worth: how many of a user's own pairs of questions it would answer, and how many wrongly.

use std::fmt;

/// A pair of questions, judged by a person and by the machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// How near their vectors are.
    pub similarity: f32,
    /// One answer is right for both, says the person.
    pub same: bool,
    /// The guard has nothing against it.
    pub passed: bool,
}

/// What happens at one threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// The least similarity that is a hit.
    pub threshold: f32,
    /// Pairs that are answered.
    pub hits: usize,
    /// Those of them that are answered wrongly.
    pub false_hits: usize,
    /// Pairs for which one answer is right.
    pub same: usize,
}

impl Row {
    /// The share of hits that are right; `None` where nothing hits.
    pub fn precision(&self) -> Option<f64> {
        share(self.hits - self.false_hits, self.hits)
    }

    /// The share of what could be answered that is; `None` where nothing could.
    pub fn recall(&self) -> Option<f64> {
        share(self.hits - self.false_hits, self.same)
    }
}

fn share(part: usize, of: usize) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

/// What happens at each threshold. Without `guarded`, the guard is not asked.
pub fn rows(pairs: &[Pair], thresholds: impl IntoIterator<Item = f32>, guarded: bool) -> Vec<Row> {
    let same = pairs.iter().filter(|pair| pair.same).count();
    let row = |threshold: f32| {
        let hits = pairs.iter().filter(|pair| pair.similarity >= threshold && (pair.passed || !guarded));
        let false_hits = hits.clone().filter(|pair| !pair.same).count();
        Row { threshold, hits: hits.count(), false_hits, same }
    };
    thresholds.into_iter().map(row).collect()
}

/// The lowest threshold from which on at least this share of hits is right, at every higher threshold that hits, too.
pub fn lowest_safe(rows: &[Row], precision_min: f64) -> Option<Row> {
    let mut from_above: Vec<&Row> = rows.iter().collect();
    from_above.sort_by(|one, other| other.threshold.total_cmp(&one.threshold));
    let is_safe = |row: &&&Row| row.precision().is_none_or(|precision| precision >= precision_min);
    from_above.iter().take_while(is_safe).filter(|row| row.hits > 0).last().map(|row| **row)
}

/// Rows as a table with bars, for a terminal.
pub struct Plot<'a>(
    /// The rows in the order in which they are shown.
    pub &'a [Row],
);

/// Signs of a full bar.
const BAR: usize = 30;

impl fmt::Display for Plot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "threshold  precision  recall   hits  false  answered rightly (#) and wrongly (!)")?;
        let most = self.0.iter().map(|row| row.hits).max().unwrap_or(0).max(1);
        let percent = |share: Option<f64>| share.map_or("-".to_owned(), |share| format!("{:.1} %", share * 100.0));
        for row in self.0 {
            let bar = |hits: usize, sign: &str| sign.repeat((hits * BAR).div_ceil(most));
            let bars = bar(row.hits - row.false_hits, "#") + &bar(row.false_hits, "!");
            let (precision, recall) = (percent(row.precision()), percent(row.recall()));
            let Row { threshold, hits, false_hits, .. } = row;
            writeln!(f, "{threshold:9.3}  {precision:>9}  {recall:>6}  {hits:5}  {false_hits:5}  {bars}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(similarity: f32, same: bool, passed: bool) -> Pair {
        Pair { similarity, same, passed }
    }

    #[test]
    fn thresholds_are_weighed() {
        let pairs = [
            pair(0.99, true, true),
            pair(0.97, false, false),
            pair(0.95, true, true),
            pair(0.93, true, false),
            pair(0.91, false, true),
            pair(0.70, false, true),
        ];
        let row = |threshold, hits, false_hits| Row { threshold, hits, false_hits, same: 3 };
        let thresholds = [0.90, 0.92, 0.94, 0.98, 1.0];
        let plain = rows(&pairs, thresholds, false);
        assert_eq!(plain, [row(0.90, 5, 2), row(0.92, 4, 1), row(0.94, 3, 1), row(0.98, 1, 0), row(1.0, 0, 0)]);
        let guarded = rows(&pairs, thresholds, true);
        assert_eq!(guarded, [row(0.90, 3, 1), row(0.92, 2, 0), row(0.94, 2, 0), row(0.98, 1, 0), row(1.0, 0, 0)]);
        assert_eq!((guarded[1].precision(), guarded[4].precision()), (Some(1.0), None));
        assert_eq!(guarded[1].recall(), Some(2.0 / 3.0));
        assert_eq!(lowest_safe(&guarded, 0.99), Some(row(0.92, 2, 0)));
        assert_eq!(lowest_safe(&plain, 0.99), Some(row(0.98, 1, 0)));
        assert_eq!(lowest_safe(&plain, 0.5), Some(row(0.90, 5, 2)));
        assert_eq!(lowest_safe(&rows(&[pair(0.99, false, true)], thresholds, true), 0.9), None);
        assert_eq!(rows(&[], [0.9], true)[0].recall(), None);
        let plot = Plot(&guarded).to_string();
        assert!(plot.contains("    0.900     66.7 %  66.7 %      3      1  ####################!!!!!!!!!!"), "{plot}");
        assert!(plot.contains("    1.000          -   0.0 %      0      0  \n"), "{plot}");
    }
}
