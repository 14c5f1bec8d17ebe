"""Documents in YAML: from the bytes of a bounded size to a policy, with the line of every fault."""

import codecs
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NoReturn, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from jupyterhub_platform.core.document.compile import compile_policy
from jupyterhub_platform.core.document.faults import KeyPath
from jupyterhub_platform.core.document.files import INCLUDE, Part, list_includes, unite_parts
from jupyterhub_platform.core.document.lines import Files, Lines
from jupyterhub_platform.core.errors import Fault, PolicyError
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.document_reader import DocumentReader
from jupyterhub_platform.file_texts import (
    FileText,
    digest_of,
    join_files,
    path_of,
    split_files,
)

MAX_BYTES: Final = 2**24
"""What is read at most of one file. 100,000 people take 10 MiB."""
MAX_TOTAL_BYTES: Final = 2**26
"""What all files of a policy may have together."""
CONFIG_MAP_BYTES: Final = 2**20
"""What Kubernetes keeps in a ConfigMap or Secret at most, all its keys together."""


@dataclass(frozen=True, slots=True)
class ReadPolicy:
    """A policy, and the files that it was read from, the one with ``include`` first.

    ``digest`` is ``sha256:…`` of their bytes; ``document`` is what they say together, as plain
    values. ``file`` is the path of the first in messages.
    """

    policy: Policy
    digest: str
    file: str
    files: tuple[FileText, ...]
    document: Mapping[str, Any]

    @property
    def text(self) -> str:
        """What a revision keeps: the text of the file, or of all of them, each with its name."""
        return join_files(self.files, [decode(each.text) for each in self.files])

    def find_file(self, path: str) -> FileText:
        """Return the file at a path, as messages name it."""
        return next(each for each in self.files if path_of(self.file, each.name) == path)

    def with_text(self, name: str, text: str) -> "ReadPolicy":
        """Return the policy as it is with another text of one file.

        Raises
        ------
        PolicyError
            Raised if anything is wrong then.
        """
        changed = [
            replace(each, text=text.encode()) if each.name == name else each for each in self.files
        ]
        return parse_files(changed, self.file)


@dataclass(slots=True)
class FileParser:
    """Parses files of policies, each again only if it has changed. Belongs to one thread."""

    _numbers: dict[str, int] = field(default_factory=dict)
    _known: dict[str, tuple[bytes, Part]] = field(default_factory=dict)

    def parse(self, file: str, text: bytes) -> Part:
        """Return what a file says.

        Raises
        ------
        PolicyError
            Raised if it is not YAML.
        """
        digest, number = sha256(text).digest(), self.number(file)
        known = self._known.get(file)
        if known is None or known[0] != digest:
            reader = DocumentReader(file, number)
            try:
                document = reader.read(decode(text))
            except PolicyError as error:
                raise PolicyError(tuple(replace(f, file=file) for f in error.faults)) from None
            part = Part(document, reader.mark, tuple(reader.faults), tuple(reader.unreadable))
            known = self._known[file] = digest, part
        return known[1]

    def number(self, file: str) -> int:
        """Return the number of a file, which numbers of lines have in them."""
        return self._numbers.setdefault(file, len(self._numbers))

    def forget_others(self, files: Iterable[str]) -> None:
        """Keep only what some files say."""
        kept = set(files)
        self._known = {file: known for file, known in self._known.items() if file in kept}


def parse_policy(text: bytes, file: str) -> ReadPolicy:
    """Read a policy from the bytes of a document alone; ``file`` is its name in messages.

    Raises
    ------
    PolicyError
        Raised if anything in it is wrong, and if it includes others; every fault has its line.
    """
    parser = FileParser()
    part = parser.parse(file, text)
    if list_includes(part.document):
        refuse_includes(part, file)
    return parse_files([FileText(Path(file).name, text)], file, parser)


def refuse_includes(part: Part, file: str) -> NoReturn:
    """Refuse a document that includes files and is in no folder itself.

    Raises
    ------
    PolicyError
        Raised always.
    """
    what = "there is no folder in which other files could be"
    fault = Fault((INCLUDE,), what, "name the file by its path")
    raise PolicyError((fault.at(Files({0: file}).find(part.mark, (INCLUDE,))),))


