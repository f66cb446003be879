"""What MkDocs does not do by itself: folders in the navigation, pages from outside ``docs/``, and no other hosts.

``mkdocs.yml`` names this file as a hook. Links between pages are those that work on GitHub, where every page is a file
of the repository; here they are turned into links between the pages of the site.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
OUTSIDE = {
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "LICENSE-WEIGHTS": "project/licence-of-the-weights.md",
    **{
        card.relative_to(ROOT).as_posix(): f"project/models/{card.name}"
        for card in sorted((ROOT / "src/spikefill/weights").glob("*.md"))
    },
}
"""Files of the repository, and where the site has them."""
_ORIGINS = {page: origin for origin, page in OUTSIDE.items()}
_LINK = re.compile(r"\]\((?P<target>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)")
_LOADED = re.compile(
    r"<(?:iframe|img|script|source|link(?![^>]*\brel=[\"']?canonical))\b[^>]*"
    r"\b(?:href|src|srcset)=[\"']?(?:https?:)?//[^>]*>"
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages from outside ``docs/``, and puts what is in its folders into the navigation."""
    for origin, page in OUTSIDE.items():
        files.append(File.generated(config, page, content=_content(ROOT / origin)))
    pages = sorted(file.src_uri for file in files.documentation_pages())
    config.nav = _expanded(config.nav, pages)
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turns links to files of the repository into links to pages of the site; MkDocs checks what comes out."""
    here = page.file.src_uri
    folder = posixpath.dirname(_ORIGINS.get(here, f"docs/{here}"))

    def on_the_site(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link["target"]))
        if target not in OUTSIDE and not (here in _ORIGINS and target.startswith("docs/")):
            return link[0]
        found = OUTSIDE.get(target, target.removeprefix("docs/"))
        return f"]({posixpath.relpath(found, posixpath.dirname(here) or '.')}{link['anchor'] or ''})"

    return _LINK.sub(on_the_site, markdown)


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Refuses a page that loads anything from another host."""
    found = _LOADED.search(output)
    if found is not None:
        raise PluginError(f"{page.file.src_uri} loads something from another host: {found[0]}")
    return output


def _content(path: Path) -> str:
    """A page from a file; what is not Markdown is shown as it is."""
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        return text
    title, _, rest = text.partition("\n")
    return f"# {title}\n\n```text\n{rest.strip()}\n```\n"


def _expanded(entry: Any, pages: list[str]) -> Any:
    """The navigation with each folder replaced by its pages, deeper ones last; a folder without pages is left out."""
    if isinstance(entry, list):
        found = [_expanded(child, pages) for child in entry]
        return [child for child in found if child not in ([], {})]
    if isinstance(entry, dict):
        found = {title: _expanded(child, pages) for title, child in entry.items()}
        return {title: child for title, child in found.items() if child != []}
    if not entry.endswith("/"):
        return entry
    return sorted((page for page in pages if page.startswith(entry)), key=lambda page: (page.count("/"), page))
