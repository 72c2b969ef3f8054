"""Regenerate the `generated` packages of particle_protocol from the .proto sources beside them.

    pip install grpcio-tools
    python tools/generate_messages.py

The generated modules lose protoc's check that the runtime be as new as the compiler: they use nothing but the descriptor pool and the
builder, which every protobuf release since 3.20 has, and nobody should have to replace their protobuf to test a board.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("particle_protocol/control_requests", "particle_protocol/cloud_messages")

_VERSION_CHECK = re.compile(
    r"^from google\.protobuf import runtime_version.*\n"
    r"|^_runtime_version\.ValidateProtobufRuntimeVersion\(\n(?:    .*\n)*\)\n"
    r"|^# Protobuf Python.*\n",
    re.MULTILINE,
)


def generate(package: str, into: Path, *, descriptors: Path | None = None) -> list[Path]:
    """Generate a package's modules below the directory `into`; with `descriptors`, write only the file descriptor set there."""
    from grpc_tools import protoc

    sources, generated = ROOT / package / "proto", f"{package}/generated"
    names = [f"{generated}/{path.name}" for path in sorted(sources.glob("*.proto"))]
    what = [f"--descriptor_set_out={descriptors}"] if descriptors else [f"--python_out={into}", f"--pyi_out={into}"]
    if protoc.main(["protoc", f"-I{generated}={sources}", *what, *names]):
        raise SystemExit("protoc failed")
    modules = sorted((into / generated).glob("*_pb2.py")) if not descriptors else []
    for module in modules:
        module.write_text(_VERSION_CHECK.sub("", module.read_text(encoding="utf-8")), encoding="utf-8")
    return modules


if __name__ == "__main__":
    for package in PACKAGES:
        for path in generate(package, ROOT):
            print(path.relative_to(ROOT), file=sys.stderr)
