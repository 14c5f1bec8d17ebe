"""What a policy file is rendered to for a cluster, as far as a plan asks."""

from pathlib import Path

from jupyterhub_platform.core.document.schema_deployment import read_deployment
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.deploy.plan import PartChange, RenderedFiles, compare_rendered
from jupyterhub_platform.deploy.render.folder import render_folder
from jupyterhub_platform.documents import ReadPolicy


def compare_deployments(before: ReadPolicy, after: ReadPolicy) -> tuple[PartChange, ...]:
    """Return what becomes of the parts of a deployment on a cluster; nothing of one elsewhere.

    Both are rendered by this version, with the values of the site that stand beside each.
    """
    new = _render(after)
    return compare_rendered(_render(before), new) if new is not None else ()


def refuse_cluster(read: ReadPolicy) -> None:
    """Refuse to apply to a laptop what is to be deployed on a cluster.

    Raises
    ------
    PlatformError
        Raised then, with what to do instead.
    """
    deployment = read_deployment(read.document)
    if deployment is not None and deployment.is_on_cluster:
        raise PlatformError(
            f"{read.file} is deployed to a cluster (target: {deployment.target}), which jhp apply "
            "does not do: your GitOps engine or pipeline does, or kubectl apply -k . and helm "
            "upgrade. Nothing was changed. See what it would do: jhp plan --against HEAD"
        )


def _render(read: ReadPolicy) -> RenderedFiles | None:
    deployment = read_deployment(read.document)
    if deployment is None or not deployment.is_on_cluster:
        return None
    _, rendered = render_folder(read)
    folder, values = Path(read.file).parent, next(iter(rendered.values.values()))
    own = {name: (folder / name).read_bytes() for name in values if name not in rendered.files}
    files = {name: text.encode() for name, text in rendered.files.items()}
    return RenderedFiles(files | own, values)
