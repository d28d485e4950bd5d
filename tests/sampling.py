"""Running a part of what differs little: `--sample` chooses it by the run's seed, so that many runs see all of it.

`make test` samples, CI runs the whole: `make test WHOLE=1`.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import pytest

SHARE = 8
"""One in so many is chosen."""
_Member = TypeVar("_Member")


def add_option(parser: pytest.Parser) -> None:
    """Add the flag."""
    parser.addoption(
        "--sample",
        action="store_true",
        help=f"of tests marked `sampled`, and of enumerated cases, run one in {SHARE}, chosen by the seed",
    )


def is_sampled(config: pytest.Config) -> bool:
    """Return whether this run samples."""
    return bool(config.getoption("--sample"))


def seed_of(config: pytest.Config) -> int:
    """Return the seed of the run, which is printed at its end; without pytest-randomly it is always 0."""
    seed = config.getoption("randomly_seed", 0)
    return seed if isinstance(seed, int) else 0


def sample(members: Sequence[_Member], group: Callable[[_Member], object], seed: int) -> list[_Member]:
    """Return one in SHARE of each group, one at least, in the order that they had."""
    groups: dict[object, list[int]] = defaultdict(list)
    for index, member in enumerate(members):
        groups[group(member)].append(index)
    chosen: set[int] = set()
    for name, indices in groups.items():
        chosen.update(random.Random(f"{seed} {name}").sample(indices, -(-len(indices) // SHARE)))
    return [member for index, member in enumerate(members) if index in chosen]


def mark_modules(items: Iterable[pytest.Item], folders: tuple[str, ...]) -> None:
    """Mark the tests of folders `sampled`, so that with --sample one in SHARE of each module runs."""
    for item in items:
        if item.nodeid.startswith(folders) and not item.get_closest_marker("sampled"):
            item.add_marker(pytest.mark.sampled(item.nodeid.partition("::")[0]))


def deselect(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the sample does not have of the tests marked `sampled`, group by group."""
    if not is_sampled(config):
        return
    marked = sorted((item for item in items if item.get_closest_marker("sampled")), key=lambda item: item.nodeid)
    chosen = _identities(sample(marked, _group, seed_of(config)))
    left_out = [item for item in marked if id(item) not in chosen]
    if left_out:
        others = _identities(left_out)
        items[:] = [item for item in items if id(item) not in others]
        config.hook.pytest_deselected(items=left_out)


def _group(item: pytest.Item) -> str:
    """The group that the mark names; otherwise a function is a group of its cases."""
    marker = item.get_closest_marker("sampled")
    return str(marker.args[0]) if marker and marker.args else item.nodeid.partition("[")[0]


def _identities(items: Iterable[pytest.Item]) -> set[int]:
    return {id(item) for item in items}
