"""One run per board."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness.errors import BoardNotAvailable, Unavailable
from harness.pool.lease import take, wait_for
from harness.pool.lock_file import LockFile

ID = "0123456789abcdef01234567"
ROOT = Path(__file__).resolve().parents[2]


def test_a_leased_board_is_refused_with_the_holder(tmp_path):
    lease = take(ID, tmp_path)
    with pytest.raises(BoardNotAvailable, match=f"process {os.getpid()}") as caught:
        take(ID, tmp_path)
    assert caught.value.reason is Unavailable.BUSY
    lease.release()


def test_a_lease_that_was_given_up_is_free(tmp_path):
    first = take(ID, tmp_path)
    first.release()
    first.release()
    take(ID, tmp_path).release()


def test_boards_are_leased_one_by_one(tmp_path):
    leases = [take(ID, tmp_path), take(ID[::-1], tmp_path)]
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
        lease = take(ID, shared)
    finally:
        os.umask(before)
    assert in_another_user(lambda: 0 if refused(shared) is Unavailable.BUSY else 2) == 0
    lease.release()
    assert in_another_user(lambda: 0 if refused(shared) is None else 2) == 0
    assert in_another_user(lambda: 0 if refused(shared) is None else 2) == 0


def refused(folder):
    """Why a lease is refused; None if it is not."""
    try:
        take(ID, folder).release()
    except BoardNotAvailable as error:
        return error.reason
    return None


def test_a_lock_file_that_cannot_be_opened_is_told(tmp_path):
    (tmp_path / f"particle-hil-{ID}.lock").mkdir()
    with pytest.raises(BoardNotAvailable, match=r"its lock file .*particle-hil-0123.* cannot be opened") as caught:
        take(ID, tmp_path)
    assert caught.value.reason is Unavailable.NO_PERMISSION


def test_no_link_is_followed_to_somebody_elses_file(tmp_path):
    target = tmp_path / "precious"
    target.write_text("kept")
    (tmp_path / f"particle-hil-{ID}.lock").symlink_to(target)
    with pytest.raises(BoardNotAvailable):
        take(ID, tmp_path)
    assert target.read_text() == "kept"


def test_emulated_boards_that_umockdev_shows_are_leased_beside_them(tmp_path, monkeypatch):
    """Two users' boards of one seed have the same device id, and are two boards."""
    first, second = tmp_path / "first", tmp_path / "second"
    leases = []
    for folder in (first, second):
        folder.mkdir()
        monkeypatch.setenv("UMOCKDEV_DIR", str(folder))
        leases.append(take(ID))
    assert [lease.path.parent for lease in leases] == [first, second]
    for lease in leases:
        lease.release()


class Time:
    """A clock on which `then(seconds)` is called whenever somebody sleeps."""

    def __init__(self, then=lambda seconds: None):
        self.at = 0.0
        self.then = then

    def now(self):
        return self.at

    def sleep(self, seconds):
        self.at += seconds
        self.then(seconds)


OTHER = ID[::-1]


def test_who_waits_gets_the_board_when_it_is_given_back(tmp_path):
    holder = take(ID, tmp_path, test="test_a.py::test_first")
    (lease,) = wait_for([ID], timeout=60, folder=tmp_path, clock=Time(lambda seconds: holder.release()))
    assert not lease.in_other_hands
    assert lease.before.test == "test_a.py::test_first"
    lease.release()


def test_a_wait_that_is_too_long_tells_who_has_the_board_since_when_and_for_which_test(tmp_path):
    holder = take(ID, tmp_path, test="test_a.py::test_first\x1b[2J")
    clock = Time()
    with pytest.raises(BoardNotAvailable) as caught:
        wait_for([ID], timeout=60, folder=tmp_path, clock=clock)
    assert caught.value.reason is Unavailable.BUSY
    assert clock.at == pytest.approx(60)
    assert "it is not free within 60 s" in str(caught.value)
    assert f"process {os.getpid()} of {holder.note.user}, since {holder.note.since}, for test_a.py::test_first\\x1b[2J" in str(caught.value)
    holder.release()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has locks that tell who waits longest")
