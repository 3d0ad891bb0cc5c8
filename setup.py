"""What pyproject.toml cannot say: the wheel carries functions and dev stack as data, below `whendue/carried`."""

from pathlib import Path
from shutil import copytree, ignore_patterns

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
# As data: they must not be importable by their own names, of which `localstack` is that of LocalStack's package, too.
CARRIED = (
    "functions",
    "localstack",
    "infra/permissions.yaml",
    "infra/terraform",
    "infra/topology.yaml",
    "requirements/emulator.txt",
    "requirements/layer.txt",
)
# What tools leave in a checkout.
LEFT = ignore_patterns("__pycache__", "*.py[cod]", ".terraform", "*.tfstate*", "backend_override.tf")


class BuildWithCarried(build_py):
    """Copies what is carried behind the packages."""

    def run(self) -> None:
        """Build the packages and copy."""
        super().run()
        if self.editable_mode:
            # A checkout is used where it is.
            return
        for name in CARRIED:
            source, target = ROOT / name, Path(self.build_lib) / "whendue/carried" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                copytree(source, target, ignore=LEFT, dirs_exist_ok=True)
            else:
                self.copy_file(str(source), str(target))


setup(cmdclass={"build_py": BuildWithCarried})
