"""A Helm chart that holds given manifests, and a release of it whose operations wait, by kstatus as Flux does."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from trail_sandbox.sandbox import Sandbox


class ManifestChart:
    """The chart and its release `audit` in a namespace."""

    def __init__(self, sandbox: Sandbox, directory: Path, namespace: str) -> None:
        self._environment = {**os.environ, **sandbox.environment(), "HOME": str(directory)}
        self._namespace = namespace
        self._directory = directory / "chart"
        (self._directory / "templates").mkdir(parents=True)
        (self._directory / "Chart.yaml").write_text("apiVersion: v2\nname: audit\nversion: 0.1.0\n")

    def holds(self, *bodies: dict[str, Any]) -> None:
        """Put these manifests in place of those before."""
        documents = "\n---\n".join(map(json.dumps, bodies))
        (self._directory / "templates" / "objects.yaml").write_text(documents)

    def helm(self, command: str, *arguments: str, seconds: int = 60) -> subprocess.CompletedProcess[str]:
        """Run a command of helm about the release, and wait as long as that."""
        chart = [str(self._directory)] if command != "uninstall" else []
        options = ["--namespace", self._namespace, "--wait", f"--timeout={seconds}s"]
        return subprocess.run(
            ["helm", command, "audit", *chart, *options, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
