"""How properties are tested, and what several tests need."""

from pathlib import Path

import pytest
from hypothesis import settings

from tests.unit.certificates import Authority

# A busy machine is no failure.
settings.register_profile("unit", deadline=None)
settings.load_profile("unit")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority that signs certificates."""
    return Authority(tmp_path)
