"""Imports run one way, and files and tests' names are short. Exceptions may only get fewer."""

import copy
import re
from dataclasses import fields
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest

from docs.packages import (
    DOMAIN,
    PACKAGES,
    PAGE,
    PROJECT,
    graph,
    imports_between_children,
    imports_between_packages,
    written,
)
from docs.written_parts import MissingMarker
from local.training_runner.handler import CONTAINER_VARIABLES, ENTRY_POINT
from stresswatch.monitoring import dimension_names, metric_names
from stresswatch.retraining.tracking import TRACKING_ADDRESS
from tests.environments import every_environment

MAY_IMPORT = {
    "stresswatch": set(),
    "lambdas": {"stresswatch"},
    "training_jobs": {"stresswatch"},
    "grafana": {"stresswatch"},
    "cdk_app": {"stresswatch"},
    "local": {"stresswatch"},
    "cli": {"stresswatch", "local"},
    "docs": {"stresswatch", "local", "cli", "training_jobs", "benchmarks"},
    "verification": {"stresswatch", "lambdas", "training_jobs", "cdk_app", "local", "cli"},
    "benchmarks": {*PACKAGES} - {"benchmarks", "docs", "examples", "grafana"},
    "examples": {"stresswatch"},
}
"""Project packages that each package may import. ``cli`` runs ``cdk_app`` as a separate program."""
PUBLIC = {"stresswatch.contracts", "stresswatch.producer"}
"""Domain packages that users may import."""

LAYERS = (
    {"clock", "errors"},
    {"task"},
    {"aws"},
    {"text"},
    {"contracts"},
    {"model"},
    {"evaluation"},
    {"storage", "streaming"},
    {"versions"},
    {"settled"},
    {"monitoring"},
    {"rates"},
    {"retraining"},
    {"serving"},
    {"producer"},
)
"""The domain's packages and modules, from low to high: each imports only lower ones."""

LAYER = PROJECT / "layers/stresswatch/python"
LONGEST_FILE, LONGEST_TEST = 300, 400
LONG_FILES = {"tests/e2e/pages.py"}
"""Longer files that stay: `pages.py` is data."""
LONGEST_NAME = 70


@pytest.fixture(scope="module")
def imports():
    return graph()


@pytest.fixture
def changed(imports):
    """Return the graph with one more import."""

    def add(importer, imported):
        copied = copy.deepcopy(imports)
        for module in (importer, imported):
            if module not in copied.modules:
                copied.add_module(module)
        copied.add_import(importer=importer, imported=imported)
        return copied

    return add


def wrong_directions(imports):
    return {
        (package, other)
        for package, others in imports_between_packages(imports).items()
        for other in others - MAY_IMPORT[package]
    }


def module_of(source):
    """Return the module name of a file."""
    parts = source.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def private_imports(imports, package):
    """Return the non-public domain packages that a package imports."""
    imported = {
        ".".join(name.split(".")[:2])
        for module in imports.find_descendants(package)
        for name in imports.find_modules_directly_imported_by(module)
        if name.startswith(f"{DOMAIN}.")
    }
    return imported - PUBLIC


def imports_between_functions(imports):
    return {
        (name, other)
        for name, others in imports_between_children(imports, "lambdas").items()
        for other in others
    }


def importers_of_cdk(imports):
    importers = {
        module
        for library in imports.modules
        if library.partition(".")[0] in {"aws_cdk", "cdk_nag", "constructs"}
        for module in imports.find_modules_that_directly_import(library)
    }
    return {module.partition(".")[0] for module in importers}


def upward(imports):
    height = {name: level for level, names in enumerate(LAYERS) for name in names}
    return {
        (name, other)
        for name, others in imports_between_children(imports, DOMAIN).items()
        for other in others
        if name in height and other in height and height[other] >= height[name]
    }


def circles(imports):
    """Return the packages whose parts import each other in a circle."""
    parents = {module.rpartition(".")[0] for module in imports.modules} - {""}
    found = set()
    for package in parents & imports.modules:
        try:
            TopologicalSorter(imports_between_children(imports, package)).prepare()
        except CycleError:
            found.add(package)
    return found


def long_files(project):
    folders = [*PACKAGES[1:], "layers", "tests"]
    return {
        path.relative_to(project).as_posix()
        for folder in folders
        for path in (project / folder).rglob("*.py")
        if len(path.read_text().splitlines())
        > (LONGEST_TEST if folder == "tests" else LONGEST_FILE)
    }


