"""`trail-operator crds`: writes the CustomResourceDefinitions."""

from pathlib import Path

from trail_operator.api import crd


def write(directory: Path) -> list[Path]:
    """Write a file for each CRD into `directory` and say where they are."""
    paths = []
    for definition in crd.definitions():
        path = directory / f"{definition['spec']['group']}_{definition['spec']['names']['plural']}.yaml"
        path.write_text(crd.render(definition))
        paths.append(path)
    return paths
