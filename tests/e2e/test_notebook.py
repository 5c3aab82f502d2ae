"""The documentation's notebook runs from its first cell to its last."""

import pytest

from docs.notebook import execute

# With any posts at hand: it also runs with synthetic ones.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_the_notebook_runs_from_the_data_to_the_gates_verdict():
    notebook = execute()
    said = [
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]
    assert any("ROC-AUC, base holdout" in text for text in said)
    assert any("of the features drifted" in text for text in said)
    assert any(text.startswith(("accepted", "rejected")) for text in said)
