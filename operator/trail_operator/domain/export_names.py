"""The names of exported resources in Kubernetes, where names of trails may be invalid or occur several times."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable

from trail_operator.domain.arns import Arn

_LONGEST = 128
"""Of a Trail's metadata.name, which is part of the owner tag."""
_RESOURCE = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?/[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


def metadata_names(arns: Iterable[str], taken: Collection[str] = ()) -> dict[str, str]:
    """Return a metadata.name for each trail: its name if possible, else one derived from name, region and account.

    `taken`: names that are used already.
    """
    names: dict[str, str] = {}
    used = set(taken)
    remaining = sorted(set(arns))
    for form in _FORMS:
        found = {arn: form(Arn.parse(arn)) for arn in remaining}
        counts = Counter(found.values())
        unique = {arn: name for arn, name in found.items() if counts[name] == 1 and name not in used}
        names |= unique
        used |= set(unique.values())
        remaining = [arn for arn in remaining if arn not in unique]
    for arn in remaining:  # names in one region that differ only in upper case or underscores
        number = 2
        while (name := _name(Arn.parse(arn), str(number))) in used:
            number += 1
        names[arn] = name
        used.add(name)
    return names


def account_name(account: str) -> str:
    """Return the name of the AWSAccount of an account that has none."""
    return f"account-{account}"


def namespace_and_name(resource: str | None) -> tuple[str, str] | None:
    """Return namespace and name of a Trail in an owner tag; None if no Trail can be called that."""
    if resource is None or not _RESOURCE.fullmatch(resource):
        return None
    namespace, _, name = resource.partition("/")
    return namespace, name


def _name(arn: Arn, *suffixes: str) -> str:
    suffix = "".join(f"-{one}" for one in suffixes)
    base = re.sub("[^a-z0-9.]", "-", arn.name.lower()).strip("-.")
    return f"{base[: _LONGEST - len(suffix)].rstrip('-.')}{suffix}"


_FORMS: tuple[Callable[[Arn], str], ...] = (
    _name,
    lambda arn: _name(arn, arn.region),
    lambda arn: _name(arn, arn.account),
    lambda arn: _name(arn, arn.account, arn.region),
)
