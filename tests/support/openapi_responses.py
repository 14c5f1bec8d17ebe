"""What the OpenAPI document says of an answer, beside the answer itself."""

from typing import Any, Final

import httpx
from jsonschema import Draft202012Validator, FormatChecker

from jupyterhub_platform.rest.document import make_document
from jupyterhub_platform.rest.operations import Operation

DOCUMENT: Final = make_document()


def find_faults(call: Operation, answer: httpx.Response) -> list[str]:
    """Return what of an answer to a call is not as the document says; empty if all is."""
    described = DOCUMENT["paths"][call.path][call.method.lower()]["responses"]
    status = str(answer.status_code)
    if status not in described:
        return [f"{call.id} is not said to be answered {status}: {answer.text}"]
    (kind, content), *_ = described[status]["content"].items()
    if answer.headers["Content-Type"].partition(";")[0] != kind:
        return [f"{call.id} is said to be answered as {kind}"]
    schema: dict[str, Any] = {**content["schema"], "components": DOCUMENT["components"]}
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    return [
        f"{call.id} {status} at {fault.json_path}: {fault.message}"
        for fault in validator.iter_errors(answer.json())
    ]
