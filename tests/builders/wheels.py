"""Wheels of packages that exist nowhere else, in a folder that pip takes for an index."""

import stat
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path


def make_wheel(
    folder: Path,
    name: str,
    files: Mapping[str, str],
    *,
    version: str = "1.0",
    tag: str = "py3-none-any",
    requires: Sequence[str] = (),
    programs: Sequence[str] = (),
) -> Path:
    """Write a wheel.

    Args:
        folder: where to.
        name: of the package, with underscores.
        files: path -> text.
        version: of the package.
        tag: Python, ABI and platform that it is for.
        requires: its own requirements.
        programs: the paths of files that can be run.
    """
    folder.mkdir(exist_ok=True)
    metadata = f"{name}-{version}.dist-info"
    needed = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    contents = dict(files) | {
        f"{metadata}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}",
        f"{metadata}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    contents[f"{metadata}/RECORD"] = "".join(f"{path},,\n" for path in (*contents, f"{metadata}/RECORD"))
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for inside, text in contents.items():
            info = zipfile.ZipInfo(inside)
            # With the type of the file, as tools write it: without, pip does not look at the rights.
            info.external_attr = (stat.S_IFREG | (0o755 if inside in programs else 0o644)) << 16
            wheel.writestr(info, text)
    return path
