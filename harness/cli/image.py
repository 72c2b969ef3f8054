"""`particle-hil image`: look at firmware, judge it, change it, make it.

Each verb is in a module of its own kind and imported when it is named; rich is loaded only to draw on a terminal.
"""

from __future__ import annotations

import click

from harness.cli.verbs import LazyGroup

_VERBS = {
    "inspect": "harness.cli.image_inspect:inspect",
    "check": "harness.cli.image_look:check",
    "diff": "harness.cli.image_look:diff",
    "edit": "harness.cli.image_change:edit",
    "build": "harness.cli.image_make:build",
    "hex": "harness.cli.image_convert:to_hex",
    "bundle": "harness.cli.image_convert:bundle",
    "compress": "harness.cli.image_convert:compress",
    "combine": "harness.cli.image_convert:combine_files",
    "split": "harness.cli.image_convert:split_file",
    "fetch": "harness.cli.image_fetch:fetch",
}
_SUMMARIES = {
    "inspect": "Show everything an image says about itself, and what is wrong with it.",
    "check": "Judge images, for a board and the modules on it if these are told.",
    "diff": "Tell what differs between two modules.",
    "edit": "Change fields of a module; SHA-256 and CRC follow.",
    "build": "Make a valid module: of raw bytes, of a SoftDevice, of a file that is to be an asset, or of environment variables.",
    "hex": "Turn a binary into Intel HEX, or Intel HEX into a binary.",
    "bundle": "Pack an application, its assets and its environment variables into a .zip, or unpack one.",
    "compress": "Deflate a module for an update over the air, or inflate one.",
    "combine": "Put several modules into one file, for one update over the air.",
    "split": "Take a combined file or a copy of flash apart, into the folder given by --output.",
    "fetch": "Fetch the modules of a Device OS version, or Tinker, and print where they are.",
}


@click.group(name="image", cls=LazyGroup, verbs=_VERBS, summaries=_SUMMARIES, context_settings={"help_option_names": ["-h", "--help"]})
def image_group() -> None:
    """Look at firmware images, judge them, change them, make them.

    Exit status: 0 all is well, 1 something was found, 2 a file cannot be read as an image.
    """


image = image_group
