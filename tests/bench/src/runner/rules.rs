//! What Attaché has to look up and count for an exchange, as configuration: callers' keys, limits, a budget.

use sha2::{Digest, Sha256};

use super::bootstrap::OPENAI_MODEL;

/// How many limits apply to an exchange, beside the budget: all that are written by [`limits`].
const LIMITS_PER_TEAM: usize = 4;

/// How much of it there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    keys: usize,
    teams: usize,
}

impl Rules {
    /// One key, and the limits and the budget that it meets.
    pub(crate) const FEW: Self = Self { keys: 1, teams: 1 };
    /// As many as a large company has. What one exchange meets is the same as with [`Rules::FEW`].
    pub(crate) const MANY: Self = Self { keys: 100_000, teams: 250 };

    /// The sections `callers`, `rate_limits`, `budgets` and `prices`. Nothing comes near the limits.
    pub(crate) fn to_yaml(self) -> String {
        let keys: String = (0..self.keys).map(|number| self.key(number)).collect();
        let limits: String = (0..self.teams).map(limits).collect();
        // A loopback address is no vendor that the built-in price list knows.
        format!(
            "callers:\n  keys:\n{keys}rate_limits:\n{limits}\
             budgets:\n  month: {{ by: [team], cost: 1000000, per: month }}\n\
             prices: {{ entries: {{ {OPENAI_MODEL}: {{ input: 0.15, output: 0.6 }} }} }}\n"
        )
    }

    /// The key that the load generator shows: one from the middle.
    pub(crate) fn secret(self) -> String {
        secret(self.keys / 2)
    }

    fn key(self, number: usize) -> String {
        let hash: String = Sha256::digest(secret(number)).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("    caller-{number}: {{ sha256: \"{hash}\", team: team-{} }}\n", number % self.teams)
    }
}

fn secret(number: usize) -> String {
    format!("bench-key-with-number-{number}")
}

/// The limits of a team, each a rule of its own.
fn limits(team: usize) -> String {
    let measures: [&str; LIMITS_PER_TEAM] =
        ["requests: 1000000000/m", "tokens: 1000000000000/m", "tokens: 1000000000000/d", "concurrent: 1000000"];
    let limit =
        |(i, measure)| format!("  limit-{team}-{i}: {{ when: {{ team: team-{team} }}, by: [caller], {measure} }}\n");
    measures.into_iter().enumerate().map(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_as_the_table_says() {
        let yaml = Rules::MANY.to_yaml();
        let lines = |beginning| yaml.lines().filter(|line| line.starts_with(beginning)).count();
        assert_eq!((lines("    caller-"), lines("  limit-")), (100_000, 1_000));
        let few = Rules::FEW.to_yaml();
        assert_eq!(few.lines().filter(|line| line.starts_with("  limit-0-")).count(), LIMITS_PER_TEAM);
    }
}
