"""The page of levels, their scopes, and what no role may have."""

from jupyterhub_platform.core.levels import LEVELS, level_group
from jupyterhub_platform.hub.people import roles
from reference_pages.markdown import render_table


def render_levels() -> str:
    """Render levels, their scopes, and what no role may have."""
    everybody = set.intersection(*(set(scopes) for scopes in roles.LEVEL_SCOPES.values()))
    levels = (
        (
            f"`{level}`",
            rule.summary,
            "yes" if rule.may_start else "no",
            f"`{level_group(level)}`",
            ", ".join(f"`{s}`" for s in roles.LEVEL_SCOPES[level] if s not in everybody) or "-",
        )
        for level, rule in LEVELS.items()
    )
    custom = (
        (f"`{scope}`", str(entry["description"])) for scope, entry in roles.CUSTOM_SCOPES.items()
    )
    unsafe = (
        (f"`{scope}`", why, "no" if scope in roles.UNSAFE_WITHIN_GROUPS else "yes")
        for scope, why in roles.UNSAFE.items()
    )
    return "\n\n".join(
        [
            "# Levels and scopes",
            (
                "A level is a static JupyterHub role `platform-LEVEL` on a group `level:LEVEL`; "
                "the policy says who is in which. Level groups are never accounts."
            ),
            "## Levels",
            "Everyone has " + ", ".join(f"`{s}`" for s in sorted(everybody)) + ". Beyond that:",
            render_table(("Level", "What for", "Starts servers", "Group", "Scopes"), levels),
            "Level `admin` also makes a user an admin of the Hub.",
            "## Scopes of the platform",
            render_table(("Scope", "What it allows"), custom),
            "## Scopes that no role may have unfiltered",
            (
                "The Hub takes these, without a filter, from a role of users who are not admins "
                "when it starts. Roles of services alone are not checked."
            ),
            render_table(("Scope", "Its bearer", "A filter by group helps"), unsafe),
        ]
    )