def parse_revision(text: str, file: str) -> ReadPolicy:
    """Read a policy from what a revision keeps of its files.

    Raises
    ------
    PolicyError
        Raised if anything in it is wrong.
    """
    return parse_files(split_files(text, file), file)


def parse_files(
    files: Sequence[FileText], file: str, parser: FileParser | None = None
) -> ReadPolicy:
    """Read a policy from the bytes of its files; ``file`` is the path of the first in messages.

    Raises
    ------
    PolicyError
        Raised if anything in them is wrong; every fault has its file and line.
    """
    parser = parser or FileParser()
    paths = [file, *(path_of(file, each.name) for each in files[1:])]
    parts, broken = [], list[Fault]()
    for path, each in zip(paths, files, strict=True):
        try:
            parts.append(replace(parser.parse(path, each.text), entry=each.entry))
        except PolicyError as error:
            broken += error.faults
    if broken:
        raise PolicyError(tuple(broken))
    names = Files({parser.number(path): path for path in paths})
    whole = unite_parts(parts, names)
    now = datetime.now(UTC)
    try:
        policy = compile_policy(whole.document, whole.faults, whole.unreadable, now=now)
    except PolicyError as error:
        order = {path: number for number, path in enumerate(paths)}
        placed = [
            fault if fault.line else fault.at(names.find(whole.mark, fault.path))
            for fault in error.faults
        ]
        placed.sort(key=lambda fault: (order[fault.file], fault.line))
        raise PolicyError(tuple(placed)) from None
    lines = Lines.of(whole.mark, names)
    # It has been compiled, so it is a mapping.
    document = cast("dict[str, Any]", whole.document)
    policy = policy.with_parts(lines=lines)
    return ReadPolicy(policy, digest_of(files), file, tuple(files), document)


def read_sections(files: Sequence[FileText]) -> dict[str, Any]:
    """Return what the files of a revision say together, without judging it.

    Raises
    ------
    PolicyError
        Raised if they cannot be read.
    """
    parser, main = FileParser(), files[0].name
    parts = [parser.parse(each.name, each.text) for each in files]
    whole = unite_parts(parts, Files({parser.number(each.name): each.name for each in files}))
    if whole.faults or not isinstance(whole.document, dict):
        raise PolicyError(whole.faults or (Fault((), "it is no policy", "correct it", main),))
    return whole.document


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


def read_foreign(text: str) -> list[dict[str, Any]]:
    """Read YAML that is no policy, such as values for Helm: its mappings, with anchors and all.

    Raises
    ------
    PolicyError
        Raised if it is not YAML.
    """
    reader: Any = YAML(typ="safe", pure=True)
    try:
        return [each for each in reader.load_all(text) if isinstance(each, dict)]
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _refuse(f"it is not YAML: {error.problem}", "correct it", line) from None


def render_mapping(document: Mapping[str, Any]) -> str:
    """Render a part of a document as YAML; nothing if it is empty."""
    if not document:
        return ""
    writer: Any = YAML(typ="safe", pure=True)
    writer.default_flow_style = writer.sort_base_mapping_type_on_output = False
    # Longer than any value: a name that is cut in two can be found by no search.
    writer.allow_unicode, writer.width = True, 2**16
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
        found = reader.read(decode(text))
        if not isinstance(found, dict):
            what = "this is not a mapping of keys to values"
            raise _refuse(what, "write KEY: VALUE, as below a name in the policy file")
        if reader.faults:
            raise PolicyError(tuple(reader.faults))
    except PolicyError as error:
        raise PolicyError(tuple(replace(each, file=file) for each in error.faults)) from None
    return found


def decode(text: bytes) -> str:
    """Return the text of a file.

    Raises
    ------
    PolicyError
        Raised if it is too large, or not UTF-8.
    """
    if len(text) > MAX_BYTES:
        what = f"the document is larger than {MAX_BYTES // 2**20} MiB"
        less = f"split it, and name the parts under {INCLUDE}"
        raise _refuse(what, f"{less}; or add people in the Hub: jhp user add --from people.csv")
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
