"""Reads a source of any of the formats, and imports it."""

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import Final, TypeVar

from jupyterhub_platform.core.document.faults import KeyPath
from jupyterhub_platform.core.document.lines import LINES_PER_FILE, number_line
from jupyterhub_platform.core.errors import Fault, PolicyError
from jupyterhub_platform.deploy.importing.assembly import assemble
from jupyterhub_platform.deploy.importing.constants import find_setting
from jupyterhub_platform.deploy.importing.entries import Entry, merge_entries
from jupyterhub_platform.deploy.importing.findings import Finding, Findings, Imported, Kind
from jupyterhub_platform.deploy.importing.nebari import NebariSource
from jupyterhub_platform.deploy.importing.python_source import PythonSource, parse_python
from jupyterhub_platform.deploy.importing.secret_values import hide_secrets
from jupyterhub_platform.deploy.importing.site import Site
from jupyterhub_platform.deploy.importing.values import ValuesSource, find_values, list_beside
from jupyterhub_platform.document_reader import DocumentReader
from jupyterhub_platform.documents import decode

MAX_BYTES: Final = 2**20
"""What a source may have: what Kubernetes keeps of a release, and far more than people write."""
_OF_NEBARI: Final = frozenset(
    {
        *("nebari_version", "qhub_version", "terraform_state", "amazon_web_services", "azure"),
        *("google_cloud_platform", "project_name", "ci_cd", "conda_store", "default_images"),
    }
)
_Read = TypeVar("_Read")
_WHICH: Final = "name its format: --as nebari, --as values or --as config"


def import_source(text: bytes, file: str, kind: Kind | None = None) -> Imported:
    """Import one source; see :func:`import_sources`.

    Raises
    ------
    PolicyError
        Raised if it cannot be read, or its format is not known.
    """
    return import_sources([(file, text)], kind)


def import_sources(sources: Sequence[tuple[str, bytes]], kind: Kind | None = None) -> Imported:
    """Import files by their names, each laid over those before it, as Helm does.

    ``kind`` is their format, and is found out where it is not said.

    Raises
    ------
    PolicyError
        Raised if one of them cannot be read, or their format is not known.
    """
    files = [file for file, _ in sources]
    findings = Findings()
    texts = [_read_text(text, file) for file, text in sources]
    if kind is Kind.CONFIG or (kind is None and _is_python(texts[0])):
        if len(texts) > 1:
            raise _refuse("a configuration in Python is imported alone", "name one file", files[1])
        imported = _naming(files[0], lambda: _import_config(texts[0], findings))
    else:
        roots = [
            _naming(file, partial(_read_yaml, text, number, findings))
            for number, (file, text) in enumerate(zip(files, texts, strict=True))
        ]
        root = reduce(partial(merge_entries, keeps_null=True), roots)
        imported = _naming(files[0], lambda: _import_yaml(root, kind, findings))
    return replace(imported, findings=tuple(_place(each, files) for each in imported.findings))


def _naming(file: str, read: Callable[[], _Read]) -> _Read:
    """Return what is read; faults are said to be in ``file``."""
    try:
        return read()
    except PolicyError as error:
        raise PolicyError(tuple(replace(each, file=file) for each in error.faults)) from None


def _place(finding: Finding, files: Sequence[str]) -> Finding:
    number, line = divmod(finding.line, LINES_PER_FILE)
    return replace(finding, line=line, file=files[number])


def _read_text(text: bytes, file: str) -> str:
    if len(text) > MAX_BYTES:
        what = f"the file is larger than {MAX_BYTES // 2**20} MiB"
        raise _refuse(what, "import the values that people wrote, without what is rendered", file)
    return _naming(file, lambda: decode(text))


def _import_yaml(root: Entry, kind: Kind | None, findings: Findings) -> Imported:
    chart = find_values(root)
    if kind is None and not _OF_NEBARI.isdisjoint(root.value):
        kind = Kind.NEBARI
    elif kind is None and chart is not None:
        kind = Kind.VALUES
    if kind is Kind.NEBARI:
        return _import_nebari(root, findings)
    if kind is Kind.VALUES:
        return _import_values(root, chart or root, findings)
    raise _refuse("this is none of the formats that are read", _WHICH)


def _is_python(source: str) -> bool:
    if "c." not in source:
        return False
    try:
        tree = parse_python(source)
    except PolicyError:
        return False
    # Much of YAML is Python by its form.
    return any(map(find_setting, ast.walk(tree)))


def _read_yaml(source: str, number: int, findings: Findings) -> Entry:
    reader = DocumentReader(number=number, follows_aliases=True)
    found = reader.read(source)
    if not isinstance(found, dict):
        raise _refuse("this is not a mapping of keys to values", _WHICH)
    for fault in reader.faults:
        entry = Entry(None, fault.path, number_line(number, fault.line))
        findings.impossible(entry, f"{fault.what.split('“')[0].strip()}; {fault.fix}")
    return Entry(hide_secrets(found), (), reader.mark)


def _import_config(source: str, findings: Findings) -> Imported:
    python = PythonSource(findings)
    python.read(source)
    site = Site(_whole("jupyterhub_config.py"), python.settings, python.bases, python.profiles)
    draft = assemble(site, findings)
    return Imported(Kind.CONFIG, draft.document, findings.in_order())


def _import_values(root: Entry, chart: Entry, findings: Findings) -> Imported:
    site = Site(_whole("values.yaml"))
    values = ValuesSource(findings, site)
    for each in list_beside(root, chart):
        findings.stays(each, "is a value of another chart")
    values.read(chart)
    draft = assemble(site, findings, values.add)
    return Imported(Kind.VALUES, draft.document, findings.in_order())


def _import_nebari(root: Entry, findings: Findings) -> Imported:
    site = Site(_whole("nebari-config.yaml"))
    nebari = NebariSource(findings, site, root)
    nebari.read()
    draft = assemble(site, findings, nebari.add)
    return Imported(Kind.NEBARI, draft.document, findings.in_order())


def _whole(name: str) -> Entry:
    key: KeyPath = (name,)
    return Entry({}, key, 0)


def _refuse(what: str, fix: str, file: str = "") -> PolicyError:
    return PolicyError((Fault((), what, fix, file, 1),))
