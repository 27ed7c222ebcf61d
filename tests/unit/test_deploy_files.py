from __future__ import annotations

from pathlib import Path

import pytest

from xpulab.converging.deploy_files import made_with_xpulab


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deploys").mkdir()
    (tmp_path / "ours").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    "files",
    [
        {"deploys/a.py": "from xpulab.converging import converge"},
        {"deploys/a.py": "import xpulab.roles"},
        {"deploys/a.py": "def f():\n    from xpulab import roles"},
        {"deploys/a.py": "import b", "deploys/b.py": "import xpulab"},
        {"deploys/a.py": "from ours import b", "ours/__init__.py": "", "ours/b.py": "import xpulab"},
        {"deploys/a.py": "import ours.b", "ours/__init__.py": "import xpulab", "ours/b.py": ""},
        {"deploys/a.py": "from . import b", "deploys/b.py": "import xpulab"},
        {
            "deploys/a.py": "from pyinfra import local\nlocal.include('deploys/b.py')",
            "deploys/b.py": "import a, xpulab",
        },
    ],
)
def test_a_deploy_is_made_with_xpulab_by_itself_or_through_files_beside_it(
    lab: Path, files: dict[str, str]
) -> None:
    for name, text in files.items():
        (lab / name).write_text(text)
    assert made_with_xpulab(["deploys/a.py"])


@pytest.mark.parametrize(
    "text", ["import xpulabs", "# import xpulab", "import a", "import (", "include(name)"]
)
def test_what_only_looks_like_it_is_not(lab: Path, text: str) -> None:
    (lab / "deploys/a.py").write_text(text)
    assert not made_with_xpulab(["deploys/a.py", "deploys/not-there.py"])


def test_a_function_on_the_command_line_is_looked_up_in_its_module(lab: Path) -> None:
    (lab / "ours/gpus.py").write_text("import xpulab")
    assert made_with_xpulab(["ours.gpus.provision"])
    assert not made_with_xpulab(["server.shell", "ours.gpus.provision"])
    assert not made_with_xpulab(["exec", "--", "ours.gpus.provision"])
    assert not made_with_xpulab([])