def long_names(folder):
    names = {
        name
        for path in folder.rglob("*.py")
        for name in re.findall(r"^\s*(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    return {name for name in names if len(name) > LONGEST_NAME}


def test_every_python_file_is_in_the_import_graph(imports):
    folders = {path.parent.name for path in PROJECT.glob("*/*.py")}
    assert folders <= {*PACKAGES, "tests"}
    missing = {
        path.as_posix()
        for package, folder in {**dict.fromkeys(PACKAGES, PROJECT), DOMAIN: LAYER}.items()
        for source in (folder / package).rglob("*.py")
        if module_of(path := source.relative_to(folder)) not in imports.modules
    }
    assert missing == set()


def test_packages_import_in_one_direction(imports, changed):
    assert wrong_directions(imports) == set()
    assert wrong_directions(changed("local.daemon", "cli.main")) == {("local", "cli")}
    assert wrong_directions(changed("stresswatch.aws.s3", "local.daemon")) == {
        ("stresswatch", "local")
    }


def test_examples_import_only_public_packages(imports, changed):
    assert private_imports(imports, "examples") == set()
    more = changed("examples.boto3_posts", "stresswatch.storage.archive")
    assert private_imports(more, "examples") == {"stresswatch.storage"}


def test_functions_do_not_import_each_other(imports, changed):
    assert imports_between_functions(imports) == set()
    assert imports_between_functions(changed("lambdas.api.handler", "lambdas.gate.handler")) == {
        ("api", "gate")
    }


def test_only_the_cdk_app_imports_cdk(imports, changed):
    assert importers_of_cdk(imports) == {"cdk_app"}
    assert importers_of_cdk(changed("local.daemon", "aws_cdk")) == {"cdk_app", "local"}
    tests = {
        path.relative_to(PROJECT).parts[1]
        for path in (PROJECT / "tests").rglob("*.py")
        if re.search(r"^\s*(from|import) aws_cdk", path.read_text(), re.MULTILINE)
    }
    assert tests == {"infrastructure"}


def test_the_domain_is_built_in_layers(imports, changed):
    layered = set().union(*LAYERS)
    children = {*imports_between_children(imports, DOMAIN)}
    assert children == layered
    assert upward(imports) == set()
    more = changed("stresswatch.storage.archive", "stresswatch.streaming.put_records")
    assert upward(more) == {("storage", "streaming")}


def test_there_are_no_circular_imports(imports, changed):
    assert circles(imports) == set()
    more = changed("local.errors", "local.daemon")
    assert circles(more) == {"local"}


def test_no_file_is_long(tmp_path):
    assert long_files(PROJECT) == LONG_FILES
    for name, lines in {"cli/long.py": 301, "cli/short.py": 300, "tests/long.py": 401}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x = 1\n" * lines)
    assert long_files(tmp_path) == {"cli/long.py", "tests/long.py"}


def test_no_test_name_is_long(tmp_path):
    assert long_names(PROJECT / "tests") == set()
    short, long = (f"test_{'x' * (length - len('test_'))}" for length in (70, 71))
    methods = f"class TestIt:\n    def {short}(self): ...\n    async def {long}(self): ...\n"
    (tmp_path / "test_names.py").write_text(methods)
    assert long_names(tmp_path) == {long}
    (tmp_path / "test_names.py").write_text(f"def {short}(): ...\n@decorated\ndef {long}(): ...\n")
    assert long_names(tmp_path) == {long}


def spelled(names):
    """Return the files outside tests in which each name is a literal."""
    found = {name: set() for name in names}
    literal = re.compile(rf"""["']({"|".join(names)})["']""")
    for package, folder in {**dict.fromkeys(PACKAGES, PROJECT), DOMAIN: LAYER}.items():
        for path in (folder / package).rglob("*.py"):
            for name in literal.findall(path.read_text()):
                found[name].add(path.relative_to(folder).as_posix())
    return found


def test_environment_variable_names_are_defined_once():
    """Only the environment's fields name a function's variables."""
    names = {one.name.upper() for kind in every_environment() for one in fields(kind)}
    # A stage is a variable of `make` and of the CDK app as well.
    assert {name: places for name, places in spelled(names - {"STAGE"}).items() if places} == {}
    assert spelled({TRACKING_ADDRESS, ENTRY_POINT, CONTAINER_VARIABLES}) == {
        TRACKING_ADDRESS: {"stresswatch/retraining/tracking.py"},
        ENTRY_POINT: {"local/training_runner/handler.py"},
        CONTAINER_VARIABLES: {"local/training_runner/handler.py"},
    }


def test_no_clock_is_patched():
    """Code that reads the time takes its clock as a parameter."""
    patched = re.compile(
        r"(setattr|patch(\.object)?)\([^()]*\b"
        r"(time|datetime|sleep|monotonic|perf_counter|process_time|thread_time)\b"
    )
    code = {*(PROJECT / "tests").rglob("*.py"), *(PROJECT / "verification").rglob("*.py")}
    assert [path for path in code - {Path(__file__)} if patched.search(path.read_text())] == []
    assert patched.search('monkeypatch.setattr("time.sleep", wait)')
    assert patched.search('patch.object(predictor_module, "datetime", clock)')
    assert patched.search('monkeypatch.setattr(kinesis.time, "time", clock)')


def test_metric_and_dimension_names_are_defined_once():
    names = {value for name, value in vars(metric_names).items() if name.isupper()} - {"F1"}
    literal = re.compile(rf'"({"|".join(names)})"')
    code = [*PROJECT.glob("lambdas/*/*.py"), *PROJECT.glob("cdk_app/**/*.py")]
    panels = PROJECT / "layers/stresswatch/python/stresswatch/monitoring/dashboard.py"
    assert [path for path in (*code, panels) if literal.search(path.read_text())] == []
    assert literal.search('add_metric("PostsRead", 1)')
    names = {value for name, value in vars(dimension_names).items() if name.isupper()}
    key = rf'"({"|".join(names)})"'
    literal = re.compile(
        rf'add_dimension\({key}|_default_dimensions\(\w+=|"Name": {key}|"(Stage|ModelVersion)":'
        rf"|dimensions(_map)?( =|=)\s?\{{\s*{key}"
    )
    assert [path for path in (*code, panels) if literal.search(path.read_text())] == []
    assert all(
        literal.search(line)
        for line in (
            'add_dimension("Role", role)',
            "set_default_dimensions(Stage=stage)",
            '{"Name": "Feature", "Value": name}',
            'dimensions_map={"service": "api"}',
        )
    )


def test_stack_and_output_names_are_defined_once():
    """Except the template's test, which has the names that operators type."""
    owner = PROJECT / "layers/stresswatch/python/stresswatch/aws/stack_outputs.py"
    names = re.findall(r'^[A-Z_]+ = "(\w+)"$', owner.read_text(), re.MULTILINE)
    assert len(names) > 20
    literal = re.compile(rf"""["'{{]({"|".join(names)})["'}}]|f"stresswatch-\{{""")
    code = [path for package in PACKAGES[1:] for path in (PROJECT / package).rglob("*.py")]
    domain = [path for path in owner.parents[1].rglob("*.py") if path != owner]
    assert [path for path in (*code, *domain) if literal.search(path.read_text())] == []
    assert literal.search('target.output("PostsStreamName")')
    assert literal.search('name = f"stresswatch-{stage}"')


def test_the_retraining_input_is_defined_once():
    owner = PROJECT / "layers/stresswatch/python/stresswatch/retraining/triggers.py"
    literal = re.compile(r'"(drift_alarm|quality_alarm|\$\.trigger)"|"trigger": (trigger|")')
    assert literal.search(owner.read_text())
    folders = [*(PROJECT / package for package in ("cdk_app", "cli", "lambdas")), owner.parents[1]]
    code = [path for folder in folders for path in folder.rglob("*.py") if path != owner]
    assert [path for path in code if literal.search(path.read_text())] == []
    assert literal.search('{"trigger": "drift_alarm"}')


def test_aws_error_codes_are_read_in_one_place():
    literal = re.compile(r"""\[["']Error["']\]\[["']Code["']\]""")
    folders = [*(PROJECT / package for package in PACKAGES[1:]), PROJECT / "layers"]
    code = [path for folder in folders for path in folder.rglob("*.py")]
    assert [path for path in code if literal.search(path.read_text())] == []
    assert literal.search('error.response["Error"]["Code"]')


def test_the_tables_of_packages_are_up_to_date(imports, changed):
    """`python -m docs.packages` writes them."""
    page = PAGE.read_text()
    assert written(page, imports) == page
    assert written(page, changed("cdk_app.app", "grafana.dashboard")) != page
    (row,) = re.findall(r"^\| `[\w/]+/contracts/` \| .* \|$", page, re.MULTILINE)
    assert written(page.replace(row, f"{row} altered"), imports) == page


def test_a_missing_marker_on_the_page_is_an_error(imports):
    page = PAGE.read_text()
    starts = re.findall("<!-- .*: python -m docs.packages -->\n", page)
    assert len(starts) == page.count("<!-- end -->") == 3
    parts = page.split("<!-- end -->")
    for place, start in enumerate(starts, 1):
        ends = ["<!-- end -->"] * 3
        ends[place - 1] = ""
        without_end = "".join(chain(*zip(parts, [*ends, ""], strict=True)))
        for broken in (page.replace(start, ""), without_end):
            with pytest.raises(MissingMarker):
                written(broken, imports)


def test_the_guides_table_names_existing_folders_and_definitions():
    section = PAGE.read_text().partition("## Finding your way")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| \(\d\) .* \| (.*) \| `(\w+)` \|$", section, re.MULTILINE)
    assert len(rows) == 6
    for folders, name in rows:
        (first, *_) = places = re.findall(r"`([^`]+)`", folders)
        assert [place for place in places if not (PROJECT / place).exists()] == []
        place = PROJECT / first
        files = place.rglob("*.py") if place.is_dir() else [place]
        defined = re.compile(rf"^(def |class )?{name}\b", re.MULTILINE)
        assert any(defined.search(file.read_text()) for file in files), name


def test_no_installed_package_hides_a_folder_of_the_project():
    """Python takes an installed `tests` before a folder `tests` that has no `__init__.py`."""
    installed = {
        name for name, found in packages_distributions().items() if {*found} != {"stresswatch"}
    }
    folders = {path.parent for path in PROJECT.glob("*/*.py")}
    without = {folder.name for folder in folders if not (folder / "__init__.py").exists()}
    assert not without & installed
