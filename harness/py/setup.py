# SPDX-License-Identifier: MPL-2.0
"""Builds the extension module with CMake, which knows its sources; the version is CMake's, too."""

import re
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MODULE = "_slotcheck"


def version() -> str:
    text = (ROOT / "CMakeLists.txt").read_text()
    found = re.search(r"project\(slotcheck VERSION ([\d.]+)", text)
    if not found:
        raise SystemExit("CMakeLists.txt: no version of the project")
    return found[1]


class CMakeBuild(build_ext):
    def build_extension(self, ext: Extension) -> None:
        build = Path(self.build_temp).resolve()
        output = Path(self.get_ext_fullpath(ext.name)).resolve().parent
        configure = ["cmake", "-S", str(ROOT), "--preset", "python", "-B", str(build)]
        settings = [f"-DPython3_EXECUTABLE={sys.executable}", f"-DSLOTCHECK_PYTHON_OUTPUT={output}"]
        subprocess.run([*configure, *settings], cwd=ROOT, check=True)
        subprocess.run(["cmake", "--build", str(build), "--target", "binding"], check=True)


setup(
    version=version(),
    packages=find_packages(include=["slotcheck", "slotcheck.*"]),
    package_data={"": ["py.typed", "*.pyi", "*.md"]},
    ext_modules=[Extension(MODULE, sources=[])],
    cmdclass={"build_ext": CMakeBuild},
)
