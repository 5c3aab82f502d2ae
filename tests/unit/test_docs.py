"""Checks of the documentation: its links, its code blocks, and every command that it names."""

import ast
import html
import importlib.util
import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
import typer
from awscli.clidriver import create_clidriver
from selenium.webdriver.support.ui import WebDriverWait

from cli.main import app
from docs import __main__ as site
from docs import code_pages
from docs.__main__ import PROJECT, ROOT_PAGES, DeadLink, gather
from docs.browser import SECONDS, browser, programs, screen
from tests.documented import PAGES, blocks, name, without_blocks

MAKEFILE = (PROJECT / "Makefile").read_text()


def blocks_in(language):
    return [
        pytest.param(block, id=f"{name(page)}-{number}")
        for page in PAGES
        for number, (found, block) in enumerate(blocks(page.read_text()))
        if found == language
    ]


def commands(program):
    """Every call of a program in a shell block or in a line's code, without its comment."""
    found = set()
    for page in PAGES:
        text = page.read_text()
        shell = "\n".join(block for language, block in blocks(text) if language == "sh")
        inline = re.findall(r"`([^`\n]+)`", without_blocks(text))
        lines = [*shell.replace("\\\n", " ").splitlines(), *inline]
        for line in lines:
            if re.fullmatch(r"benchmarks\.\w+", line):
                line = f"python -m {line}"
            # A call within another line ends with its parenthesis; an ellipsis marks a part that a
            # reader fills in.
            for call in [line, *re.findall(r"\$\(([^()]+)\)", line)]:
                words = words_of(call.replace("...", "X"))
                if len(words) > 1 and words[0].removeprefix(".venv/bin/") == program:
                    found.add(" ".join(map(shlex.quote, words[1:])))
    return sorted(found)


def words_of(call):
    """Split what a shell would; prose with an apostrophe is no call."""
    try:
        return shlex.split(call, comments=True)
    except ValueError:
        return []


def test_every_code_block_names_its_language():
    unnamed = [
        name(page) for page in PAGES if re.search(r"^```\n\S", without_blocks(page.read_text()))
    ]
    assert unnamed == []


@pytest.mark.parametrize("block", blocks_in("sh"))
def test_shell_blocks_are_valid(block):
    subprocess.run(["bash", "-n"], input=block, text=True, check=True)


@pytest.mark.parametrize("block", blocks_in("json"))
def test_json_blocks_are_valid(block):
    json.loads(block)


@pytest.mark.parametrize("block", blocks_in("python"))
def test_python_blocks_are_valid(block):
    ast.parse(block)


@pytest.mark.parametrize("command", commands("stresswatch"))
def test_documented_stresswatch_commands_are_valid(command):
    group, words = typer.main.get_command(app), shlex.split(command)
    context = group.make_context("stresswatch", words[:1], resilient_parsing=True)
    word = "stresswatch"
    while hasattr(group, "get_command") and words and not words[0].startswith("-"):
        word = words.pop(0)
        group = group.get_command(context, word)
        assert group, f"there is no command {word}"
    if words:  # a bare name stands for the command with any arguments
        group.make_context(word, words, parent=context)


@pytest.fixture(scope="module")
def aws():
    return create_clidriver()


@pytest.mark.parametrize("command", commands("aws"))
def test_documented_aws_commands_are_valid(command, aws):
    found, words = aws.create_help_command(), shlex.split(command)
    everywhere = set(found.arg_table)
    while found.command_table:
        word = words.pop(0)
        assert word in found.command_table
        found = found.command_table[word].create_help_command()
    given = {word.removeprefix("--").partition("=")[0] for word in words if word[:2] == "--"}
    assert given - set(found.arg_table) - everywhere == set()


@pytest.mark.parametrize("command", commands("make"))
def test_documented_make_targets_exist(command):
    target, *settings = shlex.split(command)
    assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)
    for setting in settings:
        variable = setting.partition("=")[0]
        assert re.search(rf"\$\(?{variable}\b|^{variable} ", MAKEFILE, re.MULTILINE)


