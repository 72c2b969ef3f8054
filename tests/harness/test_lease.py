"""One run per board."""

import os

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
