"""What is in the zips of layers and functions."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

# What pip writes beside packages.
_NO_MODULES = (".dist-info", ".data", ".egg-info")


def unzipped_bytes(path: Path) -> int:
    """Return what a zip takes when Lambda has unpacked it."""
    with zipfile.ZipFile(path) as archive:
        return sum(info.file_size for info in archive.infolist())


def package_sizes(layers: Iterable[Path]) -> dict[str, int]:
    """Return the bytes of each package of layers, unzipped."""
    sizes: dict[str, int] = {}
    for path in layers:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                package = info.filename.split("/")[1]
                sizes[package] = sizes.get(package, 0) + info.file_size
    return sizes


def modules_in(layers: Iterable[Path]) -> tuple[str, ...]:
    """Name the modules and packages at the top of layers; one that is compiled has the runtime's name behind a dot."""
    names = {name for name in package_sizes(layers) if not name.endswith(_NO_MODULES)}
    return tuple(sorted({name.partition(".")[0] for name in names}))
