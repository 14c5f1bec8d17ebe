"""Environment variables: which program reads each, and what it says."""

from typing import Final

ENVIRONMENT: Final[tuple[tuple[str, str, str], ...]] = (
    ("PLATFORM_STATE_DIR", "Hub, service", "Default of `c.Platform.state_dir`."),
    (
        "PLATFORM_FILE",
        "Hub, `jhp doctor`",
        "Default of `c.Platform.policy_file`, and the same as `--file` of `jhp doctor`.",
    ),
    (
        "PLATFORM_DB_URL",
        "Hub, service, `jhp up`",
        (
            "Default of `c.Platform.database_url`. May hold a password; the Hub hands it to the "
            "service."
        ),
    ),
    (
        "PLATFORM_SERVICE_URL",
        "Hub",
        "Where the proxy finds the service; by default `http://127.0.0.1:8190`. May be a socket.",
    ),
    (
        "PLATFORM_SERVICE_BIND",
        "Hub, service",
        (
            "`HOST:PORT` where the service listens, if that is not what its URL says: "
            "`0.0.0.0:8181` in a pod."
        ),
    ),
    (
        "PLATFORM_SERVICE_COOKIE_SECRET",
        "Hub, service",
        (
            "32 bytes or more in hexadecimal; by default new at every start, and then browsers log "
            "in to the service again. `jhp up` keeps one."
        ),
    ),
    (
        "PLATFORM_COMMAND_TOKEN",
        "Hub",
        (
            "A token with which `jhp` may do whatever an admin may here. `jhp up` sets it; "
            "elsewhere it comes from a secret, or is left out."
        ),
    ),
    (
        "PLATFORM_TEMPLATE_PATHS",
        "service",
        "Directories of a site's own templates, separated by colons.",
    ),
    ("PLATFORM_WEBHOOK_URL", "Hub", "Default of `c.Platform.webhook_url`."),
    (
        "PLATFORM_WEBHOOK_SECRET",
        "Hub",
        "What messages of the webhook are signed with; 16 characters or more.",
    ),
    ("PLATFORM_MAIL_PASSWORD", "Hub", "The password of `c.Platform.mail_user`."),
    ("PLATFORM_HARD_PROFILE", "Hub", "1 turns `c.Platform.hard_profile` on."),
    (
        "PLATFORM_BRANDING",
        "service",
        "Set by the Hub: name, accent and help links of `c.Platform`, as JSON.",
    ),
    (
        "PLATFORM_LOCAL_CREDENTIALS",
        "service",
        "Set by the Hub where people have passwords that the platform keeps.",
    ),
    (
        "PLATFORM_HUB_LOOPBACK",
        "service",
        "Set by the Hub where it listens everywhere: its address on this machine.",
    ),
    ("PLATFORM_HUB_PID", "service", "Set by the Hub: the process with which the service ends."),
    (
        "PLATFORM_HUB_STARTED",
        "service",
        "When that process began, in clock ticks since boot; found out by itself if it is absent.",
    ),
    ("PLATFORM_URL", "`jhp doctor`, `invite`, `suspend`, `resume`, `why`", "The same as `--url`."),
    (
        "JUPYTERHUB_API_TOKEN",
        "`jhp doctor`, `invite`, `suspend`, `resume`, `why`",
        "The token that `--url` needs.",
    ),
    *(
        (name, "`jhp`", "Authorities whose certificates of a Hub are trusted, and no others.")
        for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
    ),
    (
        "CONFIGURABLE_HTTP_PROXY",
        "`jhp up`",
        "The proxy to run: the path of a program, or a command as a JSON list.",
    ),
    ("NODE", "`jhp up`", "The Node that runs the proxy of a checkout."),
)