@pytest.mark.parametrize("command", commands("python"))
def test_documented_project_modules_exist_with_their_options(command):
    flag, module, *arguments = shlex.split(command)
    assert flag == "-m"
    spec = importlib.util.find_spec(module)
    assert spec
    found = (
        importlib.util.find_spec(f"{module}.__main__") if spec.submodule_search_locations else spec
    )
    source = Path(found.origin).read_text()
    options = [argument for argument in arguments if argument.startswith("--")]
    assert [option for option in options if f'"{option}"' not in source] == []


def test_every_page_is_in_the_navigation():
    def pages(entries):
        for entry in entries:
            (place,) = entry.values()
            yield from [place] if isinstance(place, str) else pages(place)

    navigation = tomllib.loads((PROJECT / "zensical.toml").read_text())["project"]["nav"]
    decisions = {name(page).removeprefix("docs/") for page in PAGES if "decisions" in page.parts}
    written = {ROOT_PAGES.get(name(page)) or name(page).removeprefix("docs/") for page in PAGES}
    made = {"decisions/index.md", "notebook.md", "schemas.md", "cli.md"}
    assert {*pages(navigation)} | decisions == written | made


@pytest.fixture(scope="module")
def built():
    subprocess.run("make docs", shell=True, cwd=PROJECT, check=True, capture_output=True)
    return PROJECT / "build" / "site"


def test_the_site_is_built_without_warnings_or_dead_links(built):
    dead = [
        f"{page.relative_to(built)}: {target}"
        for page in built.rglob("*.html")
        if page.name != "404.html"
        for target in re.findall(r'<[^>]*\s(?:href|src)="?([^"#>\s?]+)', page.read_text())
        if "://" not in target
        and not target.startswith(("mailto:", "data:", "javascript:"))
        and not (page.parent / target).exists()
    ]
    assert dead == []


def test_no_page_of_the_site_loads_a_file_from_elsewhere(built):
    """Mermaid's charts are drawn by a script that the theme loads from unpkg.com."""
    loads = re.compile(
        r'<(?:script|link|img|iframe)\s[^>]*\b(?:src|href)="?(?:https?:)?//|<[^>]*class="?mermaid'
    )
    pages = [page for page in built.rglob("*.html") if loads.search(page.read_text())]
    assert pages == []
    assert loads.search('<script async src="https://unpkg.com/mermaid">')
    assert loads.search('<pre class="mermaid"><code>flowchart TD')


def test_links_to_code_lead_to_pages_outside_navigation_and_search(built):
    for page, target in (
        ("privacy", "cli/forget/places.py"),
        ("monitoring", "grafana"),
        ("delivery", "github/workflows/test.yml"),
    ):
        assert f"code/{target}.html" in (built / f"{page}.html").read_text()
    shown = re.sub("<[^>]+>", "", (built / "code/cli/forget/places.py.html").read_text())
    assert (PROJECT / "cli/forget/places.py").read_text().splitlines()[0] in html.unescape(shown)
    assert "code/" not in (built / "search.json").read_text()


def test_lists_of_commands_have_whole_entries(built):
    page = (built / "cli.html").read_text()
    entries = [re.sub("<[^>]+>", "", one) for one in re.findall("<li>(.*?)</li>", page, re.DOTALL)]
    assert "demo: Run the whole loop once on this machine, and write a report." in entries
    assert "list: List base data, labels, and the origin of each training set." in entries
    assert [one for one in entries if one.rstrip().endswith("...")] == []


def test_code_pages_show_whole_files_and_list_folders(tmp_path):
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "page.py").write_text('"""Fenced.\n\n````text\n````\n"""\n')
    (folder / "picture.bin").write_bytes(b"\xff\xfe\xfd")
    code_pages.write([folder], tmp_path, tmp_path / "site")
    shown = (tmp_path / "site/code/folder/inner/page.py.md").read_text()
    assert "# `folder/inner/page.py`\n" in shown
    assert shown.endswith('\n`````python\n"""Fenced.\n\n````text\n````\n"""\n`````\n')
    listed = (tmp_path / "site/code/folder.md").read_text()
    assert listed.endswith("\n- [`inner/page.py`](folder/inner/page.py.md)\n- `picture.bin`\n")


