"""Bodies and options of a caller who wants something else than what the policy says."""

import json
import random
from dataclasses import dataclass
from typing import Any, Final

KUBESPAWNER_KEYS: Final = (
    *("profile", "image", "mem_limit", "cpu_limit", "mem_guarantee", "cpu_guarantee", "cmd"),
    *("extra_resource_limits", "extra_resource_guarantees", "node_selector", "tolerations"),
    *("volumes", "volume_mounts", "extra_pod_config", "extra_containers", "init_containers"),
    *("privileged", "run_as_user", "service_account", "environment", "env", "args", "uid"),
    *("namespace", "kind", "pod_name", "working_dir", "unlisted_choice", "profile-option-x"),
)
STRANGE_KEYS: Final = (
    *("", " ", "Tier", "TIER", "tier ", "tier\0", "\u202etier", "t\u0456er", "\uff54ier"),
    *("__class__", "__proto__", "__jupyterhub_bytes__", "data", "constructor", "$ref", "<<"),
    *("\ud800", "🦙", "k" * 300, "user_options", "display_name", "name", "servers", "cpu"),
)
NAMES: Final = (
    *("small", "large", "closed", "lab", "sci", "vision", "text", "fuzzing", "none", ""),
    *("Small", "small ", "../small", "small\n", "small\0", "\u202esmall", "sm\u0430ll"),
    *("${x}", "{{7*7}}", "<script>", "=1+1", "level:admin", "admin", "\ud800", "s" * 65),
)
NUMBERS: Final = (
    *(0, 1, -1, 64, 0.5, -0.0, 2**31, 2**63, 2**64, 10**30, 1e308, -1e308),
    *(float("nan"), float("inf"), float("-inf")),
)
WORDS: Final = (*NAMES, "500m", "64Gi", "1e9", "true", "null", "a" * 5_000, "\x1b[2J", "😀" * 100)
CONTENT_TYPES: Final = (
    *("application/json", "application/json; charset=utf-16", "text/plain", "text/html"),
    *("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"),
    *("", "*/*", "application/json, text/plain", "x" * 200),
)


@dataclass(frozen=True)
class Body:
    """The body of a request, and what it says that it is."""

    content: bytes
    content_type: str = "application/json"


def any_value(dice: random.Random, depth: int = 0) -> Any:
    """Return something that JSON can say."""
    kind = dice.choice("wwnsctl" if depth < 4 else "wns")
    match kind:
        case "w":
            return dice.choice(WORDS)
        case "n":
            return dice.choice(NUMBERS)
        case "s":
            return "".join(chr(dice.randrange(0x11000)) for _ in range(dice.randrange(9)))
        case "c":
            return dice.choice((None, True, False, [], {}, ""))
        case "l":
            return [any_value(dice, depth + 1) for _ in range(dice.randrange(4))]
        case _:
            return {any_key(dice): any_value(dice, depth + 1) for _ in range(dice.randrange(4))}


def any_key(dice: random.Random) -> str:
    return dice.choice(dice.choice((KUBESPAWNER_KEYS, STRANGE_KEYS, ("tier", "account", "image"))))


def any_options(dice: random.Random) -> Any:
    """Return options: some as they should be, most with one thing or more that is not."""
    if dice.random() < 0.08:
        return any_value(dice)
    if dice.random() < 0.08:
        return {"tier": dice.choice(("small", "large"))}
    options: dict[str, Any] = {}
    for key in ("tier", "account", "image"):
        if dice.random() < 0.6:
            options[key] = dice.choice(NAMES[:8]) if dice.random() < 0.8 else any_value(dice)
    for _ in range(dice.choice((0, 0, 1, 1, 2, 7))):
        options[any_key(dice)] = any_value(dice)
    if dice.random() < 0.03:
        options |= {"__jupyterhub_bytes__": True, "data": dice.choice(("c21hbGw=", 5, "\ud800"))}
    return options


def any_body(dice: random.Random, *keys: str) -> Body:
    """Return a body: an object with some of ``keys``, or something that only looks like one."""
    chance = dice.random()
    if chance < 0.06:
        return Body(dice.randbytes(dice.randrange(1, 60)))
    if chance < 0.10:
        return Body(nested(dice))
    sent: Any = {
        key: any_options(dice) if key == "user_options" else any_value(dice)
        for key in keys
        if dice.random() < 0.9
    }
    if chance < 0.25:
        sent = any_options(dice)
    elif chance < 0.35:
        sent = {**sent, any_key(dice): any_value(dice)} if isinstance(sent, dict) else sent
    content = json.dumps(sent, ensure_ascii=dice.random() < 0.8).encode("utf8", "surrogatepass")
    if dice.random() < 0.08:
        content = damaged(dice, content)
    content_type = dice.choice(CONTENT_TYPES) if dice.random() < 0.1 else CONTENT_TYPES[0]
    return Body(content, content_type)


def nested(dice: random.Random) -> bytes:
    """Return brackets within brackets, closed or not, alone or as the value of a key."""
    depth = dice.choice((10, 50, 200, 350, 500, 900, 990, 5_000, 50_000))
    opening, inner, closing = dice.choice(((b"[", b"", b"]"), (b'{"tier":', b"1", b"}")))
    closed = depth if dice.random() < 0.8 else 0
    deep = opening * depth + inner + closing * closed
    key = dice.choice((b"user_options", b"tier", b""))
    return b'{"%s": %s}' % (key, deep) if key else deep


def damaged(dice: random.Random, content: bytes) -> bytes:
    """Break JSON somewhere, or say a key of it twice."""
    at = dice.randrange(len(content) + 1)
    match dice.randrange(5):
        case 0:
            return content[:at]
        case 1:
            return content[:at] + dice.randbytes(1) + content[at:]
        case 2:
            return content + content
        case 3:
            return content.replace(b"{", b'{"tier": "small", "tier": ["large"], ', 1)
        case _:
            return b"\xef\xbb\xbf" + content.replace(b'"', b"'")
