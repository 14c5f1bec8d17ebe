"""The texts of the files of a policy: their digest, and how a revision keeps them as one text."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

_SEVERAL: Final = "files:"
"""What the texts of several files begin with where they are kept as one; no policy begins so."""


@dataclass(frozen=True, slots=True)
class FileText:
    """One file of a policy.

    ``name`` is below the folder of the first one. ``entry`` is the number of the entry of
    ``include`` that names it.
    """

    name: str
    text: bytes
    entry: int = 0


def path_of(main: str, name: str) -> str:
    """Return the path of a file of a policy, in messages; ``main`` is that of the first."""
    return str(Path(main).parent / name)


def digest_of(files: Sequence[FileText]) -> str:
    """Return what a revision keeps of the bytes of its files: ``sha256:…``.

    Of several files it is that of what ``sha256sum`` prints of them, in the order of ``include``.
    """
    digests = [sha256(each.text).hexdigest() for each in files]
    if len(files) == 1:
        return f"sha256:{digests[0]}"
    lines = (f"{digest}  {file.name}\n" for digest, file in zip(digests, files, strict=True))
    return f"sha256:{sha256(''.join(lines).encode()).hexdigest()}"


def join_files(files: Sequence[FileText], texts: Sequence[str]) -> str:
    """Return the text that a revision keeps: that of the one file, or of all with their names."""
    if len(texts) == 1:
        return texts[0]
    index = [[f.name, f.entry, len(text)] for f, text in zip(files, texts, strict=True)]
    return "\n".join([_SEVERAL + json.dumps(index), *texts])


def split_files(text: str, file: str) -> list[FileText]:
    """Return the files whose texts a revision keeps; ``file`` is the first."""
    if not text.startswith(_SEVERAL):
        return [FileText(file, text.encode())]
    first, _, rest = text.partition("\n")
    files, start = [], 0
    for name, entry, length in json.loads(first.removeprefix(_SEVERAL)):
        files.append(FileText(name, rest[start : start + length].encode(), entry))
        start += length + 1
    return files
