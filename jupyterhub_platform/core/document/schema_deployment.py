"""The schema of ``deployment:``: where the platform runs, and from what it is installed.

The Hub reads none of it: ``jhp render``, ``plan`` and ``apply`` do. No value here is a secret.
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, Strict

from jupyterhub_platform.core.document.schema_pods import ObjectName
from jupyterhub_platform.core.document.value_types import (
    Amounts,
    Declared,
    Line,
    Reference,
    refusal,
)

Target = Literal["laptop", "cluster", "eks", "eks-govcloud", "other"]
ON_AWS: Final = frozenset({"eks", "eks-govcloud"})
CHART_REPOSITORY: Final = "https://hub.jupyter.org/helm-chart/"
CHART_VERSION: Final = "4.4.0"
NAMESPACE: Final = "jupyterhub"
SECRET: Final = "jupyterhub-platform"  # noqa: S105 - the name of the Secret, not what it holds

_VERSION: Final = re.compile(r"v?\d{1,6}\.\d{1,6}\.\d{1,6}(?:-[0-9A-Za-z.-]{1,100})?", re.ASCII)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_REGISTRY: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?(?:/[a-z0-9._/-]+)?")
_REGION: Final = re.compile(r"[a-z]{2}(?:-[a-z]{2,10}){1,3}-\d", re.ASCII)
_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)
_ARN: Final = re.compile(r"arn:aws(?:-[a-z]+)*:[a-z0-9-]+:[a-z0-9-]*:\d{0,12}:[\w+=,.@:/*-]+")
_CONTEXT: Final = re.compile(r"[\w.@:/-]{1,200}", re.ASCII)
_BRANCH: Final = re.compile(r"[\w][\w./-]{0,99}", re.ASCII)
_PATH: Final = re.compile(r"/?[\w.-]+(?:/[\w.-]+)*", re.ASCII)
_MAIL: Final = re.compile(r"[^@\s<>]{1,64}@[A-Za-z0-9.-]{1,190}")
_SCP: Final = re.compile(r"[\w.-]+@[\w.-]+:[\w./-]+", re.ASCII)


def _check_address(value: str) -> str:
    parts = urlsplit(value)
    is_whole = parts.scheme in {"http", "https"} and parts.hostname
    if not is_whole or parts.username or parts.query or parts.fragment:
        raise refusal("is not an address of a Hub", "write for example https://hub.example.org")
    return value.rstrip("/")


def _check_repository(value: str) -> str:
    parts = urlsplit(value)
    if parts.password:
        raise refusal("has a password in it", "leave it out: who may read is asked for elsewhere")
    if _SCP.fullmatch(value) or (parts.scheme in {"https", "http", "ssh", "oci", "file"}):
        return value
    raise refusal("is not the address of a repository", "write for example https://git.example/hub")


def _check_cidr(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        fix = "write for example 10.0.64.0/24, with all bits behind the prefix 0"
        raise refusal("is not a range of addresses", fix) from None


def _one_of(pattern: re.Pattern[str], what: str, fix: str) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise refusal(what, fix)
        return value

    return AfterValidator(check)


Address = Annotated[str, Field(max_length=300), AfterValidator(_check_address)]
Repository = Annotated[str, Field(max_length=500), AfterValidator(_check_repository)]
Cidr = Annotated[str, Field(max_length=50), AfterValidator(_check_cidr)]
ChartVersion = Annotated[
    str,
    Field(max_length=120),
    _one_of(_VERSION, "is not one version", "write the whole version, such as 4.4.0: no range"),
]
Digest = Annotated[str, _one_of(_DIGEST, "is not a digest", "write sha256: and 64 hex digits")]
Registry = Annotated[
    str,
    Field(max_length=250),
    _one_of(_REGISTRY, "is not a registry", "write HOST/PATH, such as registry.example.org"),
]
Region = Annotated[str, _one_of(_REGION, "is not a region", "write for example us-gov-west-1")]
Account = Annotated[
    str, _one_of(_ACCOUNT, "is not an account of AWS", "write its twelve digits, in quotes")
]
Arn = Annotated[
    str, Field(max_length=500), _one_of(_ARN, "is not an ARN", "write for example arn:aws:iam::…")
]
Context = Annotated[
    str, _one_of(_CONTEXT, "is not a context", "write what `kubectl config current-context` says")
]
Branch = Annotated[str, _one_of(_BRANCH, "is not a branch", "write for example main")]
SecretPath = Annotated[
    str, Field(max_length=300), _one_of(_PATH, "is not a path", "write for example /hub/prod")
]
Mail = Annotated[
    str, Field(max_length=255), _one_of(_MAIL, "is not an e-mail address", "write NAME@HOST")
]


class DeclaredChart(Declared):
    """Zero to JupyterHub's chart, pinned."""

    repository: Repository = Field(
        CHART_REPOSITORY, description="Where the chart is, over HTTPS or as oci://."
    )
    version: ChartVersion = Field(CHART_VERSION, description="Its one version.")
    digest: Digest | None = Field(None, description="sha256 of its archive, as jhp lock finds it.")


