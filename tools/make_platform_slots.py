"""Writes firmware_images/platform_slots.py: of `particle_protocol/platforms.toml` what images need, as plain Python that loads at once.

Run it after a change of the table: `python tools/make_platform_slots.py`.
"""

import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "particle_protocol" / "platforms.toml"
TARGET = ROOT / "firmware_images" / "platform_slots.py"
MONOLITHIC = "monolithic"
HEAD = '''"""Where each platform's modules live, in all Device OS versions, and what its microcontroller puts before their prefix.

Made from particle_protocol/platforms.toml by tools/make_platform_slots.py, as plain Python, so that a command which looks at one image
starts at once. Do not edit it: change the table, and run the tool.
"""

from typing import Final

from particle_protocol.functions import ModuleFunction as F

'''


def main() -> int:
    """Write the module, or with `--check` say whether it is what would be written."""
    text = module_text(tomllib.loads(TABLE.read_text(encoding="utf-8")))
    if "--check" in sys.argv[1:]:
        return int(TARGET.read_text(encoding="utf-8") != text)
    TARGET.write_text(text, encoding="utf-8")
    return 0


def module_text(table: Mapping[str, Any]) -> str:
    """The module's source."""
    lines = [HEAD + "PLATFORM_NAMES: Final = {"]
    names = {entry["id"]: entry["name"] for entry in table["platform"]}
    names |= {number: name for mcu in table["mcu"].values() for name, number in mcu.get("platforms", {}).items()}
    lines += [f'    {number}: "{names[number]}",' for number in sorted(names)]
    lines += ["}", "", "SLOTS: Final = (", "    # platforms, ((function, index, lowest address, end, where modules in it may begin), ...)"]
    by_memory: dict[str, list[int]] = {}
    for entry in table["platform"]:
        by_memory.setdefault(entry["memory"], []).append(entry["id"])
    for memory, platforms in by_memory.items():
        slots = list(slots_of(memory, table["memory"]))
        if slots:
            lines += [f"    ({tuple(platforms)!r}, (", *(f"        {slot}," for slot in slots), "    )),"]
    lines += [
        ")",
        "",
        "FAMILIES: Final = (",
        "    # name, platforms, where the prefix lies, mask of a stack pointer, or the two words of a signature",
    ]
    for key, mcu in table["mcu"].items():
        if "offset" in mcu:
            ids = sorted([entry["id"] for entry in table["platform"] if entry["mcu"] == key] + list(mcu.get("platforms", {}).values()))
            mask = f"{mcu['mask']:#x}" if "mask" in mcu else "None"
            words = "(" + ", ".join(f"{word:#x}" for word in mcu["signature"]) + ")" if "signature" in mcu else "None"
            lines.append(f'    ("{mcu["name"]}", {tuple(ids)!r}, {mcu["offset"]:#x}, {mask}, {words}),')
    return "\n".join([*lines, ")", ""])


def slots_of(memory: str, tables: Mapping[str, Any]) -> Iterator[str]:
    """The slots of a memory table, each as the source of a tuple; all eras of a module are one."""
    found: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    name: str | None = memory
    while name is not None:
        for entry in tables[name].get("modules", ()):
            found.setdefault((entry["function"], entry["index"]), []).append(entry)
        name = tables[name].get("extends")
    for (function, index), eras in found.items():
        start = min(era["start"] for era in eras)
        end = max(era["start"] + era.get("room", era["size"]) for era in eras)
        starts = () if any(era.get("fixed_end") for era in eras) else tuple(dict.fromkeys(era["start"] for era in eras))
        begin = "(" + "".join(f"{address:#x}, " for address in starts).rstrip(" ") + ")"
        if len(starts) > 1:
            begin = "(" + ", ".join(f"{address:#x}" for address in starts) + ")"
        for number in (0, 1) if function == MONOLITHIC else (index,):
            yield f"(F.{function.upper()}, {number}, {start:#x}, {end:#x}, {begin})"


if __name__ == "__main__":
    sys.exit(main())
