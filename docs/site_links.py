"""A hook of MkDocs: links to files of the repository outside `docs/` lead to GitHub on the site.

The pages are read in the repository too, where these links are relative. https://www.mkdocs.org/user-guide/configuration/#hooks
"""

import os
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_LINK = re.compile(r"(?<=\]\()(\.\./[^)#\s]+)")


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Replace each relative link that leaves `docs/`; fails if the file does not exist."""
    folder = (ROOT / "docs" / page.file.src_uri).parent

    def absolute(match: re.Match[str]) -> str:
        target = Path(os.path.normpath(folder / match[1]))
        if target.is_relative_to(ROOT / "docs"):
            return match[1]
        if not target.exists():
            raise FileNotFoundError(f"{page.file.src_uri} links to {match[1]}, which does not exist")
        return f"{config.repo_url.rstrip('/')}/{'tree' if target.is_dir() else 'blob'}/main/{target.relative_to(ROOT)}"

    return _LINK.sub(absolute, markdown)
