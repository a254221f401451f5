"""Script and style of the pages from their sources: `make pages`. Third-party modules come by the lock file of npm."""

import hashlib
import shutil
from pathlib import Path

from container.steps import StepError, run_logged, step

FOLDER = Path(__file__).resolve().parents[1] / "templates" / "dashboard"
BUILT = FOLDER / "built"
_STAMP = ".sources"
_SOURCES = ("package.json", "package-lock.json", "build.mjs", "tsconfig.json", "script/**/*.ts", "style/**/*.css")


def build(folder: Path = FOLDER) -> Path:
    """The folder of the built files, made anew where a source has changed. Raises StepError with the log's end."""
    built, sources = folder / "built", _sources_sha256(folder)
    stamp = built / _STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == sources:
        return built
    log = folder / "node_modules.log"
    with step("building the pages' script and style"):
        _need_npm(log)
        _install(folder, log)
        run_logged(["npm", "--prefix", folder, "run", "--silent", "types"], log)
        run_logged(["npm", "--prefix", folder, "run", "--silent", "build"], log)
    stamp.write_text(sources, encoding="utf-8")
    log.unlink()
    return built


def _install(folder: Path, log: Path) -> None:
    """The modules of the lock file, where they are not there yet."""
    lock = (folder / "package-lock.json").read_text(encoding="utf-8")
    installed = folder / "node_modules" / _STAMP
    if installed.is_file() and installed.read_text(encoding="utf-8") == lock:
        return
    run_logged(["npm", "--prefix", folder, "ci", "--silent"], log)
    installed.write_text(lock, encoding="utf-8")


def _need_npm(log: Path) -> None:
    if shutil.which("npm") is not None:
        return
    if shutil.which("apt-get") is None:
        raise StepError("npm is missing: install node 18 or newer with npm")
    run_logged(["apt-get", "update", "-qq"], log)
    run_logged(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "nodejs", "npm"], log)


def _sources_sha256(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(file for pattern in _SOURCES for file in folder.glob(pattern)):
        digest.update(f"{file.relative_to(folder)}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


if __name__ == "__main__":
    build()
