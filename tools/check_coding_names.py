"""Check the coding family's table against an installed scikit-learn; run it where scikit-learn is, not in `make test`.

    python -m venv /tmp/with-sklearn && /tmp/with-sklearn/bin/pip install scikit-learn
    PYTHONPATH=. /tmp/with-sklearn/bin/python tools/check_coding_names.py

Prints what is wrong, a line each, then the version. Exit code 0 when nothing is wrong.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path

import sklearn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ftb_tui.benchmark.coding import CHECKED_WITH, Rename, read_renames

TABLE = Path(__file__).resolve().parents[1] / "data" / "coding" / "renames.tsv"


def fault(rename: Rename) -> str | None:
    """What is wrong with an old name, or None."""
    if rename.kind == "parameter":
        module, owner = rename.home.rsplit(".", 1)
        holder = getattr(importlib.import_module(module), owner, None)
        if holder is None or owner not in public(module):
            return f"{rename.home} is not public"
        return None if rename.old in inspect.signature(holder).parameters else f"{rename.home} takes no {rename.old}"
    if rename.kind == "module":
        try:
            importlib.import_module(f"{rename.home}.{rename.old}")
        except ImportError as error:
            return str(error)
        return None if rename.old in public(rename.home) else f"{rename.old} is not public in {rename.home}"
    found = getattr(importlib.import_module(rename.home), rename.old, None)
    if found is None or rename.old not in public(rename.home):
        return f"{rename.old} is not public in {rename.home}"
    return None if inspect.isclass(found) == (rename.kind == "class") else f"{rename.old} is no {rename.kind}"


def public(module: str) -> frozenset[str]:
    """The names that a module declares as public, or has without an underscore where it declares none."""
    found = importlib.import_module(module)
    return frozenset(getattr(found, "__all__", [name for name in vars(found) if not name.startswith("_")]))


def every_name() -> frozenset[str]:
    """Every module, attribute and parameter name below `sklearn` that can be imported."""
    names: set[str] = set()
    for info in pkgutil.walk_packages(sklearn.__path__, "sklearn.", onerror=lambda name: None):
        names.add(info.name.rsplit(".", 1)[1])
        if ".tests" in info.name or "conftest" in info.name:
            continue
        try:
            module = importlib.import_module(info.name)
        except Exception as error:
            print(f"not looked into: {info.name} ({type(error).__name__})", file=sys.stderr)
            continue
        for name, value in vars(module).items():
            names.add(name)
            names |= parameters_and_methods(value)
    return frozenset(names)


def parameters_and_methods(value: object) -> Iterable[str]:
    """The parameters of a callable, and the attributes of a class."""
    found: set[str] = set(dir(value)) if inspect.isclass(value) else set()
    if callable(value):
        try:
            found |= set(inspect.signature(value).parameters)
        except (TypeError, ValueError):
            return found
    return found


def main() -> int:
    """Check the whole table."""
    warnings.simplefilter("ignore")
    renames = read_renames(TABLE)
    wrong = [f"{rename.old}: {said}" for rename in renames if (said := fault(rename))]
    taken = every_name()
    wrong += [f"{rename.new}: is a name of scikit-learn already" for rename in renames if rename.new in taken]
    if sklearn.__version__ != CHECKED_WITH:
        print(f"The card says {CHECKED_WITH}, this is {sklearn.__version__}; change CHECKED_WITH.", file=sys.stderr)
    print("\n".join([*wrong, f"{len(renames)} renames, {len(wrong)} faults, scikit-learn {sklearn.__version__}"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
