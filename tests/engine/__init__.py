"""A Docker engine for the tests: dockerd, buildx, and a stand-in for the base image.

    ./bootstrap python -m tests.engine pytest

No image can be pulled where these tests run, so the base image is made here, under its own name: a musl
system of busybox, musl's loader and a musl Node (`base.py`), whose package manager gets a tool chain for
musl from this machine (`toolchain.py`). `__main__.py` starts the engine, runs a command, and ends it.
"""
