"""Settings for the operator: ``c.Platform.…``."""

import os
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from traitlets import Bool, Float, Integer, List, TraitError, Unicode, default, validate
from traitlets import Dict as DictTrait

from jupyterhub_platform.core.branding import BrandingError, read_color, read_links
from jupyterhub_platform.core.options import OPTION_NAMES, PROFILE
from jupyterhub_platform.hub.configuration.hardening import HARD_PROFILE
from jupyterhub_platform.hub.notices.settings import NoticeTraits
from jupyterhub_platform.settings import Settings


class PlatformTraits(NoticeTraits):
    """The settings of :class:`~jupyterhub_platform.hub.platform.Platform`."""

    state_dir = Unicode(
        help="Directory for what must survive a restart on one machine. Env: PLATFORM_STATE_DIR."
    ).tag(config=True)

    policy_file = Unicode(
        help="The policy: platform.yaml. Env: PLATFORM_FILE; by default in the state directory."
    ).tag(config=True)

    database_url = Unicode(
        help="""
        SQLAlchemy URL of the platform's own store, never the Hub's own database.
        It may hold a password: set it in the environment, PLATFORM_DB_URL.
        By default SQLite in the state directory.
        """
    ).tag(config=True)

    service_url = Unicode(
        "http://127.0.0.1:8190",
        help="""
        Where the admin service listens, as the proxy reaches it. ``http+unix://%2Fpath`` is a Unix
        socket. Env: PLATFORM_SERVICE_URL.
        """,
    ).tag(config=True)

    watch_seconds = Float(
        2.0, help="How often the policy file is looked at for changes; 0 reloads only when told to."
    ).tag(config=True)

    check_seconds = Float(
        60.0, help="How often the book, the servers and the ledger are compared."
    ).tag(config=True)

    store_retry_seconds = Float(
        2.0, help="How often a store that does not answer is tried again."
    ).tag(config=True)

    audit_keep_days = Float(
        0.0,
        min=0.0,
        help="""
        For how many days rows of the audit are kept; 0 keeps them all. Older ones are removed, and
        a checkpoint stays that the Hub signs with audit-key in the state directory: keep a copy of
        audit-key.pub, and export what shall be kept before (jhp audit export).
        """,
    ).tag(config=True)

    lifetime_seconds = Float(
        15.0, help="How often servers are looked at whose time may be over: deadline or idle."
    ).tag(config=True)

    leaving_seconds = Float(
        900.0,
        help="""
        How long servers go on of a user whom no rule under ``identity.rules`` lets in any more.
        They cannot be reached meanwhile; the time is there to correct a rule that was wrong.
        """,
    ).tag(config=True)

    metric_groups = Integer(
        200,
        help="""
        Of how many groups the metrics say what is held and allowed: those with the most servers. A
        thousand make a scrape take some 35 ms of the Hub's time, 200 some 8 ms.
        """,
    ).tag(config=True)

    hard_profile = Bool(
        help="""
        Turn on what needs TLS and a DNS name with a wildcard below it: a host of its own for each
        person's servers, and cookies that no other host can plant. Env: PLATFORM_HARD_PROFILE=1.
        """
    ).tag(config=True)

    invite_hours = Integer(72, help="For how many hours an invite can be used.").tag(config=True)

    sample_passwords_file = Unicode(
        help="""
        JSON file with passwords for people who have none yet, for a first start on a laptop.
        Never set it on a platform that others can reach.
        """
    ).tag(config=True)

    manage_memberships = Bool(
        True,
        help="Write declared memberships into the Hub's groups. Levels are written either way.",
    ).tag(config=True)

    other_options = List(
        Unicode(),
        help="""
        Options of servers that another package sends and reads: admission passes over them.

        Every option that is not listed here is refused. Whatever a spawner makes of one of these
        is checked in the pod like any other change.
        """,
    ).tag(config=True)

    trusted_proxies = List(
        Unicode(),
        help="""
        Addresses and networks of proxies whose X-Forwarded headers are believed: 10.1.2.0/24.

        Known without being named: a process of this machine that runs as the Hub does, such as the
        proxy that the Hub starts, and on Kubernetes the proxy of Zero to JupyterHub. Name your own
        proxy if it speaks to the Hub directly. One in front of the Hub's proxy belongs into
        c.JupyterHub.trusted_downstream_ips.
        """,
    ).tag(config=True)

    site_name = Unicode(
        help="""
        What the navigation and the titles of all pages call the platform; by default the ``name``
        in the policy file, and nothing where that is JupyterHub's own.
        """
    ).tag(config=True)

    logo_file = Unicode(
        help="""
        The logo in the navigation of all pages: PNG, JPEG, GIF, WebP or SVG, 256 KiB at most.
        By default c.JupyterHub.logo_file.
        """
    ).tag(config=True)

    logo_file_dark = Unicode(
        help="The logo on dark pages; by default the same as on light ones."
    ).tag(config=True)

    accent_color = Unicode(
        help="""
        The colour of links, buttons and charts, such as #1f6feb. The Hub says so when it cannot be
        read well: text needs a contrast of 4.5 to 1.
        """
    ).tag(config=True)

    accent_color_dark = Unicode(
        help="The same on dark pages; by default made lighter until it can be read there."
    ).tag(config=True)

    help_links = DictTrait(
        value_trait=Unicode(),
        key_trait=Unicode(),
        help="""
        Links in the navigation of all pages, by their titles, 8 at most: addresses with https://,
        http:// or mailto:, or paths that begin with one slash.
        """,
    ).tag(config=True)

    @validate("accent_color", "accent_color_dark")
    def _are_colors(self, proposal: Mapping[str, Any]) -> str:
        name, text = proposal["trait"].name, str(proposal["value"])
        try:
            return read_color(text) if text else ""
        except BrandingError as error:
            raise TraitError(f"c.Platform.{name}: {error}") from None

    @validate("help_links")
    def _are_links(self, proposal: Mapping[str, Any]) -> dict[str, str]:
        links = dict(proposal["value"])
        try:
            read_links(links)
        except BrandingError as error:
            raise TraitError(f"c.Platform.help_links: {error}") from None
        return links

    @validate("trusted_proxies")
    def _are_networks(self, proposal: Mapping[str, Any]) -> list[str]:
        for text in proposal["value"]:
            try:
                ip_network(text, strict=False)
            except ValueError:
                raise TraitError(
                    f"c.Platform.trusted_proxies has {text!a}: neither address nor network; "
                    "write for example 10.1.2.3 or 10.1.2.0/24"
                ) from None
        return list(proposal["value"])

    @validate("other_options")
    def _not_ours(self, proposal: Mapping[str, Any]) -> list[str]:
        names: list[str] = list(proposal["value"])
        ours = sorted({*OPTION_NAMES, PROFILE} & set(names))
        if ours:
            raise TraitError(
                f"c.Platform.other_options names {', '.join(ours)}, which admission itself reads; "
                "take it out of the list"
            )
        return names

    def own_options(self, options: Any) -> Any:
        """Return ``options`` without those that another package reads."""
        if not self.other_options or not isinstance(options, Mapping):
            return options
        return {key: value for key, value in options.items() if key not in self.other_options}

    @default("state_dir")
    def _default_state_dir(self) -> str:
        return str(Settings.from_environment(os.environ).state_dir)

    @default("policy_file")
    def _default_policy_file(self) -> str:
        return os.environ.get("PLATFORM_FILE") or str(Path(self.state_dir) / "platform.yaml")

    @default("database_url")
    def _default_database_url(self) -> str:
        own = f"sqlite:///{Path(self.state_dir).absolute() / 'platform.sqlite'}"
        return os.environ.get("PLATFORM_DB_URL") or own

    @default("hard_profile")
    def _default_hard_profile(self) -> bool:
        return os.environ.get(HARD_PROFILE) == "1"
