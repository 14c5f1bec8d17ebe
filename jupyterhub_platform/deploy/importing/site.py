"""What all formats come down to: the settings of a Hub, by their names, wherever they were."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from jupyterhub_platform.deploy.importing.entries import Entry

_SPAWNERS: Final = ("Spawner", "KubeSpawner")


@dataclass(slots=True)
class Site:
    """The settings of a Hub. ``bases`` are what classes of the site's own extend.

    ``whole`` stands for what the source leaves to its defaults.
    """

    whole: Entry
    settings: dict[str, Entry] = field(default_factory=dict)
    bases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    profiles: list[Entry] = field(default_factory=list)
    """Profiles that code offers by itself."""
    is_chart: bool = False
    has_provider: bool = False
    """Whether a format brings a provider of its own."""
    group_prefix: str = ""

    def get(self, name: str) -> Entry | None:
        """Return a setting ``X.y``; nothing if it is not set, or null."""
        found = self.settings.get(name)
        return None if found is None or found.value is None else found

    def sections(self) -> frozenset[str]:
        """Return the classes that have settings."""
        return frozenset(name.partition(".")[0] for name in self.settings)

    def list_spawner_settings(self) -> Iterator[tuple[str, Entry]]:
        """Yield the settings of the spawner by their names; a class's own come after its base's."""
        own = sorted(
            section
            for section in self.sections()
            if section.endswith("Spawner") and section not in _SPAWNERS
        )
        for section in (*_SPAWNERS, *own):
            for name, entry in self.settings.items():
                if name.startswith(f"{section}."):
                    yield name.partition(".")[2], entry
