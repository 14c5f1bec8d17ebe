"""The dozen questions of ``jhp init``: what each asks, its help, its default, who is asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jupyterhub_platform.deploy.repository.answers import (
    NONE,
    TARGETS,
    Answers,
    Place,
    read_address,
    read_admin,
    read_alerts,
    read_egress,
    read_engine,
    read_groups,
    read_home,
    read_place,
    read_provider,
    read_quota,
    read_secrets,
)
from jupyterhub_platform.deploy.repository.pools import read_pools

Texts = Mapping[str, str]
"""Answers as they were written, by the keys of questions."""
_CLUSTER: Final = frozenset(TARGETS) - {"laptop"}
_GOV: Final = "eks-govcloud"


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    ``default`` is of a target; without an entry there is none, and it has to be answered.
    ``targets`` are those at which it is asked; elsewhere ``otherwise`` is the answer.
    """

    key: str
    asks: str
    help: str
    read: Callable[[str, Place], Any]
    default: Mapping[str, str]
    targets: frozenset[str] = frozenset(TARGETS)
    otherwise: str = NONE

    def default_for(self, target: str) -> str | None:
        """Return the answer to Enter alone."""
        return self.default.get(target, self.default.get("*"))

    def is_asked(self, target: str) -> bool:
        """Tell whether it is asked at a target."""
        return target in self.targets


QUESTIONS: Final = (
    Question(
        "target",
        "Where will it run?",
        "laptop: processes of this machine. cluster: a Kubernetes that exists, also kind. eks and "
        "eks-govcloud: Amazon's, with region and account, such as eks eu-central-1 123456789012. "
        "other: another cloud's Kubernetes.",
        lambda text, _: read_place(text),
        {"*": "laptop"},
    ),
    Question(
        "address",
        "At which address will users find it?",
        "The address in the browser, https://HOST; TLS ends at the load balancer or ingress. none: "
        "an operator forwards a port, for a first look.",
        read_address,
        {"cluster": NONE},
        _CLUSTER,
    ),
    Question(
        "identity",
        "Where do users log in?",
        "local: passwords that they set by an invite. oidc https://ISSUER CLIENT-ID: Keycloak, "
        "Entra ID, Okta, Login.gov. github CLIENT-ID. Only admins keep a password then. The "
        "client's secret is not asked for: RUNBOOK.md says where it goes.",
        lambda text, _: read_provider(text),
        {"*": "local"},
    ),
    Question(
        "admin",
        "Who is the first admin?",
        "Their user name: small letters, digits and . - _ @. They invite the others.",
        lambda text, _: read_admin(text),
        {"*": "admin"},
    ),
    Question(
        "groups",
        "Which groups are there, with whom?",
        "Servers are charged to groups. GROUP: USER USER, GROUP: the first user of each is its "
        "manager, the others are developers. More users come later, on the People page.",
        lambda text, _: read_groups(text),
        {"*": "research"},
    ),
    Question(
        "pools",
        "Which nodes do servers run on?",
        "INSTANCE x NODES or CPU MEMORY x NODES: m6i.4xlarge x 10, 8 CPU 32Gi 1 GPU x 2. Tiers "
        "are proposed so that they fit after what the system and daemons take of a node.",
        lambda text, _: read_pools(text),
        {
            "laptop": "4 CPU 8Gi x 1",
            "cluster": "4 CPU 16Gi x 1",
            "eks": "m6i.4xlarge x 10",
            _GOV: "m6i.4xlarge x 10",
            "other": "16 CPU 64Gi x 10",
        },
    ),
    Question(
        "quota",
        "How many servers at once may a user have, and a group?",
        "Two numbers, such as 2, 10. What they may hold of CPU, memory and GPUs follows from the "
        "nodes; all of it is in platform.yaml.",
        lambda text, _: read_quota(text),
        {"laptop": "2, 4", "*": "2, 20"},
    ),
    Question(
        "home",
        "How large is a user's home, in which StorageClass?",
        "SIZE, or SIZE CLASS, such as 10Gi gp3. Without a class it is the cluster's default one. "
        "none: files end with the server.",
        lambda text, _: read_home(text),
        {"eks": "10Gi gp3", _GOV: "10Gi gp3", "*": "10Gi"},
        _CLUSTER,
    ),
    Question(
        "egress",
        "What do servers reach besides the Hub?",
        "internet, and then the registry that has your images. Or nothing: HOST/PATH of a registry "
        "that mirrors all images, followed by the private ranges that servers reach at port 443, "
        "such as registry.example.org/hub 10.0.64.0/24.",
        read_egress,
        {"cluster": "internet", "eks": "internet"},
        _CLUSTER,
        "internet",
    ),
    Question(
        "secrets",
        "Where will secrets be?",
        "kubernetes: a Secret that you make once. external-secrets /PATH: an operator copies them "
        "from a store. sops KEY: encrypted in the repository, for a key of KMS or age. No secret "
        "is asked for or written here.",
        read_secrets,
        {"*": "kubernetes"},
        _CLUSTER,
        "kubernetes",
    ),
    Question(
        "gitops",
        "What brings a commit into force?",
        "none: jhp apply by hand. push: a hook or pipeline calls it. argocd REPOSITORY or flux "
        "REPOSITORY: an engine in the cluster follows the repository. Then github or gitlab, for "
        "the pipeline that validates and plans merge requests; none for no pipeline.",
        read_engine,
        {"*": "none github", "eks": "push github", _GOV: "push gitlab", "other": "push github"},
    ),
    Question(
        "alerts",
        "Who is told when something is wrong?",
        "E-mail addresses, or none.",
        lambda text, _: read_alerts(text),
        {"*": NONE},
    ),
)
KEYS: Final = tuple(each.key for each in QUESTIONS)


def read_answers(texts: Texts) -> Answers:
    """Read all answers; those of questions that are not asked may be missing.

    Raises
    ------
    AnswerError
        Raised at the first that cannot be taken.
    """
    place = read_place(texts["target"])
    read = {each.key: each.read(text_of(each, texts), place) for each in QUESTIONS}
    return Answers(
        place=place,
        address=read["address"] if place.target in _CLUSTER else "",
        provider=read["identity"],
        admin=read["admin"],
        groups=read["groups"],
        pools=read["pools"],
        quota=read["quota"],
        home=read["home"],
        egress=read["egress"],
        secrets=read["secrets"],
        engine=read["gitops"],
        alerts=read["alerts"],
    )


def text_of(question: Question, texts: Texts) -> str:
    """Return what was answered, or what counts where it is not asked."""
    target = texts["target"].split()[0]
    if not question.is_asked(target):
        return question.otherwise
    return texts.get(question.key) or question.default_for(target) or ""
