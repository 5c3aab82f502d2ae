"""The tree of the command's errors: whole, and in one module."""

import importlib
import pkgutil
import re

import cli
from cli import errors


def errors_of_the_command():
    """Return every exception class that a module of the command defines."""
    for module in pkgutil.walk_packages(cli.__path__, "cli."):
        for value in vars(importlib.import_module(module.name)).values():
            is_error = isinstance(value, type) and issubclass(value, BaseException)
            if is_error and value.__module__.startswith("cli."):
                yield value


def test_every_error_is_defined_and_documented_in_one_module():
    defined = set(errors_of_the_command())
    assert errors.OperatorError in defined
    assert {error.__module__ for error in defined} == {"cli.errors"}
    drawn = re.findall(r"^    (?:[├└]── )?(\w+) ", errors.__doc__, re.M)
    assert sorted(drawn) == sorted(error.__name__ for error in defined)


def test_the_documented_tree_matches_the_class_hierarchy():
    base = None
    for branch, name in re.findall(r"^    ([├└]── )?(\w+) ", errors.__doc__, re.M):
        error = getattr(errors, name)
        if not branch:
            base = error
        assert error.__base__ is (base if branch else Exception)
