"""`particle-hil image hex`, `bundle`, `compress`, `combine` and `split`: the same firmware in another wrapping."""

from __future__ import annotations

from pathlib import Path

import click

from firmware_images.errors import BundleError, EditRefused
from firmware_images.fields import ModuleFlag
from firmware_images.image import ImageKind, read_image
from firmware_images.module import read_module
from harness.cli.image_options import (
    env_options,
    first_module,
    first_module_of,
    folder_option,
    only_module,
    out_option,
    parse_number,
    read_variables,
    tell_findings,
    unusable,
)
from harness.cli.output import say
from harness.cli.paths import FILE, NAMED_FILE
from harness.image_files import STANDARD, FileUnusable, make_folder, read_file, write_file

_file = click.argument("file", type=FILE)


@click.command(name="hex")
@_file
@out_option
@click.option("--seal", is_flag=True, help="Put SHA-256 and CRC right: builds write HEX before they are known.")
@click.option("--module", "number", type=click.IntRange(1), help="Only this module, of several.")
@click.option("--address", callback=parse_number, metavar="N", help="Where a binary lies that is no module.")
def to_hex(file: Path, output: Path, seal: bool, number: int | None, address: int | None) -> None:
    """Turn a binary into Intel HEX, or Intel HEX into a binary.

    Modules go where they belong in memory. Intel HEX becomes Intel HEX again where the output is named .hex: sealed, or one of its modules.
    """
    from firmware_images.edit import Changes, edit_module
    from firmware_images.hexfile import write_hex, write_segments
    from firmware_images.memory import as_binary, laid_out, with_modules

    data = read_file(file)
    image = read_image(data)
    if not image.modules:
        if image.kind is ImageKind.HEX and len(image.segments) == 1:
            write_file(output, bytes(image.segments[0].data))
        elif image.kind is ImageKind.NOT_A_MODULE and address is not None:
            write_file(output, write_hex(data, address))
        elif image.kind is ImageKind.NOT_A_MODULE:
            raise FileUnusable(f"{unusable(file, image)}; --address tells where a binary lies that is no module")
        else:
            raise unusable(file, image)
        return
    if address is not None:
        raise EditRefused(f"{file} is a module, which tells its address itself; `particle-hil image edit --start-address` moves it")
    if image.kind is ImageKind.DUMP and number is None:
        write_file(output, write_segments(image.segments))
        return
    image = only_module(image, file, number)
    modules = [read_module(edit_module(module, Changes())) for module in image.modules] if seal else image.modules
    if image.kind is ImageKind.HEX and number is None and output.suffix.lower() == ".hex":
        changed = {at: bytes(module.content) for at, module in enumerate(modules)}
        write_file(output, write_segments(with_modules(image, changed), image.hex_start))
    elif image.kind is ImageKind.HEX and output.suffix.lower() != ".hex":
        write_file(output, as_binary(image, [module.content for module in modules]))
    else:
        write_file(output, write_segments(laid_out(modules)))


@click.command()
@_file
@click.argument("assets", nargs=-1, type=NAMED_FILE)
@out_option
@env_options
@click.option("--unpack", is_flag=True, help="Unpack the bundle FILE into the folder given by --output.")
def bundle(file: Path, assets: tuple[Path, ...], output: Path, env: tuple[str, ...], env_file: Path | None, unpack: bool) -> None:
    """Pack an application, its assets and its environment variables into a .zip, or unpack one.

    An asset may be a folder: the files in it, but not those in folders below it, nor hidden ones.
    """
    if unpack:
        if assets or env or env_file:
            raise click.UsageError("--unpack takes the bundle alone")
        if output == STANDARD:
            raise click.UsageError("--unpack needs a folder for its --output, not standard output")
        _unpack(file, output)
        return
    from firmware_images.bundle import make_bundle

    paths = [path for given in assets for path in _files(given)]
    names = [path.name for path in paths]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BundleError(f"two assets are named {twice[0]!r}")
    contents = {path.name: read_file(path) for path in paths}
    image = read_image(read_file(file))
    if image.kind is ImageKind.BUNDLE:
        raise BundleError(f"{file} is a bundle already; unpack it first (--unpack)")
    name = "application.bin" if file == STANDARD else f"{file.stem}.bin"
    data = make_bundle(bytes(first_module_of(image, file).content), contents, name=name, env=read_variables(env, env_file))
    write_file(output, data)
    tell_findings(output, data)


def _files(path: Path) -> list[Path]:
    """The asset, or those in the folder."""
    from firmware_images.bundle import is_ignored

    if not path.is_dir():
        return [path]
    return sorted(each for each in path.iterdir() if each.is_file() and not is_ignored(each.name))


def _unpack(file: Path, output: Path) -> None:
    from firmware_images.bundle import ENV_FILE, read_bundle

    found = read_bundle(read_file(file))
    targets = {output / found.name: found.application}
    targets |= {output / "assets" / name: content for name, content in found.assets.items()}
    if found.env is not None:
        targets[output / ENV_FILE] = found.env
    for path in targets:
        make_folder(path.parent)
    for path, content in targets.items():
        write_file(path, content)
        say(str(path))


@click.command()
@_file
@out_option
@click.option("--inflate", is_flag=True, help="Undo it: write the module as it was before.")
@click.option("--level", default=9, show_default=True, type=click.IntRange(1, 9), help="How hard to try.")
def compress(file: Path, output: Path, inflate: bool, level: int) -> None:
    """Deflate a module for an update over the air, or inflate one."""
    from firmware_images.compress import compress_module, inflate_module

    module = first_module(file)
    if inflate and not module.prefix.flags & ModuleFlag.COMPRESSED:
        raise EditRefused(f"{file} is not compressed")
    data = inflate_module(module) if inflate else compress_module(module, level=level)
    write_file(output, data)
    tell_findings(output, data)


@click.command(name="combine")
@click.argument("files", nargs=-1, required=True, type=FILE)
@out_option
def combine_files(files: tuple[Path, ...], output: Path) -> None:
    """Put several modules into one file, for one update over the air. A device takes two at most."""
    from firmware_images.combine import combine

    data = combine([first_module(path) for path in files])
    write_file(output, data)
    tell_findings(output, data)


@click.command(name="split")
@_file
@folder_option
def split_file(file: Path, output: Path) -> None:
    """Take a combined file or a copy of flash apart, into the folder given by --output."""
    from firmware_images.combine import split

    image = read_image(read_file(file))
    dumped = [bytes(module.content) for module in image.modules] if image.kind is ImageKind.DUMP else None
    parts = dumped or split(first_module_of(image, file))
    make_folder(output)
    for number, part in enumerate(parts, 1):
        prefix = read_module(part).prefix
        name = f"{number}-{str(prefix.function).replace(' ', '-')}-{prefix.index}.bin"
        write_file(output / name, part)
        say(str(output / name))
