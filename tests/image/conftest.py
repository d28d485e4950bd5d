"""Fixtures: the image, built once, and what the integration tests have of Kubernetes and AWS."""

from collections.abc import Iterator

import pytest

from tests.image import buildah
from tests.image.built import Image
from tests.integration.conftest import account, api, cluster, number, service_account, trails
from trail_sandbox.binaries.cache import default_directory

__all__ = ["account", "api", "cluster", "number", "service_account", "trails"]


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The image, built from the Dockerfile as it stands."""
    if lacks := buildah.missing():
        pytest.fail(lacks, pytrace=False)
    directory = default_directory() / "image"
    directory.mkdir(parents=True, exist_ok=True)
    with buildah.Buildah(directory).image(tmp_path_factory.mktemp("pip") / "pip.conf") as (config, tree):
        yield Image(config, tree)
