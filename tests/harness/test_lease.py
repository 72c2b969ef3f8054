"""One run per board."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from harness.boards.lease import Lease
from harness.errors import BoardNotAvailable, Unavailable

ID = "0123456789abcdef01234567"


def test_a_leased_board_is_refused_with_the_holder(tmp_path):
    lease = Lease(ID, tmp_path)
    with pytest.raises(BoardNotAvailable, match=f"process {os.getpid()}") as caught:
        Lease(ID, tmp_path)
    assert caught.value.reason is Unavailable.BUSY
    lease.release()


def test_a_lease_that_was_given_up_is_free(tmp_path):
    first = Lease(ID, tmp_path)
    first.release()
    first.release()
    Lease(ID, tmp_path).release()


def test_boards_are_leased_one_by_one(tmp_path):
    leases = [Lease(ID, tmp_path), Lease(ID[::-1], tmp_path)]
    for lease in leases:
        lease.release()


def in_another_user(function):
    """Run a function in a process of another user's; gives its exit status."""
    child = os.fork()
    if not child:
        status = 1
        try:
            os.setgid(65534)
            os.setuid(65534)
            status = function()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.fixture
def shared():
    """A folder as /tmp is: everybody may make files there, and nobody remove another's."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o1777)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be two users: run the tests as root")
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_two_users_of_one_computer_share_the_lease(shared, mask):
    before = os.umask(mask)
    try:
        lease = Lease(ID, shared)
    finally:
        os.umask(before)
    assert in_another_user(lambda: 0 if refused(shared) is Unavailable.BUSY else 2) == 0
    lease.release()
    assert in_another_user(lambda: 0 if refused(shared) is None else 2) == 0
    assert in_another_user(lambda: 0 if refused(shared) is None else 2) == 0


def refused(folder):
    """Why a lease is refused; None if it is not."""
    try:
        Lease(ID, folder).release()
    except BoardNotAvailable as error:
        return error.reason
    return None


def test_a_lock_file_that_cannot_be_opened_is_told(tmp_path):
    (tmp_path / f"particle-hil-{ID}.lock").mkdir()
    with pytest.raises(BoardNotAvailable, match=r"its lock file .*particle-hil-0123.* cannot be opened") as caught:
        Lease(ID, tmp_path)
    assert caught.value.reason is Unavailable.NO_PERMISSION


def test_no_link_is_followed_to_somebody_elses_file(tmp_path):
    target = tmp_path / "precious"
    target.write_text("kept")
    (tmp_path / f"particle-hil-{ID}.lock").symlink_to(target)
    with pytest.raises(BoardNotAvailable):
        Lease(ID, tmp_path)
    assert target.read_text() == "kept"


def test_emulated_boards_that_umockdev_shows_are_leased_beside_them(tmp_path, monkeypatch):
    """Two users' boards of one seed have the same device id, and are two boards."""
    first, second = tmp_path / "first", tmp_path / "second"
    leases = []
    for folder in (first, second):
        folder.mkdir()
        monkeypatch.setenv("UMOCKDEV_DIR", str(folder))
        leases.append(Lease(ID))
    assert [lease.path.parent for lease in leases] == [first, second]
    for lease in leases:
        lease.release()
