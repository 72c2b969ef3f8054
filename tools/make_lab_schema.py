"""Write `harness/rack/lab.schema.json`, the schema of lab files for editors; with --check, tell whether it is as it should be."""

from __future__ import annotations

import sys

from harness.rack.lab_schema import SHIPPED, schema_text


def main() -> int:
    """Write the file, or compare it."""
    text = schema_text()
    if "--check" in sys.argv[1:]:
        return int(SHIPPED.read_text(encoding="utf-8") != text)
    SHIPPED.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
