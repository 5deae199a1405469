//! The plan: which targets an exchange tries, in which order.

use super::Follow;
use super::message::{Change, Metadata, list_of, number, object, string};
use crate::config::compiled::{Model, Target};
use attache_core::hybrid::{self, Aim, TooLong};
use rand::Rng;
use std::sync::Arc;

/// The header that names the cluster of every attempt to an Envoy that knows one only. Clients' own are gone before.
pub const FIRST_CLUSTER: &str = "x-attache-to";

/// How the name of a cluster begins that leads to one provider's cluster after the other: theirs follow, the n-th for
/// attempt n.
pub const ORDER: &str = "attache_order+";
/// What stands between them.
pub const ORDER_SEPARATOR: char = '+';

/// The target of every attempt, in order: element 0 is attempt 1. Never empty.
#[derive(Clone, Debug)]
pub struct Plan {
    attempts: Vec<Arc<Target>>,
}

impl Plan {
    /// Plans an exchange with a model: the targets in the model's order, again from the start while attempts are left.
    /// A plan without attempts (no configuration can ask for it) is `None`.
    pub fn new(model: &Model, random: &mut impl Rng) -> Option<Self> {
        let targets = if model.weights.is_empty() {
            model.targets.clone()
        } else {
            by_weight(&model.targets, &model.weights, random)
        };
        Self::of(targets.iter().cloned().cycle().take(model.retry.attempts as usize).collect())
    }

    /// A plan of exactly these attempts; `None` without any.
    pub fn of(attempts: Vec<Arc<Target>>) -> Option<Self> {
        (!attempts.is_empty()).then_some(Self { attempts })
    }

    /// The target of every attempt.
    pub fn targets(&self) -> &[Arc<Target>] {
        &self.attempts
    }

    /// The target of an attempt, counted from 1. Envoy stays with the last one when it tries more often than planned.
    pub fn attempt(&self, attempt: u32) -> Option<&Arc<Target>> {
        let index = (attempt.max(1) as usize - 1).min(self.attempts.len().saturating_sub(1));
        self.attempts.get(index)
    }

    /// Who may serve, each once, in order.
    pub fn providers(&self) -> impl Iterator<Item = &Arc<str>> {
        self.attempts.iter().enumerate().filter_map(|(i, target)| {
            let before = self.attempts.iter().take(i).any(|met| met.provider.name == target.provider.name);
            (!before).then_some(&target.provider.name)
        })
    }

    /// The plan with only these targets; `None` when nothing is left.
    pub fn only(mut self, fits: impl Fn(&Target) -> bool) -> Option<Self> {
        self.attempts.retain(|target| fits(target));
        Self::of(self.attempts)
    }

    /// The same plan without its first attempt; `None` when nothing is left.
    pub fn without_first(mut self) -> Option<Self> {
        self.attempts.remove(0);
        Self::of(self.attempts)
    }

    /// What Envoy will follow of it. Who stays with the first attempt's cluster tries that provider's targets, as often.
    pub fn followed(self, follow: &Follow) -> Self {
        match (follow, self.attempts.first()) {
            (Follow::Orders(names), _) if self.order(names).is_some() => self,
            (Follow::First | Follow::Orders(_), Some(first)) => {
                let stays = |target: &&Arc<Target>| target.provider.cluster == first.provider.cluster;
                let near: Vec<_> = self.attempts.iter().filter(stays).cloned().collect();
                Self { attempts: near.into_iter().cycle().take(self.attempts.len()).collect() }
            }
            (Follow::First | Follow::Orders(_) | Follow::Groups | Follow::Steps, _) => self,
        }
    }

    /// Writes the plan for Envoy's router, as it reads it: group n for attempt n, the cluster of each attempt by its
    /// number, or the one cluster.
    pub fn tell_router(&self, follow: &Follow, change: &mut Change) {
        match (follow, self.attempts.first()) {
            (Follow::Groups, _) => self.tell_groups(&mut change.metadata),
            (Follow::Steps, _) => {
                let numbered = (1..).zip(&self.attempts);
                let steps = numbered.map(|(n, target): (u32, _)| (n.to_string(), string(&target.provider.cluster)));
                change.metadata.0.push(("steps", object(steps)));
            }
            (Follow::First, Some(first)) => {
                change.set(FIRST_CLUSTER, &first.provider.cluster);
            }
            (Follow::Orders(names), Some(first)) => {
                change.set(FIRST_CLUSTER, self.order(names).unwrap_or(&first.provider.cluster));
            }
            (Follow::First | Follow::Orders(_), None) => {}
        }
    }

    /// The cluster that leads to the providers of this plan one after the other, if there is one of several.
    fn order<'n>(&self, names: &'n str) -> Option<&'n str> {
        let mut clusters = self.attempts.iter().map(|target| target.provider.cluster.as_str());
        let first = clusters.clone().next();
        if clusters.all(|cluster| Some(cluster) == first) {
            return None;
        }
        let leads = |name: &&str| {
            let order = name.strip_prefix(ORDER).map(|order| order.split(ORDER_SEPARATOR).collect::<Vec<_>>());
            order.is_some_and(|order| {
                order.len() >= self.attempts.len()
                    && order.iter().zip(&self.attempts).all(|(cluster, target)| *cluster == target.provider.cluster)
            })
        };
        names.split(' ').find(leads)
    }

    fn tell_groups(&self, metadata: &mut Metadata) {
        let groups = self.attempts.iter().map(|target| {
            let cluster = object([("cluster_name", string(&target.provider.cluster)), ("weight", number(1.0))]);
            object([("name", string(&*target.provider.name)), ("clusters", list_of(vec![cluster]))])
        });
        metadata.list("priority_groups", groups.collect());
    }

    /// The plan as filters read it.
    ///
    /// # Errors
    /// It is longer than a header may be.
    pub fn told(&self, output_cap: Option<u64>) -> Result<String, TooLong> {
        let aims = self.attempts.iter().map(|target| Aim {
            to: target.name.to_string(),
            provider: target.provider.name.to_string(),
            model: target.upstream.model.clone(),
        });
        hybrid::write(&hybrid::Plan { targets: aims.collect(), output_cap })
    }

    /// Writes the plan for the attempt stage of another replica.
    pub fn tell_attempts(&self, metadata: &mut Metadata) {
        let names = self.attempts.iter().map(|target| {
            object([("provider", string(&*target.provider.name)), ("model", string(&target.upstream.model))])
        });
        metadata.list("plan", names.collect());
    }
}

