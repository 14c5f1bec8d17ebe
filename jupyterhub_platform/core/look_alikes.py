"""Which people have names that could be taken for each other.

A name of other characters than plain ones (small ASCII letters, digits and ``. _ - @ +``) may look
like another: ``a|ice`` like ``alice``, and some words of only Cyrillic letters like one of Latin
letters. Nobody is refused for that alone, since those are names of people. But no two people whom
the policy knows have such names, in whichever order they came: a grant or an approval for the one
would be read as for the other.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Self

from jupyterhub_platform.core.confusables import draw_skeleton
from jupyterhub_platform.core.persistent_map import PersistentMap

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LookAlikes:
    """The names whose skeleton is another text, by that. Most policies have none."""

    by_skeleton: PersistentMap[str, frozenset[str]]

    @classmethod
    def of(cls, names: Iterable[str]) -> Self:
        """Return those among these names."""
        return cls(PersistentMap({})).follow((), names)

    def follow(self, changed: Iterable[str], present: Iterable[str]) -> Self:
        """Return those after a change: of the names ``changed``, only ``present`` are there."""
        differing: dict[str, frozenset[str]] = {}
        for names, is_there in ((changed, False), (present, True)):
            for name in names:
                skeleton = draw_skeleton(name)
                if skeleton != name:
                    before = self.by_skeleton.get(skeleton, _NONE)
                    theirs = differing.get(skeleton, before)
                    differing[skeleton] = theirs | {name} if is_there else theirs - {name}
        return type(self)(self.by_skeleton.put_all(differing)) if differing else self

    def find(self, name: str, people: Collection[str]) -> str:
        """Return one of ``people`` whose name could be taken for ``name``; empty if none could."""
        skeleton = draw_skeleton(name)
        if skeleton != name and skeleton in people:
            return skeleton
        others = self.by_skeleton.get(skeleton, _NONE) - {name}
        return min(others, default="")
