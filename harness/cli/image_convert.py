"""`particle-hil image hex`, `bundle`, `compress`, `combine` and `split`: the same firmware in another wrapping."""

from __future__ import annotations

from pathlib import Path

import click

from firmware_images.errors import BundleError, EditRefused
from firmware_images.fields import ModuleFlag
from firmware_images.image import ImageKind, read_image
from harness.cli.image_options import first_module, out_option
from harness.image_files import FileUnusable, read_file, write_file

_file = click.argument("file", type=click.Path(path_type=Path))


@click.command(name="hex")
@_file
@out_option
@click.option("--seal", is_flag=True, help="Put SHA-256 and CRC right: builds write HEX before they are known.")
def to_hex(file: Path, output: Path, seal: bool) -> None:
    """Turn a binary into Intel HEX, or Intel HEX into a binary."""
    from firmware_images.edit import Changes, edit_module
    from firmware_images.hexfile import write_hex

    image = read_image(read_file(file))
    if not image.modules:
        raise FileUnusable(f"{file}: {'; '.join(finding.detail for finding in image.findings)}")
    contents = [edit_module(module, Changes()) if seal else bytes(module.content) for module in image.modules]
    data = b"".join(contents)
    write_file(output, data if image.kind is ImageKind.HEX else write_hex(data, image.modules[0].prefix.start_address))


@click.command()
@_file
@click.argument("assets", nargs=-1, type=click.Path(path_type=Path))
@out_option
@click.option("--unpack", is_flag=True, help="Unpack the bundle FILE into the folder given by --output.")
def bundle(file: Path, assets: tuple[Path, ...], output: Path, unpack: bool) -> None:
    """Pack an application and its assets into a .zip, or unpack one."""
    from firmware_images.bundle import make_bundle, read_bundle

    if not unpack:
        names = [path.name for path in assets]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise BundleError(f"two assets are named {twice[0]!r}")
        contents = {path.name: read_file(path) for path in assets}
        write_file(output, make_bundle(read_file(file), contents, name=file.name))
        return
    if assets:
        raise click.UsageError("--unpack takes the bundle alone")
    found = read_bundle(read_file(file))
    targets = {output / found.name: found.application}
    targets |= {output / "assets" / name: content for name, content in found.assets.items()}
    if found.env is not None:
        targets[output / "env" / "env-vars.json"] = found.env
    try:
        for path in targets:
            path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise FileUnusable(f"{output}: {reason.strerror or reason}") from None
    for path, content in targets.items():
        write_file(path, content)
        click.echo(str(path))


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
    write_file(output, inflate_module(module) if inflate else compress_module(module, level=level))


@click.command(name="combine")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@out_option
def combine_files(files: tuple[Path, ...], output: Path) -> None:
    """Put several modules into one file, for one update over the air."""
    from firmware_images.combine import combine

    write_file(output, combine([first_module(path) for path in files]))


@click.command(name="split")
@_file
@out_option
def split_file(file: Path, output: Path) -> None:
    """Take a combined file apart, into the folder given by --output."""
    from firmware_images.combine import split
    from firmware_images.module import read_module

    parts = split(first_module(file))
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise FileUnusable(f"{output}: {reason.strerror or reason}") from None
    for number, part in enumerate(parts, 1):
        prefix = read_module(part).prefix
        name = f"{number}-{str(prefix.function).replace(' ', '-')}-{prefix.index}.bin"
        write_file(output / name, part)
        click.echo(str(output / name))
