"""Make an image of a folder, without a registry and without a tool for it."""

import contextlib
import hashlib
import io
import json
import platform
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def write_archive(archive: Path, root: Path, reference: str, entrypoint: Sequence[str]) -> None:
    """Write the archive of an image whose one layer is a folder, as ``docker save`` would."""
    with tempfile.TemporaryFile(dir=archive.parent) as layer:
        with tarfile.open(fileobj=layer, mode="w") as tar:
            tar.add(root, arcname=".")
        layer.seek(0)
        digest = hashlib.file_digest(layer, "sha256").hexdigest()
        machine = platform.machine()
        config = {
            "architecture": _ARCHITECTURES.get(machine, machine),
            "os": "linux",
            "config": {"Entrypoint": list(entrypoint)},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }
        manifest = [{"Config": "config.json", "RepoTags": [reference], "Layers": ["layer.tar"]}]
        with tarfile.open(archive, "w") as tar:
            _add(tar, "config.json", io.BytesIO(json.dumps(config).encode()))
            _add(tar, "manifest.json", io.BytesIO(json.dumps(manifest).encode()))
            _add(tar, "layer.tar", layer)


@contextlib.contextmanager
def copy_program(program: Path) -> Iterator[Path]:
    """Have a folder with one program in it, which is an image's whole content."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        shutil.copy(program, root)
        yield root


def _add(tar: tarfile.TarFile, name: str, data: IO[bytes]) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = data.seek(0, io.SEEK_END)
    data.seek(0)
    tar.addfile(entry, data)
