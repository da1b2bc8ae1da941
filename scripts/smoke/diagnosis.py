"""From a wrong answer to the line of Terraform that most likely causes it.

AWS says little when a piece is missing, but each piece says it in its own words. Sources:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/troubleshooting-response-errors.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from __future__ import annotations

import re

from scripts.smoke.client import Response

_REQUEST_ID = re.compile(r"[0-9a-f-]{36}")
_GATEWAY_HEADERS = ("x-amz-apigw-id", "x-amzn-requestid", "x-amzn-errortype")
_TIMED_OUT = ("Endpoint request timed out", "Network error communicating with endpoint")
_STORAGE_HEADERS = ("x-amz-id-2", "x-amz-version-id", "x-amz-server-side-encryption")


def from_gateway(answer: Response) -> bool:
    """Whether API Gateway had a hand in the answer."""
    return any(answer.header(name) for name in _GATEWAY_HEADERS)


def from_storage(answer: Response) -> bool:
    """Whether S3 gave the answer."""
    return "amazons3" in answer.header("server").lower() or any(map(answer.header, _STORAGE_HEADERS))


def is_html(answer: Response) -> bool:
    """Whether the answer is a page."""
    return answer.media_type == "text/html" or answer.body.lstrip()[:15].lower().startswith(b"<!doctype html")


def throttled(answer: Response) -> bool:
    """Whether a function that serves other requests was not invoked for this one.

    "If the Lambda API rejects the invocation request, API Gateway returns a 500 error code."
    https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html
    """
    told = "TooManyRequests" in f"{answer.header('x-amzn-errortype')} {answer.text[:4000]}"
    return answer.status == 429 or told or (answer.status == 500 and _bare_gateway_error(answer))


def explain_api(answer: Response) -> str:
    """Why a request to the API may have got this answer; a sentence, never empty."""
    message = _message(answer)
    page = answer.text[:4000]
    match answer.status:
        case 403 if "not configured to allow the HTTP request method" in page:
            return "CloudFront refused the method: allowed_methods of the API behavior lacks it."
        case 403 if "Missing Authentication Token" in message:
            return (
                "403 Missing Authentication Token: API Gateway knows no such path or method. Either "
                "origin_path of the API origin is missing or names the wrong stage, or the path is not "
                "in the API's body, or the stage still serves an older deployment."
            )
        case 403 if answer.fields.get("error") == "Forbidden":
            return (
                "403 from the function, which does not know this distribution: custom_header of the API "
                "origin (x-origin-key) is missing, or its key is none of those in ORIGIN_KEY_HASHES."
            )
        case 403 if "token" in message and not from_storage(answer):
            return (
                f"The function took no token of this machine: {message}. Tokens end within minutes: is the "
                "clock of this machine right? And is the function's configuration the one that was read?"
            )
        case 403 if message == "Forbidden":
            return (
                "403 Forbidden from API Gateway: either CloudFront forwards the viewer's Host (the "
                "origin request policy must be AllViewerExceptHostHeader), or origin_path of the API "
                "origin is missing or names no deployed stage."
            )
        case 403 if "AccessDenied" in page:
            return (
                "S3 answered instead of the API: the behavior for this path is missing, or its target "
                "origin is the bucket."
            )
        case 403 if "explicit deny" in message or "not authorized" in message.lower():
            return f"API Gateway refused: {message} Look at the API's resource policy and authorization."
        case 413:
            return "413: the body is larger than API Gateway takes (10 MB), or Lambda (6 MB event)."
        case 429:
            return "429: throttled. Lambda's concurrency or the stage's throttling limit is used up."
        case 500 if _bare_gateway_error(answer):
            return (
                "500 from API Gateway itself, it did not invoke the function: aws_lambda_permission is "
                "missing or its source_arn does not match this API, or the function does not exist, or the "
                "integration's URI does not go with its responseTransferMode (STREAM needs "
                "/response-streaming-invocations, BUFFERED /invocations)."
            )
        case 502 if _bare_gateway_error(answer):
            return (
                "502 from API Gateway: the function's response was malformed or never came. It crashed, ran "
                "into its own timeout, or answered without a prelude (the integration is not STREAM while "
                "the handler streams). Its log says which."
            )
        case 502 if "CloudFront" in page:
            return (
                "502 from CloudFront: it cannot reach the API origin. Look at its domain_name and TLS "
                "settings."
            )
        case 504 if "CloudFront" in page:
            return (
                "504 from CloudFront: no byte within origin_read_timeout. Either the function hangs, or "
                "nothing is streamed and the whole answer takes too long."
            )
        case 504 if message in ("", *_TIMED_OUT):
            return (
                "504: the integration timed out. Look at timeoutInMillis and at the function's timeout "
                "and log."
            )
        case 503 if "CloudFront" in page:
            return (
                "503 from CloudFront: a function associated with the behavior fails, or the origin is "
                "overloaded."
            )
        case 400 | 500 | 502 | 503 | 504 if message:
            return f"The function answered {answer.status}: {message}."
        case status if status < 400 and is_html(answer) and not from_gateway(answer):
            return (
                "A path of the API was answered with a page and not by API Gateway: the behavior for "
                "this path is missing (or its pattern does not match), so S3's index.html came."
            )
        case status if status < 400 and is_html(answer):
            return (
                "The app answered with its index.html: the handler does not map this path to the app's own."
            )
    return f"The answer has status {answer.status}, which nothing in the deployment should give here."


def explain_static(answer: Response, *, deep_link: bool = False) -> str:
    """Why a request for a file may have got this answer; a sentence, never empty."""
    page = answer.text[:4000]
    if answer.status in (403, 404) and deep_link:
        return (
            f"The deep link gave {answer.status}: the SPA function is not attached to the default "
            "behavior (viewer request), so S3 was asked for a key of that name."
        )
    if answer.status == 403 and "could not be satisfied" in page.lower():
        return (
            "CloudFront refused the request: look at aliases, geo restriction and web ACL of the "
            "distribution."
        )
    if answer.status == 403:
        return (
            "S3 refused: the bucket policy does not let this distribution read (origin access control), "
            "or the file is not published: without ListBucket a missing key is 403, too."
        )
    if answer.status == 404:
        return "The file is not in the bucket: the frontend is not published, or only in part."
    if answer.status >= 500:
        return (
            f"CloudFront gave {answer.status}: a function on the default behavior fails, or the S3 "
            "origin is wrong."
        )
    return f"The answer has status {answer.status}, which nothing in the deployment should give here."


def _message(answer: Response) -> str:
    """The message in a JSON error: API Gateway's ``message``, or our handler's error and phase.

    Our handler tells an anonymous caller no more than that; the rest is in its log, under the request's id.
    """
    body = answer.fields
    if message := body.get("message") or body.get("Message"):
        return str(message)
    phase = f" (phase: {body['phase']})" if body.get("phase") else ""
    request_id = str(body.get("requestId") or "")
    log = (
        f"; its log says why: inv logs --request-id {request_id}" if _REQUEST_ID.fullmatch(request_id) else ""
    )
    return str(body.get("error") or "") + phase + log


def _bare_gateway_error(answer: Response) -> bool:
    """API Gateway's own error body: ``{"message": "Internal server error"}``, the message may be null."""
    errors = (None, "Internal server error", "Internal Server Error")
    return set(answer.fields) == {"message"} and answer.fields["message"] in errors
