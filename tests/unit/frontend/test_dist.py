"""A build is whole when every file that its page names is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.errors import DeployError
from scripts.frontend.dist import require_whole

PAGE = """
<base href="/" />
<link rel="icon" href="assets/favicon-32x32.png" />
<link rel="manifest" href="./manifest.webmanifest" />
<link rel="preconnect" href="https://example.org" />
<script src="https://example.org/analytics.js"></script>
<script type="module" crossorigin src="assets/index.CDeaw5C5.js"></script>
<link rel="stylesheet" href="assets/style%20sheet.css?v=1" />
<img src="data:image/png;base64,AAAA" />
"""
FILES = (
    "assets/favicon-32x32.png",
    "manifest.webmanifest",
    "assets/index.CDeaw5C5.js",
    "assets/style sheet.css",
)


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(PAGE)
    for name in FILES:
        (tmp_path / name).touch()
    return tmp_path


def test_a_whole_build_is_accepted_whatever_other_sites_it_names(dist: Path) -> None:
    require_whole(dist, "LibreChat")


@pytest.mark.parametrize("name", FILES)
def test_any_missing_file_is_named(dist: Path, name: str) -> None:
    (dist / name).unlink()

    with pytest.raises(DeployError, match="not whole") as failure:
        require_whole(dist, "LibreChat")

    assert name.replace(" ", "%20") in failure.value.why


def test_a_build_without_a_page_is_refused(dist: Path) -> None:
    (dist / "index.html").unlink()

    with pytest.raises(DeployError, match="not whole"):
        require_whole(dist, "LibreChat")


def test_a_page_that_names_nothing_is_not_a_built_one(dist: Path) -> None:
    (dist / "index.html").write_text("<h1>It works!</h1>")

    with pytest.raises(DeployError, match="not whole") as failure:
        require_whole(dist, "LibreChat")

    assert "names no script" in failure.value.why
