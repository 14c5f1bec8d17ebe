"""The platform within the Hub: its settings, and its jobs while the Hub runs."""

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from tornado.ioloop import IOLoop
from traitlets import TraitError

from jupyterhub_platform.core.branding import list_weak
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.policy_warnings import list_warnings
from jupyterhub_platform.factory import Runtime, build_runtime
from jupyterhub_platform.hub.audit.audit_trim import TRIM_SECONDS, AuditTrim
from jupyterhub_platform.hub.audit.audit_watch import CHECK_SECONDS, AuditWatch
from jupyterhub_platform.hub.configuration.hardening import (
    Weakened,
    check_hard_profile,
    find_weakened,
)
from jupyterhub_platform.hub.configuration.ineffective_settings import (
    find_ineffective,
    find_unfed,
    find_unused_providers,
    list_replaced,
)
from jupyterhub_platform.hub.configuration.logo import Logo, read_logo
from jupyterhub_platform.hub.jobs import Job, Jobs
from jupyterhub_platform.hub.metrics import platform_metrics
from jupyterhub_platform.hub.metrics.held_metrics import expose_held
from jupyterhub_platform.hub.notices.delivery import Notices
from jupyterhub_platform.hub.people.hub_queries import list_member_names
from jupyterhub_platform.hub.people.leavers import Leavers
from jupyterhub_platform.hub.people.membership_sync import LOOK_SECONDS as SETTLE_LOOK_SECONDS
from jupyterhub_platform.hub.people.membership_sync import MembershipSync
from jupyterhub_platform.hub.people.password_hashes import Argon2Hasher, read_sample_passwords
from jupyterhub_platform.hub.people.privileges import revoke_undeclared_privileges
from jupyterhub_platform.hub.people.refused_roles import find_refused, take_away
from jupyterhub_platform.hub.people.role_reach import narrow_scopes
from jupyterhub_platform.hub.people.roles import list_named
from jupyterhub_platform.hub.people.suspension import SuspensionEnforcer
from jupyterhub_platform.hub.platform_traits import PlatformTraits
from jupyterhub_platform.hub.policy.access_request_expiry import LOOK_SECONDS as REQUEST_SECONDS
from jupyterhub_platform.hub.policy.access_request_expiry import AccessRequestExpiry
from jupyterhub_platform.hub.policy.bulk_changes import LOOK_SECONDS as BULK_SECONDS
from jupyterhub_platform.hub.policy.bulk_changes import BulkRunner
from jupyterhub_platform.hub.policy.managed_objects import ManagedObjects
from jupyterhub_platform.hub.policy.policy_watch import PolicyWatch
from jupyterhub_platform.hub.servers.drift import DriftChecker
from jupyterhub_platform.hub.servers.failed_stops import FailedStops
from jupyterhub_platform.hub.servers.inventory import stored_servers, unstopped_servers
from jupyterhub_platform.hub.servers.lifetimes import Lifetimes
from jupyterhub_platform.hub.servers.recovery import ServerRecovery
from jupyterhub_platform.hub.threads import in_store_thread
from jupyterhub_platform.hub.upstream.event_loop import (
    freeze_heap_once_served,
    shorten_switch_interval,
)
from jupyterhub_platform.hub.upstream.http_server import serve_with_limits
from jupyterhub_platform.hub.upstream.monotonic_timers import use_monotonic_timers
from jupyterhub_platform.hub.upstream.scope_narrowing import narrow_scopes_of_users
from jupyterhub_platform.hub.upstream.secure_cookies import keep_server_cookies_secure
from jupyterhub_platform.hub.upstream.shutdown import answer_while_shutting_down
from jupyterhub_platform.hub.usage_watch import SETTLE_SECONDS, UsageWatch
from jupyterhub_platform.settings import Settings
from jupyterhub_platform.usecases.admission import Admission
from jupyterhub_platform.usecases.audit_key import find_or_make_key, read_public
from jupyterhub_platform.usecases.claimed_people import ClaimedPeople
from jupyterhub_platform.usecases.consistency import list_held, rebuild
from jupyterhub_platform.usecases.policies import say_locked_out
from jupyterhub_platform.usecases.snapshot import Snapshot

