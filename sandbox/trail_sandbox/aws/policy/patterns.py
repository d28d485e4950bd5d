"""The texts of a policy that may hold wildcards and policy variables, and how they match.

`*` stands for any run of characters and `?` for one. `${aws:username}` stands for a key of the request, with
`${aws:username, 'anonymous'}` when the key may be absent; `${*}`, `${?}` and `${$}` are the characters themselves
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html). What a variable brings in is
taken literally: a `*` in a caller's name never becomes a wildcard.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

# Two private-use characters distinguish active wildcards from literal ones while variables are replaced.
_ANY, _ONE = "\ue000", "\ue001"
_ACTIVE = str.maketrans({"*": _ANY, "?": _ONE})
_LITERAL = str.maketrans({_ANY: "*", _ONE: "?"})
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_DEFAULT = re.compile(r"\A\s*(?P<key>[^,\s]+)\s*,\s*'(?P<default>[^']*)'\s*\Z")
_ARN_PARTS = 6

Context = Mapping[str, Sequence[str]]


def expand(text: str, context: Context, *, variables: bool) -> str | None:
    """Put the request's values for the variables of `text`; None if one of them is absent and has no default."""
    if not variables or "${" not in text:
        return text.translate(_ACTIVE)
    expanded = []
    end = 0
    for variable in _VARIABLE.finditer(text):
        value = _value_of(variable.group(1), context)
        if value is None:
            return None
        expanded += [text[end : variable.start()].translate(_ACTIVE), value]
        end = variable.end()
    return "".join([*expanded, text[end:].translate(_ACTIVE)])


def _value_of(variable: str, context: Context) -> str | None:
    if variable in ("*", "?", "$"):
        return variable
    defaulted = _DEFAULT.match(variable)
    key = defaulted["key"] if defaulted else variable.strip()
    values = context.get(key.lower(), ())
    # A variable stands for one value: keys with several cannot be used as one.
    if len(values) == 1:
        return values[0]
    return defaulted["default"] if defaulted else None


def literal(expanded: str) -> str:
    """Read an expanded text where wildcards mean nothing, as with StringEquals."""
    return expanded.translate(_LITERAL)


def like(expanded: str, value: str, *, ignore_case: bool = False) -> bool:
    """Match a value against an expanded text with its wildcards."""
    return _compiled(expanded, ignore_case).fullmatch(value) is not None


def arn_like(expanded: str, value: str) -> bool:
    """Match an ARN part by part: a wildcard of ArnLike does not reach over a colon, but for the last part's.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN
    """
    if expanded == _ANY:
        return value.startswith("arn:")
    wanted, actual = expanded.split(":", _ARN_PARTS - 1), value.split(":", _ARN_PARTS - 1)
    if len(wanted) != _ARN_PARTS or len(actual) != _ARN_PARTS:
        return False
    return all(like(part, of_value) for part, of_value in zip(wanted, actual, strict=True))


@lru_cache(maxsize=4096)
def _compiled(expanded: str, ignore_case: bool) -> re.Pattern[str]:
    wildcards = {_ANY: ".*", _ONE: "."}
    source = "".join(wildcards.get(character) or re.escape(character) for character in expanded)
    return re.compile(source, re.DOTALL | (re.IGNORECASE if ignore_case else 0))
