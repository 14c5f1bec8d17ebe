"""Answers of all kinds of sites, for what must hold whatever is answered."""

from hypothesis import strategies as st

GOV = "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com"
PLACES = {
    "laptop": {"target": "laptop"},
    "cluster": {"target": "cluster"},
    "eks": {"target": "eks eu-central-1 123456789012", "address": "https://hub.site.org"},
    "eks-govcloud": {
        "target": "eks-govcloud us-gov-west-1 123456789012",
        "address": "https://hub.agency.gov",
        "egress": f"{GOV} 10.0.64.0/24",
    },
    "other": {
        "target": "other",
        "address": "https://hub.site.org",
        "egress": "internet registry.site.org/hub",
    },
}
"""The shortest answers of each target."""

name = st.from_regex(r"[a-z][a-z0-9]{1,8}", fullmatch=True).filter(lambda each: each != "admin")
pool = st.sampled_from(
    ["m6i.4xlarge x 10", "r7i.2xlarge x 3", "16 CPU 64Gi x 4", "2 CPU 4Gi x 1", "c6a.large x 2"]
)
gpu_pool = st.sampled_from(["g4dn.2xlarge x 4", "g5.12xlarge x 1", "8 CPU 32Gi 2 GPU x 2"])


@st.composite
def answers(draw: st.DrawFn) -> dict[str, str]:
    """Answers of any target, each as a site might give it."""
    target = draw(st.sampled_from(sorted(PLACES)))
    given = dict(PLACES[target])
    groups = draw(st.dictionaries(name, st.lists(name, max_size=4), min_size=1, max_size=4))
    # A name that is a group's and a user's is confusing, and not what is tried here.
    given["groups"] = ", ".join(
        f"{group}: {' '.join(each for each in members if each not in groups)}"
        for group, members in groups.items()
    )
    given["pools"] = ", ".join([draw(pool), *([draw(gpu_pool)] if draw(st.booleans()) else [])])
    user = draw(st.integers(1, 9))
    given["quota"] = f"{user}, {user + draw(st.integers(0, 90))}"
    given["identity"] = draw(
        st.sampled_from(["local", "oidc https://id.site.org/realm hub", "github Iv1.0123456789"])
    )
    given["alerts"] = draw(st.sampled_from(["none", "ops@site.org", "a@b.org, c@d.org"]))
    pipeline = draw(st.sampled_from(["github", "gitlab", "none"]))
    if target == "laptop":
        engines = ["none", "push"]
    else:
        engines = ["none", "push", "flux https://git.site.org/hub.git"]
        engines += ["argocd git@git.site.org:hub/hub.git"]
        given["home"] = draw(st.sampled_from(["none", "10Gi", "20Gi fast"]))
    engine = draw(st.sampled_from(engines))
    given["gitops"] = f"{engine} {pipeline}"
    if target != "laptop" and not engine.startswith("argocd"):
        arn = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1"
        keys = {"eks-govcloud": [f"sops {arn}"], "eks": []}.get(target, ["sops age1qqqq"])
        backends = ["kubernetes", "external-secrets /hub/prod", *keys]
        given["secrets"] = draw(st.sampled_from(backends))
    return given
