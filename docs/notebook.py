"""The documentation's notebook, a page of the site: ``python -m docs.notebook`` executes it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).with_name("notebook.ipynb")
_SECONDS = 900


def execute() -> Any:
    """Execute the notebook in the project's folder; return it with its outputs.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
    """
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = {"metadata": {"path": str(NOTEBOOK.parents[1])}}
    NotebookClient(notebook, timeout=_SECONDS, resources=folder, record_timing=False).execute()
    return notebook


def page(images: Path) -> str:
    """Return the last executed notebook as Markdown; write its images to a folder."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    parts = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        for output in cell.outputs:
            parts.append(_output(output, images, number))
    return "\n\n".join(part for part in parts if part) + "\n"


def _output(output: Any, images: Path, number: int) -> str:
    data = output.get("data", {})
    if picture := data.get("image/png"):
        images.mkdir(parents=True, exist_ok=True)
        path = images / f"notebook-{number}.png"
        path.write_bytes(base64.b64decode(picture))
        return f"![What the cell draws]({images.name}/{path.name})"
    text = output.get("text") or data.get("text/plain") or ""
    return f"```text\n{text.rstrip()}\n```" if text else ""


if __name__ == "__main__":
    nbformat.write(execute(), NOTEBOOK)