class DeclaredDeployedImages(Declared):
    """Images that the platform itself is made of."""

    registry: Registry | None = Field(
        None, description="The mirror that all images come from, where there is no other way out."
    )
    hub: Reference = Field(
        "localhost/jupyterhub-platform:0.1.0", description="JupyterHub with this package."
    )
    singleuser: Reference = Field(
        "localhost/jupyterhub-platform-singleuser:0.1.0",
        description="The image of servers that is pulled before one needs it.",
    )
    pull_secret: ObjectName | None = Field(
        None, description="The Secret with which nodes pull; absent: they need none."
    )


class DeclaredIngress(Declared):
    """How users come in on a cluster; absent: by a port that an operator forwards."""

    class_name: ObjectName | None = Field(
        None, alias="class", description="IngressClass; absent: the cluster's default one."
    )
    tls: Literal["load-balancer", "secret", "none"] = Field(
        "load-balancer",
        description="Where TLS ends: at a load balancer with a certificate of its own, at the "
        "ingress with the certificate of a Secret, or nowhere.",
    )
    secret: ObjectName | None = Field(None, description="With tls: secret, the Secret.")
    certificate: Arn | None = Field(
        None, description="On EKS the certificate; absent: found by the host's name."
    )
    public: bool = Field(False, description="Whether the internet reaches the load balancer.")


class DeclaredDatabase(Declared):
    """Where Hub and store are kept."""

    kind: Literal["sqlite", "postgresql"] = Field(
        description="sqlite: a volume; postgresql: two databases, whose addresses are secrets."
    )
    ca: ObjectName | None = Field(
        None, description="The ConfigMap that has the certificates of PostgreSQL in ca.pem."
    )


class DeclaredEgress(Declared):
    """What servers reach besides the Hub."""

    internet: bool = Field(True, description="Whether they reach public addresses.")
    allow: Annotated[tuple[Cidr, ...], Strict(strict=False)] = Field(
        (),
        description="Private ranges that they reach at port 443: endpoints and mirrors.",
        examples=[["10.0.64.0/24"]],
    )


class DeclaredSecrets(Declared):
    """Where secrets are, never what they are."""

    backend: Literal["kubernetes", "external-secrets", "sops"] = Field(
        "kubernetes",
        description="kubernetes: made once by hand; external-secrets: an operator copies them; "
        "sops: encrypted in the repository.",
    )
    name: ObjectName = Field(SECRET, description="The Secret that Hub and proxy read.")
    store: ObjectName | None = Field(
        None, description="With external-secrets: the SecretStore of the namespace."
    )
    path: SecretPath | None = Field(
        None, description="With external-secrets: where they are in that store."
    )
    key: Arn | Line | None = Field(
        None, description="With sops: the key of AWS KMS, or a recipient of age."
    )


class DeclaredGitOps(Declared):
    """What brings a commit into force."""

    engine: Literal["none", "push", "argocd", "flux"] = Field(
        "none", description="none: jhp apply by hand; push: a hook or pipeline that calls it."
    )
    repository: Repository | None = Field(None, description="Where the engine reads this folder.")
    branch: Branch = Field("main", description="The branch that is in force.")


