"""Module binaries: read, check, build, edit, pack."""
