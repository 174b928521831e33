"""Reading a page: its elements as a tree, which must be nested as it is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "hr", "img"}


@dataclass
class Element:
    """An element with its text."""

    tag: str
    attributes: dict[str, str]
    parent: Element | None = None
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The words in it and below it."""
        return "".join(c if isinstance(c, str) else c.text for c in self.children)

    def all(self, tag: str = "", **attributes: str) -> Iterator[Element]:
        """Yield the elements below it of that tag, with these data attributes."""
        for child in self.children:
            if isinstance(child, Element):
                wanted = {f"data-{name}": value for name, value in attributes.items()}
                if tag in ("", child.tag) and wanted.items() <= child.attributes.items():
                    yield child
                yield from child.all(tag, **attributes)

    def nearest(self, name: str) -> str:
        """Return the data attribute of the nearest element that has it."""
        here: Element | None = self
        while here is not None:
            if f"data-{name}" in here.attributes:
                return here.attributes[f"data-{name}"]
            here = here.parent
        return ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.top = Element("", {})
        self.here = self.top

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        element = Element(tag, {name: value or "" for name, value in attrs}, self.here)
        self.here.children.append(element)
        if tag not in VOID:
            self.here = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.here.tag, f"</{tag}> ends <{self.here.tag}>"
        assert self.here.parent is not None
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        self.here.children.append(data)


def read(html: str) -> Element:
    """Return the page; every element must be ended where it is due."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.here is reader.top, f"<{reader.here.tag}> is not ended"
    return reader.top


def numbers_of(page: Element, key: str) -> dict[str, str]:
    """Return the exact number at each index of what that key names."""
    found: dict[str, str] = {}
    for item in items(page):
        if key in item.nearest("key").split() and item.tag == "td":
            known = found.setdefault(item.attributes["data-at"], item.attributes["title"])
            assert known == item.attributes["title"]
    return found


def items(page: Element) -> list[Element]:
    """Return everything that can be pointed at."""
    return [element for element in page.all() if "data-at" in element.attributes]