/// Draws the targets one after the other, each with its weight among those that are left. Weight 0 comes last, in order.
fn by_weight(targets: &[Arc<Target>], weights: &[u32], random: &mut impl Rng) -> Vec<Arc<Target>> {
    let mut left: Vec<(&Arc<Target>, u64)> = targets.iter().zip(weights.iter().map(|w| u64::from(*w))).collect();
    let mut drawn = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let total: u64 = left.iter().map(|(_, weight)| weight).sum();
        let mut point = if total == 0 { 0 } else { random.random_range(0..total) };
        let hit = left.iter().position(|(_, weight)| {
            let hit = total == 0 || point < *weight;
            point = point.saturating_sub(*weight);
            hit
        });
        drawn.push(left.remove(hit.unwrap_or(0)).0.clone());
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    fn model(select: &str, weights: [u32; 3], attempts: u32) -> Arc<Model> {
        let targets: String = ["a", "b", "c"]
            .iter()
            .zip(weights)
            .map(|(name, weight)| format!("{{ provider: {name}, model: m, weight: {weight} }},"))
            .collect();
        let text = format!(
            "providers:\n  a: {{ dialect: openai, url: http://a }}\n  b: {{ dialect: openai, url: http://b }}\n  c: {{ dialect: openai, url: http://c }}\nmodels:\n  m: {{ select: {select}, targets: [{targets}], retry: {{ attempts: {attempts} }} }}\n"
        );
        config::compile(&text, &|_| None).unwrap().model("m").unwrap()
    }

    fn names(plan: &Plan) -> String {
        plan.targets().iter().map(|target| &*target.provider.name).collect()
    }

    #[test]
    fn in_order_starts_over_when_attempts_are_left() {
        let mut random = StdRng::seed_from_u64(1);
        for (attempts, expected) in [(1, "a"), (3, "abc"), (5, "abcab")] {
            let plan = Plan::new(&model("in_order", [1, 1, 1], attempts), &mut random).unwrap();
            assert_eq!(names(&plan), expected);
        }
        let plan = Plan::new(&model("in_order", [1, 1, 1], 2), &mut random).unwrap();
        assert_eq!(&*plan.attempt(2).unwrap().provider.name, "b");
        assert_eq!(&*plan.attempt(7).unwrap().provider.name, "b", "Envoy stays with the last group");
    }

    #[test]
    fn who_stays_with_the_first_provider_tries_it_as_often() {
        let mut random = StdRng::seed_from_u64(1);
        let orders = |names: &str| Follow::Orders(names.into());
        for (attempts, follow, expected) in [
            (1, Follow::First, "a"),
            (3, Follow::First, "aaa"),
            (5, Follow::First, "aaaaa"),
            (5, Follow::Steps, "abcab"),
            (5, Follow::Groups, "abcab"),
            (5, orders("attache_order+b+a+b attache_order+a+b+c+a+b"), "abcab"),
            (2, orders("attache_order+a+b+c"), "ab"),
            // What Envoy does not have, or not for so many attempts.
            (3, orders("attache_order+a+b attache_order+a+c+b attache_order"), "aaa"),
        ] {
            let plan = Plan::new(&model("in_order", [1, 1, 1], attempts), &mut random).unwrap().followed(&follow);
            assert_eq!(names(&plan), expected, "{follow:?}");
        }
    }

    #[test]
    fn every_envoy_is_told_in_its_own_way() {
        let plan = Plan::new(&model("in_order", [1, 1, 1], 2), &mut StdRng::seed_from_u64(1)).unwrap();
        for (follow, metadata, header) in [
            (Follow::Groups, "priority_groups", None),
            (Follow::Steps, "steps", None),
            (Follow::First, "", Some("a")),
            (Follow::Orders("attache_order+b+a attache_order+a+b+c".into()), "", Some("attache_order+a+b+c")),
            (Follow::Orders("attache_order+b+a".into()), "", Some("a")),
        ] {
            let mut change = Change::default();
            plan.tell_router(&follow, &mut change);
            let keys: String = change.metadata.0.iter().map(|(key, _)| *key).collect();
            assert_eq!(keys, metadata, "{follow:?}");
            let set = change.set.iter().find(|(name, _)| name == FIRST_CLUSTER).map(|(_, value)| value.as_str());
            assert_eq!(set, header, "{follow:?}");
        }
    }

    #[test]
    fn weights_decide_who_comes_first() {
        let mut random = StdRng::seed_from_u64(7);
        let model = model("weighted", [3, 1, 0], 3);
        let mut first = [0; 3];
        for _ in 0..4000 {
            let plan = names(&Plan::new(&model, &mut random).unwrap());
            first["abc".find(plan.chars().next().unwrap()).unwrap()] += 1;
            assert!(plan.ends_with('c'), "weight 0 is a fallback only: {plan}");
        }
        assert!((2800..3200).contains(&first[0]), "{first:?}");
        assert_eq!(first[2], 0);
    }
}
