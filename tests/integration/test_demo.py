"""`make demo`: the chart, a trail and its alarms from creation to deletion; on a sandbox of its own."""

import subprocess
import sys

import pytest

from tests.integration.conftest import ROOT


@pytest.mark.long
@pytest.mark.sampled("sandboxes of their own")
def test_every_step_of_the_demo_succeeds() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trail_sandbox.demo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every step succeeded" in done.stdout
    assert "AlarmName: demo/default/security-hub/CloudTrailChanges" in done.stdout
