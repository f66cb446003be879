"""The page of an experiment, from its results alone: Markdown for a documentation site, HTML for a browser."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spikefill.reproduce.objections import OBJECTIONS

_STYLE = (
    "body{max-width:60em;margin:2em auto;padding:0 1em;font:16px/1.5 system-ui,sans-serif;color-scheme:light dark}"
    "table{border-collapse:collapse;display:block;overflow-x:auto}th,td{padding:.2em .8em;text-align:right;"
    "border-bottom:1px solid #8888}th:first-child,td:first-child,.prose th,.prose td{text-align:left;"
    "vertical-align:top}img{max-width:100%;background:#fff}"
)
_TOY = "This is the quick run, at toy size: it shows that the experiment works. Its figures mean nothing."
_SOME_TOYS = "Some of these are quick runs, at toy size: their figures mean nothing."


@dataclass(frozen=True)
class Heading:
    """A title; level 1 is the page's."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """Text."""

    text: str


@dataclass(frozen=True)
class Listing:
    """Lines of a list."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Grid:
    """A table of text; the first row is its heading. All columns but the first hold numbers, or prose."""

    rows: Sequence[Sequence[str]]
    prose: bool = False


@dataclass(frozen=True)
class Links:
    """A list of pages, by what stands before each its text and its folder."""

    pages: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Picture:
    """A file beside the page, and what is to be seen on it."""

    file: str
    caption: str


Block = Heading | Paragraph | Listing | Grid | Links | Picture


def experiment_page(document: Mapping[str, Any]) -> list[Block]:
    """The page of one experiment; ``document`` is its ``results.json``."""
    blocks: list[Block] = [Heading(1, document["title"]), Paragraph(document["question"])]
    if document["quick"]:
        blocks.append(Paragraph(_TOY))
    if document["answers"]:
        blocks += [Heading(2, "Answers"), Listing([_answer(answer) for answer in document["answers"]])]
    if document["notes"]:
        blocks += [Heading(2, "Beside that"), Listing(document["notes"])]
    blocks += [Picture(plot["file"], plot["caption"]) for plot in document["plots"]]
    for table in document["tables"]:
        blocks += [Heading(2, table["title"]), grid(table)]
    blocks += [Heading(2, "What was done"), Listing(list(_facts(document)))]
    return blocks


def overview_page(documents: Sequence[Mapping[str, Any]], remarks: Sequence[str] = ()) -> list[Block]:
    """The page of a folder: the objections and their answers, and the experiments; ``remarks`` stand before them."""
    given = {number: [a for d in documents for a in d["answers"] if a["objection"] == number] for number in OBJECTIONS}
    rows = [("", "objection", "answer")] + [
        (str(number), text, " ".join(answer["sentence"] for answer in given[number]) or "no experiment here answers it")
        for number, text in OBJECTIONS.items()
    ]
    pages = {d["experiment"]: (d["question"], d["experiment"]) for d in documents}
    blocks: list[Block] = [Heading(1, "Experiments")]
    if any(document["quick"] for document in documents):
        blocks.append(Paragraph(_SOME_TOYS))
    if remarks:
        blocks.append(Listing(remarks))
    return [*blocks, Grid(rows, prose=True), Links(pages)]


def markdown(blocks: Sequence[Block]) -> str:
    """The blocks as Markdown, in the dialect of GitHub."""
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def webpage(blocks: Sequence[Block], title: str) -> str:
    """The blocks as one HTML page, without anything from elsewhere but its pictures."""
    body = "\n".join(_html(block) for block in blocks)
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{body}\n</body></html>\n'


def grid(table: Mapping[str, Any]) -> Grid:
    """A table of the results with its figures as text."""
    columns = table["columns"]
    rows = [[shown(cell, column["format"]) for cell, column in zip(row, columns, strict=True)] for row in table["rows"]]
    return Grid([[column["heading"] for column in columns], *rows])


def shown(cell: Any, form: str) -> str:
    """A cell of a table as text: a dash for None, a format for numbers."""
    if cell is None:
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return str(cell) if isinstance(cell, str) or not form else format(cell, form)


def _answer(answer: Mapping[str, Any]) -> str:
    number = answer["objection"]
    return f"Objection {number}: {OBJECTIONS[number]} {answer['sentence']}"


def _facts(document: Mapping[str, Any]) -> Sequence[str]:
    """Settings and origin, a line each."""
    settings = (f"{name} = {value}" for name, value in flat(document["settings"]))
    machine, versions = document["machine"], document["versions"]
    photographs = (
        f"{split}: {data['photographs']} photographs of {', '.join(data['sources'])}, SHA-256 {data['sha256'][:12]}"
        for split, data in document["data"].items()
    )
    return (
        f"Settings: {', '.join(settings)}",
        *photographs,
        f"Commit: {document['commit'] or 'an installed package'}",
        f"Versions: {', '.join(f'{name} {version}' for name, version in versions.items())}",
        f"Machine: {', '.join(f'{name} {value}' for name, value in machine.items())}",
        f"Seconds of the work: {document['times']['seconds']:.0f}",
        "Every figure: results.json, and results.csv for the tables",
    )


def flat(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """The settings in settings as one list, with names such as ``"training.steps"``."""
    found: list[tuple[str, Any]] = []
    for name, value in settings.items():
        found += flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else [(f"{prefix}{name}", value)]
    return found


def _markdown(block: Block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {block.text}"
        case Paragraph():
            return block.text
        case Listing():
            return "\n".join(f"- {line}" for line in block.lines)
        case Picture():
            return f"![{block.caption}]({block.file})\n\n{block.caption}"
        case Grid():
            first, *rows = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in block.rows]
            rule = "|".join([" --- ", *[" --- " if block.prose else " ---: "] * (len(block.rows[0]) - 1)])
            return "\n".join([first, f"|{rule}|", *rows])
        case Links():
            return "\n".join(f"- [{name}]({to}/index.md): {text}" for name, (text, to) in block.pages.items())


def _html(block: Block) -> str:
    match block:
        case Heading():
            return f"<h{block.level}>{html.escape(block.text)}</h{block.level}>"
        case Paragraph():
            return f"<p>{html.escape(block.text)}</p>"
        case Listing():
            return f"<ul>{''.join(f'<li>{html.escape(line)}</li>' for line in block.lines)}</ul>"
        case Picture():
            caption = html.escape(block.caption)
            image = f'<img src="{html.escape(block.file)}" alt="{caption}">'
            return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"
        case Grid():
            first, *rows = block.rows
            head = "".join(f"<th>{html.escape(cell)}</th>" for cell in first)
            body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
            kind = ' class="prose"' if block.prose else ""
            return f"<table{kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        case Links():
            lines = (
                f'<li><a href="{html.escape(to)}/index.html">{html.escape(name)}</a>: {html.escape(text)}</li>'
                for name, (text, to) in block.pages.items()
            )
            return f"<ul>{''.join(lines)}</ul>"
