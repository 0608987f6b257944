"""The launcher, tried on a small repository of its own with one package in its lock."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

LAUNCHER = Path(__file__).resolve().parents[1] / "fenxiao"
PROGRAM = """
import json, os, sys, tiny
print(json.dumps({"arguments": sys.argv[1:], "folder": os.getcwd(), "tiny": tiny.VERSION}))
"""
OLD_PYTHON = "import sys; sys.version_info = (3, 9, 2); sys.argv = ['fenxiao', 'run']; "


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose lock can be installed without a network."""
    root = tmp_path / "a house"
    (root / "bot").mkdir(parents=True)
    (root / "bot" / "__init__.py").touch()
    (root / "bot" / "__main__.py").write_text(PROGRAM)
    shutil.copy(LAUNCHER, root / "fenxiao")
    lock(root, "1.0")
    return root


def lock(root: Path, version: str, sha256: str | None = None) -> None:
    """Write both locks so that they name the package `tiny` at `version`."""
    wheel = root.parent / f"tiny-{version}-py3-none-any.whl"
    contents = {
        "tiny.py": f"VERSION = '{version}'\n",
        f"tiny-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n",
        f"tiny-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        record = ""
        for path, text in contents.items():
            archive.writestr(path, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{path},sha256={digest},{len(text)}\n"
        archive.writestr(f"tiny-{version}.dist-info/RECORD", record)
    sha256 = sha256 or hashlib.sha256(wheel.read_bytes()).hexdigest()
    where = root.parent.as_uri()
    text = f"--no-index\n--find-links {where}\ntiny=={version} \\\n    --hash=sha256:{sha256}\n"
    (root / "requirements.lock").write_text(text)
    (root / "requirements-dev.lock").write_text(text + "# development\n")


def start(program: Path, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(program), *arguments], capture_output=True, text=True, cwd=cwd, timeout=100
    )


def test_a_first_start_sets_up_later_ones_hand_over_at_once_and_a_new_lock_is_installed_if_its_hashes_hold(
    repository: Path, tmp_path: Path
):
    first = start(repository / "fenxiao", "plan", "check", "a b.toml", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert first.stdout == (f'{{"arguments": ["plan", "check", "a b.toml"], "folder": "{tmp_path}", "tiny": "1.0"}}\n')
    assert "Installing up to 1 locked packages" in first.stderr

    link = tmp_path / "fx"
    link.symlink_to(repository / "fenxiao")
    again = start(link, "run", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")

    python = repository / ".venv" / "bin" / "python"
    through = min(timed(sys.executable, str(link), "run") for _ in range(5))
    bare = min(timed(str(python), "-c", "import json, tiny") for _ in range(5))
    assert through - bare < 0.1

    lock(repository, "1.1", sha256="0" * 64)
    refused = start(repository / "fenxiao", "run")
    assert refused.returncode == 1
    assert "DO NOT MATCH THE HASHES" in refused.stderr
    assert "could not be installed" in refused.stderr

    lock(repository, "1.1")
    changed = start(repository / "fenxiao", "run")
    assert '"tiny": "1.1"' in changed.stdout
    assert "Setting up .venv" not in changed.stderr


def timed(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def test_two_starts_at_once_set_up_once(repository: Path):
    command = [sys.executable, str(repository / "fenxiao"), "run"]
    starts = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ends = [process.communicate(timeout=100) for process in starts]
    assert [process.returncode for process in starts] == [0, 0], ends
    said = "".join(stderr for _, stderr in ends)
    assert said.count("Installing") == 1
    assert "waiting for it" in said


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("unfinished-set-up", marks=pytest.mark.long),
        pytest.param("bin/python", marks=pytest.mark.long),
        "bin/pip",
    ],
)
def test_a_set_up_that_was_killed_is_repaired_by_the_next_start(repository: Path, moment: str):
    process = subprocess.Popen([sys.executable, str(repository / "fenxiao"), "run"], stderr=subprocess.DEVNULL)
    wait_for(repository / ".venv" / moment)
    process.kill()
    process.wait()
    after = start(repository / "fenxiao", "run")
    assert after.returncode == 0, after.stderr
    assert '"tiny": "1.0"' in after.stdout
    assert not (repository / ".venv" / "unfinished-set-up").exists()


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.01)


def test_an_old_python_is_told_what_is_needed_in_both_languages():
    code = OLD_PYTHON + f"__file__ = {str(LAUNCHER)!r}; exec(compile(open(__file__).read(), __file__, 'exec'))"
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PATH": "", "PYTHONUTF8": "1"}, timeout=60
    )
    assert told.returncode == 1
    assert "Fenxiao needs Python 3.11 or newer; this is Python 3.9." in told.stderr
    assert "需要 Python 3.11 或更高版本" in told.stderr


def test_a_python_without_ensurepip_is_told_which_system_package_to_install(repository: Path, tmp_path: Path):
    code = (
        "import importlib.util, sys; known = importlib.util.find_spec; "
        "importlib.util.find_spec = lambda name, *rest: None if name == 'ensurepip' else known(name, *rest); "
        f"sys.argv = ['fenxiao', 'run']; __file__ = {str(repository / 'fenxiao')!r}; "
        "exec(compile(open(__file__).read(), __file__, 'exec'))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=os.environ)
    assert told.returncode == 1
    assert f"apt-get install python{sys.version_info[0]}.{sys.version_info[1]}-venv" in told.stderr
    assert told.stdout == ""
