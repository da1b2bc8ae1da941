"""What the stand-in's ``apk add`` installs: this machine's build tools, with a compiler for musl.

Debian's tools run on their own glibc, beside musl. gcc compiles C for musl as Debian's musl-gcc does.
For C++ there is no musl libstdc++ to install: the headers are Debian's, with the three files replaced
that differ on musl, and the library is the one that the musl Node brings.
"""

from __future__ import annotations

import re
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.engine.archive import add_file, add_link

PACKAGES = (
    *("autoconf", "automake", "autotools-dev", "libtool", "libltdl-dev", "m4", "make"),
    *("perl-base", "perl", "perl-modules-5.36", "libperl5.36", "cmake", "cmake-data"),
    *("python3-minimal", "python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "python3"),
    *("python3-distutils", "binutils-x86-64-linux-gnu", "binutils", "gcc-12", "cpp-12", "g++-12"),
    *("libgcc-12-dev", "libstdc++-12-dev", "musl-dev"),
)

_LEFT_OUT = re.compile(
    r"/usr/share/(doc|man|locale|info|lintian)/|/(lto1|lto-dump|gold|dwp|gprof)|/lib(a|t|l|ub)san|"
    r"/(asan|tsan|lsan|ubsan)|/libstdc\+\+\.|/libstdc\+\+fs|/libsupc|/libitm|/libgcov|/12/libgcc_s|/bin/(cc|gcc|c\+\+|g\+\+)$"
)
_HERE = "opt/musl"

_SPECS = """\
%rename cpp_options old_cpp_options

*cpp_options:
-nostdinc -isystem /usr/include/x86_64-linux-musl -isystem include%s %(old_cpp_options)

*cc1:
%(cc1_cpu) -nostdinc -isystem /usr/include/x86_64-linux-musl -isystem include%s

*link_libgcc:
-L/usr/lib/x86_64-linux-musl -L .%s

*libgcc:
-L/opt/musl/lib -lgcc_s libgcc.a%s

*startfile:
%{!shared: /usr/lib/x86_64-linux-musl/Scrt1.o} /usr/lib/x86_64-linux-musl/crti.o crtbeginS.o%s

*endfile:
crtendS.o%s /usr/lib/x86_64-linux-musl/crtn.o

*link:
--eh-frame-hdr -dynamic-linker /lib/ld-musl-x86_64.so.1 -nostdlib %{shared:-shared} %{static:-static} \
%{rdynamic:-export-dynamic}

*esp_link:


*esp_options:


*esp_cpp_options:


"""
"""Debian's musl-gcc.specs, plus the shared libgcc and ``--eh-frame-hdr``, without which nothing is caught."""

# libstdc++'s generic form, as it is configured on musl.
_CTYPE_BASE = """\
#pragma once
namespace std {
struct ctype_base {
  typedef const int *__to_type;
  typedef unsigned short mask;
  static const mask upper = 1 << 0, lower = 1 << 1, alpha = 1 << 2, digit = 1 << 3, xdigit = 1 << 4,
      space = 1 << 5, print = 1 << 6, graph = (1 << 2) | (1 << 3) | (1 << 9), cntrl = 1 << 8,
      punct = 1 << 9, alnum = (1 << 2) | (1 << 3), blank = 1 << 10;
};
}
"""
_CC = """\
#!/bin/sh
exec x86_64-linux-gnu-gcc-12 "$@" -specs /opt/musl/specs -isystem /usr/include -Wl,-rpath-link,/opt/musl/lib
"""
_CXX = """\
#!/bin/sh
exec x86_64-linux-gnu-g++-12 -nostdinc++ -isystem /opt/musl/include -isystem /usr/include/c++/12 \\
  -isystem /usr/include/x86_64-linux-gnu/c++/12 -isystem /usr/include/c++/12/backward \\
  '-D__GLIBC_PREREQ(major,minor)=0' -D__locale_t=locale_t "$@" \\
  -specs /opt/musl/specs -isystem /usr/include -L/opt/musl/lib -Wl,-rpath-link,/opt/musl/lib
"""


def write(archive_path: Path, node_libraries: Path) -> None:
    """Make the archive, to be unpacked at the root of the stand-in.

    Args:
        archive_path: Where to write it.
        node_libraries: The directory with the musl Node's libstdc++ and libgcc_s.
    """
    with tarfile.open(archive_path, "w") as archive:
        files = sorted(set(_package_files()))
        for path in files:
            archive.add(path, path.lstrip("/"), recursive=False)
        for library in _libraries(files):
            add_file(archive, library.lstrip("/"), Path(library).read_bytes(), 0o755)
        for found in node_libraries.glob("lib*.so*"):
            add_file(archive, f"{_HERE}/lib/{found.name}", found.read_bytes(), 0o755)
            name = found.name.partition("-")[0]
            add_link(archive, f"{_HERE}/lib/{name}.so", found.name)
        add_link(archive, f"{_HERE}/lib/libc.musl-x86_64.so.1", "/lib/ld-musl-x86_64.so.1")
        for name, text in (
            ("specs", _SPECS),
            ("include/bits/ctype_base.h", _CTYPE_BASE),
            ("include/bits/os_defines.h", "#define __NO_CTYPE 1\n"),
            ("include/bits/c++config.h", _cxx_config()),
        ):
            add_file(archive, f"{_HERE}/{name}", text.encode(), 0o644)
        for name, text in (("cc", _CC), ("gcc", _CC), ("c++", _CXX), ("g++", _CXX)):
            add_file(archive, f"usr/bin/{name}", text.encode(), 0o755)


def _cxx_config() -> str:
    """libstdc++'s configuration without the three functions of glibc's threads that musl has not."""
    text = Path("/usr/include/x86_64-linux-gnu/c++/12/bits/c++config.h").read_text()
    return re.sub(r"#define _GLIBCXX_USE_PTHREAD_\w+_CLOCK\w+ 1", "", text)


def _package_files() -> Iterator[str]:
    for package in PACKAGES:
        listed = subprocess.run(["dpkg", "-L", package], capture_output=True, text=True, check=True).stdout
        for path in listed.splitlines():
            if _LEFT_OUT.search(path):
                continue
            if Path(path).is_symlink():
                # Also what update-alternatives made of it.
                yield path
                target = Path(path).resolve()
                if target.is_file():
                    yield str(target)
            elif Path(path).is_file():
                yield path
    for name in ("automake", "aclocal"):
        yield from (f"/usr/bin/{name}", f"/etc/alternatives/{name}")


def _libraries(files: Iterable[str]) -> list[str]:
    """The shared libraries of every program among `files`, by the names they ask for."""
    programs = [path for path in files if not Path(path).is_symlink() and _is_program(path)]
    answer = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=False).stdout
    found = re.findall(r"(/\S+\.so\S*) \(0x", answer)
    return sorted({path for path in found if "musl" not in path} - set(files))


def _is_program(path: str) -> bool:
    with Path(path).open("rb") as file:
        return file.read(4) == b"\x7fELF" and "musl" not in path and not path.endswith(".o")
