"""Search in a list that is long and rarely changes: its texts are made once, and read often."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SearchTexts:
    """What can be searched in each line, by column and in small letters.

    Most texts of a column are the same few, which are looked at once. It finds what
    :func:`~jupyterhub_platform.usecases.reports.paging.matches` does.
    """

    columns: Mapping[str, Sequence[str]]
    different: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, columns: Mapping[str, Iterable[str]]) -> "SearchTexts":
        """Keep texts as they are searched; equal ones are one."""
        kept: dict[str, tuple[str, ...]] = {}
        for name, texts in columns.items():
            known: dict[str, str] = {}
            kept[name] = tuple(known.setdefault(text, _fold(text)) for text in texts)
        return cls(kept, {name: frozenset(texts) for name, texts in kept.items()})

    def find(self, wanted: Iterable[str]) -> list[int]:
        """Return the numbers of the lines that have all that is wanted, in small letters."""
        found: Sequence[int] = range(len(next(iter(self.columns.values()))))
        for word in wanted:
            found = self._narrow(found, word)
        return list(found)

    def _narrow(self, found: Sequence[int], word: str) -> Sequence[int]:
        column, colon, value = word.partition(":")
        if colon and column in self.columns:
            hits = {column: {text for text in self.different[column] if value in text.split()}}
        else:
            hits = {
                name: {text for text in different if word in text}
                for name, different in self.different.items()
            }
        if any(len(has) == len(self.different[name]) for name, has in hits.items()):
            return found
        kept: set[int] = set()
        for name, has in hits.items():
            if has:
                texts = self.columns[name]
                kept.update([number for number in found if texts[number] in has])
        return sorted(kept)


def _fold(text: str) -> str:
    folded = text.casefold()
    return text if folded == text else folded
