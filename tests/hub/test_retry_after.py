from tornado import web

from jupyterhub_platform.hub.denials import AdmissionDenied
from jupyterhub_platform.hub.retry_after import retry_after


def test_an_error_without_headers_gets_one() -> None:
    error = web.HTTPError(503, "Busy.")
    assert retry_after(error, 7) is error
    assert vars(error)["headers"] == {"Retry-After": "7"}


def test_other_headers_stay() -> None:
    error = AdmissionDenied("Full.", status=503, code="capacity.total")
    error.headers = {"Link": "<a>"}
    assert retry_after(error, 60).headers == {"Link": "<a>", "Retry-After": "60"}
