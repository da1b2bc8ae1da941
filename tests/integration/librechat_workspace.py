"""A small LibreChat: npm workspaces with its names and its order of building, in a git repository.

No dependencies from a registry, so that `npm ci` needs no network. Each package is really needed by the
next: in another order the build fails.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TAG = "v0.0.1"

_ROOT = {
    "name": "LibreChat",
    "version": TAG,
    "private": True,
    "workspaces": ["client", "packages/*"],
    "scripts": {
        "build:data-provider": "cd packages/data-provider && npm run build",
        "build:api": "cd packages/api && npm run build",
        "frontend": "npm run build:data-provider && npm run build:api && cd client && npm run build",
    },
}

_DATA_PROVIDER = {
    "name": "librechat-data-provider",
    "version": "0.8.220",
    "main": "dist/index.js",
    "scripts": {"build": "node build.cjs"},
}

_DATA_PROVIDER_BUILD = """
const fs = require('fs');
const greeting = fs.readFileSync('greeting.txt', 'utf8').trim();
fs.mkdirSync('dist', { recursive: true });
fs.writeFileSync('dist/index.js', `exports.greeting = ${JSON.stringify(greeting)};`);
"""

_API = {
    "name": "@librechat/api",
    "version": "1.7.0",
    "main": "dist/index.js",
    "scripts": {"build": "node build.cjs"},
    "dependencies": {"librechat-data-provider": "*"},
}

_API_BUILD = """
const fs = require('fs');
const { greeting } = require('librechat-data-provider');
fs.mkdirSync('dist', { recursive: true });
fs.writeFileSync('dist/index.js', `exports.message = ${JSON.stringify(greeting + ', built')};`);
"""

_CLIENT = {
    "name": "@librechat/frontend",
    "version": TAG,
    "type": "commonjs",
    "scripts": {"build": "node build.cjs"},
    "dependencies": {"@librechat/api": "*"},
}

# Prints what Vite prints. VITE_HANG_IN names a directory: there it writes its process id and waits for ever.
_CLIENT_BUILD = """
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { message } = require('@librechat/api');

if (process.env.VITE_HANG_IN) {
  fs.writeFileSync(path.join(process.env.VITE_HANG_IN, 'pid.tmp'), String(process.pid));
  fs.renameSync(path.join(process.env.VITE_HANG_IN, 'pid.tmp'), path.join(process.env.VITE_HANG_IN, 'pid'));
  setInterval(() => {}, 1000);
} else {
  console.log('vite v6.3.4 building for production...');
  const script = `document.title = ${JSON.stringify(message + (process.env.VITE_SUFFIX || ''))};`;
  const hash = crypto.createHash('sha256').update(script).digest('hex').slice(0, 8);
  fs.mkdirSync('dist/assets', { recursive: true });
  console.log('rendering chunks...');
  fs.writeFileSync(`dist/assets/index.${hash}.js`, script);
  fs.writeFileSync('dist/index.html', fs.readFileSync('index.html', 'utf8').replace('HASH', hash));
  console.log('options ' + process.env.NODE_OPTIONS);
}
"""

_INDEX = '<base href="/"><script type="module" src="assets/index.HASH.js"></script>\n'


@dataclass(frozen=True)
class Workspace:
    """The repository, with its work tree."""

    directory: Path

    @property
    def url(self) -> str:
        return f"file://{self.directory}"

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def copy(self, directory: Path) -> Workspace:
        return Workspace(Path(shutil.copytree(self.directory, directory, symlinks=True)))

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
        command = ["git", *identity, "-c", "tag.gpgSign=false", "-c", "commit.gpgSign=false", *arguments]
        done = subprocess.run(command, cwd=self.directory, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def write(self, path: str, content: str) -> None:
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)

    def change_package(self, path: str, **changes: Any) -> None:
        package = json.loads((self.directory / path).read_text())
        self.write(path, json.dumps(package | changes))

    def commit(self, message: str = "a change") -> str:
        """Commit everything; returns the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.head

    def tag(self, name: str = TAG) -> None:
        """An annotated tag, as LibreChat's releases have; replaces one of the same name."""
        self.git("tag", "--force", "--annotate", "--message", name, name)


def make(directory: Path) -> Workspace:
    """The repository with one commit and one tag."""
    workspace = Workspace(directory)
    for path, content in {
        "package.json": json.dumps(_ROOT),
        ".gitignore": "node_modules/\ndist/\n",
        "packages/data-provider/package.json": json.dumps(_DATA_PROVIDER),
        "packages/data-provider/build.cjs": _DATA_PROVIDER_BUILD,
        "packages/data-provider/greeting.txt": "hello\n",
        "packages/api/package.json": json.dumps(_API),
        "packages/api/build.cjs": _API_BUILD,
        "client/package.json": json.dumps(_CLIENT),
        "client/build.cjs": _CLIENT_BUILD,
        "client/index.html": _INDEX,
        "api/server/index.js": "// the server\n",
    }.items():
        workspace.write(path, content)
    lock = ["npm", "install", "--package-lock-only", "--offline", "--no-audit", "--no-fund"]
    subprocess.run(lock, cwd=directory, check=True, capture_output=True)
    workspace.git("init", "--quiet")
    workspace.commit("first")
    workspace.tag()
    return workspace
