"""Device OS releases by the number their system module carries.

A module says only a number (2302), people and the cloud say a version (2.3.1). The steps between numbers follow no rule, so this is a
table: Device OS, system/system-versions.md (finished releases only).
"""

from __future__ import annotations

_TABLE = """
0 0.4.0, 1 0.4.1, 2 0.4.2, 3 0.4.3, 5 0.4.4, 6 0.4.5, 7 0.4.6, 8 0.4.7, 11 0.4.9, 13 0.5.0, 15 0.5.1, 17 0.5.2, 21 0.5.3,
22 0.5.4, 23 0.5.5,
102 0.6.0, 105 0.6.1, 108 0.6.2, 109 0.6.3, 110 0.6.4, 207 0.7.0, 403 0.9.0,
1000 1.0.0, 1002 1.0.1, 1102 1.1.0, 1213 1.2.1, 1321 1.3.1, 1401 1.4.0, 1403 1.4.1, 1404 1.4.2, 1405 1.4.3, 1406 1.4.4,
1502 1.5.0, 1511 1.5.1, 1512 1.5.2,
2008 2.0.0, 2011 2.0.1, 2101 2.1.0, 2202 2.2.0, 2301 2.3.0, 2302 2.3.1,
3005 3.0.0, 3103 3.1.0, 3201 3.2.0, 3301 3.3.0, 3302 3.3.1,
4003 4.0.0, 4005 4.0.1, 4006 4.0.2, 4100 4.1.0, 4200 4.2.0,
5002 5.0.0, 5003 5.0.1, 5004 5.1.0, 5200 5.2.0, 5300 5.3.0, 5301 5.3.1, 5302 5.3.2, 5400 5.4.0, 5410 5.4.1, 5501 5.5.0, 5600 5.6.0,
5700 5.7.0,
5800 5.8.0, 5801 5.8.1, 5802 5.8.2, 5901 5.9.0,
6000 6.0.0, 6100 6.1.0, 6101 6.1.1, 6102 6.1.2, 6200 6.2.0, 6201 6.2.1, 6302 6.3.0, 6303 6.3.2, 6304 6.3.3, 6305 6.3.4
"""

OS_VERSIONS: dict[int, str] = {int(number): name for number, name in (entry.split() for entry in _TABLE.replace("\n", " ").split(","))}
"""Release by system module number."""
_NUMBERS = {name: number for number, name in OS_VERSIONS.items()}


def os_version_name(number: int | None) -> str | None:
    """The release of a system module's number, e.g. 2302 -> "2.3.1"; None for a number of no finished release."""
    return None if number is None else OS_VERSIONS.get(number)


def os_version_number(name: str) -> int | None:
    """The system module's number of a release, e.g. "2.3.1" -> 2302; None for one that is not known."""
    return _NUMBERS.get(name)
