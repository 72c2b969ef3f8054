"""`particle-hil image edit`: new values in the fields of a module, records added and removed."""

from __future__ import annotations

from pathlib import Path

import click

from firmware_images.assets import asset_dependencies, dependency_on
from firmware_images.edit import Changes, add_extensions, edit_module, protect, remove_extensions, set_assets
from firmware_images.errors import EditRefused
from firmware_images.extensions import Extension, ExtensionType
from firmware_images.fields import Dependency, ModuleFunction
from firmware_images.image import Image, ImageKind, read_image
from firmware_images.module import Module, read_module
from harness.cli.image_options import (
    DEPENDENCY_HELP,
    FLAGS,
    only_module,
    parse_dependencies,
    parse_function,
    parse_number,
    parse_platform,
    refuse_dump,
    tell_findings,
    unusable,
)
from harness.cli.paths import FILE, NAMED_FILE
from harness.image_files import STANDARD, read_file, write_file


def _records(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> tuple[Extension, ...]:
    """Records such as 0x1234=00ff: type and payload."""
    found = []
    for value in values:
        kind, _, payload = value.partition("=")
        try:
            found.append(Extension(ExtensionType(int(kind, 0)), bytes.fromhex(payload)))
        except ValueError:
            raise click.BadParameter(f"{value!r} is no record; expected TYPE=HEX, such as 0x1234=00ff") from None
    return tuple(found)


def _types(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> tuple[ExtensionType, ...]:
    """Record types by name (asset-dependency) or number."""
    found = []
    for value in values:
        name = value.upper().replace("-", "_")
        try:
            found.append(ExtensionType[name] if name in ExtensionType.__members__ else ExtensionType(int(value, 0)))
        except ValueError:
            names = ", ".join(str(kind).replace(" ", "-") for kind in ExtensionType)
            raise click.BadParameter(f"{value!r} is no type of record; there are {names}, or a number") from None
    return tuple(found)


@click.command()
@click.argument("file", type=FILE)
@click.option("-o", "--output", type=FILE, help="Where the result is written: .hex for Intel HEX, else binary.")
@click.option("--in-place", is_flag=True, help="Write over FILE; it is replaced at once or not at all.")
@click.option("--module", "number", default=1, show_default=True, type=click.IntRange(1), help="Which module of a combined file.")
@click.option("--product-id", callback=parse_number, metavar="N", help="Product id; 65535 is not set.")
@click.option(
    "--product-version",
    callback=parse_number,
    metavar="N",
    help="Product version, 1 to 65535; 65535 is not set where the product id is not, or is the platform's.",
)
@click.option("--version", callback=parse_number, metavar="N", help="Version of the module.")
@click.option("--platform", callback=parse_platform, metavar="NAME", help="Platform, by name or number.")
@click.option("--function", callback=parse_function, metavar="FUNCTION", help="What the module is for, such as user-part.")
@click.option("--index", callback=parse_number, metavar="N", help="Index of the module.")
@click.option("--mcu-target", callback=parse_number, metavar="N", help="Id of the co-processor it is for.")
@click.option("--start-address", callback=parse_number, metavar="N", help="Where it begins in memory.")
@click.option(
    "--depends", multiple=True, callback=parse_dependencies, metavar="DEPENDENCY", help=f"{DEPENDENCY_HELP}; replaces all there are."
)
@click.option("--no-dependencies", is_flag=True, help="Take all dependencies away.")
@click.option("--set-flag", multiple=True, type=click.Choice(list(FLAGS)), help="Turn a flag on.")
@click.option("--clear-flag", multiple=True, type=click.Choice(list(FLAGS)), help="Turn a flag off.")
@click.option("--asset", "assets", multiple=True, type=NAMED_FILE, help="Depend on this asset; replaces one of that name.")
@click.option("--no-assets", is_flag=True, help="Depend on no assets.")
@click.option("--protect", "protected", is_flag=True, help="Turn device protection on (bootloader).")
@click.option("--certificate", type=FILE, help="Certificate (DER) to go with --protect.")
@click.option("--add-extension", multiple=True, callback=_records, metavar="TYPE=HEX", help="Add a record.")
@click.option("--remove-extension", multiple=True, callback=_types, metavar="TYPE", help="Remove all records of a type.")
def edit(
    file: Path,
    output: Path | None,
    in_place: bool,
    number: int,
    product_id: int | None,
    product_version: int | None,
    version: int | None,
    platform: int | None,
    function: ModuleFunction | None,
    index: int | None,
    mcu_target: int | None,
    start_address: int | None,
    depends: tuple[Dependency, ...],
    no_dependencies: bool,
    set_flag: tuple[str, ...],
    clear_flag: tuple[str, ...],
    assets: tuple[Path, ...],
    no_assets: bool,
    protected: bool,
    certificate: Path | None,
    add_extension: tuple[Extension, ...],
    remove_extension: tuple[ExtensionType, ...],
) -> None:
    """Change fields of a module; SHA-256 and CRC follow. Without any change, they alone are put right."""
    if (output is None) == (not in_place):
        raise click.UsageError("tell where the result goes: --output FILE or --in-place")
    if in_place and file == STANDARD:
        raise click.UsageError("--in-place needs a file, not standard input")
    if depends and no_dependencies:
        raise click.UsageError("--depends and --no-dependencies exclude each other")
    image = read_image(read_file(file))
    module = _chosen(image, file, number)
    flags = module.prefix.flags
    for name in set_flag:
        flags |= FLAGS[name]
    for name in clear_flag:
        flags = flags.without(FLAGS[name])
    changes = Changes(
        product_id=product_id,
        product_version=product_version,
        version=version,
        platform_id=platform,
        function=function,
        index=index,
        mcu_target=mcu_target,
        flags=flags if set_flag or clear_flag else None,
        start_address=start_address,
        dependencies=depends if depends or no_dependencies else None,
    )
    changed = edit_module(module, changes)
    if remove_extension:
        changed = remove_extensions(read_module(changed), remove_extension)
    if add_extension:
        changed = add_extensions(read_module(changed), add_extension)
    if assets or no_assets:
        changed = _with_assets(read_module(changed), assets, keep=not no_assets)
    if protected or certificate is not None:
        changed = protect(read_module(changed), read_file(certificate) if certificate is not None else b"")
    _write(output or file, image, number, changed)
    tell_findings(output or file, changed)


def _chosen(image: Image, file: Path, number: int) -> Module:
    if image.kind is ImageKind.BUNDLE:
        raise EditRefused(f"{file} is a bundle; unpack it first (`particle-hil image bundle --unpack`)")
    if not image.modules:
        raise unusable(file, image)
    refuse_dump(image, file)
    return only_module(image, file, number).modules[0]


def _with_assets(module: Module, paths: tuple[Path, ...], *, keep: bool) -> bytes:
    assets = {asset.name: asset for asset in asset_dependencies(module)} if keep else {}
    assets |= {path.name: dependency_on(path.name, read_file(path)) for path in paths}
    return set_assets(module, assets.values())


def _write(path: Path, image: Image, number: int, changed: bytes) -> None:
    """The changed module in its place among what else is in the file, as HEX where the name says so."""
    at = number - 1
    if path.suffix.lower() == ".hex":
        from firmware_images.hexfile import write_segments
        from firmware_images.memory import with_modules

        write_file(path, write_segments(with_modules(image, {at: changed}), image.hex_start))
        return
    contents = [changed if each == at else bytes(module.content) for each, module in enumerate(image.modules)]
    if image.kind is ImageKind.HEX:
        from firmware_images.memory import as_binary

        write_file(path, as_binary(image, contents))
        return
    write_file(path, b"".join((*contents, image.modules[-1].trailing)))
