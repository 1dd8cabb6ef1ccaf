"""README, results and notebook in step."""

import json
import os
import sys

import nbformat
import pytest

from course_data import UserError
from course_data.root import REPOSITORY
from course_labs import notebook, readme
from course_labs.report import markdown, read_results

RESULTS = REPOSITORY / "labs" / "results"


def test_the_readme_shows_the_committed_results():
    assert readme.update(check=True) == []


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda p: p.stem)
def test_committed_results_are_whole(path):
    results = read_results(path)
    assert results["data"]["name"] == path.stem
    assert len(results["rows"]) == 4
    for row in results["rows"]:
        assert row["accuracy"] == row["correct"] / row["test_images"]
    text = json.dumps(results)
    assert "/home/" not in text and "/root/" not in text and "/tmp/" not in text


def test_update_replaces_only_what_is_between_the_markers(tmp_path):
    results = read_results(next(iter(sorted(RESULTS.glob("*.json")))))
    (tmp_path / "mnist.json").write_text(json.dumps(results), encoding="utf-8")
    file = tmp_path / "README.md"
    file.write_text("before\n<!-- table:mnist -->\nold\n<!-- /table:mnist -->\nafter\n", encoding="utf-8")
    assert readme.update(file, tmp_path, check=True) == ["mnist"]
    assert "old" in file.read_text(encoding="utf-8")
    assert readme.update(file, tmp_path) == ["mnist"]
    expected = f"before\n<!-- table:mnist -->\n{markdown(results)}<!-- /table:mnist -->\nafter\n"
    assert file.read_text(encoding="utf-8") == expected
    assert readme.update(file, tmp_path, check=True) == []


@pytest.mark.parametrize("text", ["no markers", "<!-- table:mnist -->\nno end\n", "<!-- table:nothing -->\n<!-- /table:nothing -->\n"])
def test_markers_without_a_table_are_an_error(tmp_path, text):
    file = tmp_path / "README.md"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError):
        readme.update(file)


def test_the_notebook_is_what_its_source_gives(tmp_path):
    assert notebook.in_step(), "run: python -m course_labs.notebook"
    made = nbformat.reads(notebook.built(), as_version=4)
    assert notebook.built() == notebook.built()
    assert 12 <= len(made.cells) <= 20
    assert all(not cell.get("outputs") for cell in made.cells)
    changed = tmp_path / "compression_studio.py"
    changed.write_text(notebook.SOURCE.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    changed.with_suffix(".ipynb").write_text(notebook.built(), encoding="utf-8")
    assert not notebook.in_step(changed)


def test_the_notebook_runs_beside_a_student_s_own_data_py(tmp_path, monkeypatch):
    from nbclient import NotebookClient

    for name in ("data.py", "labs.py"):
        (tmp_path / name).write_text("raise RuntimeError('shadowed')\n")
    # the kernel of this interpreter, whatever "python3" means on the machine
    monkeypatch.setenv("PATH", os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]))
    made = nbformat.reads(notebook.built(), as_version=4)
    NotebookClient(made, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (tmp_path / "runs" / "studio-digits" / "results.json").is_file()
    table = "".join(str(o.get("data", {}).get("text/markdown", "")) for c in made.cells for o in c.get("outputs", []))
    assert "teacher, float32" in table
    errors = [o for c in made.cells for o in c.get("outputs", []) if o.output_type == "error"]
    assert not errors
