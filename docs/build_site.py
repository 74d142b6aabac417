"""Builds the documentation site with search, `build/docs/site/index.html`: `python docs/build_site.py`.

Pages keep the folders they have in the repository, so that a link that works there works on the site.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).parent.parent
CONFIG = Path(__file__).with_name("zensical.toml")
PAGES = (
    "*.md",
    "CITATION.cff",
    "LICENSE",
    "docs/**/*.md",
    "docs/images/*",
    "docs/javascripts/*",
    "benchmarks/README.md",
    "benchmarks/results/*.md",
    "examples/*.py",
    "pretraining/*.py",
    "src/centernet/**/*.py",
    "src/centernet/weights/zoo/*/README.md",
    "tests/test_structure.py",
    "tests/contracts/test_extending.py",
)
"""Patterns of the files of the site: the pages, and what they link to."""


def lay_out(folder: Path) -> Path:
    """Copies the pages and the config into a new folder; returns the path of the config there."""
    shutil.rmtree(folder, ignore_errors=True)
    for path in (path for pattern in PAGES for path in ROOT.glob(pattern)):
        target = folder / "pages" / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return Path(shutil.copy(CONFIG, folder))


def build(folder: Path) -> Path:
    """Builds the site and returns its folder.

    Args:
        folder: Folder of the build, emptied first.

    Raises:
        RuntimeError: If a link leads nowhere or the build fails otherwise; the text is the report.
    """
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "-f", str(lay_out(folder))]
    environment = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise RuntimeError(f"{done.stdout}{done.stderr}")
    if dead := dead_links(folder / "site"):
        raise RuntimeError("\n".join(f"dead link: {link}" for link in dead))
    return folder / "site"


def dead_links(site: Path) -> list[str]:
    """Links of built pages to files that are not in the site; Zensical checks links to pages alone."""
    pages = {page.resolve(): page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
    dead = []
    for page, text in pages.items():
        for link in re.findall(r"""(?:href|src)="?([^"\s>]+)""", text):
            if re.match(r"[a-z]+:|//|#", link) or page.name == "404.html":
                continue
            path, _, anchor = unquote(link).partition("#")
            target = (page.parent / path.partition("?")[0]).resolve()
            target = target / "index.html" if target.is_dir() else target
            is_heading = target not in pages or not anchor or f'id="{anchor}"' in pages[target]
            if not target.is_file() or not is_heading:
                dead.append(f"{page.relative_to(site.resolve())}: {link}")
    return dead


if __name__ == "__main__":
    try:
        print(build(ROOT / "build" / "docs") / "index.html")
    except RuntimeError as error:
        sys.exit(str(error))
