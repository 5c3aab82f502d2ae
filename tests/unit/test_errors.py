"""Each boundary draws its tree of errors in one module, and the drawing is correct."""

import ast
import builtins
import re

import pytest

from docs.packages import PROJECT
from stresswatch.errors import AwsFailure, InvalidInput, Unavailable

DOMAIN = "layers/stresswatch/python/stresswatch"


def drawn(source):
    """Return each error in a module's drawing, and its parent."""
    parents, root = {}, None
    text = ast.get_docstring(ast.parse(source)) or ""
    for branch, name in re.findall(r"^    ([├└]── )?(\w+)  +\w", text, re.MULTILINE):
        parents[name] = root if branch else None
        root = root if branch else name
    return parents


def defined(folder):
    """Return each error that a folder's code defines, and its bases among them."""
    bases = {
        found.name: {ast.unparse(base) for base in found.bases}
        for path in folder.rglob("*.py")
        for found in ast.walk(ast.parse(path.read_text()))
        if isinstance(found, ast.ClassDef)
    }
    errors = {
        name
        for name, kind in vars(builtins).items()
        if isinstance(kind, type) and issubclass(kind, BaseException)
    }
    parents = {}
    while more := {name for name in bases if bases[name] & errors} - parents.keys():
        errors |= more
        parents |= {name: next(iter(bases[name] & bases.keys()), None) for name in more}
    return parents


@pytest.mark.parametrize("folder", [DOMAIN, "cli", "local"])
def test_the_drawn_error_tree_matches_the_code(folder):
    source = (PROJECT / folder / "errors.py").read_text()
    assert drawn(source) == defined(PROJECT / folder)


def test_an_outdated_error_tree_is_detected(tmp_path):
    tree = '"""Errors.\n\n::\n\n    Base    all\n    └── Less    one\n"""\n'
    code = f"{tree}class Base(ValueError): ...\n"
    (tmp_path / "errors.py").write_text(code)
    (tmp_path / "more.py").write_text("class Less(Base): ...\n")
    assert drawn(code) == defined(tmp_path) == {"Base": None, "Less": "Base"}
    (tmp_path / "more.py").write_text("class Less(Base): ...\nclass New(Less): ...\n")
    assert defined(tmp_path) == {"Base": None, "Less": "Base", "New": "Less"}
    (tmp_path / "more.py").write_text("class Less(KeyError): ...\n")
    assert defined(tmp_path)["Less"] is None


def test_domain_errors_can_be_caught_as_built_in_errors():
    assert [kind.__base__ for kind in (InvalidInput, Unavailable, AwsFailure)] == [
        ValueError,
        LookupError,
        RuntimeError,
    ]