PICTURES = """return [...document.querySelectorAll("article p > a > img")]
    .map(one => [one.parentElement.href === one.src, one.getBoundingClientRect().right])"""
CUT_OFF = """return [...document.querySelectorAll(".md-typeset__scrollwrap")]
    .filter(one => one.scrollWidth > one.clientWidth)
    .map(one => getComputedStyle(one).backgroundImage)"""


@pytest.mark.skipif(programs() is None, reason="no Chromium: apt-get install chromium-driver")
@pytest.mark.parametrize("width", [390, 1280])
def test_pictures_of_the_site_fit_any_screen_and_open_their_files(built, width):
    with browser() as opened, screen(opened, width):
        for page in ("index", "monitoring", "tutorial", "model", "cost", "notebook"):
            opened.get((built / f"{page}.html").as_uri())
            pictures = WebDriverWait(opened, SECONDS).until(
                lambda driver: driver.execute_script(PICTURES)
            )
            assert [one for one in pictures if one[0] is not True or one[1] > width] == []
            assert "none" not in opened.execute_script(CUT_OFF)


INDENTS = """const lines = document.querySelectorAll(".language-sh pre > code > span");
return [...lines].flatMap(line => {
    const range = document.createRange();
    range.selectNodeContents(line);
    const [first, ...others] = [...range.getClientRects()].filter(one => one.width);
    return others.filter(one => one.top > first.bottom - 2).map(one => one.left - first.left);
})"""
COPIES_EACH_LINE = """const code = document.querySelector(".language-sh pre > code");
code.setAttribute("data-md-copying", "");  // as the button does
return code.innerText.trimEnd() === code.textContent.trimEnd();"""


@pytest.mark.skipif(programs() is None, reason="no Chromium: apt-get install chromium-driver")
@pytest.mark.parametrize("width", [390, 1280])
def test_wrapped_parts_of_commands_are_indented(built, width):
    """Otherwise the rest of a comment looks like a command."""
    with browser() as opened, screen(opened, width):
        opened.get((built / "operations.html").as_uri())
        indents = opened.execute_script(INDENTS)
        assert indents
        assert min(indents) > 10
        assert opened.execute_script(COPIES_EACH_LINE)


def test_a_dead_link_fails_the_build(tmp_path, monkeypatch):
    page = tmp_path / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text("See [the other page](other.md).")
    monkeypatch.setattr(site, "PROJECT", tmp_path)
    monkeypatch.setattr(site, "files", lambda: [page])
    with pytest.raises(DeadLink, match=r"docs/page\.md links to other\.md, which does not exist"):
        gather(tmp_path / "gathered")


def test_npx_never_waits_for_an_answer():
    """Without ``--yes`` it asks before it installs, and waits for ever without a terminal."""
    programs = (path.read_text() for path in (PROJECT / "verification").rglob("*.py"))
    calls = [
        *commands("npx"),
        *re.findall(r"npx[^\n]*", MAKEFILE),
        *(call for text in programs for call in re.findall(r"\[npx,[^\]]*", text)),
    ]
    assert calls
    assert [call for call in calls if "--yes" not in call] == []


def test_every_page_names_the_cdk_version_that_make_runs():
    (version,) = re.findall(r"aws-cdk@[\d.]+\d", MAKEFILE)
    named = {found for page in PAGES for found in re.findall(r"aws-cdk@\S*\d", page.read_text())}
    assert named == {version}


def test_every_dependency_has_its_reason_in_decision_6():
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    listed = [one for extra in extras["optional-dependencies"].values() for one in extra]
    packages = {re.match(r"[\w.-]+", one)[0].lower() for one in listed} - {"stresswatch"}
    decision = (PROJECT / "docs/decisions/0006-libraries-and-tools.md").read_text().lower()
    assert [name for name in sorted(packages) if not _is_named(name, decision)] == []
    assert not _is_named("constructs", "cdk-monitoring-constructs")


def _is_named(name, text):
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)
