"""A program at rest: how soon a second start answers, and how much memory it holds after its clock's first round."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.benchmarks.figures import Figure
from tests.bot.test_app import ROOT, free_port

MOST_MB = 150.0
MOST_SECONDS = 2.0
RESTING_SECONDS = 15
_PATIENCE_SECONDS = 90


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        _started(folder)  # makes and migrates the database
        seconds, megabytes = _started(folder, rest=RESTING_SECONDS)
    python = _bare_python_mb()
    return [
        Figure("second start until /readyz", seconds, "s", "none", 1.0, MOST_SECONDS, seconds <= MOST_SECONDS),
        Figure(
            "resident memory at rest", megabytes, "MB", "bare Python", megabytes / python, MOST_MB, megabytes <= MOST_MB
        ),
    ]


def _started(folder: str, rest: float = 0) -> tuple[float, float]:
    """Start the program through its launcher, and return seconds until it is ready and its memory after `rest`."""
    port = free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FENXIAO_")}
    environ |= {"FENXIAO_DATABASE_URL": f"sqlite:///{folder}/a.db", "FENXIAO_PORT": str(port), "FENXIAO_DEMO": "off"}
    began = time.monotonic()
    command = [sys.executable, str(ROOT / "fenxiao"), "run"]
    with Path(folder, "log").open("ab") as log:
        process = subprocess.Popen(command, env=environ, cwd=folder, stdout=log, stderr=log)
    try:
        while not _ready(port):
            if process.poll() is not None or time.monotonic() - began > _PATIENCE_SECONDS:
                raise RuntimeError(Path(folder, "log").read_text())
            time.sleep(0.02)
        seconds = time.monotonic() - began
        time.sleep(rest)
        return seconds, _resident_mb(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _resident_mb(pid: int) -> float:
    kilobytes = Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0]
    return int(kilobytes) / 1024


def _bare_python_mb() -> float:
    script = "print(open('/proc/self/status').read().split('VmRSS:')[1].split()[0])"
    return int(subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True).stdout) / 1024
