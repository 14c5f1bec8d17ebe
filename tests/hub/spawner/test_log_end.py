"""What is kept of a server's log: its end, and no secret that names itself."""

import pytest

from jupyterhub_platform.hub.spawner.log_end import MAX_CHARACTERS, MAX_LINES, cut_log

TOKEN = "0123456789abcdef" * 2


def test_only_the_end_is_kept() -> None:
    text = "\n".join(f"line {number}" for number in range(10_000)) + "\n\n\n"
    kept = cut_log(text, ())
    assert kept.splitlines()[-1] == "line 9999"
    assert len(kept.splitlines()) == MAX_LINES
    assert len(cut_log("x" * 10**6, ())) <= MAX_CHARACTERS
    assert cut_log("", ()) == ""


@pytest.mark.parametrize(
    "line",
    [
        f"GET /user/dev/api/status?token={TOKEN} 200",
        f"http://127.0.0.1:8888/lab?reconnect=1&token={TOKEN}",
        f"JUPYTERHUB_API_TOKEN={TOKEN}",
        f"export AWS_SECRET_ACCESS_KEY='{TOKEN}'",
        f'{{"api_key": "{TOKEN}", "user": "dev"}}',
        f"Authorization: token {TOKEN}",
        f"authorization: Bearer {TOKEN}",
        f"headers={{'Authorization': 'Basic {TOKEN}'}}",
        f"Set-Cookie: jupyterhub-session-id={TOKEN}; Path=/",
        f"password: {TOKEN}",
        f"db_password = {TOKEN}",
        f"postgresql://dev:{TOKEN}@db.example/x",
        f"c.ServerApp.password={TOKEN}",
        f"sent with Bearer {TOKEN}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{TOKEN}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{TOKEN}",
    ],
)
def test_what_names_itself_a_secret_is_not_kept(line: str) -> None:
    kept = cut_log(f"before\n{line}\nafter", ())
    assert TOKEN not in kept
    assert kept.startswith("before\n")


def test_the_servers_own_token_is_not_kept_wherever_it_stands() -> None:
    assert cut_log(f"started with {TOKEN}!", (TOKEN, "")) == "started with [secret]!"


def test_a_log_does_not_steer_a_terminal() -> None:
    kept = cut_log("\x1b[31mred\x1b[0m \x1b]0;title\x07 \x00\x08 \u202eabc\r\nnext", ())
    assert "\x1b" not in kept
    assert "red" in kept
    assert all(c.isprintable() or c in "\n\ufffd" for c in kept)


@pytest.mark.parametrize(
    "line",
    [
        "ModuleNotFoundError: No module named 'jupyterlab'",
        "OSError: [Errno 28] No space left on device: '/home/dev/tokens.txt'",
        "Failed to connect to my Hub at http://hub:8081/hub/api (attempt 1/5). Is it running?",
        "jupyterhub.singleuser: error: unrecognized arguments: --nope",
    ],
)
def test_what_explains_a_failure_stays_as_it_is(line: str) -> None:
    assert cut_log(line, (TOKEN,)) == line