def test_who_waits_longest_is_next(tmp_path):
    holder = take(ID, tmp_path)
    first, second = LockFile(ID, tmp_path), LockFile(ID, tmp_path)
    first.line_up(1)
    second.line_up(2)
    with pytest.raises(BoardNotAvailable, match="free, for somebody who waits longer"):
        wait_for([ID], timeout=1, folder=tmp_path, clock=Time(lambda seconds: holder.release()))
    assert (first.is_first(), second.is_first()) == (True, False)
    first.close()
    assert second.is_first(), "who gives up, or is ended, waits no longer"
    second.close()
    take(ID, tmp_path).release()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has locks that tell who waits longest")
def test_two_who_began_at_the_same_moment_are_in_line(tmp_path):
    files = [LockFile(ID, tmp_path) for _ in range(3)]
    for file in files:
        file.line_up(7)
    assert [file.is_first() for file in files] == [True, False, False]
    for file in files:
        file.close()


def test_a_lock_file_that_somebody_removed_locks_nobody(tmp_path):
    late = LockFile(ID, tmp_path)
    late.line_up(1)
    late.path.unlink()
    holder = take(ID, tmp_path)
    assert not late.lock()
    holder.release()
    assert late.lock()
    with pytest.raises(BoardNotAvailable):
        take(ID, tmp_path)
    late.close()


def test_any_of_several_boards_will_do(tmp_path):
    holder = take(ID, tmp_path)
    (lease,) = wait_for([ID, OTHER], timeout=0, folder=tmp_path)
    assert lease.device_id == OTHER
    with pytest.raises(BoardNotAvailable, match=rf"1 of 2 are not free.*{ID}: process \d+.*{OTHER}: process \d+"):
        wait_for([ID, OTHER], timeout=0, folder=tmp_path)
    for each in (holder, lease):
        each.release()


def test_several_boards_are_leased_all_or_none(tmp_path):
    holder = take(OTHER, tmp_path)

    def nobody_is_kept_waiting(seconds):
        if seconds:
            taken = LockFile(ID, tmp_path)
            assert taken.lock()
            taken.close()

    with pytest.raises(BoardNotAvailable, match=f"2 of 2 are not free within 1 s; seen: {ID}: free; {OTHER}: process"):
        wait_for([ID, OTHER], count=2, timeout=1, folder=tmp_path, clock=Time(nobody_is_kept_waiting))
    holder.release()
    leases = wait_for([ID, OTHER], count=2, timeout=0, folder=tmp_path)
    assert [lease.device_id for lease in leases] == [ID, OTHER]
    for lease in leases:
        lease.release()


HOLDS = """
import sys
from pathlib import Path
from harness.pool.lease import take, wait_for
from harness.pool.lock_file import LockFile
lease = take(sys.argv[1], Path(sys.argv[2]), test="test_b.py::test_cut_off")
print("has it", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_the_board_of_a_killed_process_is_free_at_once(tmp_path):
    command = [sys.executable, "-c", HOLDS, ID, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "has it\n"
        with pytest.raises(BoardNotAvailable, match=f"process {process.pid} .*for test_b.py::test_cut_off"):
            take(ID, tmp_path)
        process.kill()
        process.wait(timeout=30)
        lease = take(ID, tmp_path)
    assert lease.in_other_hands
    assert lease.before.test == "test_b.py::test_cut_off"
    lease.release()


def test_a_run_counts_the_faults_of_its_boards_and_of_no_others(tmp_path):
    for faults in (0, 1):
        lease = take(ID, tmp_path, run="this")
        assert lease.note.faults == faults
        lease.fault("it does not answer")
        lease.release()
    for run in ("another", ""):
        lease = take(ID, tmp_path, run=run)
        assert lease.note.faults == 0
        lease.release()


@pytest.mark.parametrize(
    "text", [b"", b"123\n", b'{"pid": "x", "test": ["y"]}', b'{"pid": 1', b"[" * 4096, b"\xff\xfe", b"null", b'{"faults": true}']
)
def test_a_note_that_is_none_disturbs_nobody(tmp_path, text):
    (tmp_path / f"particle-hil-{ID}.lock").write_bytes(text)
    lease = take(ID, tmp_path, run="this")
    assert lease.note.faults == 0
    with pytest.raises(BoardNotAvailable):
        take(ID, tmp_path)
    lease.release()
