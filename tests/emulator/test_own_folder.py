"""Folders that go with their run."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from emulator.own_folder import LOCK, OwnFolder, sweep

pytestmark = pytest.mark.skipif(os.name != "posix", reason="locks of POSIX")
OWNER = """
import sys
from emulator.own_folder import OwnFolder
folder = OwnFolder("test", sys.argv[1:])
(folder.path / "deep").mkdir()
print(folder.path, flush=True)
sys.stdin.read()
"""


def owner(place):
    """A process with a folder of its own, and the folder."""
    process = subprocess.Popen([sys.executable, "-c", OWNER, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().strip()


def names(place):
    return sorted(path.name for path in place.iterdir())


def test_the_folder_of_a_dead_run_goes_at_the_next_start(tmp_path):
    alive, its = owner(tmp_path)
    dead, left = owner(tmp_path)
    dead.kill()
    dead.communicate()
    assert {its, left} == {str(path) for path in tmp_path.iterdir()}
    with OwnFolder("test", [tmp_path]) as mine:
        assert {its, str(mine.path)} == {str(path) for path in tmp_path.iterdir()}
        assert mine.path.stat().st_mode & 0o777 == 0o700
    assert {its} == {str(path) for path in tmp_path.iterdir()}
    alive.communicate("")


def test_what_is_not_ours_is_left_alone(tmp_path):
    (tmp_path / "test.file").write_text("x")
    (tmp_path / "test.link").symlink_to(tmp_path)
    (tmp_path / "test.young").mkdir()
    (tmp_path / "other.old").mkdir()
    linked = tmp_path / "test.linked"
    linked.mkdir()
    (linked / LOCK).symlink_to(tmp_path / "test.file")
    kept = names(tmp_path)
    os.utime(tmp_path / "other.old", (0, 0))
    assert sweep("test", tmp_path) == []
    assert names(tmp_path) == kept


def test_a_leftover_of_earlier_versions_has_no_lock_and_is_old(tmp_path):
    (tmp_path / "test.old").mkdir()
    os.utime(tmp_path / "test.old", (0, 0))
    assert sweep("test", tmp_path) == [tmp_path / "test.old"]
    assert names(tmp_path) == []


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root can give a folder to somebody else")
def test_the_folder_of_another_user_is_left_alone(tmp_path):
    (tmp_path / "test.old").mkdir()
    (tmp_path / "test.old" / LOCK).write_text("")
    os.chown(tmp_path / "test.old", 12345, 12345)
    assert sweep("test", tmp_path) == []


def test_removing_it_twice_does_nothing(tmp_path):
    folder = OwnFolder("test", [tmp_path / "nowhere", tmp_path])
    folder.remove()
    folder.remove()
    assert names(tmp_path) == []
