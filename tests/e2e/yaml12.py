"""YAML as editors and Attaché read it: `on` and `off` are words, not truths."""

import yaml


class Loader(yaml.SafeLoader):
    """YAML 1.2's idea of a boolean, PyYAML's of everything else."""


Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or letter in "tTfF"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(text: str) -> dict:
    return yaml.load(text, Loader)
