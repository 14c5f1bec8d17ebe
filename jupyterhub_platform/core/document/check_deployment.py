"""Checks that ``deployment:`` fits its target: AWS's partitions, mirrors, where secrets may be."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jupyterhub_platform.core.document.compile_tiers import read_amounts
from jupyterhub_platform.core.document.faults import FaultCollector, KeyPath, quote, split_message
from jupyterhub_platform.core.document.schema import Declaration
from jupyterhub_platform.core.document.schema_deployment import ON_AWS, DeclaredDeployment
from jupyterhub_platform.core.errors import IdentityError
from jupyterhub_platform.core.identity import check_name

SECTION: Final = "deployment"
_PLACEHOLDER: Final = re.compile(
    r"CHANGE[-_ ]?ME|REPLACE[-_ ]?ME|FIX[-_ ]?ME|\bTODO\b|<[^<>]+>", re.IGNORECASE
)
_SECRET: Final = re.compile(
    r"-----BEGIN|AKIA[0-9A-Z]{16}|ASIA[0-9A-Z]{16}|gh[opsu]_\w{30,}|glpat-[\w-]{20}|xox[abp]-\w+"
    r"|AGE-SECRET-KEY-|eyJ[\w-]{10,}\.[\w-]{10,}"
)
_ONLY_ON_CLUSTER: Final = (
    "context",
    "ingress",
    "database",
    "storage_class",
    "environments",
    "pools",
)
_ONLY_ON_AWS: Final = ("region", "account")


def check_deployment(declared: Declaration, faults: FaultCollector) -> None:
    """Report what does not fit the target, or each other."""
    if declared.deployment is not None:
        _Checks(declared, declared.deployment, faults).run()


class _Checks:
    def __init__(
        self, declared: Declaration, deployment: DeclaredDeployment, faults: FaultCollector
    ) -> None:
        self._declared = declared
        self._deployment = deployment
        self._faults = faults

    def run(self) -> None:
        self._check_texts()
        self._check_target()
        if self._deployment.target in ON_AWS:
            self._check_partition()
        self._check_address()
        self._check_ingress()
        self._check_mirror()
        self._check_secrets()
        self._check_gitops()
        self._check_names()
        for name, pool in self._deployment.pools.items():
            read_amounts(self._faults, (SECTION, "pools", name, "capacity"), pool.capacity)

    def _add(self, key: str, what: str, fix: str) -> None:
        path: KeyPath = (SECTION, *key.split(".")) if key else (SECTION,)
        self._faults.add(path, what, fix)

    def _check_texts(self) -> None:
        plain = self._deployment.model_dump(by_alias=True)
        for path, text in _walk(plain, (SECTION,)):
            if _SECRET.search(text):
                # It is not repeated: it would stand in logs.
                what = "looks like a secret, and this file is read by many"
                self._faults.add(path, what, "remove it, and change it where it is valid")
            elif _PLACEHOLDER.search(text):
                self._faults.add(
                    path, f"{quote(text)} is a placeholder", "write what it stands for"
                )

    def _check_target(self) -> None:
        target = self._deployment.target
        given = self._deployment.model_fields_set
        if not self._deployment.is_on_cluster:
            for key in _ONLY_ON_CLUSTER:
                if key in given:
                    self._add(key, "means nothing on a laptop", "remove it, or name another target")
        for key in _ONLY_ON_AWS:
            value = getattr(self._deployment, key)
            if target in ON_AWS and value is None:
                self._add("", f"has no {key}, which {target} needs", f"write {key} below it")
            elif target not in ON_AWS and value is not None:
                self._add(key, f"means nothing on {target}", "remove it, or name another target")
        if target in ON_AWS and self._deployment.address is None:
            what = f"has no address, and on {target} users come in through a load balancer"
            self._add("", what, "write address: https://… below it")

    def _check_partition(self) -> None:
        partition = self._deployment.partition
        region = self._deployment.region or ""
        if region and region.startswith("us-gov-") != (partition == "aws-us-gov"):
            wanted = "us-gov-west-1" if partition == "aws-us-gov" else "eu-central-1"
            what = f"{quote(region)} is not a region of the partition {partition}"
            self._add("region", what, f"write for example {wanted}, or name the other target")
        plain = self._deployment.model_dump(by_alias=True)
        for path, text in _walk(plain, (SECTION,)):
            other = re.match(r"arn:(aws[a-z-]*):", text)
            if other and other[1] != partition:
                what = f"is an ARN of the partition {other[1]}, and the target is in {partition}"
                self._faults.add(path, what, f"write arn:{partition}:…")
            elif partition == "aws-us-gov" and _is_commercial(text):
                what = f"{quote(text)} is an endpoint of AWS outside of GovCloud"
                self._faults.add(path, what, "name the region's own endpoint, with us-gov- in it")

    def _check_address(self) -> None:
        ingress = self._deployment.ingress
        is_plain_meant = ingress is not None and ingress.tls == "none"
        needs_tls = self._deployment.target in {*ON_AWS, "other"} and not is_plain_meant
        places = {"address": self._deployment.address}
        places |= {
            f"environments.{name}.address": each.address
            for name, each in self._deployment.environments.items()
        }
        for key, address in places.items():
            if address and address.startswith("http:") and needs_tls:
                what = "is plain HTTP, over which passwords and tokens would be read"
                self._add(key, what, "write https://…, or ingress: {tls: none} if that is meant")

    def _check_ingress(self) -> None:
        ingress = self._deployment.ingress
        if ingress is None:
            return
        if self._deployment.address is None:
            self._add("ingress", "has no host to be reached at", "write address: below deployment")
        if (ingress.tls == "secret") != (ingress.secret is not None):
            wrong = ingress.secret is None
            what = "names no Secret with the certificate" if wrong else "means nothing here"
            fix = "write secret: NAME beside it" if wrong else "write tls: secret beside it"
            self._add("ingress.tls" if wrong else "ingress.secret", what, fix)
        if ingress.certificate is not None and self._deployment.target not in ON_AWS:
            self._add("ingress.certificate", "is of AWS alone", "use tls: secret, or remove it")

    def _check_mirror(self) -> None:
        registry = self._deployment.images.registry
        if registry is None:
            if self._deployment.target == "eks-govcloud":
                what = "has no registry, and GovCloud reaches no public one"
                self._add("images", what, "write registry: HOST/PATH of your mirror below it")
            return
        images = self._deployment.images
        found: dict[KeyPath, str] = {
            (SECTION, "images", "hub"): images.hub,
            (SECTION, "images", "singleuser"): images.singleuser,
        }
        found |= {
            ("images", name, "reference"): each.reference
            for name, each in self._declared.images.items()
            if each.reference is not None
        }
        for path, reference in found.items():
            if not reference.startswith(f"{registry}/"):
                what = f"{quote(reference)} is not in the mirror {quote(registry)}"
                self._faults.add(path, what, "mirror it, and name it there")

    def _check_secrets(self) -> None:
        secrets, target = self._deployment.secrets, self._deployment.target
        if secrets.backend == "external-secrets":
            for key in ("store", "path"):
                if getattr(secrets, key) is None:
                    self._add("secrets", f"names no {key}", f"write {key}: below it")
        if secrets.backend == "sops":
            if secrets.key is None:
                self._add("secrets", "names no key to encrypt with", "write key: below it")
            elif target == "eks-govcloud" and secrets.key.startswith("age"):
                what = "is a key of age, whose cryptography is not validated"
                self._add("secrets.key", what, "write the ARN of a key of AWS KMS")
            if self._deployment.gitops.engine == "argocd":
                what = "cannot be decrypted by Argo CD, which would apply the ciphertext"
                self._add("secrets.backend", what, "use external-secrets, or the engine flux")
        if target == "laptop" and "secrets" in self._deployment.model_fields_set:
            what = "means nothing on a laptop, where secrets are in the state directory"
            self._add("secrets", what, "remove it, or name another target")

    def _check_gitops(self) -> None:
        gitops = self._deployment.gitops
        if gitops.engine in {"argocd", "flux"}:
            if not self._deployment.is_on_cluster:
                self._add("gitops.engine", "needs a cluster", "use push, or name another target")
            if gitops.repository is None:
                what = f"names no repository for {gitops.engine} to read"
                self._add("gitops", what, "write repository: below it")
        pipeline = self._deployment.pipeline
        if pipeline.role is not None and self._deployment.target not in ON_AWS:
            self._add("pipeline.role", "is of AWS alone", "remove it, or name another target")

    def _check_names(self) -> None:
        seen: dict[tuple[object, ...], str] = {}
        for name, each in self._deployment.environments.items():
            path: KeyPath = (SECTION, "environments", name)
            try:
                check_name(name, "environment")
            except IdentityError as error:
                self._faults.add(path, *split_message(str(error), "choose another name"))
            context = each.context or self._deployment.context
            place = (context, each.namespace or self._deployment.namespace)
            first = seen.setdefault(place, name)
            if first != name:
                what = f"is in the same place as {quote(first)}: the same context and namespace"
                self._faults.add(path, what, "name another namespace or context")


def _walk(node: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(node, str):
        yield path, node
    elif isinstance(node, Mapping):
        for key, below in node.items():
            yield from _walk(below, (*path, key))
    elif isinstance(node, tuple):
        for number, below in enumerate(node):
            yield from _walk(below, (*path, number))


def _is_commercial(text: str) -> bool:
    host = text.partition("://")[2].partition("/")[0] or text.partition("/")[0]
    return host.endswith((".amazonaws.com", ".aws.dev", ".api.aws")) and "us-gov-" not in host
