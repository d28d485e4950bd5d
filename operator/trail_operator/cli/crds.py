"""`trail-operator crds`: writes the CustomResourceDefinitions."""

from pathlib import Path

from trail_operator.api import crd

FILE_NAME = "trail-operator.dev_trails.yaml"


def write(directory: Path) -> Path:
    """Write the CRD file into `directory` and say where it is."""
    path = directory / FILE_NAME
    path.write_text(crd.render(crd.trail_crd()))
    return path
