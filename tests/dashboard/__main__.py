"""Check the dashboard: its types, the tests of its pure parts, and that the committed build is that of its sources.

Its pages are driven by a browser in `tests/e2e/test_dashboard.py`.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.build_dashboard import SERVED, SOURCE, build, copied, run

# Decompresses each file that was compressed: another version of Node.js may compress differently, and no less well.
COMPARE = """
const { readdirSync, readFileSync } = require("node:fs");
const { brotliDecompressSync } = require("node:zlib");
const folder = process.argv[1];
const wrong = readdirSync(folder).filter((name) => name.endsWith(".br")).filter((name) =>
  !brotliDecompressSync(readFileSync(`${folder}/${name}`)).equals(readFileSync(`${folder}/${name.slice(0, -3)}`)));
if (wrong.length) { console.log(`compressed is something else: ${wrong}`); process.exit(1); }
"""


def main() -> int:
    """Run all checks; return the exit code."""
    with TemporaryDirectory(prefix="whendue-dashboard-") as name:
        folder = Path(name).resolve()
        copy = copied(folder)
        run(["npm", "run", "--silent", "generate"], copy)
        if (copy / "src/api/schema.ts").read_text() != (SOURCE / "src/api/schema.ts").read_text():
            sys.stdout.write("dashboard/src/api/schema.ts is not current: run `make dashboard`\n")
            return 1
        run(["npm", "run", "--silent", "check"], copy)
        run(["npm", "test", "--silent"], copy)
        build(copy, folder / "static")
        if wrong := differences(folder / "static", SERVED):
            sys.stdout.write(f"functions/api/dashboard/static is not current ({', '.join(wrong)}): `make dashboard`\n")
            return 1
        run(["node", "-e", COMPARE, str(SERVED / "assets")], copy)
    sys.stdout.write("dashboard: checked, tested, and built as it is committed\n")
    return 0


def differences(fresh: Path, committed: Path) -> list[str]:
    """Name the files that one of two builds lacks, or has with other content; of compressed ones, the names alone.

    Args:
        fresh: a folder that was built now.
        committed: the folder in the repository.
    """
    built, kept = _files(fresh), _files(committed)
    return sorted(
        name
        for name in built.keys() | kept.keys()
        if name not in built or name not in kept or (not name.endswith(".br") and built[name] != kept[name])
    )


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


if __name__ == "__main__":
    sys.exit(main())
