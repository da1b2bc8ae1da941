"""The stages of LibreChat's build, read from what npm and Vite print."""

from __future__ import annotations

from scripts.frontend.stages import StageReader, told
from scripts.progress import Stage

# `npm run frontend` of LibreChat v0.8.2-rc1, shortened.
OUTPUT = """\
> LibreChat@v0.8.2-rc1 frontend
> npm run build:data-provider && npm run build:data-schemas && cd client && npm run build
> LibreChat@v0.8.2-rc1 build:data-provider
> cd packages/data-provider && npm run build
> librechat-data-provider@0.8.210 build
> npm run clean && rollup -c --silent --bundleConfigAsCjs
> librechat-data-provider@0.8.210 clean
> rimraf dist
> LibreChat@v0.8.2-rc1 build:client-package
> cd packages/client && npm run build
> @librechat/client@0.4.2 build
transforming is only said here
> @librechat/frontend@v0.8.2-rc1 build
> cross-env NODE_ENV=production vite build && node ./scripts/post-build.cjs
vite v6.4.1 building for production...
transforming...
✓ 8123 modules transformed.
rendering chunks...
computing gzip size...
dist/index.html  2.54 kB
PWA v0.21.2
mode      generateSW
"""

STAGES = [
    "building data-provider",
    "building client-package",
    "building client",
    "building client: transforming",
    "building client: rendering chunks",
    "building client: compressing",
    "building client: making the service worker",
]


def test_scripts_of_the_top_package_and_phases_of_the_client_are_stages() -> None:
    reader = StageReader()

    assert [stage for line in OUTPUT.splitlines() if (stage := reader.read(line))] == STAGES


def test_each_stage_is_told_before_the_line_that_begins_it_and_no_line_is_lost() -> None:
    lines: list[str] = []
    tell = told(lines.append)

    for line in OUTPUT.splitlines():
        tell(line)

    assert [line for line in lines if not isinstance(line, Stage)] == OUTPUT.splitlines()
    assert [line for line in lines if isinstance(line, Stage)] == STAGES
    assert lines[2:4] == ["building data-provider", "> LibreChat@v0.8.2-rc1 build:data-provider"]


def test_an_unknown_output_has_no_stages() -> None:
    reader = StageReader()

    assert not any(reader.read(line) for line in ["", "hello", "> not a header", "vite v7.0.0 building …"])
