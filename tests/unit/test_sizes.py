"""Limits that keep the operator readable: sizes of modules, classes and functions, and how objects are built."""

import ast
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[2] / "operator" / "trail_operator"
LINES = {"module": 300, "class": 200, "function": 40}
PARAMETERS = 6
"""Of a constructor, without self. A dataclass counts if a field is a collaborator: a class with a constructor."""
FIELDS = 8
"""Mutable fields of an instance: all of a dataclass that is not frozen, else those assigned outside `__init__`."""


class Excess(NamedTuple):
    """Something above a limit: `module`, `class`, `function`, `parameters`, `fields` or `assignment`."""

    limit: str
    module: str
    name: str = ""


EXCEPTIONS: dict[Excess, str] = {
    Excess("assignment", "aws/credentials.py", "self._last.credentials"): "a thread-local value",
    Excess("module", "api/explanations.py"): "a table of texts",
    Excess("parameters", "aws/connection.py", "Connection"): "what one client is built from",
    Excess("parameters", "controllers.py", "Controllers"): "all that starts and stops together",
    Excess("parameters", "inventory/account_client.py", "AccountClient"): "the parts of an account's API",
    Excess("parameters", "shared_parts.py", "Shared"): "what the functions of the module share",
}
"""What may be above a limit, with the reason. An entry that is no longer needed fails the test: remove it."""


def excesses(source: str, module: str, collaborators: Collection[str] = ()) -> Iterator[Excess]:
    """Return what in a module is above a limit. `collaborators`: the names of classes with a constructor."""
    if len(source.splitlines()) > LINES["module"]:
        yield Excess("module", module)
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ClassDef():
                yield from _of_class(node, module, collaborators)
            case ast.FunctionDef() | ast.AsyncFunctionDef() if _length(node) > LINES["function"]:
                yield Excess("function", module, node.name)
            case ast.Assign() | ast.AugAssign() | ast.AnnAssign():
                for target in _targets(node):
                    if isinstance(target, ast.Attribute) and _is_part_of_self(target.value):
                        yield Excess("assignment", module, ast.unparse(target))


def _of_class(node: ast.ClassDef, module: str, collaborators: Collection[str]) -> Iterator[Excess]:
    if _length(node) > LINES["class"]:
        yield Excess("class", module, node.name)
    if _count_parameters(node, collaborators) > PARAMETERS:
        yield Excess("parameters", module, node.name)
    if _count_mutable_fields(node) > FIELDS:
        yield Excess("fields", module, node.name)


def _length(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _count_parameters(node: ast.ClassDef, collaborators: Collection[str]) -> int:
    if constructor := _constructor(node):
        return len([*constructor.args.posonlyargs, *constructor.args.args, *constructor.args.kwonlyargs]) - 1
    if not any(decorator.startswith("dataclass") for decorator in _decorators(node)):
        return 0
    # Not those with `field(default_factory=...)`: the class creates these itself.
    fields = [
        entry for entry in node.body if isinstance(entry, ast.AnnAssign) and not isinstance(entry.value, ast.Call)
    ]
    types = {name.id for field in fields for name in ast.walk(field.annotation) if isinstance(name, ast.Name)}
    return len(fields) if types.intersection(collaborators) else 0


def _constructor(node: ast.ClassDef) -> ast.FunctionDef | None:
    methods = (entry for entry in node.body if isinstance(entry, ast.FunctionDef))
    return next((method for method in methods if method.name == "__init__"), None)


def _decorators(node: ast.ClassDef) -> set[str]:
    return {ast.unparse(decorator) for decorator in node.decorator_list}


def _count_mutable_fields(node: ast.ClassDef) -> int:
    if any(decorator.startswith("dataclass") and "frozen=True" not in decorator for decorator in _decorators(node)):
        return sum(isinstance(entry, ast.AnnAssign) for entry in node.body)
    return len(
        {
            target.attr
            for method in node.body
            if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and method.name != "__init__"
            for entry in ast.walk(method)
            if isinstance(entry, ast.Assign | ast.AugAssign | ast.AnnAssign)
            for target in _targets(entry)
            if isinstance(target, ast.Attribute) and _is_self(target.value)
        }
    )


def _targets(node: ast.Assign | ast.AugAssign | ast.AnnAssign) -> Iterator[ast.expr]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for target in targets:
        yield from target.elts if isinstance(target, ast.Tuple) else [target]


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def _is_part_of_self(node: ast.expr) -> bool:
    """Return whether an expression begins with `self.`: a collaborator, which is complete once it is constructed."""
    if isinstance(node, ast.Attribute | ast.Call):
        inner = node.func if isinstance(node, ast.Call) else node.value
        return _is_self(inner) or _is_part_of_self(inner)
    return False


def found() -> set[Excess]:
    sources = {str(path.relative_to(PACKAGE)): path.read_text() for path in sorted(PACKAGE.rglob("*.py"))}
    collaborators = {
        node.name
        for source in sources.values()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef) and _constructor(node)
    }
    return {excess for module, source in sources.items() for excess in excesses(source, module, collaborators)}


def test_limits_are_kept() -> None:
    assert sorted(found() - EXCEPTIONS.keys()) == []


def test_exceptions_are_still_needed() -> None:
    assert sorted(EXCEPTIONS.keys() - found()) == [], "remove these from EXCEPTIONS"


def test_each_limit_is_checked() -> None:
    lines = "\n".join(f"        a{number} = 1" for number in range(200))
    fields = "\n".join(f"    a{number}: int" for number in range(9))
    source = (
        f"class A:\n    def __init__(self, a, b, c, d, *, e, f, g):\n{lines}\n"
        f"@dataclass\nclass B:\n{fields}\n"
        f"@dataclass(frozen=True)\nclass C:\n    a: A | None\n{fields}\n"
        f"@dataclass(frozen=True)\nclass D:\n{fields}\n"
        "a, self.other.field = 1, 2\n" + "\n" * 90
    )
    assert set(excesses(source, "m.py", {"A"})) == {
        Excess("module", "m.py"),
        Excess("class", "m.py", "A"),
        Excess("function", "m.py", "__init__"),
        Excess("parameters", "m.py", "A"),
        Excess("parameters", "m.py", "C"),
        Excess("fields", "m.py", "B"),
        Excess("assignment", "m.py", "self.other.field"),
    }
