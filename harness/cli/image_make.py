"""`particle-hil image build`: a module from raw bytes."""

from __future__ import annotations

import functools
import operator
from pathlib import Path

import click

from firmware_images.errors import BuildRefused
from firmware_images.fields import UNSET, Dependency, ModuleFlag, ModuleFunction
from firmware_images.locate import NRF52840
from harness.cli.image_options import (
    DEPENDENCY_HELP,
    FLAGS,
    env_options,
    out_option,
    parse_dependencies,
    parse_function,
    parse_number,
    parse_platform,
    read_variables,
    tell_findings,
)
from harness.cli.output import say
from harness.cli.paths import FILE, NAMED_FILE
from harness.image_files import called, read_file, write_file

_OWN_FLAGS = [name for name in FLAGS if name not in ("compressed", "prefix-extensions")]
"""The others come with the form they stand for."""
_HINT = (
    "user part 1 is the application of Device OS before 3.1.0 (128 KiB at 0xd4000, run first while it is valid); "
    "for Device OS 3.1.0 and later give --index 2 (256 KiB at 0xb4000)"
)


@click.command()
@out_option
@click.option("--platform", callback=parse_platform, metavar="NAME", help="Platform, by name or number.")
@click.option(
    "--function", default="user-part", show_default=True, callback=parse_function, metavar="FUNCTION", help="What the module is for."
)
@click.option(
    "--index",
    callback=parse_number,
    metavar="N",
    help="Index; the first that the platform has a place for unless told. Gen 3 applications for Device OS 3.1.0 and later are 2.",
)
@click.option("--version", default="1", show_default=True, callback=parse_number, metavar="N", help="Version of the module.")
@click.option("--depends", multiple=True, callback=parse_dependencies, metavar="DEPENDENCY", help=f"{DEPENDENCY_HELP}; at most two.")
@click.option("--body", type=FILE, help="What comes after the prefix; empty unless told.")
@click.option("--product-id", default=str(UNSET), callback=parse_number, metavar="N", help="Product id.")
@click.option("--product-version", default=str(UNSET), callback=parse_number, metavar="N", help="Product version, as of `edit`.")
@click.option("--start-address", callback=parse_number, metavar="N", help="Where it begins; at the beginning of its region unless told.")
@click.option("--mcu-target", default="0", callback=parse_number, metavar="N", help="Id of the co-processor it is for.")
@click.option("--flag", "flags", multiple=True, type=click.Choice(_OWN_FLAGS), help="Turn a flag on.")
@click.option("--softdevice", type=FILE, help="Wrap this SoftDevice (Intel HEX, or binary from address 0).")
@click.option("--asset", type=NAMED_FILE, help="Wrap this file as an asset module.")
@click.option("--no-compress", is_flag=True, help="Do not deflate the asset.")
@env_options
def build(
    output: Path,
    platform: int | None,
    function: ModuleFunction,
    index: int | None,
    version: int,
    depends: tuple[Dependency, ...],
    body: Path | None,
    product_id: int,
    product_version: int,
    start_address: int | None,
    mcu_target: int,
    flags: tuple[str, ...],
    softdevice: Path | None,
    asset: Path | None,
    no_compress: bool,
    env: tuple[str, ...],
    env_file: Path | None,
) -> None:
    """Make a valid module: of raw bytes, of a SoftDevice, of a file that is to be an asset, or of environment variables."""
    sources = {"--body": body, "--softdevice": softdevice, "--asset": asset, "--env or --env-file": env or env_file}
    given = [name for name, source in sources.items() if source]
    if len(given) > 1:
        raise click.UsageError(f"{' and '.join(given)} exclude each other: a module is made of one thing")
    wrapping = softdevice or asset or env or env_file
    variables = read_variables(env, env_file)
    if variables is not None:
        from firmware_images.env import build_env_asset

        data = build_env_asset(variables)
    elif asset is not None:
        from firmware_images.assets import build_asset

        data = build_asset(asset.name, read_file(asset), compress=not no_compress)
    elif platform is None:
        raise click.UsageError("tell the platform: --platform photon")
    elif softdevice is not None:
        data = _radio_stack(softdevice, platform)
    else:
        from firmware_images.build import build_module

        data = build_module(
            platform,
            function,
            index,
            version,
            dependencies=depends,
            body=b"" if body is None else read_file(body),
            product_id=product_id,
            product_version=product_version,
            flags=functools.reduce(operator.or_, (FLAGS[name] for name in flags), ModuleFlag(0)),
            start_address=start_address,
            mcu_target=mcu_target,
        )
    write_file(output, data)
    tell_findings(output, data)
    if platform in NRF52840.platforms and function is ModuleFunction.USER_PART and index is None and not wrapping:
        say(f"{called(output)}: {_HINT}", err=True)


def _radio_stack(path: Path, platform: int) -> bytes:
    from firmware_images.hexfile import Segment, read_hex
    from firmware_images.image import looks_like_hex
    from firmware_images.softdevice import build_radio_stack, softdevice_image

    data = read_file(path)
    image = softdevice_image(read_hex(data) if looks_like_hex(data) else [Segment(0, data)])
    if image is None:
        raise BuildRefused(f"{path} holds no SoftDevice from address 0 on")
    return build_radio_stack(image, platform)
