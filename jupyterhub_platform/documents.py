"""Documents in YAML: from the bytes of a bounded size to a policy, with the line of every fault."""

import codecs
import errno
import io
import os
import select
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, cast

from ruamel.yaml import YAML

from jupyterhub_platform.core.document.compile import compile_policy
from jupyterhub_platform.core.document.faults import KeyPath
from jupyterhub_platform.core.document.lines import Lines
from jupyterhub_platform.core.errors import Fault, PolicyError
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.document_reader import DocumentReader

MAX_BYTES: Final = 2**24
"""What is read at most. 100,000 people take 10 MiB, a quarter of a minute and 100 MiB."""
CONFIG_MAP_BYTES: Final = 2**20
"""What Kubernetes keeps in a ConfigMap or Secret at most."""
_WRITER_MILLISECONDS: Final = 500


@dataclass(frozen=True, slots=True)
class ReadPolicy:
    """A policy, and the document that it was read from.

    ``digest`` is ``sha256:…`` of the bytes as they are in the file; ``document`` is what they say,
    as plain values.
    """

    policy: Policy
    digest: str
    text: str
    document: Mapping[str, Any]


def read_policy(path: Path) -> ReadPolicy:
    """Read the policy in the file at ``path``.

    Raises
    ------
    PolicyError
        Raised if anything in it is wrong; every fault has its line.
    OSError
        Raised if it cannot be read.
    """
    return parse_policy(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """Return what the file at ``path`` holds, one byte more than a policy may have at most.

    Raises
    ------
    OSError
        Raised if it cannot be read.
    """
    # A named pipe would be waited for already while it is opened.
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        handle = file.fileno()
        is_pipe = stat.S_ISFIFO(os.fstat(handle).st_mode)
        begun = _begin_pipe(handle, path) if is_pipe else b""
        os.set_blocking(handle, True)
        return begun + file.read(MAX_BYTES + 1)


def _begin_pipe(pipe: int, path: Path) -> bytes:
    """Return what a pipe holds by now; refuse one without a writer."""
    waiting = select.poll()
    waiting.register(pipe, select.POLLIN)
    # The writer may have waited for a reader.
    has_event = bool(waiting.poll(_WRITER_MILLISECONDS))
    try:
        begun = os.read(pipe, MAX_BYTES)
    except BlockingIOError:
        return b""
    if not begun and not has_event:
        raise OSError(errno.ENODATA, "It is a pipe that no process writes to", str(path))
    return begun


def parse_policy(text: bytes, file: str) -> ReadPolicy:
    """Read a policy from the bytes of a document; ``file`` is its name in messages.

    Raises
    ------
    PolicyError
        Raised if anything in it is wrong; every fault has its line.
    """
    reader = DocumentReader()
    try:
        decoded = _decode(text)
        document = reader.read(decoded)
        now = datetime.now(UTC)
        policy = compile_policy(document, reader.faults, reader.unreadable, now=now)
    except PolicyError as error:
        placed = [
            replace(fault, file=file, line=fault.line or reader.line(fault.path))
            for fault in error.faults
        ]
        raise PolicyError(tuple(sorted(placed, key=lambda fault: fault.line))) from None
    lines = Lines.of(reader.place, file)
    # It has been compiled, so it is a mapping.
    return ReadPolicy(
        policy.with_parts(lines=lines), digest_of(text), decoded, cast("dict[str, Any]", document)
    )


def digest_of(text: bytes) -> str:
    """Return what a revision keeps of the bytes of a document: ``sha256:…``."""
    return f"sha256:{sha256(text).hexdigest()}"


def read_mapping(text: str) -> dict[str, Any]:
    """Read a part of a document, such as a form sends: keys with values, or nothing.

    Raises
    ------
    PolicyError
        Raised with every fault and its line.
    """
    reader = DocumentReader()
    found = reader.read(text)
    if reader.faults:
        raise PolicyError(tuple(reader.faults))
    if found is not None and not isinstance(found, dict):
        raise _refuse("these are no keys with values", "write KEY: VALUE, each on a line")
    return found or {}


def render_mapping(document: Mapping[str, Any]) -> str:
    """Render a part of a document as YAML; nothing if it is empty."""
    if not document:
        return ""
    writer: Any = YAML(typ="safe", pure=True)
    writer.default_flow_style = writer.sort_base_mapping_type_on_output = False
    text = io.StringIO()
    writer.dump(document, text)
    return text.getvalue()


def parse_object(text: bytes, file: str) -> dict[str, Any]:
    """Read what one object says, as it would stand below its name in the file.

    Raises
    ------
    PolicyError
        Raised if it is not YAML, or not a mapping; what it says is judged where it is used.
    """
    reader = DocumentReader()
    try:
        found = reader.read(_decode(text))
        if not isinstance(found, dict):
            what = "this is not a mapping of keys to values"
            raise _refuse(what, "write KEY: VALUE, as below a name in the policy file")
        if reader.faults:
            raise PolicyError(tuple(reader.faults))
    except PolicyError as error:
        raise PolicyError(tuple(replace(each, file=file) for each in error.faults)) from None
    return found


def _decode(text: bytes) -> str:
    if len(text) > MAX_BYTES:
        what = f"the document is larger than {MAX_BYTES // 2**20} MiB"
        less = "leave out comments, titles, and people who have gone"
        raise _refuse(what, f"{less}, or add people in the Hub: jhp user add --from people.csv")
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _refuse("the document is UTF-16", "save it as UTF-8")
    try:
        return text.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        what = f"the byte 0x{text[error.start]:02x} is not UTF-8"
        line = text.count(b"\n", 0, error.start) + 1
        raise _refuse(what, "save the document as UTF-8", line) from None


def _refuse(what: str, fix: str, line: int = 1, path: KeyPath = ()) -> PolicyError:
    return PolicyError((Fault(path, what, fix, line=line),))