class DeclaredPipeline(Declared):
    """The pipeline that checks merge requests, and plans them."""

    provider: Literal["none", "github", "gitlab"] = Field("none", description="Whose pipeline.")
    role: Arn | None = Field(
        None, description="The role of AWS that it takes by OpenID Connect, without static keys."
    )


class DeclaredPool(Declared):
    """Nodes of one size, also if there is none at the moment."""

    instance: Line | None = Field(None, description="What the provider calls the size.")
    capacity: Amounts = Field(
        description="What one node has, before what its daemons take.",
        examples=[{"cpu": 16, "memory": "64Gi"}],
    )
    nodes: Annotated[int, Field(ge=1, le=10_000)] = Field(description="How many at most.")


class DeclaredEnvironment(Declared):
    """One of several places that are promoted one after the other: what differs there."""

    address: Address | None = Field(None, description="Where users find it.")
    namespace: ObjectName | None = Field(None, description="Its namespace.")
    context: Context | None = Field(None, description="Its context of kubectl.")
    branch: Branch | None = Field(None, description="The branch that is in force there.")


class DeclaredDeployment(Declared):
    """Where the platform runs, and from what it is installed; the Hub reads none of it."""

    target: Target = Field(
        description="laptop: processes of this machine; cluster: a Kubernetes that exists; eks and "
        "eks-govcloud: Amazon's; other: another cloud's Kubernetes.",
        examples=["cluster"],
    )
    address: Address | None = Field(
        None, description="Where users find it.", examples=["https://hub.example.org"]
    )
    namespace: ObjectName = Field(NAMESPACE, description="The namespace of Hub and servers.")
    release: ObjectName = Field("hub", description="The name of the chart's release.")
    context: Context | None = Field(
        None, description="The context of kubectl; apply refuses any other."
    )
    region: Region | None = Field(None, description="The region of AWS.")
    account: Account | None = Field(None, description="The account of AWS.")
    chart: DeclaredChart = Field(DeclaredChart(), description="The chart.")
    images: DeclaredDeployedImages = Field(DeclaredDeployedImages(), description="Images.")
    ingress: DeclaredIngress | None = Field(None, description="How users come in.")
    database: DeclaredDatabase | None = Field(
        None, description="Absent: sqlite on a laptop and a cluster, else postgresql."
    )
    storage_class: ObjectName | None = Field(
        None, description="StorageClass of homes and of the Hub's volume; absent: the default one."
    )
    egress: DeclaredEgress = Field(DeclaredEgress(), description="What servers reach.")
    secrets: DeclaredSecrets = Field(DeclaredSecrets(), description="Where secrets are.")
    gitops: DeclaredGitOps = Field(DeclaredGitOps(), description="What brings commits into force.")
    pipeline: DeclaredPipeline = Field(DeclaredPipeline(), description="What checks changes.")
    pools: dict[str, DeclaredPool] = Field({}, description="Node pools, by name.")
    alerts: Annotated[tuple[Mail, ...], Strict(strict=False)] = Field(
        (), description="Who is told when something is wrong.", examples=[["ops@example.org"]]
    )
    environments: dict[str, DeclaredEnvironment] = Field(
        {}, description="Several places, in the order of promotion; absent: one."
    )

    @property
    def is_on_cluster(self) -> bool:
        """Whether Kubernetes runs it."""
        return self.target != "laptop"

    @property
    def database_kind(self) -> str:
        """Where Hub and store are kept: what is said, or what suits the target."""
        if self.database is not None:
            return self.database.kind
        return "sqlite" if self.target in {"laptop", "cluster"} else "postgresql"

    @property
    def partition(self) -> str | None:
        """The partition of AWS, ``None`` elsewhere."""
        return {"eks": "aws", "eks-govcloud": "aws-us-gov"}.get(self.target)


def read_deployment(document: Mapping[str, Any]) -> DeclaredDeployment | None:
    """Return what a document without faults says of its deployment; ``None`` if it says nothing."""
    found = document.get("deployment")
    return None if found is None else DeclaredDeployment.model_validate(found)
