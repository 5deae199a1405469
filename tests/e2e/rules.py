"""What the tests of limits share: counters of a test's own, and what a usage record says of them."""

from __future__ import annotations

import itertools

import sdk

_numbers = itertools.count(1)


def own(name: str = "x-test") -> dict[str, str]:
    """A header that no other request has: a rule `by` it gives it a counter that nobody else touches."""
    return {name: f"own-{next(_numbers)}"}


def limit_of(record: dict, name: str) -> tuple[int, int]:
    """What was held and settled for the rule of this name."""
    (found,) = [limit for limit in record.get("limits", []) if limit["name"] == name]
    return found.get("held", 0), found.get("settled", 0)


def tokens_of(record: dict) -> tuple[int, int]:
    return record["tokens"]["input"], record["tokens"]["output"]


def metric(text: str, name: str, **labels: str) -> float:
    """A metric's value by its labels; 0 while it is not there."""
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    lines = [line for line in text.splitlines() if line.startswith(name)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if all(label in line for label in wanted))


def simulator_of(stack, provider: str):
    return stack.openai_sim if provider == "openai" else stack.claude_sim


LINES = [(front, provider) for front in sdk.FRONTS for provider in sdk.PROVIDERS]
