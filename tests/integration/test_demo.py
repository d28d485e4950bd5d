"""`make demo`: the chart for all namespaces, and the whole story; on a sandbox of its own."""

import subprocess
import sys

from tests.integration.conftest import ROOT


def test_the_demo_sees_all_of_it_happen() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trail_sandbox.demo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All of it was seen to happen" in done.stdout