SETTINGS_KEY = "platform"


class Platform(PlatformTraits):
    """Governs who may start what, within one Hub process."""

    @property
    def settings(self) -> Settings:
        """Where things are."""
        return Settings(
            Path(self.state_dir).absolute(), Path(self.policy_file).absolute(), self.database_url
        )

    def start(self, app: Any) -> None:
        """Open the store, put the policy into force, and fill the book, before anything is served.

        Raises
        ------
        PlatformError
            Raised if that fails: a Hub that cannot govern does not start.
        """
        self.app = app
        self.api_url = f"{app.hub_prefix}api/platform"
        for step in (
            self._check_configuration,
            self._open_store,
            self._check_privileges,
            self._set_up_web_server,
            self._enforce_policy,
            self._warn_operator,
            self._provide_sample_passwords,
            self._fill_book,
            self._watch_store,
            self._serve_managed_objects,
            self._set_up_notices,
            self._start_jobs,
        ):
            step()

    def _check_configuration(self) -> None:
        """Refuse settings that the hard profile excludes, and name those without effect."""
        self._read_logos()
        shorten_switch_interval()
        if self.hard_profile:
            check_hard_profile(self.app.config)
        for sentence in find_ineffective(self.app):
            self.tell(sentence)
        if replaced := list_replaced(self.app):
            # Charts set these by themselves.
            self.log.info("Images and amounts of tiers replace %s", ", ".join(replaced))

    def _read_logos(self) -> None:
        """Read the logos once, and name colours that cannot be read well."""
        named = (("logo_file", self.logo_file), ("logo_file_dark", self.logo_file_dark))
        light, dark = (
            read_logo(Path(file), f"c.Platform.{trait}") if file else None for trait, file in named
        )
        self.logos: tuple[Logo | None, Logo | None] = (light, dark)
        for weak in list_weak(self.accent_color, self.accent_color_dark):
            self.tell(f"c.Platform.accent_color: {weak}.")

    def _open_store(self) -> None:
        """Open the store, and put the policy into force."""
        self.runtime: Runtime = build_runtime(self.settings, Argon2Hasher(), in_store_thread)

    def _check_privileges(self) -> None:
        """Take from roles what reaches too far, and revoke what the policy does not give."""
        app, policy = self.app, self.snapshot.policy
        specs, scopes = list_named(app), app.extra_user_scopes
        self.refused_roles = find_refused(specs, scopes, app.custom_scopes, policy.admins())
        take_away(app.db, self.refused_roles)
        for role in self.refused_roles:
            self.tell(role.sentence)
        narrow_scopes_of_users(self._narrow_scopes)
        for sentence in revoke_undeclared_privileges(app.db, policy):
            self.tell(sentence)

    def _narrow_scopes(self, user: Any, scopes: frozenset[str]) -> frozenset[str]:
        """Hold what roles give a user over other people to whom they are not below, now."""
        members = partial(list_member_names, self.app.db)
        return narrow_scopes(scopes, user.name, self.snapshot.policy, members)

    def _set_up_web_server(self) -> None:
        """Serve through a web server with limits, which knows its proxies."""
        keep_server_cookies_secure(self.app)
        self.proxies = serve_with_limits(self.app, self.trusted_proxies)

    def _enforce_policy(self) -> None:
        """Make what enforces the policy on people and servers while the Hub runs."""
        self.failed_stops = FailedStops(self.app)
        self.lifetimes = Lifetimes(self.app, self.admission.book)
        stays = timedelta(seconds=self.leaving_seconds)
        self.leavers = Leavers(self.app, self.admission.book, lambda: self.snapshot.policy, stays)
        self.suspension = SuspensionEnforcer(self.app, self.runtime)
        self.memberships = MembershipSync(
            self.app, self.runtime, levels_only=not self.manage_memberships
        )
        self.policy_watch = PolicyWatch(
            self.runtime, self.memberships.settle, self.suspension.settle
        )

    def _warn_operator(self) -> None:
        """Name weakened settings, a lockout of all admins, and doubtful parts of the policy."""
        locked = say_locked_out(self.snapshot, datetime.now(UTC), self.settings.policy_file)
        weak = (weak.sentence for weak in self.list_weakened())
        policy = self.snapshot.policy
        unused = (*find_unused_providers(self.app, policy), *find_unfed(self.app, policy))
        for sentence in (*weak, *unused, locked, *list_warnings(self.snapshot.policy)):
            if sentence:
                self.tell(sentence)

    def _provide_sample_passwords(self) -> None:
        """Give users of a new platform the passwords that ``jhp up`` shows."""
        if getattr(self.app.authenticator, "local_credentials", False):
            samples = read_sample_passwords(self.sample_passwords_file)
            self.runtime.credentials.provide_samples(samples)

    def _fill_book(self) -> None:
        """Rebuild what is held, from the servers of the Hub's database and the ledger."""
        stored = list(stored_servers(self.app.db))
        known = {server.spawner_id for server in stored}
        other = (h for h in list_held(self.runtime.store) if h.spawner_id not in known)
        unstopped = list(unstopped_servers(self.app.db, other))
        rebuild(self.admission, self.runtime.store, [*stored, *unstopped])
        IOLoop.current().add_callback(self.failed_stops.take_up, unstopped)

    def _watch_store(self) -> None:
        """Begin to compare the book with the truth, and to verify the audit."""
        use_monotonic_timers(IOLoop.current())
        self.checker = DriftChecker(self.app, self.runtime)
        state, days = self.settings.state_dir, self.audit_keep_days
        self._audit_key = find_or_make_key(state) if days else None
        public = self._audit_key.public if self._audit_key else read_public(state)
        if public is not None:
            self.log.info("The key of the audit's checkpoints is %s", public.render())
        self.audit_watch = AuditWatch.begin(self.app, self.runtime, public)
        answer_while_shutting_down()
        platform_metrics.STORE_UP.set(1)
        platform_metrics.report_drift(())
        expose_held(lambda: (self.admission.book, self.snapshot.policy), self.metric_groups)

    def _serve_managed_objects(self) -> None:
        """Make what changes the objects that are managed in the Hub."""
        self.managed = ManagedObjects(self.runtime, self.memberships, self.suspension.settle)
        self.claimed = ClaimedPeople(
            self.runtime.store,
            self.runtime.credentials,
            lambda: self.snapshot,
            self.managed.log_in,
            in_store_thread,
        )
        self.bulk = BulkRunner(self.app, self.runtime, self.managed, self.suspension.settle)

    def _set_up_notices(self) -> None:
        """Make what tells people of requests and grants."""
        self.notices = Notices(self.app, self.runtime, self.read_notice_settings())

    def _start_jobs(self) -> None:
        """Begin what runs again and again, in the Hub's loop."""
        self._jobs = Jobs()
        for job in self._list_jobs():
            self._jobs.begin(job)
        self.notices.begin(self.repeat)
        IOLoop.current().add_callback(self.memberships.settle)
        IOLoop.current().add_callback(self.suspension.settle)
        IOLoop.current().add_callback(freeze_heap_once_served, self.app)

    def _list_jobs(self) -> Iterator[Job]:
        yield Job(self.policy_watch.check, self.watch_seconds)
        yield Job(self.checker.check, self.check_seconds)
        yield Job(self._retry_store, self.store_retry_seconds)
        yield Job(self.failed_stops.end, 5.0)
        yield Job(self.suspension.settle, 5.0)
        yield Job(self.managed.follow_clock, SETTLE_LOOK_SECONDS)
        yield Job(self.memberships.sync_if_due, SETTLE_LOOK_SECONDS)
        yield Job(self.lifetimes.keep_deadlines, self.lifetime_seconds)
        yield Job(self.lifetimes.stop_unused, self.lifetime_seconds)
        yield Job(self.leavers.stop_servers, self.lifetime_seconds)
        yield Job(ServerRecovery(self.app, self.admission.book).recover, 5.0)
        yield Job(self.audit_watch.check, CHECK_SECONDS, at_once=True)
        yield Job(self.bulk.run, BULK_SECONDS, at_once=True)
        expiry = AccessRequestExpiry(self.runtime, self.notices.notify)
        yield Job(expiry.run, REQUEST_SECONDS, at_once=True)
        if self._audit_key is not None:
            trim = AuditTrim(self.runtime, self._audit_key, timedelta(days=self.audit_keep_days))
            yield Job(trim.check, TRIM_SECONDS, at_once=True)
        yield Job(UsageWatch(self.runtime).check, SETTLE_SECONDS, at_once=True)

    def repeat(self, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        """Call something as soon as the Hub serves, and at this interval from then on."""
        self._jobs.begin(Job(work, seconds, at_once=True))

    @property
    def admission(self) -> Admission:
        """The gate."""
        return self.runtime.admission

    @property
    def snapshot(self) -> Snapshot:
        """The policy in force."""
        return self.runtime.in_force.snapshot

    def list_weakened(self) -> list[Weakened]:
        """Return the settings that the site made weaker than the platform's defaults."""
        app = self.app
        classes = {
            "JupyterHub": type(app),
            "Authenticator": type(app.authenticator),
            "Spawner": app.spawner_class,
        }
        weakened = find_weakened(app.config, classes, hard=self.hard_profile)
        return [*weakened, *self.find_weakened_notices()]

    def lets_in(self, name: str) -> bool:
        """Tell whether the policy declares a user, and nothing keeps them out now."""
        snapshot, now = self.snapshot, datetime.now(UTC)
        return snapshot.policy.lets_in(name, now) and snapshot.suspension_of(name, now) is None

    def tell(self, sentence: str) -> None:
        """Tell the operator of this Hub something: messages from this logger reach the terminal."""
        self.log.warning(sentence)

    # -- the store and the truth ----------------------------------------------------------------

    async def _retry_store(self) -> None:
        health = self.runtime.health
        await in_store_thread(health.retry)
        platform_metrics.STORE_UP.set(0 if health.reason else 1)


def platform_of(settings: Mapping[str, Any]) -> Platform:
    """Return the platform that was started with this Hub.

    Raises
    ------
    PlatformError
        Raised if there is none: then nothing may be admitted.
    """
    platform = settings.get(SETTINGS_KEY)
    if not isinstance(platform, Platform):
        raise PlatformError("The platform was not started with this Hub; call configure(c) last")
    return platform


def start_platform(app: Any) -> Platform:
    """Start the platform of this Hub, once; later calls return the running one.

    Raises
    ------
    SystemExit
        Raised if it cannot start: a Hub that cannot govern does not run.
    """
    running = app.tornado_settings.get(SETTINGS_KEY)
    if isinstance(running, Platform):
        return running
    ours = logging.getLogger("jupyterhub_platform")
    ours.parent = app.log  # otherwise what it says has neither time nor level
    ours.setLevel(app.log.level)
    try:
        platform = Platform(parent=app)
        platform.start(app)
        app.tornado_settings[SETTINGS_KEY] = platform
        if hasattr(app.spawner_class, "prepare"):
            app.spawner_class.prepare(app, platform)
        if not platform.runtime.observed_pods.seconds:
            platform.runtime.observed_pods.release_all()
    except (PlatformError, TraitError) as error:
        # The fault is outside the program: a line says more than a traceback.
        app.log.critical("The Hub does not start: %s", error)
        app.exit(1)
    return platform
