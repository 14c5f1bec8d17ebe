"""A notice as its receiver reads it: one shape for both channels."""

from dataclasses import dataclass
from typing import Any, Final

from jupyterhub_platform.core.notices import Notice, say_subject, say_text

VERSION: Final = 1


class UndeliveredError(Exception):
    """Raised if a notice did not arrive; ``for_good`` if it never will."""

    def __init__(self, sentence: str, *, for_good: bool = False) -> None:
        super().__init__(sentence)
        self.for_good = for_good


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: the notice, in words, with the name of the platform and a link to the page."""

    notice: Notice
    platform: str
    link: str

    @property
    def subject(self) -> str:
        """What it is about, in a line."""
        return say_subject(self.notice)

    @property
    def text(self) -> str:
        """What it tells, in a few lines."""
        return say_text(self.notice)

    def to_json(self) -> dict[str, Any]:
        """Render the body of a webhook."""
        notice = self.notice
        return {
            "version": VERSION,
            "id": notice.id,
            "event": str(notice.event),
            "at": notice.at.isoformat(),
            "platform": self.platform,
            "recipients": list(notice.recipients),
            "subject": self.subject,
            "text": self.text,
            "link": self.link or None,
            "request": notice.facts.get("request"),
            "grant": notice.facts.get("grant"),
        }


def find_link(notice: Notice, pages: str) -> str:
    """Return the address of the page that a notice is about; empty if none is known."""
    if not pages:
        return ""
    request, grant = notice.facts.get("request"), notice.facts.get("grant")
    if request:
        return f"{pages}requests/{request['id']}"
    return f"{pages}grants" if grant and grant["group"] else pages
