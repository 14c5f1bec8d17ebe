"""Faults in requests of any size, number and origin."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Always, Drop, Never, Replace, Return, Text

REQUESTS: Final = (
    *noticed_by(
        "tests/http/test_request_limits.py",
        (
            "connections that wait are refused at a Unix socket",
            "LimitedHTTPServer.add_sockets",
            Drop("each.listen(_MAX_WAITING)"),
        ),
        (
            "what says that it is too large comes all the same",
            "find_refusal",
            Never("is_too_long(headers, MAX_BODY_BYTES)"),
        ),
        (
            "a chunked body never ends",
            "_LimitedBody.data_received",
            Never("self._received > MAX_BODY_BYTES"),
        ),
        ("a body comes in any number of pieces", "count_chunks", Never("left < 0")),
        (
            "a body in too many pieces has no answer",
            "count_chunks",
            Always("not stream.refuse_chunks()"),
        ),
        (
            "a refusal has two answers",
            "_LimitedBody._refuse",
            Drop("self._connection.stream.write = lambda _data: sent"),
        ),
        (
            "what comes after a refusal is not read",
            "_LimitedBody.data_received",
            Always("self._received > _DISCARDED_BYTES"),
        ),
    ),
    *noticed_by(
        "tests/hub/test_json_bodies.py",
        ("JSON has any depth", "find_fault", Never("depth > DEEPEST")),
        ("numbers have any size", "_is_countable", Always("abs(number) <= MAX_INTEGER")),
        ("text that no database stores goes through", "find_fault", Never("not is_storable(each)")),
        (
            "strangers send as much as users",
            "read_body",
            Never("is_stranger and len(body) > MAX_BYTES_OF_STRANGERS"),
        ),
    ),
    *noticed_by(
        "tests/hub/live/test_anonymous_requests.py -k no_more_than_a_login",
        (
            "strangers send as much as users to the login of terminals",
            "PlatformAPIHandler.get_json_body",
            Never("self.current_user is None"),
        ),
    ),
    *noticed_by(
        "tests/rest/test_requests.py",
        ("bodies have any keys", "Body", Replace('"forbid"', '"ignore"')),
        ("hours are read from texts", "Body", Drop("strict=True")),
        (
            "only the first fault is said",
            "Body.read",
            Replace('" ".join(dict.fromkeys(sentences))', "sentences[0]"),
        ),
    ),
    *noticed_by(
        "tests/service/test_documented.py",
        (
            "a page is described as it is kept",
            "_Schema.dataclass_schema",
            Never("kind is Page"),
        ),
    ),
    *noticed_by(
        "tests/hub/test_threads.py",
        (
            "any number waits to log in",
            "PasswordThread.run",
            Never("self._asked >= self._max_asked"),
        ),
        (
            "hashes go before the Hub",
            "_make_way",
            Replace(
                "os.setpriority(os.PRIO_PROCESS, ...)",
                "_ = (os.PRIO_PROCESS, threading.get_native_id(), _NICE)",
            ),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_login_throttle.py",
        (
            "a new name is a free try",
            "SourceLimit.acquire",
            Replace("max(self._free_at.get(source, now), now) + SECONDS_PER_TRY", "now"),
        ),
    ),
    *noticed_by(
        "tests/hub/upstream/test_http_server.py tests/service/test_forwarded.py",
        ("every user is the proxy", "Proxies.is_proxy", Always("user in {0, os.geteuid()}")),
        (
            "every peer that connects speaks for others",
            "_ForwardedHeaderFilter._settle",
            Drop("drop_forwarded(headers)"),
        ),
        (
            "an address that was the proxy's stays believed",
            "Proxies.is_found_proxy",
            Never("known and age >= _BELIEVED_SECONDS"),
        ),
        ("a name beside the address is believed", "settle_forwarded", Drop("del headers[name]")),
    ),
    *noticed_by(
        "tests/service/test_login.py tests/hub/upstream/test_secure_cookies.py",
        (
            "cookies of the service go without TLS where its proxy is silent",
            "ResponseHandler.set_cookie",
            Never("self.settings[...].find_address(...).startswith(...)"),
        ),
        (
            "cookies of servers go without TLS where a proxy is silent",
            "keep_server_cookies_secure",
            Drop('"secure": True'),
        ),
    ),
    *noticed_by(
        "tests/http/test_connection_limits.py",
        (
            "one peer holds every connection",
            "OpenConnections._has_room",
            Always("self._open[peer] < limits.each"),
        ),
        (
            "what cannot be taken is tried without a pause",
            "PausingSocket._pause",
            Drop("loop.update_handler(self, 0)"),
        ),
    ),
    *noticed_by(
        "tests/hub/upstream/test_request_priority.py",
        (
            "strangers go first",
            "RequestPriority.begin",
            Always("ahead or name_sender(headers) in self._known"),
        ),
        ("strangers run between", "RequestPriority._give", Drop("await self._let_known_go_on()")),
        (
            "one who is known keeps strangers for ever",
            "RequestPriority._let_known_go_on",
            Replace("_HELD_SECONDS", "60"),
        ),
    ),
    *noticed_by(
        "tests/hub/stock_api/test_live_bad_input.py",
        ("an address has several lines", "reject_invalid_redirects", Always("all(...)")),
    ),
    *noticed_by(
        "tests/hub/stock_api/test_live_bad_input.py -k 'sqlite and answer_is_not_taken'",
        (
            "the Hub keeps a proxy that does not answer",
            "ProxyAddressGuard.patch",
            Drop("self.proxy.api_url, self.proxy.auth_token = before"),
        ),
    ),
    *noticed_by(
        "tests/hub/stock_api/test_bodies.py",
        ("a time of any length is parsed", "bodies:_check_times", Drop("len(at or '') > MAX_TIME")),
        ("any number of scopes is compared", "_check_list", Drop("len(value) > MAX_SCOPES")),
        ("a text of any length is kept", "bodies:_check_text", Drop("len(value) > MAX_TEXT")),
    ),
    *noticed_by(
        "tests/http/test_peers.py",
        ("an end without a process is root's", "_ask_kernel", Drop("inode")),
    ),
    *noticed_by(
        "tests/hub/stock_api/test_live_bodies.py",
        ("a list of anything is a list of texts", "_check_list", Always("isinstance(each, str)")),
        ("a page begins anywhere", "BodyGuard.get_api_pagination", Never("offset > MAX_ROWS")),
    ),
    *noticed_by(
        "tests/hub/stock_api/test_live_bad_input.py -k 'sqlite and (sentence or kept_nowhere)'",
        (
            "answers with secrets are kept",
            "keep_secrets_out_of_caches",
            Drop('handler.set_header("Cache-Control", "no-store")'),
        ),
        ("errors have no words", "_has_words", Return("bool(messages) or True")),
    ),
    *noticed_by(
        "tests/usecases/test_rate_limit.py",
        (
            "a password is changed without end",
            "LocalCredentials.change",
            Replace("self._changes.seconds_to_wait(name)", "0"),
        ),
        (
            "people are invited without end",
            "LocalCredentials.invite",
            Replace("self._invites.seconds_to_wait(by)", "0"),
        ),
    ),
    *noticed_by(
        "tests/hub/upstream/test_proxy_requests.py -k 'senders_fault or held_open'",
        (
            "one user holds every connection of the proxy",
            "proxy_requests.js",
            Text("if (isFull(user)) {", "if (false) {"),
        ),
        (
            "an address that cannot be read goes on to the proxy",
            "proxy_requests.js",
            Text("if (path === null) {", "if (false) {"),
        ),
    ),
    *noticed_by(
        "tests/hub/upstream/test_proxy_chunks.py",
        (
            "each crumb of a body is passed on by itself",
            "proxy_chunks.js",
            Text("setImmediate(passOn, this)", "passOn(this)"),
        ),
        (
            "a server that does not read has the proxy keep what comes",
            "proxy_chunks.js",
            Text("message.socket?.pause();", ";"),
        ),
    ),
    *noticed_by(
        "tests/hub/upstream/test_proxy_answers.py",
        (
            "an answer that is not HTTP leaves the client waiting",
            "proxy_answers.js",
            Text('event === "response" && !isPassable(rest[0])', "false"),
        ),
        (
            "an answer that breaks off leaves the client waiting",
            "proxy_answers.js",
            Text("if (!answer.complete) end();", ""),
        ),
        (
            "a change of protocol that was not asked for leaves the client waiting",
            "proxy_answers.js",
            Text('if (event === "close" && !isAnswered) end();', ""),
        ),
        (
            "a proxy that knows no Hub yet finds nothing",
            "proxy_answers.js",
            Text("else if (!hasRoutes) {", "else if (false) {"),
        ),
    ),
)
